"""Where the queue is: what a URL says.

``redis://[user:password@]host[:port][/number][?options]``, ``rediss://`` with TLS,
``redis+sentinel://[user:password@]host[:port],…/service[/number]``, ``redis+cluster://host[:port],…``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from auzap.model.durations import parse_duration
from auzap.model.errors import ConfigError
from auzap.queues.redis.keys import is_prefix

__all__ = ["Location", "Login", "Tls", "location_of"]

Kind = Literal["server", "sentinel", "cluster"]

_KINDS: Final[Mapping[str, Kind]] = {
    "redis": "server",
    "rediss": "server",
    "redis+sentinel": "sentinel",
    "redis+cluster": "cluster",
}
_OPTIONS: Final = (
    *("prefix", "timeout", "wait_replicas", "wait_timeout", "tls", "ca_certs", "certfile", "keyfile"),
    *("sentinel_username", "sentinel_password"),
)
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/\s]+))(?::([0-9]{1,5}))?")
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
#: seconds until a server that says nothing counts as away
_TIMEOUT: Final = 10.0
#: seconds until replicas that say nothing count as too few
_WAIT_TIMEOUT: Final = 1.0


@dataclass(frozen=True, slots=True)
class Login:
    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """Files; None is what the system has."""

    ca_certs: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    #: for people: no secret is in it
    name: str
    kind: Kind
    #: of the server, of the sentinels, or of some of the cluster's nodes
    hosts: tuple[tuple[str, int], ...]
    #: of sentinels: what they call the server
    service: str = ""
    db: int = 0
    login: Login = Login()
    sentinel_login: Login = Login()
    tls: Tls | None = None
    prefix: str = "auzap"
    #: seconds until a server that says nothing counts as away
    timeout: float = _TIMEOUT
    #: replicas that must have what was put
    wait_replicas: int = 0
    #: seconds that they may take for it
    wait_timeout: float = _WAIT_TIMEOUT


def location_of(url: str, base: Path) -> Location:
    """:param base: what the paths of certificates are relative to. :raises ConfigError: it names no queue."""
    scheme, _, rest = url.partition("://")
    kind = _KINDS.get(scheme)
    name = _without_secrets(url)
    if kind is None or not rest:
        raise ConfigError(f"queue {name!r}: write redis://host:6379/0")
    try:
        return _read(name, scheme, kind, url, base)
    except ValueError as error:
        raise ConfigError(f"queue {name!r}: {error}") from None


def _read(name: str, scheme: str, kind: Kind, url: str, base: Path) -> Location:
    parts = urlsplit(url)
    if parts.fragment:
        raise ValueError("a # in a password is written %23")
    secret, _, places = parts.netloc.rpartition("@")
    options = _options(parts.query)
    service, number = _path(parts.path, kind)
    user, _, password = secret.partition(":")
    prefix = options.get("prefix", "auzap")
    if not is_prefix(prefix):
        raise ValueError(f"prefix {prefix!r}: letters, digits and _ . : - only")
    return Location(
        name=name,
        kind=kind,
        hosts=_hosts(places, _SENTINEL_PORT if kind == "sentinel" else _PORT, several=kind != "server"),
        service=service,
        db=number,
        login=_login(unquote(user), unquote(password)),
        sentinel_login=_login(options.get("sentinel_username", ""), options.get("sentinel_password", "")),
        tls=_tls(scheme, options, base),
        prefix=prefix,
        timeout=_seconds(options, "timeout", _TIMEOUT),
        wait_replicas=_number(options, "wait_replicas"),
        wait_timeout=_seconds(options, "wait_timeout", _WAIT_TIMEOUT),
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _OPTIONS:
            raise ValueError(f"no option {key!r}; there are {', '.join(_OPTIONS)}")
        if key in options:
            raise ValueError(f"{key} stands in it twice")
        options[key] = value
    return options


def _path(path: str, kind: Kind) -> tuple[str, int]:
    """The service and the number of the database."""
    names = path.strip("/").split("/") if path.strip("/") else []
    service = unquote(names.pop(0)) if kind == "sentinel" and names else ""
    if kind == "sentinel" and not service:
        raise ValueError("after the sentinels comes the name of the service: redis+sentinel://host:26379/service/0")
    if kind == "cluster" and names not in ([], ["0"]):
        raise ValueError("a cluster has no databases with numbers")
    if len(names) > 1 or not all(re.fullmatch("[0-9]{1,4}", one) for one in names):
        raise ValueError("the path is the number of the database, as in redis://host:6379/0")
    return service, int(names[0]) if names else 0


def _hosts(text: str, port: int, *, several: bool) -> tuple[tuple[str, int], ...]:
    hosts = []
    for one in text.split(","):
        found = _HOST.fullmatch(one)
        if found is None or not 0 < int(found[3] or port) < 65536:
            raise ValueError(f"{one!r} is no host, or no host:port")
        hosts.append((found[1] or found[2], int(found[3] or port)))
    if len(hosts) > 1 and not several:
        raise ValueError("one server; several are those of redis+sentinel:// or redis+cluster://")
    return tuple(hosts)


def _login(user: str, password: str) -> Login:
    return Login(user or None, password or None)


def _tls(scheme: str, options: Mapping[str, str], base: Path) -> Tls | None:
    files = {name: base / options[name] for name in ("ca_certs", "certfile", "keyfile") if options.get(name)}
    wanted = options.get("tls", "true" if scheme == "rediss" else "false")
    if wanted not in ("true", "false") or (scheme == "rediss" and wanted == "false"):
        raise ValueError("tls is true or false, and always true for rediss://")
    if wanted == "false":
        if files:
            raise ValueError(f"{', '.join(files)}: only with TLS; write rediss://, or ?tls=true")
        return None
    return Tls(**files)


def _number(options: Mapping[str, str], name: str) -> int:
    text = options.get(name, "0")
    if not re.fullmatch("[0-9]{1,2}", text):
        raise ValueError(f"{name} is a number: {name}=1")
    return int(text)


def _seconds(options: Mapping[str, str], name: str, default: float) -> float:
    if name not in options:
        return default
    seconds = parse_duration(options[name])
    if seconds < 0.01:
        raise ValueError(f"{name}: too short")
    return seconds


def _without_secrets(url: str) -> str:
    """For messages, also if the URL is no good."""
    scheme, colon, rest = url.partition("://")
    place, question, query = rest.partition("?")
    shown = [one for one in query.split("&") if not one.startswith("sentinel_password")]
    place = place.rpartition("@")[2]
    return scheme + colon + place + (question + "&".join(shown) if shown != [""] and shown else "")
