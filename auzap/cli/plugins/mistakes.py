"""What is wrong with a plugin, in lines for its author."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from auzap.cli.group import refused_commands, taken
from auzap.cli.plugins.facts import options_table
from auzap.contract.plugin import Plugin, TenantInfo
from auzap.hooks import Own
from auzap.hooks.methods import place_of_class
from auzap.hooks.mistakes import mistakes_of
from auzap.model.errors import AuzapError, PluginError
from auzap.registry import Offer, PluginInfo, Registry
from auzap.services import Kit
from auzap.storage.migrate import PluginTables, upgrade

__all__ = ["Look", "looked_at"]

_TENANT = TenantInfo("check", "Check", "America/Sao_Paulo")


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a plugin found.

    :param contract: whether the suite was run.
    :param left_out: why it was not.
    """

    mistakes: list[str]
    contract: bool = False
    left_out: str = ""


def looked_at(offer: Offer, registry: Registry, *, quick: bool) -> Look:
    """The suite of the contract is run when nothing else was found.

    :param quick: it is not run at all.
    """
    whose = f"plugin {offer.name} of {offer.source}"
    try:
        info = registry.plugin(offer.name)
    except PluginError as error:
        return Look(str(error).splitlines())
    found = _seen(info, offer, registry, whose)
    needed = [field.path for field in options_table(info.cls.Options) if field.default is None]
    if found:
        return Look(found)
    if quick or needed:
        why = f"it needs options ({', '.join(needed)})" if needed else "--quick"
        return Look([], left_out=f"its contract was left out, {why}")
    from auzap.testing.contract import contract_of  # here, because it takes half a second to import

    return Look([f"{whose}, {line}" for line in contract_of(info.cls)], contract=True)


def _seen(info: PluginInfo, offer: Offer, registry: Registry, whose: str) -> list[str]:
    """Without running it."""
    found = [f"{whose}, {line}" for line in _of_registration(info)]
    found += [f"{whose}, {line}" for line in (*_of_options(info.cls), *_of_tables(info))]
    found += [f"{whose}: {line}" for line in _of_commands(offer, registry)]
    return found


def _of_registration(info: PluginInfo) -> Iterator[str]:
    try:
        plugin = _made(info)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - another author's code
        told = " ".join(f"{type(error).__name__}: {error}".split())
        yield f"{place_of_class(info.cls)}: it cannot be made: {told}"
        return
    for mistake in mistakes_of(plugin):
        yield f"{mistake.place}: {mistake.text}"


def _made(info: PluginInfo) -> Plugin:
    """An instance to be looked at. Where options are required there are none: then its ``__init__`` is not run."""
    services = Kit(None).services(_TENANT, info.name, version="", instances=(), hooks=Own(info.name))
    try:
        options = info.cls.Options()
    except ValidationError:
        plugin = info.cls.__new__(info.cls)
        plugin.options = info.cls.Options.model_construct()
        plugin.name, plugin.tenant, plugin.services = info.name, _TENANT, services
        return plugin
    return info.cls(options, name=info.name, tenant=_TENANT, services=services)


def _of_options(cls: type[Plugin]) -> Iterator[str]:
    for field in options_table(cls.Options):
        if not field.meaning:
            place = place_of_class(cls.Options)
            yield f"{place}: the option {field.path} does not say what it means: Field(description=…)"


def _of_tables(info: PluginInfo) -> Iterator[str]:
    """Made, or migrated to, in a database of their own; then what was declared is looked for."""
    if not info.cls.tables and info.cls.migrations is None:
        return
    tables = PluginTables(info.distribution, info.cls.migrations, tuple(info.cls.tables))
    with tempfile.TemporaryDirectory(prefix="auzap-check-") as folder:
        path = Path(folder) / "auzap.db"
        try:
            upgrade(f"sqlite:///{path}", Path(folder), [tables])
        except AuzapError as error:
            yield f"{place_of_class(info.cls)}: its tables cannot be made: {' '.join(str(error).split())}"
            return
        for table in info.cls.tables:
            if missing := _missing(path, table):
                yield f"{place_of_class(table)}: the migrations of {info.cls.migrations} leave out {missing}"


def _missing(path: Path, table: Any) -> str | None:
    """What of a table is not in the database, in words."""
    name = str(table.__tablename__)
    with closing(sqlite3.connect(path)) as connection:
        there = {row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')}
    missing = [column.name for column in table.__table__.columns if column.name not in there]
    if not there:
        return f"the table {name}"
    return f"{', '.join(missing)} of the table {name}" if missing else None


def _of_commands(offer: Offer, registry: Registry) -> Iterator[str]:
    refused = {one.name for one in refused_commands(registry)}
    for one in registry.commands():
        if one.distribution != offer.distribution:
            continue
        if one.name in refused:
            yield taken(one)
            continue
        try:
            command = registry.command(one.name)
        except PluginError as error:
            yield str(error)
            continue
        if not isinstance(command, click.Command):
            yield f"command {one.name}: {one} is no click.Command; write @click.command() above a function"
