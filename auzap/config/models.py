"""What a configuration says, checked. Durations are seconds.

No model shows its values: any of them may have come from ``${…}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from auzap.config.explain import nearest
from auzap.config.options import RawOptions
from auzap.contract.channel import RateLimit
from auzap.contract.options import Duration
from auzap.model.phones import phone_key, typed_digits

__all__ = [
    "Backoff",
    "Burst",
    "Config",
    "Database",
    "InstanceConfig",
    "PluginEntry",
    "Retention",
    "TenantConfig",
    "WorkerConfig",
]

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://.+", re.DOTALL)
_EMBEDDED = "sqlite"
_DATABASES = (_EMBEDDED, "postgresql", "postgres")


def _some_time(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("should be longer than nothing, such as 1s")
    return seconds


def _scheme(url: str, what: str, examples: str) -> str:
    """:raises ValueError: it is no URL. It is not shown: it may hold a password."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError(f"is no URL of a {what}; write it like {examples}")
    return found["scheme"]


def _queue_url(url: str) -> str:
    _scheme(url, "queue", "sqlite:///data/queue.db")
    return url


def _database_url(url: str) -> str:
    examples = "sqlite:///data/auzap.db or postgresql://user:pass@host/db"
    scheme = _scheme(url, "database", examples)
    if scheme not in _DATABASES:
        raise ValueError(f"{scheme}: is no database that is known here; write it like {examples}")
    return url


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        cities = {zone.rpartition("/")[2]: zone for zone in sorted(available_timezones()) if "/" in zone}
        guess = cities.get(nearest(name.rpartition("/")[2], cities, likeness=0.8) or "")
        right = f"did you mean {guess}?" if guess else "write it like America/Sao_Paulo"
        raise ValueError(f"{name!r} is no time zone; {right}") from None
    return name


def _phone(text: str) -> str:
    if phone_key(typed_digits(text)) is None:
        raise ValueError(f"{text!r} is no phone number; write it like +55 11 90000-0001")
    return text


def _without_empty(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """A key with nothing behind it, its entries commented out, says nothing."""
    return {key: value for key, value in values.items() if value is not None or key not in keys}


#: seconds, more than 0
Time = Annotated[Duration, AfterValidator(_some_time)]
#: as it was typed
Phone = Annotated[str, AfterValidator(_phone)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []


class Database(_Model):
    #: as written; a path in it is relative to ``Config.base``
    url: Annotated[str, AfterValidator(_database_url)] = Field(examples=["sqlite:///data/auzap.db"])
    #: instead of the one in the URL
    password: SecretStr | None = None
    #: whether ``run`` migrates by itself; by default it does on SQLite
    migrate: Literal["auto", "manual"]

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        """Take the short form, the URL alone; decide about ``migrate``."""
        if isinstance(values, str):
            values = {"url": values}
        if not isinstance(values, dict):
            raise ValueError("should be a URL, or {url, password, migrate}")  # noqa: TRY004 - pydantic takes no other
        if values.get("migrate") is None:
            embedded = str(values.get("url")).startswith(f"{_EMBEDDED}:")
            values = {**values, "migrate": "auto" if embedded else "manual"}
        return values


class Backoff(_Model):
    #: ``exponential``: the delay doubles with each attempt
    type: Literal["exponential", "fixed"] = "exponential"
    delay: Duration = 2.0


class WorkerConfig(_Model):
    #: turns at the same time
    concurrency: int = Field(default=5, ge=1)
    #: of a handler, the first one included
    attempts: int = Field(default=3, ge=1)
    backoff: Backoff = Backoff()
    lease: Time = 30.0
    #: the deadline of a plugin's hook
    timeout: Time = 60.0
    #: how long the turns under way may take at the end
    drain: Duration = 20.0
    #: of turns, of all workers together
    rate_limit: RateLimit | None = None


class Retention(_Model):
    inbox: Time = 30 * 86400.0
    outbox: Time = 30 * 86400.0
    dead: Time = 90 * 86400.0


class Burst(_Model):
    """What arrives within ``window`` of the last message is answered at once, ``max`` after the first at the latest."""

    window: Time = 3.0
    max: Time = 15.0

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.max < self.window:
            raise ValueError("max should not be shorter than window")
        return self


class InstanceConfig(_Model):
    channel: str
    #: the whole mapping, ``channel`` included
    options: RawOptions


class PluginEntry(_Model):
    #: the plugin's name; the key in the YAML may be a name of the tenant's own
    use: str
    #: the whole mapping, ``use`` included
    options: RawOptions


class TenantConfig(_Model):
    id: str
    name: str = Field(min_length=1)
    #: IANA name
    timezone: Annotated[str, AfterValidator(_timezone)] = "America/Sao_Paulo"
    #: phone numbers, as typed
    owners: tuple[Phone, ...] = ()
    burst: Burst | None = None
    #: whether messages in groups are answered
    groups: bool = False
    #: the numbers of a pilot, which answers nobody else
    only: tuple[Phone, ...] | None = None
    instances: Mapping[str, InstanceConfig]
    #: in the order they are asked
    plugins: Mapping[str, PluginEntry]
    #: the whole mapping, what it inherits included
    raw: RawOptions

    @model_validator(mode="before")
    @classmethod
    def _name_is_id(cls, values: Any) -> Any:
        return {"name": values["id"], **_without_empty(values, "owners")}

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("id", self.id)]


class Config(_Model):
    #: as it was given
    path: Path
    #: the file's folder, absolute: what paths in the file are relative to
    base: Path
    queue: Annotated[str, AfterValidator(_queue_url)] = Field(examples=["sqlite:///data/queue.db"])
    database: Database = Field(examples=["sqlite:///data/auzap.db"])
    worker: WorkerConfig = WorkerConfig()
    #: older messages are not answered
    stale_after: Time = 86400.0
    #: how long the turns of an unreachable instance wait
    give_up_after: Time = 3600.0
    retention: Retention = Retention()
    tenants: Mapping[str, TenantConfig]
    #: what was left out: tenant id, or file of tenants -> why
    broken: Mapping[str, str]
    #: the file's top
    raw: RawOptions

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, values: Any) -> Any:
        return _without_empty(values, "queue", "database", "worker", "retention")

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("path", str(self.path)), ("tenants", list(self.tenants)), ("broken", list(self.broken))]
