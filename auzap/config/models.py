"""What a configuration says, checked. Durations are seconds.

No model shows its values: any of them may have come from ``${…}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote
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
#: scheme://user:password@host:port/database?settings
_SERVER = re.compile(r"(?P<scheme>[a-z]+)://(?:(?P<user>[^:@/?]+)(?::[^/?]*)?@)?(?P<place>[^@]*)", re.DOTALL)


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
    """Where rows are kept: a URL, or this."""

    url: Annotated[str, AfterValidator(_database_url)] = Field(
        examples=["sqlite:///data/auzap.db"],
        description="Where the database is; a path in it is relative to this file.",
    )
    password: SecretStr | None = Field(default=None, description="Used instead of the one in the URL.")
    migrate: Literal["auto", "manual"] = Field(
        description="Whether `run` brings the schema up to date by itself: `auto` on SQLite, `manual` on Postgres."
    )

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

    @model_validator(mode="after")
    def _whose_password(self) -> Self:
        if self.password is None:
            return self
        if self.url.startswith(f"{_EMBEDDED}:"):
            raise ValueError("a SQLite file has no password; leave it out")
        found = _SERVER.fullmatch(self.url)
        if found is None or found["user"] is None:
            raise ValueError("password: the URL should name the user whose it is: postgresql://user@host/db")
        return self

    @property
    def dsn(self) -> str:
        """The URL with the password in it; not to be shown."""
        found = _SERVER.fullmatch(self.url)
        if self.password is None or found is None:
            return self.url
        return (
            f"{found['scheme']}://{found['user']}:{quote(self.password.get_secret_value(), safe='')}@{found['place']}"
        )


class Backoff(_Model):
    """How long a chat waits before its message is tried again."""

    type: Literal["exponential", "fixed"] = Field(
        default="exponential", description="`exponential`: the delay doubles with each attempt; `fixed`: it does not."
    )
    delay: Duration = Field(default=2.0, description="Before the second attempt.")


class WorkerConfig(_Model):
    """How messages are worked through."""

    concurrency: int = Field(
        default=5,
        ge=1,
        description="Turns handled or sent at the same time; 2 at least where there are several tenants.",
    )
    attempts: int = Field(default=3, ge=1, description="How often a message is tried, the first time included.")
    backoff: Backoff = Field(default=Backoff(), description="How long a chat waits between two attempts.")
    lease: Time = Field(
        default=30.0, description="How long a chat stays with a worker that is not heard of; then another one takes it."
    )
    timeout: Time = Field(
        default=60.0, description="How long a plugin may take for one call, unless its own options say otherwise."
    )
    drain: Duration = Field(default=20.0, description="How long what is in hand may take when the worker is stopped.")
    rate_limit: RateLimit | None = Field(
        default=None, description="Messages that all workers together take at most; null: as many as there are."
    )


class Retention(_Model):
    """How long finished things are kept."""

    inbox: Time = Field(
        default=30 * 86400.0, description="Rows of `auzap_inbox`; as long as one is there, a duplicate is recognized."
    )
    outbox: Time = Field(default=30 * 86400.0, description="Rows of `auzap_outbox`.")
    dead: Time = Field(default=90 * 86400.0, description="Dead letters.")
    traces: Time = Field(default=7 * 86400.0, description="Who was asked, who answered, and how long it took.")


class Burst(_Model):
    """What arrives within ``window`` of the last message is answered at once, ``max`` after the first at the latest."""

    window: Time = Field(default=3.0, description="How long to wait for another message after the last one.")
    max: Time = Field(default=15.0, description="How long the first message waits at the most.")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.max < self.window:
            raise ValueError("max should not be shorter than window")
        return self


class NormalizerEntry(_Model):
    """Who reads what arrives before the channel does."""

    use: str
    #: the whole mapping, ``use`` included; so it is where the file has the name alone
    options: RawOptions


class InstanceConfig(_Model):
    """A connected number: its channel, and the channel's options."""

    channel: str = Field(description="The kind of connection.")
    #: the whole mapping, ``channel`` included
    options: RawOptions
    normalizer: NormalizerEntry | None = None


class PluginEntry(_Model):
    """A plugin's options."""

    use: str = Field(description="The plugin's name, where the key is a name of the tenant's own.")
    #: the whole mapping, ``use`` included
    options: RawOptions


class TenantConfig(_Model):
    """A business."""

    id: str
    name: str = Field(min_length=1, description="What the business is called; its id when it is left out.")
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        default="America/Sao_Paulo", description="IANA name of its time zone."
    )
    owners: tuple[Phone, ...] = Field(
        default=(), description="The owners' phone numbers.", examples=[["+55 11 90000-0001"]]
    )
    burst: Burst | None = Field(
        default=None, description="Answer messages that come close together at once; null: each by itself."
    )
    groups: bool = Field(default=False, description="Whether messages in groups are answered.")
    only: tuple[Phone, ...] | None = Field(
        default=None, description="The numbers of a pilot, which answers nobody else; null: everybody is answered."
    )
    suspended: bool = Field(
        default=False, description="Whether nobody is answered for now; what arrives waits and is not lost."
    )
    trace: bool = Field(
        default=True, description="Whether it is kept who was asked about a message, who answered, how long it took."
    )
    instances: Mapping[str, InstanceConfig] = Field(description="The connected numbers, by name.")
    plugins: Mapping[str, PluginEntry] = Field(
        description="The plugins with their options, in the order they are asked; then those of `defaults` that are "
        "not named here. `false` switches one off."
    )
    #: the whole mapping, what it inherits included
    raw: RawOptions

    @cached_property
    def version(self) -> str:
        """Changes with anything that the tenant's configuration says: twelve hexadecimal digits."""
        return self.raw.digest()

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
    queue: Annotated[str, AfterValidator(_queue_url)] = Field(
        examples=["sqlite:///data/queue.db"],
        description="Where messages wait; a path in it is relative to this file.",
    )
    database: Database = Field(
        examples=["sqlite:///data/auzap.db"],
        description="Where rows are kept: a URL, or {url, password, migrate}; a path in it is relative to this file.",
    )
    worker: WorkerConfig = Field(default=WorkerConfig(), description="How messages are worked through.")
    stale_after: Time = Field(default=86400.0, description="Messages that were older when they came are not answered.")
    give_up_after: Time = Field(
        default=3600.0, description="How long messages wait for a number that cannot be reached; then they are dead."
    )
    retention: Retention = Field(default=Retention(), description="How long finished things are kept.")
    tenants: Mapping[str, TenantConfig] = Field(description="The businesses, by organizationId.")
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
