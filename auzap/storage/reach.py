"""Whether loader criteria reach everything that a statement reads: only what stands for a mapped class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, inspect
from sqlalchemy.orm import registry
from sqlalchemy.sql.elements import ColumnClause, TextClause
from sqlalchemy.sql.selectable import CTE, Alias, Select, Subquery
from sqlalchemy.sql.visitors import HasTraverseInternals

from auzap.tables import Contact

__all__ = ["TENANT_COLUMN", "check_reach", "mapped_classes"]

TENANT_COLUMN = "organization_id"
#: the literal columns that SQLAlchemy itself makes, for ``count()`` and ``exists()``
_HARMLESS = re.compile(r"\*|\w+")


@dataclass(slots=True)
class _Scope:
    """A statement, or one subquery of it: tables of one name are one table in it."""

    mapped: set[Table] = field(default_factory=set)
    plain: set[Table] = field(default_factory=set)


def check_reach(statement: object, *, orm: bool) -> None:
    """
    :param orm: whether the ORM compiles the statement; criteria reach no other.
    :raises ValueError: it is raw SQL, or reads a tenant's table otherwise than by its class.
    """
    scopes: dict[int, _Scope] = {}
    for element, number in _elements(statement):
        scope = scopes.setdefault(number, _Scope())
        if isinstance(element, TextClause) or (isinstance(element, ColumnClause) and _is_raw(element)):
            raise ValueError(f"raw SQL cannot be bound to a tenant: {str(element)[:60]!r}; write it with select()")
        if isinstance(element, Table) and TENANT_COLUMN in element.c:
            if not _is_mapped(element):
                _refuse_unless_link(element)
            scope.mapped.add(_bare(element))
        elif isinstance(element, ColumnClause) and isinstance(element.table, Table):
            (scope.mapped if _is_mapped(element) else scope.plain).add(_bare(element.table))
    for scope in scopes.values():
        for table in scope.plain | scope.mapped if not orm else scope.plain - scope.mapped:
            if TENANT_COLUMN in table.c:
                _refuse_unless_link(table)


def mapped_classes() -> registry:
    """The registry of all SQLModel classes."""
    return inspect(Contact).registry


def _elements(statement: object) -> Iterator[tuple[Any, int]]:
    """What a statement was written with, and the number of its scope; not the tables that follow from its columns."""
    waiting: list[tuple[Any, int]] = [(statement, 0)]
    seen: dict[int, Any] = {}  # with the elements, so that no other one gets the same id
    while waiting:
        element, scope = waiting.pop()
        if id(element) not in seen:
            seen[id(element)] = element
            yield element, scope
            inner = id(element) if isinstance(element, (Subquery, CTE)) else scope
            waiting.extend((child, inner) for child in _children(element))


def _children(element: Any) -> Iterable[Any]:
    if isinstance(element, Select):
        return HasTraverseInternals.get_children(element)
    if isinstance(element, ColumnClause):
        source = element.table
        own = source is None or isinstance(source, Table) or (_is_mapped(element) and isinstance(source, Alias))
        return () if own else (source,)
    if _is_closed(element):
        return ()
    children: Iterable[Any] = element.get_children()
    return children


def _is_closed(element: Any) -> bool:
    """A mapped class under another name, or a relationship: what is inside is SQLAlchemy's own."""
    return _is_mapped(element) if isinstance(element, Alias) else "proxy_owner" in _annotations(element)


def _is_mapped(element: Any) -> bool:
    mapper = _annotations(element).get("parentmapper")
    return mapper is not None and mapper.registry is mapped_classes()


def _annotations(element: Any) -> Any:
    return element._annotations  # noqa: SLF001 - SQLAlchemy has no public way to ask


def _bare(table: Table) -> Table:
    """The table itself, not as annotated in a statement."""
    return table.metadata.tables[table.key]


def _is_raw(column: ColumnClause[Any]) -> bool:
    return column.is_literal and _HARMLESS.fullmatch(column.name) is None


def _refuse_unless_link(table: Table) -> None:
    """A relationship's link table holds keys alone; both of its ends are bound."""
    links = {relation.secondary for mapper in mapped_classes().mappers for relation in mapper.relationships}
    if _bare(table) not in links:
        raise ValueError(f"cannot bind {table.name!r} to the tenant here: select() its class instead")
