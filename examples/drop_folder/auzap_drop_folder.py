"""auzap's queue in a SQLite file, and a folder into which an older program drops jobs: a JSON file each."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import parse_qsl

from anyio import CancelScope, sleep
from anyio.to_thread import run_sync

from auzap.contract.queue import Envelope, Stats
from auzap.logs import get_logger
from auzap.model.errors import BadPayload, ConfigError, QueueUnavailable
from auzap.queues.sqlite import SqliteQueue

__all__ = ["DropFolder"]

log = get_logger("auzap_drop_folder")

Accept = Callable[[Any], Sequence[Envelope]]

#: seconds between two looks into the folder
PAUSE = 0.2


class DropFolder(SqliteQueue):
    folder: Path

    @classmethod
    def from_url(cls, url: str, base: Path) -> Self:
        """:raises ConfigError: it names no file, or no folder."""
        file, _, query = url.partition("?")
        match parse_qsl(query):
            case [("folder", folder)]:
                queue = super().from_url(file.removeprefix("drop+"), base)
                queue.folder = base / folder
                return queue
        raise ConfigError(f"queue {url!r}: write drop+sqlite:///data/queue.db?folder=inbox")

    async def feed(self, accept: Accept) -> None:
        """A worker runs this beside its work, until it stops; an error that left here would end the worker."""
        told = ""
        while True:
            try:
                with await run_sync(self._lock):
                    for path in await run_sync(self._waiting):
                        content = await run_sync(path.read_bytes)
                        with CancelScope(shield=True):  # what is begun is finished
                            await self._take_over(path, content, accept)
                told = ""
            except BlockingIOError:
                pass  # another process is at it
            except (OSError, QueueUnavailable) as error:
                if str(error) != told:
                    log.warning("Drop folder waits", folder=str(self.folder), error=str(error))
                told = str(error)
            await sleep(PAUSE)

    async def _take_over(self, path: Path, content: bytes, accept: Accept) -> None:
        """Into the queue first, and only then removed. After a crash between the two it is put again: by the
        message's identity, auzap knows that it has it.
        """
        try:
            await self.put(_envelopes(content, accept))
        except (BadPayload, TypeError, ValueError) as error:  # it is no job, or no queue can hold it
            await run_sync(path.rename, path.with_name(f"{path.name}.refused"))
            log.warning("Dropped file refused", file=path.name, error=str(error))
        else:
            await run_sync(path.unlink)

    async def stats(self) -> Stats:
        """What waits in the folder waits for auzap too. Counted first: a file on its way over is not missed."""
        waiting = len(await run_sync(self._waiting))
        own = await super().stats()
        return replace(own, waiting=own.waiting + waiting)

    def _waiting(self) -> list[Path]:
        """By name. What is still being written has another ending."""
        return sorted(path for path in self.folder.glob("*.json") if path.is_file())

    def _lock(self) -> IO[bytes]:
        """Of all processes one has it, until it closes it or dies. :raises BlockingIOError: another one has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / ".lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            lock.close()
            raise
        return lock


def _envelopes(content: bytes, accept: Accept) -> Sequence[Envelope]:
    """:raises BadPayload: it is no job. Of an error that is not auzap's, which may quote it, only the kind is told."""
    try:
        return accept(json.loads(content))
    except BadPayload:
        raise
    except Exception as error:  # a channel is somebody's code; the files behind this one must go on
        raise BadPayload(f"no job: {type(error).__name__}") from error
