"""Plugins' records on their way into the database: plain rows, without an ORM session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, insert, inspect
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Mapper
from sqlalchemy.schema import sort_tables
from sqlmodel import SQLModel

__all__ = ["NewRow", "insert_rows", "new_rows"]


@dataclass(frozen=True, slots=True)
class NewRow:
    table: Table
    values: dict[str, Any]


def new_rows(organization_id: str, records: Sequence[SQLModel]) -> list[NewRow]:
    """The rows that these records are; ``organization_id`` is filled in where it is empty.

    :raises ValueError: one is no row of a table, belongs to another tenant, or carries related objects.
    """
    return [_row(organization_id, record) for record in records]


def insert_rows(connection: Connection, rows: Sequence[NewRow]) -> None:
    """One statement for each table and set of columns; tables that others refer to come first."""
    tables = {row.table for row in rows}
    for table in sort_tables(tables) if len(tables) > 1 else tables:
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in rows:
            if row.table is table:
                groups.setdefault(tuple(row.values), []).append(row.values)
        for values in groups.values():
            _execute(connection, table, values)


def _execute(connection: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    try:
        connection.execute(insert(table), values)
    except StatementError as error:
        # what the database or the column's type said, without the statement and everybody's values; what is behind
        # it stays: it tells a server that is away from a mistake
        known = error.orig or error
        raise known from known.__cause__


def _row(organization_id: str, record: SQLModel) -> NewRow:
    name = type(record).__name__
    mapper: Mapper[Any] | None = inspect(type(record), raiseerr=False)
    if mapper is None or not isinstance(mapper.local_table, Table):
        raise ValueError(f"{name} is no table: a record is an instance of a SQLModel class with table=True")
    held = vars(record)
    for relation in mapper.relationships:
        if held.get(relation.key):
            raise ValueError(f"{name}.{relation.key}: a record carries no other objects; list each as a record")
    values = dict(_values(mapper, record))
    if "organization_id" in mapper.local_table.c:
        theirs = values.get("organization_id")
        if theirs and theirs != organization_id:
            raise ValueError(f"{name} belongs to tenant {theirs!r}, and this turn to {organization_id!r}")
        values["organization_id"] = organization_id
    return NewRow(mapper.local_table, values)


def _values(mapper: Mapper[Any], record: SQLModel) -> Iterator[tuple[str, Any]]:
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        value = getattr(record, attribute.key)
        if isinstance(column, Column) and not (value is None and _fills_itself(column)):
            yield column.key, value


def _fills_itself(column: Column[Any]) -> bool:
    """An unset key is counted up; a default fires only when the column is not named."""
    return (
        column.primary_key
        or column.default is not None
        or column.server_default is not None
        or column.computed is not None
    )
