"""How ``auzap reload`` reaches the processes that run: a socket each, in a folder that only their user can enter."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketListener, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from auzap.logs import get_logger
from auzap.worker.swap import Swapper

__all__ = ["Running", "answer", "running", "socket_of"]

log = get_logger("auzap.swap")

_ORDER = b"reload"
#: bytes of an answer at the most: ten thousand tenants may have been changed
_LONGEST = 10_000_000
#: of a socket that does not listen yet; no longer than that of one that does
_EARLY = ".new"
#: what the system takes as the path of a socket
_LONGEST_PATH = 100


async def answer(swapper: Swapper, config: Path, process: int | None) -> None:
    """Take orders; until cancelled. Where there can be no socket, that is logged, and saves and SIGHUP still do.

    :param config: the configuration's file.
    :param process: its number among several.
    """
    try:
        path = socket_of(config, os.getpid())
        _clean(path.parent)
        listener = await _listener(path)
    except OSError as error:
        log.warning("`auzap reload` does not reach this process", error=str(error))
        return

    async def serve(stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound):
                order = await BufferedByteReceiveStream(stream).receive_until(b"\n", 100)
                if order == _ORDER:
                    swap = await swapper.swap()
                    told = {"pid": os.getpid(), "process": process, **swap.as_json()}
                    await stream.send(json.dumps(told).encode() + b"\n")

    async with listener:
        try:
            await listener.serve(serve)
        finally:
            path.unlink(missing_ok=True)


async def _listener(path: Path) -> SocketListener:
    """It has its name when it listens: one that refuses is taken for what a killed process has left behind."""
    early = path.with_suffix(_EARLY)
    listener = await anyio.create_unix_listener(early, mode=0o600)
    early.rename(path)
    return listener


class Running:
    """A process that runs with a configuration.

    :param path: of its socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.pid = int(path.stem.rpartition("-")[2])

    async def reload(self, within: float) -> dict[str, Any] | None:
        """What became of it; None: it does not run any more.

        :param within: seconds.
        :raises TimeoutError: no answer in time.
        :raises OSError: it cannot be asked, or ended meanwhile.
        """
        try:
            stream = await anyio.connect_unix(self._path)
        except (ConnectionRefusedError, FileNotFoundError):
            self._path.unlink(missing_ok=True)  # it was killed
            return None
        async with stream:
            with anyio.fail_after(within):
                try:
                    await stream.send(_ORDER + b"\n")
                    line = await BufferedByteReceiveStream(stream).receive_until(b"\n", _LONGEST)
                except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead) as error:
                    raise ConnectionResetError("it ended before it answered") from error
        told: dict[str, Any] = json.loads(line)
        return told


def running(config: Path) -> list[Running]:
    """Those with this configuration that run on this machine under this user, or were killed.

    :raises OSError: a folder is somebody else's.
    """
    found = [path for folder in _folders() if _is_ours(folder) for path in folder.glob(f"{_name(config)}-*.sock")]
    return sorted(map(Running, found), key=lambda one: one.pid)


def socket_of(config: Path, pid: int) -> Path:
    """That of a process, in the first folder where its path is not too long; the folder is made if it is not there.

    :raises OSError: there can be none.
    """
    paths = [folder / f"{_name(config)}-{pid}.sock" for folder in _folders()]
    short = [path for path in paths if len(os.fsencode(path)) <= _LONGEST_PATH]
    if not short:
        raise OSError(f"the path is too long: {paths[-1]}")
    short[0].parent.mkdir(mode=0o700, exist_ok=True)
    _is_ours(short[0].parent)
    return short[0]


def _clean(folder: Path) -> None:
    """Processes that were killed leave theirs behind."""
    for path in folder.glob("*.sock"):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            try:
                probe.connect(os.fspath(path))
            except ConnectionRefusedError:
                path.unlink()


def _folders() -> list[Path]:
    """Where sockets may be, the best place first."""
    temporary = Path(tempfile.gettempdir()) / f"auzap-{os.getuid()}"
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or os.devnull)
    # `sudo` leaves another user's behind
    return [runtime / "auzap", temporary] if runtime.is_dir() and runtime.stat().st_uid == os.getuid() else [temporary]


def _is_ours(folder: Path) -> bool:
    """False: it is not there.

    :raises OSError: others can enter it.
    """
    try:
        seen = folder.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or seen.st_mode & 0o077:
        raise OSError(f"{folder} is not a folder of this user's alone")
    return True


def _name(config: Path) -> str:
    """Of the file as it was given: where it is a link, it may lead somewhere else tomorrow."""
    path = config.absolute()
    place = os.fsencode(path.parent.resolve() / path.name)
    return hashlib.blake2b(place, digest_size=8).hexdigest()
