"""What can be seen without running it: registration, options, tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import PydanticUserError, SecretStr, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo
from sqlmodel import SQLModel

from auzap.contract.options import Options
from auzap.hooks import Calls
from auzap.model.errors import AuzapError
from auzap.services import Kit
from auzap.tables import TenantRow
from auzap.tenants.build import make_hooks
from auzap.testing.clock import Clock
from auzap.testing.contract.subject import Subject
from auzap.testing.databases import make_database
from auzap.testing.gateway import Gateway, number_of
from auzap.testing.setup import configured

__all__ = ["declared"]

_SECRETS = ("token", "password", "senha", "secret", "api_key", "apikey")


def declared(subject: Subject) -> list[str]:
    return [*_registered(subject), *_options(subject.plugin.Options), *_tables(subject)]


# ------------------------------------------------------------------ registration


def _registered(subject: Subject) -> list[str]:
    folder = subject.folder / "registration"
    folder.mkdir()
    try:
        config, registry = configured(subject.setup(), folder, number_of(Gateway(Clock().tell)))
        for tenant in config.tenants.values():
            make_hooks(config, tenant, registry=registry, kit=Kit(None), calls=Calls())
    except AuzapError as error:
        return [f"registration: {line}" for line in str(error).splitlines()]
    return []


# ------------------------------------------------------------------ options


def _options(model: type[Options]) -> Iterator[str]:
    if not model.model_config.get("frozen"):
        yield "options: they can be changed while the plugin runs; leave frozen=True in model_config"
    if model.model_config.get("extra") != "forbid":
        yield "options: a key that is written wrong would not be noticed; leave extra='forbid' in model_config"
    for name, one in model.model_fields.items():
        if name not in Options.model_fields:
            yield from (f"options: {name} {text}" for text in _field(name, one))


def _field(name: str, one: FieldInfo) -> Iterator[str]:
    if not (one.description or "").strip():
        yield "has no description; write Field(description=…)"
    if one.annotation in (Any, object, None):
        yield "has no type"
        return
    if _is_text(one.annotation) and name.lower().endswith(_SECRETS):
        yield "is a secret: give it the type pydantic.SecretStr, so that it is never printed"
    adapter: TypeAdapter[Any] = TypeAdapter(one.rebuild_annotation())
    try:
        adapter.json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError):
        yield "has a type that YAML cannot say"
        return
    if not one.is_required():
        try:
            adapter.validate_python(one.get_default(call_default_factory=True, validated_data={}))
        except ValidationError as error:
            yield f"has a default that it would not take: {error.errors()[0]['msg']}"


def _is_text(annotation: Any) -> bool:
    if annotation is str:
        return True
    return get_origin(annotation) is not None and str in get_args(annotation) and SecretStr not in get_args(annotation)


# ------------------------------------------------------------------ tables


def _tables(subject: Subject) -> list[str]:
    findings = [f"tables: {text}" for table in subject.plugin.tables for text in _table(table)]
    return findings or [f"tables: {text}" for text in _migrated(subject)]


def _table(table: Any) -> Iterator[str]:
    name = getattr(table, "__name__", table)
    if not (isinstance(table, type) and issubclass(table, SQLModel) and hasattr(table, "__table__")):
        yield f"{name} is no table; write class {name}(TenantRow, table=True)"
    elif "organization_id" not in table.__table__.columns:
        told = "do not override it in a subclass of" if issubclass(table, TenantRow) else "inherit"
        yield f"{name} has no organization_id, and the rows of all tenants are one: {told} auzap.tables.TenantRow"


def _migrated(subject: Subject) -> Iterator[str]:
    folder = subject.folder / "migration"
    folder.mkdir()
    config, registry = configured(subject.setup(), folder, number_of(Gateway(Clock().tell)))
    try:
        make_database(config, registry)
    except (AuzapError, sqlite3.Error) as error:
        yield f"an empty database does not take them: {error}"
        return
    for table in subject.plugin.tables:
        wanted = {str(column.name) for column in table.__table__.columns}  # type: ignore[attr-defined]
        missing = wanted - _columns(folder / "auzap.db", str(table.__tablename__))
        what = f"lacks {', '.join(sorted(missing))}" if missing < wanted else "is not there"
        if missing:
            yield f"{table.__name__} {what} after the migrations of {subject.plugin.migrations}"


def _columns(file: Path, table: str) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {str(row[1]) for row in connection.execute(f'PRAGMA table_info("{table}")')}
