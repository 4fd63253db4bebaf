"""Where the file is: ``sqlite:///relative.db`` or ``sqlite:////absolute.db``."""

from __future__ import annotations

from pathlib import Path

from auzap.model.errors import ConfigError

__all__ = ["file_of"]

_SCHEME = "sqlite:///"


def file_of(url: str, base: Path) -> Path:
    """The path in a URL.

    :param base: what a relative path is relative to.
    :raises ConfigError: it names no file.
    """
    name = url.removeprefix(_SCHEME)
    if name == url:
        raise ConfigError(f"queue {url!r}: write sqlite:///relative.db or sqlite:////absolute.db")
    if name.startswith(":memory:"):
        raise ConfigError(f"queue {url!r}: the queue needs a file, since memory does not outlive a restart")
    if not name or name.endswith("/") or "?" in name or "\0" in name:
        raise ConfigError(f"queue {url!r}: after {_SCHEME} comes the path of a file and nothing else")
    return base / name
