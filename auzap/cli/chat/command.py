"""The command and its options."""

from __future__ import annotations

import fcntl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

import anyio
import click

from auzap.cli.chat.engine import Engine, Heard, Terminal, Trouble, arranged, opened
from auzap.cli.chat.people import Role
from auzap.cli.chat.screen import Screen
from auzap.cli.chat.talk import Talk
from auzap.cli.chat.watch import Failure, Tap
from auzap.cli.options import as_json, common, complete_tenant, plugins_dir
from auzap.cli.params import DURATION, PHONE
from auzap.cli.picks import pick_instance, pick_tenant
from auzap.config import Config, load
from auzap.config.models import TenantConfig
from auzap.logs import configure
from auzap.tenants.away import TenantBroken

__all__ = ["chat"]

_SCRATCH = "A try: the queue and the database are thrown away at the end, and nothing leaves this terminal."
_KEPT = "Kept in {}; nothing leaves this terminal."
_LIVE = "On the configured database: what is said here is stored there. Nothing leaves this terminal."
_HELP = " /ajuda shows the commands."


@click.command(short_help="Talk to the bot in the terminal, as a customer or as the owner.")
@common
@as_json
@plugins_dir
@click.option("--tenant", "tenant_id", metavar="ID", shell_complete=complete_tenant, help="Which business.")
@click.option("--instance", "instance_id", metavar="ID", help="Which of its numbers; by default the first.")
@click.option(
    "--as",
    "role",
    type=click.Choice(["client", "owner"]),
    default="client",
    show_default=True,
    help="Who writes.",
)
@click.option("--phone", type=PHONE, help="The number of whoever writes.")
@click.option("--say", multiple=True, metavar="TEXT", help="Say this, print the replies and end; may be repeated.")
@click.option("--wait", type=DURATION, default="2m", show_default=True, help="With --say or a pipe: for each answer.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Keep queue and database in this folder."
)
@click.option("--live", is_flag=True, help="Talk on the configured database.")
@click.option("--log-file", type=click.File("a", encoding="utf-8"), help="Write the log into this file.")
def chat(
    path: Path,
    as_json: bool,
    plugins_dir: Path | None,
    tenant_id: str | None,
    instance_id: str | None,
    role: Role,
    phone: str | None,
    say: tuple[str, ...],
    wait: float,
    data: Path | None,
    live: bool,
    log_file: TextIO | None,
) -> int:
    """Talk to the bot in the terminal, as a customer or as the owner.

    It is the real pipeline with the tenant's own plugins; only the channel is the terminal, so that nothing is sent.

    By default it is a try: queue and database are temporary and thrown away at the end. --data DIR keeps them there,
    so that the next conversation goes on; one at a time. --live uses the configured database, with its real customers
    and history, and stores in it what is said here, under the instance auzap-chat. The queue is a temporary one all the
    same: this conversation and `auzap run` never take each other's messages, and what a plugin schedules for later here
    is never sent to anybody.

    Without a terminal the lines of standard input are said one after the other. With --json each message is told in an
    object a line. With --say the exit code is 1 if a message was not answered.
    """
    if data is not None and live:
        raise click.UsageError("--data and --live: say one of them")
    tap = Tap(log_file)
    configure(json=True, stream=cast("TextIO", tap))
    config = load(path, tolerant=True)
    tenant = pick_tenant(config, tenant_id)
    instance = pick_instance(tenant, instance_id or next(iter(tenant.instances), None))
    with _folder(data) as folder:
        about = _LIVE if live else _SCRATCH if data is None else _KEPT.format(data)
        own = arranged(config, tenant, instance, folder, live=live)
        registry = Terminal(plugins_dir)
        session = _Session(
            own, registry, tenant, tap, about, role=role, phone=phone, as_json=as_json, wait=wait, live=live
        )
        answered = anyio.run(session.run, say)
    return 0 if answered or not say else 1


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """:raises ClickException: it cannot be made, or another conversation has it."""
    if data is None:
        with tempfile.TemporaryDirectory(prefix="auzap-chat-") as made:
            yield Path(made)
        return
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "chat.lock").open("w")
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:  # each would take the other's messages, and show the answers here or there
            raise click.ClickException(f"{data}: another conversation goes on there; name another folder") from error
        yield data.absolute()


class _Session:
    """One conversation, from its beginning to its end."""

    def __init__(
        self,
        config: Config,
        registry: Terminal,
        tenant: TenantConfig,
        tap: Tap,
        about: str,
        *,
        role: Role,
        phone: str | None,
        as_json: bool,
        wait: float,
        live: bool,
    ) -> None:
        self._config = config
        self._registry = registry
        self._tenant = tenant
        self._tap = tap
        self._about = about
        self._role = role
        self._phone = phone
        self._as_json = as_json
        self._wait = wait
        self._live = live
        self._talk: Talk | None = None
        self._working: anyio.CancelScope | None = None
        self._unread: OSError | None = None

    async def run(self, say: tuple[str, ...]) -> bool:
        """:return: whether it came to its end, and all that was said was answered."""
        try:
            async with opened(self._config, self._registry, self._tap, self._hear, live=self._live) as engine:
                answered = await self._run(engine, say)
        except TenantBroken as error:
            raise click.ClickException(str(error)) from error
        if self._unread is not None:
            raise self._unread
        return answered

    async def _run(self, engine: Engine, say: tuple[str, ...]) -> bool:
        engine.people.become(self._role, self._phone)
        screen = Screen(list(self._tenant.plugins), bare=bool(say))
        talk = self._talk = Talk(engine, screen, as_json=self._as_json, patience=self._wait)
        ended = False
        async with anyio.create_task_group() as working:
            self._working = working.cancel_scope

            async def work() -> None:
                await engine.work()
                working.cancel_scope.cancel()  # Ctrl-C

            working.start_soon(work)
            if say:
                await talk.say(say)
            elif self._as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
                await talk.play()
            else:
                screen.title(self._tenant.name, self._details(), self._about + _HELP)
                await talk.converse()
            ended = True
            working.cancel_scope.cancel()
        return ended and talk.answered

    def _details(self) -> str:
        return f"{self._tenant.id} · {', '.join(self._tenant.plugins) or 'no plugins'}"

    def _hear(self, one: Heard | Failure | Trouble) -> None:
        """What cannot be printed (`| head`) ends the conversation; raised here, it would be a send that failed."""
        if self._talk is None or self._working is None:
            return
        try:
            self._talk.hear(one)
        except OSError as error:
            self._unread = error
            self._working.cancel()
