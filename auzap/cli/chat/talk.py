"""The conversation itself: what is typed is said, or is a command."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any

import anyio
import click
from anyio.abc import TaskGroup

from auzap.channels.console.keyboard import Keyboard
from auzap.cli.chat.engine import Engine, Heard, Said, Told, Trouble
from auzap.cli.chat.people import Role, phone_shown
from auzap.cli.chat.prompt import Prompt
from auzap.cli.chat.screen import COLOURS, Screen
from auzap.cli.chat.stored import read_rows
from auzap.cli.chat.watch import Failure
from auzap.cli.output import print_json
from auzap.model.phones import phone_key, typed_digits

__all__ = ["Talk"]

#: seconds that the next prompt waits for the answer; it comes sooner where there is one
_GRACE = 3.0
#: who classified when no plugin did, and it was an owner
_OWNER_NUMBERS = "owner_numbers"
_COMMANDS = {
    "/cliente": "client",
    "/client": "client",
    "/dono": "owner",
    "/owner": "owner",
    "/linhas": "rows",
    "/rows": "rows",
    "/quem": "who",
    "/who": "who",
    "/ajuda": "help",
    "/help": "help",
    "/sair": "quit",
    "/quit": "quit",
    "/exit": "quit",
}
_HELP = (
    ("/cliente [phone]", "write as a customer, of this number"),
    ("/dono [phone]", "write as the owner"),
    ("/dono text", "say this one as the owner (/cliente likewise)"),
    ("/quem", "who classified and who answered, and how long it took"),
    ("/linhas", "the rows that the last turn left in the database"),
    ("/sair", "end; Ctrl-D does too"),
    ("//text", "say /text"),
    ("", "In English: /client /owner /who /rows /help /quit"),
)


class Talk:
    """:param patience: seconds to wait for an answer where nobody can go on typing."""

    def __init__(self, engine: Engine, screen: Screen, *, as_json: bool, patience: float) -> None:
        self._engine = engine
        self._screen = screen
        self._as_json = as_json
        self._patience = patience
        self._last: Told | None = None
        #: turns that were told of
        self._told: set[str] = set()
        #: whether all that was said so far was answered
        self.answered = True

    def hear(self, one: Heard | Failure | Trouble) -> None:
        """What arrives, as it arrives."""
        if not self._as_json:
            self._screen.heard(one, self._engine.people.present)

    # ------------------------------------------------------------------ three ways to talk

    async def say(self, texts: tuple[str, ...]) -> None:
        """One after the other."""
        for text in texts:
            await self._say_and_wait(text)

    async def play(self) -> None:
        """What stands on standard input, line by line."""
        async for line in Keyboard(sys.stdin).lines():
            if not await self._take(line, self._play_line):
                return

    async def converse(self) -> None:
        """With a person at the terminal, who need not wait for answers."""
        prompt = Prompt(list(_COMMANDS))
        self._screen.above = prompt.above
        try:
            async with anyio.create_task_group() as following:
                async for line in self._typed(prompt):
                    if not await self._take(line, lambda text: self._say_and_go_on(text, following)):
                        break
                following.cancel_scope.cancel()
        finally:
            prompt.close()

    async def _typed(self, prompt: Prompt) -> AsyncIterator[str]:
        while True:
            who = self._engine.people.present
            line = await prompt.ask(f"{who} > ", COLOURS[who.role] if self._screen.colourful else "")
            if line is None:
                return
            yield line

    # ------------------------------------------------------------------ one line

    async def _take(self, line: str, say: Callable[[str], Any]) -> bool:
        """False: that was the last one."""
        line = line.strip()
        command, _, rest = line.partition(" ")
        what = _COMMANDS.get(command.lower())
        if what == "quit":
            return False
        if what in ("client", "owner"):
            await self._change(what, rest.strip(), say)  # type: ignore[arg-type]
        elif what == "rows":
            await self._show_rows()
        elif what == "who":
            self._show_who()
        elif what == "help":
            self._screen.pairs(_HELP)
        elif line.startswith("/") and not line.startswith("//"):
            self._screen.wrong(f"there is no {command}; /ajuda shows the commands")
        elif line:
            await say(line[1:] if line.startswith("//") else line)
        return True

    async def _change(self, role: Role, rest: str, say: Callable[[str], Any]) -> None:
        people, before = self._engine.people, self._engine.people.present
        digits = typed_digits(rest) if rest else None
        is_phone = phone_key(digits) is not None
        try:
            people.become(role, digits if is_phone else None)
        except click.ClickException as error:
            self._screen.wrong(error.message)
            return
        if rest and not is_phone:
            await say(rest)
            people.become(before.role, before.phone)
        elif not self._as_json:
            self._screen.changed(people.present)

    async def _play_line(self, text: str) -> None:
        if not self._as_json:
            self._screen.said(self._engine.people.present, text)
        await self._say_and_wait(text)

    async def _say_and_wait(self, text: str) -> None:
        said = await self._engine.say(self._engine.people.present, text)
        with anyio.move_on_after(self._patience):
            await self._follow(said)
            return
        self.answered = False
        self._screen.wrong(f"no answer within {self._patience:g} s")

    async def _say_and_go_on(self, text: str, following: TaskGroup) -> None:
        """The prompt comes back with the answer, or a little later; at once where a burst may follow."""
        said = await self._engine.say(self._engine.people.present, text)
        done = anyio.Event()

        async def follow() -> None:
            await self._follow(said)
            done.set()

        following.start_soon(follow)
        if self._engine.tenant.config.burst is None:
            with anyio.move_on_after(_GRACE):
                await done.wait()

    async def _follow(self, said: Said) -> None:
        told = self._last = await self._engine.told(said)
        self.answered = self.answered and told.answered
        turn = told.stored.inbox[0].turn_id if told.stored.inbox else said.envelope_id
        if self._as_json:
            print_json(_row(told))
        elif turn not in self._told:
            self._screen.told(told)
        self._told.add(turn)

    # ------------------------------------------------------------------ what is asked for

    async def _show_rows(self) -> None:
        if self._last is None:
            self._screen.hint("nothing was said yet")
            return
        rows = await read_rows(self._engine.tenant.store, self._last.stored)
        if self._as_json:
            print_json({"rows": rows})
        else:
            self._screen.rows(rows)

    def _show_who(self) -> None:
        told = self._last
        if told is None:
            self._screen.hint("nothing was said yet")
        elif self._as_json:
            print_json(_row(told))
        else:
            self._screen.pairs(_who(told))


def _who(told: Told) -> list[tuple[str, str]]:
    trace = told.trace
    role = told.stored.inbox[0].sender_role if told.stored.inbox else None
    pairs = [
        ("wrote", f"{told.said.who.label} {phone_shown(told.said.who.phone)}"),
        ("classified", f"{_as_said(_classified(told), role)}  ({_ms(trace.classifying)})"),
        ("answered", f"{trace.answered_by or 'nobody'}  ({_ms(trace.handling)} in handlers)"),
        ("took", f"{_ms(told.seconds)} until {'the reply was here' if told.replies else 'it was decided'}"),
    ]
    failed = [(f"attempt {one.attempt}", f"{one.plugin}, {one.hook}: {one.error}") for one in trace.failures]
    reason = [("reason", told.reason)] if told.reason else []
    return [*pairs[:3], *failed, *reason, *pairs[3:]]


def _as_said(by: str | None, role: str | None) -> str:
    if role is None:
        return "nobody was asked"
    return (
        f"{by.replace('_', ' ') if by == _OWNER_NUMBERS else by}: {role}" if by else f"nobody knew the number: {role}"
    )


def _classified(told: Told) -> str | None:
    """A plugin, else the owner numbers; a customer is whom nobody knew."""
    role = told.stored.inbox[0].sender_role if told.stored.inbox else None
    if role is None:
        return None
    return told.trace.classified_by or (_OWNER_NUMBERS if role == "owner" else None)


def _row(told: Told) -> dict[str, Any]:
    stored = told.stored.inbox[0] if told.stored.inbox else None
    return {
        "as": told.said.who.role,
        "phone": told.said.who.phone,
        "text": told.said.text,
        "role": stored.sender_role if stored else None,
        "classified_by": _classified(told),
        "answered_by": stored.answered_by if stored else None,
        "state": stored.state if stored else "dead",
        "reason": told.reason,
        "replies": told.replies,
        "scheduled": [{"text": text, "not_before": when.isoformat()} for text, when in told.scheduled],
        "failures": [asdict(failure) for failure in told.trace.failures],
        "seconds": round(told.seconds, 6),
    }


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
