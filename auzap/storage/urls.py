"""Which database a URL names."""

from __future__ import annotations

from pathlib import Path

from auzap.model.errors import ConfigError

__all__ = ["sqlite_path"]

_SCHEME = "sqlite:///"


def sqlite_path(url: str, base: Path) -> Path:
    """The file of ``sqlite:///data/auzap.db`` (below ``base``) or ``sqlite:////srv/auzap.db``.

    :raises ConfigError: it names another database, or no file.
    """
    name = url.removeprefix(_SCHEME)
    if name == url or not name or name == ":memory:":
        scheme = url.partition(":")[0]
        raise ConfigError(f"no database for {scheme}: there is sqlite:///path/to/file.db")
    return base / name
