"""Connect to a Postgres server, and tell in one line why it does not go on.

What passes by itself (refused, no such host, starting up, full, busy) is ``StoreUnavailable``: callers wait. What
somebody has to mend (password, database, certificate, permission) is ``ConfigError``.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from auzap.model.errors import AuzapError, ConfigError, StoreUnavailable
from auzap.storage.urls import Server

if TYPE_CHECKING:
    import asyncpg

__all__ = ["dial", "require_driver", "told_as"]

#: seconds until a server that says nothing counts as away
_PATIENCE = 10.0
#: SQLSTATEs, or what they begin with, of what passes: connection lost, transaction rolled back, nothing left, locked,
#: shutting down, the disk, a stand-by that only reads
_PASSING = ("08", "40", "53", "55P03", "57P", "57014", "58", "25006")
#: … and of what somebody has to mend: who may enter, which database, what may be done
_MISTAKES = ("28", "3D", "42501")
#: … and at the door also: a setting of the URL that the server does not know
_MISTAKES_OF_URLS = ("42704", "22023", "22P02")
#: how Supabase's pooler says that it knows no such project or user
_UNKNOWN = ("Tenant or user not found", "ENOTFOUND", "no such user")


def require_driver() -> None:
    """:raises ConfigError: asyncpg is not installed."""
    try:
        import asyncpg  # noqa: F401
    except ImportError as error:
        raise ConfigError('Postgres needs a driver that is not installed: pip install "auzap[postgres]"') from error


async def dial(server: Server, *, patience: float = _PATIENCE, **options: Any) -> asyncpg.Connection[Any]:
    """A connection that keeps no prepared statements where a pooler stands between.

    :param options: of ``asyncpg.connect``.
    :raises StoreUnavailable: it cannot be reached now.
    :raises ConfigError: it lets nobody in like that, or asyncpg is not installed.
    """
    require_driver()
    import asyncpg

    if server.pooled:
        options.setdefault("statement_cache_size", 0)
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(server.dsn, timeout=patience, **options)
    except Exception as error:
        told = told_as(error, server.place)
        if getattr(error, "sqlstate", None) in _MISTAKES_OF_URLS:
            told = ConfigError(f"{server.place}: {_line(error)}")
        if told is error:
            raise
        raise told from error
    return connection


def told_as(error: BaseException, place: str) -> BaseException:
    """Tell a server that is away or refuses us from a mistake in a statement.

    :return: a ``StoreUnavailable`` or ``ConfigError`` that names the place, or ``error`` itself.
    """
    import asyncpg

    if isinstance(error, AuzapError):
        return error
    if isinstance(error, asyncpg.PostgresError):
        return _told_by_the_server(error, str(error.sqlstate or ""), place)
    if isinstance(error, (ssl.SSLCertVerificationError, asyncpg.ClientConfigurationError)):
        return ConfigError(f"{place}: {_line(error)}")
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return ConfigError(f"{place}: the server speaks no TLS, and the URL asks for it (sslmode)")
    if isinstance(error, socket.gaierror):
        return StoreUnavailable(f"{place}: no such host: {error.strerror or error}")
    if isinstance(error, ConnectionRefusedError):
        return StoreUnavailable(f"{place}: connection refused")
    if isinstance(error, TimeoutError):
        return StoreUnavailable(f"{place}: it does not answer")
    if isinstance(error, (OSError, asyncpg.InterfaceError)):
        return StoreUnavailable(f"{place}: {_line(error)}")
    return error


def _told_by_the_server(error: BaseException, state: str, place: str) -> BaseException:
    line = f"{place}: {_line(error)}"
    if state == "55P03":
        return StoreUnavailable(f"{line}: somebody else holds the table; try again when less is going on")
    if state.startswith(_PASSING):
        return StoreUnavailable(line)
    if state.startswith(_MISTAKES) or any(words in line for words in _UNKNOWN):
        return ConfigError(line)
    return error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
