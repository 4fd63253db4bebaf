"""What goes wrong with a Redis server, told in one line."""

from __future__ import annotations

import re
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from auzap.model.errors import AuzapError, ConfigError, QueueUnavailable

__all__ = ["TROUBLES", "may_be_another", "told_as"]

#: what comes from sockets and from redis-py
TROUBLES: Final = (RedisError, OSError, EOFError)

#: redis-py takes the code out of the text of these; the special ones come first
_CODES: Final[tuple[tuple[type[RedisError], str], ...]] = (
    (BusyLoadingError, "LOADING"),
    (ReadOnlyError, "READONLY"),
    (OutOfMemoryError, "OOM"),
    (MasterDownError, "MASTERDOWN"),
    (ClusterDownError, "CLUSTERDOWN"),
    (TryAgainError, "TRYAGAIN"),
    (MovedError, "MOVED"),
    (AskError, "ASK"),
    (NoPermissionError, "NOPERM"),
)
#: what passes
_PASSING: Final = {
    "LOADING": "Redis is loading its data",
    "BUSY": "Redis is busy with somebody's script",
    "READONLY": "this Redis is a replica, and takes nothing",
    "OOM": "Redis is out of memory",
    "MISCONF": "Redis cannot write to its disk",
    "NOREPLICAS": "Redis has too few replicas, and takes nothing",
    "MASTERDOWN": "this Redis is a replica that has lost its master",
    "CLUSTERDOWN": "the cluster is down",
    "TRYAGAIN": "the cluster is moving the queue to another node",
    "MOVED": "the cluster is moving the queue to another node",
    "ASK": "the cluster is moving the queue to another node",
    "UNBLOCKED": "this Redis has become a replica",
    "MAXCLIENTS": "Redis has as many clients as it takes",
}
#: after these the server to ask may be another one
_ELSEWHERE: Final = ("READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "UNBLOCKED")
#: what waiting does not mend
_WRONG: Final = {
    "NOAUTH": "Redis wants a password: redis://:password@host:6379/0",
    "WRONGPASS": "wrong user or password",
    "NOPERM": "the user may not do what a queue needs",
    "WRONGTYPE": "something else has keys of these names; give the queue another ?prefix=",
    "SELECT": "this Redis has no database of that number",
    "OLD": "this Redis is too old: it must be 6.2 or newer",
}
#: of an answer without a code of its own, some words
_WORDS: Final = {
    "Authentication required": "NOAUTH",
    "DB index is out of range": "SELECT",
    "Wrong number of args calling Redis command": "OLD",
    "CERTIFICATE_VERIFY_FAILED": "TLS",
    "max number of clients": "MAXCLIENTS",
}


def may_be_another(error: BaseException) -> bool:
    """Whether the server is not, or not any more, the one that has the queue."""
    return _code(error) in _ELSEWHERE


def told_as(error: BaseException, name: str) -> AuzapError | None:
    """What callers are to be told; None: a mistake of ours.

    :param name: of the queue.
    """
    told = _told(error, name)
    if told is not None:
        told.__cause__ = error
    return told


def _told(error: BaseException, name: str) -> AuzapError | None:
    code, text = _code(error), " ".join(str(error).split())
    if code in _PASSING:
        return QueueUnavailable(f"queue {name}: {_PASSING[code]}")
    if code in _WRONG:
        return ConfigError(f"queue {name}: {_WRONG[code]}")
    if code == "TLS" or isinstance(error, AuthenticationError):
        return ConfigError(f"queue {name}: {text}")
    if isinstance(error, ResponseError):
        return None
    return QueueUnavailable(f"queue {name}: {text or _nothing_said(error)}")


def _nothing_said(error: BaseException) -> str:
    return "no answer" if isinstance(error, TimeoutError) else type(error).__name__


def _code(error: BaseException) -> str:
    """The word with which the server's answer begins."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    text = str(error)
    for words, code in _WORDS.items():
        if words in text:
            return code
    if isinstance(error, AuthenticationError):
        return "WRONGPASS" if "invalid" in text.lower() else ""
    # Redis 6 puts what a script met in the middle
    found = re.match(r"([A-Z]+)\b", text) or re.search(r"-([A-Z]+)\b", text)
    return found[1] if found is not None and isinstance(error, RedisError) else ""
