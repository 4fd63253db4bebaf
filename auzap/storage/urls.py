"""Which database a URL names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

from auzap.model.errors import ConfigError

__all__ = ["Server", "is_postgres", "postgres_server", "sqlite_path"]

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql", "postgres")
_PORT = 5432
#: several have a port each; the last one's is told
_HOSTS = re.compile(r"(?P<hosts>\[[^\]]*\]|[^\[\]:]*(?::\d+,[^\[\]:]*)*)(?::(?P<port>\d+))?")
#: where poolers that hand a connection from transaction to transaction listen: Supabase's, and pgbouncer by default
_POOLERS = (6543, 6432)
#: what other programs keep in such a URL for themselves; the server would refuse it as a setting that it does not know
_OTHERS = frozenset(
    {
        *("channel_binding", "connect_timeout", "connection_limit", "gssencmode", "keepalives", "keepalives_count"),
        *("keepalives_idle", "keepalives_interval", "pgbouncer", "pool_mode", "pool_timeout", "prepareThreshold"),
        *("schema", "socket_timeout", "statement_cache_size", "supa", "workaround"),
    }
)


@dataclass(frozen=True, slots=True)
class Server:
    """A Postgres database as asyncpg wants it."""

    #: with the password
    dsn: str = field(repr=False)
    #: for people, without it: ``host:port/database``
    place: str
    #: behind a pooler, which gives each transaction another connection: no prepared statement lasts
    pooled: bool


def sqlite_path(url: str, base: Path) -> Path:
    """The file of ``sqlite:///data/auzap.db`` (below ``base``) or ``sqlite:////srv/auzap.db``.

    :raises ConfigError: it names another database, or no file.
    """
    name = url.removeprefix(_SQLITE)
    if name == url or not name or name == ":memory:":
        scheme = url.partition(":")[0]
        raise ConfigError(f"no database for {scheme}: there is sqlite:///path/to/file.db and postgresql://host/db")
    return base / name


def is_postgres(url: str) -> bool:
    return url.partition("://")[0] in _POSTGRES


def postgres_server(url: str) -> Server:
    """The server of ``postgresql://user:password@host:5432/database?sslmode=require``.

    :raises ConfigError: it cannot be read. It is not shown: it may hold a password.
    """
    login, place, query = _parts(url)
    hosts, _, database = place.partition("/")
    found = _HOSTS.fullmatch(hosts)
    if found is None:
        raise ConfigError("the URL of the database has no number as its port; in a password write / as %2F, @ as %40")
    port = found["port"] or str(_PORT)
    settings = dict(_pairs(query))
    pooled = int(port) in _POOLERS or settings.get("pgbouncer") == "true" or settings.get("statement_cache_size") == "0"
    rest = urlencode({name: value for name, value in settings.items() if name not in _OTHERS})
    return Server(
        dsn=f"postgresql://{_quoted(login)}{place}{f'?{rest}' if rest else ''}",
        place=f"{settings.get('host') or found['hosts'] or 'localhost'}:{port}/{unquote(database)}",
        pooled=pooled,
    )


def _parts(url: str) -> tuple[str, str, str]:
    """``user:password``, ``host:port/database`` and what follows the question mark."""
    scheme, _, rest = url.partition("://")
    if scheme not in _POSTGRES:
        raise ConfigError(f"{scheme} is no database server; write it like postgresql://user:password@host/db")
    rest, _, query = rest.partition("?")
    authority, slash, database = rest.partition("/")
    if "@" in database or "#" in url:
        raise ConfigError("the URL of the database: in a password write / as %2F, ? as %3F, # as %23 and @ as %40")
    login, _, host = authority.rpartition("@")
    return login, f"{host}{slash}{database}", query


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ConfigError("the URL of the database: after its ? stand pairs such as sslmode=require") from None


def _quoted(login: str) -> str:
    """What asyncpg splits at the first @ and colon."""
    if not login:
        return ""
    user, colon, password = login.partition(":")
    return f"{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}@"
