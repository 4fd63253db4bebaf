from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from auzap_drop_folder import PAUSE, Accept, DropFolder
from structlog.testing import capture_logs

from auzap.config import load
from auzap.contract.queue import Envelope, Feeding, Inspectable, Queue
from auzap.model.errors import ConfigError
from auzap.pipeline.jobs import accept_job
from auzap.queues.sqlite import SqliteQueue
from auzap.registry import Registry
from auzap.testing import Server
from auzap.worker.serve import serve

URL = "drop+sqlite:///data/queue.db?folder=inbox"

CONFIG = """\
queue: {url}
database: sqlite:///auzap.db
tenants:
  loja:
    name: Loja
    owners: ["+55 11 90000-0001"]
    instances:
      main: {{channel: baileys, url: "{gateway}", rate_limit: null}}
    plugins: {{echo: {{}}}}
"""

ECHO = """\
import auzap

class Echo(auzap.Plugin):
    @auzap.hookimpl
    async def handle_message(self, message: auzap.Message) -> auzap.Reply:
        return auzap.Reply(message.text)
"""


@dataclass
class Place:
    """A worker's configuration, and the folder that it looks into."""

    base: Path
    gateway: Server

    @property
    def inbox(self) -> Path:
        return self.base / "inbox"

    @property
    def names(self) -> list[str]:
        """Of what lies in the folder, the lock aside."""
        return sorted(path.name for path in self.inbox.iterdir() if path.name != ".lock")

    @property
    def answered(self) -> list[str]:
        return [request.json["text"] for request in self.gateway.requests]

    def drop(self, name: str, text: str, **job: Any) -> Path:
        """As careful programs do it: written under another name first."""
        message = {
            "key": {"remoteJid": "5511900000010@s.whatsapp.net", "fromMe": False, "id": f"ID {text}"},
            "message": {"conversation": text},
        }
        job = {"organizationId": "loja", "instanceId": "main", "message": message, **job}
        half = self.inbox / f"{name}.part"
        half.write_text(json.dumps(job), encoding="utf-8")
        return half.rename(self.inbox / name)

    def queue(self) -> DropFolder:
        return DropFolder.from_url(URL, self.base)

    def accept(self, job: Any) -> list[Envelope]:
        """As a worker does."""
        return accept_job(load(self.base / "auzap.yaml"), Registry(), job)

    async def work(self) -> None:
        """A worker, until nothing waits in the queue or in the folder."""
        await serve(load(self.base / "auzap.yaml"), registry=Registry(self.base / "plugins"), until_empty=True)


@pytest.fixture
def place(tmp_path: Path, bot_web: Server, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The example as pip installs it."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / f"site/auzap_drop_folder-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    [(name, value)] = project["entry-points"]["auzap.backends"].items()
    (info / "entry_points.txt").write_text(f"[auzap.backends]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(str(info.parent))

    bot_web.answers("/send", {"success": True, "messageId": "3EB0"})
    (tmp_path / "auzap.yaml").write_text(CONFIG.format(url=URL, gateway=bot_web.url), encoding="utf-8")
    for folder in ("inbox", "plugins"):
        (tmp_path / folder).mkdir()
    (tmp_path / "plugins" / "echo.py").write_text(ECHO, encoding="utf-8")
    return Place(tmp_path, bot_web)


async def feed_until(done: Callable[[], bool], *queues: DropFolder, accept: Accept) -> None:
    async with anyio.create_task_group() as tasks:
        for queue in queues:
            tasks.start_soon(queue.feed, accept)
        with anyio.fail_after(20):
            while not done():  # noqa: ASYNC110 - it is seen from outside
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()


async def test_files_are_answered_in_the_order_of_their_names(place: Place) -> None:
    for name in ("0003.json", "0001.json", "0002.json"):
        place.drop(name, f"Oi {name[:4]}")
    await place.work()
    assert place.answered == ["Oi 0001", "Oi 0002", "Oi 0003"]
    assert place.names == []


async def test_what_is_no_job_is_moved_aside_and_those_behind_it_go_on(place: Place) -> None:
    (place.inbox / "1.json").write_text('{"senha": "segredo"', encoding="utf-8")
    (place.inbox / "2.json").write_text('["segredo"]', encoding="utf-8")
    (place.inbox / "3.json").write_bytes(b"\xffsegredo")
    (place.inbox / "4.json").write_text("[" * 100_000, encoding="utf-8")
    place.drop("5.json", "segredo", organizationId="outra")
    place.drop("6.json", "Oi")
    with capture_logs() as logs:
        await place.work()
    assert place.answered == ["Oi"]
    assert place.names == [f"{number}.json.refused" for number in range(1, 6)]
    refused = [line for line in logs if line["event"] == "Dropped file refused"]
    assert [line["file"] for line in refused] == [f"{number}.json" for number in range(1, 6)]
    assert not any("segredo" in str(line) for line in logs)


async def test_what_is_still_being_written_is_left_alone(place: Place) -> None:
    (place.inbox / "1.json.part").write_text('{"organizationId"', encoding="utf-8")
    place.drop("2.json", "Oi")
    await place.work()
    assert (place.answered, place.names) == (["Oi"], ["1.json.part"])


class Crash(BaseException):
    """The process ends here."""


async def test_a_file_that_a_crash_left_there_is_not_answered_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the queue, but was not removed. It is found again: while it waits there, and when it was answered."""
    dropped = place.drop("1.json", "Oi")
    kept = shutil.copy(dropped, place.base / "kept")

    def crash(path: Path) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", crash)
        async with place.queue() as queue:
            with pytest.raises(Crash):
                await queue.feed(place.accept)
            assert (await SqliteQueue.stats(queue)).waiting == 1
    assert dropped.exists()
    await place.work()
    assert (place.answered, place.names) == (["Oi"], [])

    shutil.copy(kept, dropped)
    await place.work()
    assert (place.answered, place.names) == (["Oi"], [])


async def test_of_two_queues_one_takes_over_at_a_time(place: Place) -> None:
    """Here without dedupe keys: what is put twice is there twice."""
    names = [f"{number:04}" for number in range(40)]
    for name in names:
        place.drop(f"{name}.json", name)

    def accept(job: Any) -> list[Envelope]:
        return [replace(envelope, dedupe=None) for envelope in place.accept(job)]

    async with place.queue() as one, place.queue() as other:
        await feed_until(lambda: not place.names, one, other, accept=accept)
        taken: list[str] = []
        while leases := await one.lease("test", lanes=1, duration=30, wait=0):
            for lease in leases:
                taken += [envelope.payload["message"]["conversation"] for envelope in lease.envelopes]
                await one.ack(lease, [envelope.id for envelope in lease.envelopes])
    assert taken == names


async def test_it_waits_for_a_folder_that_cannot_be_used(place: Place) -> None:
    place.inbox.rmdir()
    place.inbox.touch()

    def is_over() -> bool:
        return place.inbox.is_dir() and (place.inbox / ".lock").exists() and not place.names

    with capture_logs() as logs:
        async with place.queue() as queue, anyio.create_task_group() as tasks:
            tasks.start_soon(partial(feed_until, is_over, queue, accept=place.accept))
            await anyio.sleep(3 * PAUSE)
            place.inbox.unlink()
            place.inbox.mkdir()
            place.drop("1.json", "Oi")
    assert [line["event"] for line in logs] == ["Drop folder waits"]


async def test_what_waits_in_the_folder_is_counted(place: Place) -> None:
    place.drop("1.json", "Oi")
    async with place.queue() as queue:
        assert (await queue.stats()).waiting == 1


def test_it_keeps_the_contracts(place: Place) -> None:
    queue: Queue = place.queue()  # mypy sees to that one
    assert isinstance(queue, Inspectable)
    assert isinstance(queue, Feeding)
    assert not queue.inspect().there


@pytest.mark.parametrize("query", ["", "?", "?folder=", "?folder=a&folder=b", "?folder=a&busy=1", "?inbox"])
def test_a_url_names_one_folder(tmp_path: Path, query: str) -> None:
    with pytest.raises(ConfigError, match=r"write drop\+sqlite:///data/queue\.db\?folder=inbox"):
        DropFolder.from_url(f"drop+sqlite:///data/queue.db{query}", tmp_path)
