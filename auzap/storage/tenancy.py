"""Sessions that see one tenant. They guard against mistakes, not against malice: plugins are trusted code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from sqlalchemy import Result, event, inspect
from sqlalchemy.orm import LoaderCriteriaOption, Mapper, ORMExecuteState, with_loader_criteria
from sqlalchemy.sql.dml import Insert
from sqlmodel import Session, SQLModel

from auzap.storage.reach import TENANT_COLUMN, check_reach, mapped_classes

__all__ = ["Boundary", "TenantSession"]


class Boundary:
    """What keeps statements and objects inside one tenant."""

    def __init__(self, organization_id: str) -> None:
        self.organization_id = organization_id
        self._criteria: Sequence[LoaderCriteriaOption] = ()
        self._tables = 0

    def bind(self, state: ORMExecuteState, *, trusted: bool) -> Result[Any] | None:
        """Let a statement see and change only the tenant's rows.

        :param trusted: SQLAlchemy wrote it, not a plugin.
        :raises ValueError: it cannot be bound, or names another tenant.
        """
        if not trusted:
            check_reach(state.statement, orm=state.is_orm_statement)
        if state.is_insert:
            return self._insert(state)
        if state.is_update:
            self._check_update(state)
        state.statement = state.statement.options(*self._options())
        return None

    def claim(self, row: object) -> None:
        """Fill in a new object's tenant."""
        if _has_tenant(row) and not getattr(row, TENANT_COLUMN):
            setattr(row, TENANT_COLUMN, self.organization_id)
        self.check(row)

    def check(self, row: object) -> None:
        """:raises ValueError: it is another tenant's."""
        if _has_tenant(row) and getattr(row, TENANT_COLUMN) != self.organization_id:
            self._foreign(type(row).__name__, getattr(row, TENANT_COLUMN))

    def _options(self) -> Sequence[LoaderCriteriaOption]:
        """One for each table that has a tenant. Plugins' tables may come later."""
        if self._tables != len(SQLModel.metadata.tables):
            self._tables = len(SQLModel.metadata.tables)
            self._criteria = [
                _criterion(mapper, self.organization_id)
                for mapper in mapped_classes().mappers
                if TENANT_COLUMN in mapper.columns
            ]
        return self._criteria

    def _insert(self, state: ORMExecuteState) -> Result[Any] | None:
        statement = state.statement
        assert isinstance(statement, Insert)  # noqa: S101 - what is_insert says
        if TENANT_COLUMN not in statement.table.c:
            return None
        if statement.select is not None:
            raise ValueError("INSERT FROM SELECT cannot be bound to a tenant: give the rows as parameters")
        given = state.parameters
        if given:
            rows = [given] if isinstance(given, Mapping) else list(given)
            for row in rows:
                self._check_value(statement.table.name, row.get(TENANT_COLUMN))
            named = [{**row, TENANT_COLUMN: self.organization_id} for row in rows]
            return state.invoke_statement(params=named[0] if isinstance(given, Mapping) else named)
        values = statement.compile().params
        several = [value for name, value in values.items() if re.fullmatch(rf"{TENANT_COLUMN}_m\d+", name)]
        for value in [*several, values.get(TENANT_COLUMN)]:
            self._check_value(statement.table.name, value)
        if None in several:
            raise ValueError(
                f"{statement.table.name}: name {TENANT_COLUMN} in every row, or give the rows as parameters"
            )
        if not several:
            state.statement = statement.values({TENANT_COLUMN: self.organization_id})
        return None

    def _check_update(self, state: ORMExecuteState) -> None:
        by_keys = isinstance(state.parameters, list)
        if by_keys:
            raise ValueError("an UPDATE by a list of keys cannot be bound to a tenant: use where() and values()")
        values = state.statement.compile().params  # type: ignore[attr-defined]  # every UPDATE can be compiled
        self._check_value("UPDATE", values.get(TENANT_COLUMN))

    def _check_value(self, what: str, value: object) -> None:
        if value and value != self.organization_id:
            self._foreign(what, value)

    def _foreign(self, what: str, value: object) -> NoReturn:
        raise ValueError(f"{what} belongs to tenant {value!r}, and this session to {self.organization_id!r}")


class TenantSession(Session):
    """What plugins are given, under an ``AsyncSession``. Its transaction is the store's: the body neither commits
    nor rolls back; raising rolls back.
    """

    def __init__(self, *args: Any, boundary: Boundary, writes: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.boundary = boundary
        self.writes = writes

    def commit(self) -> None:
        if self.writes:
            raise RuntimeError("no commit() here: the transaction is committed at its end, when nothing raised")
        super().commit()

    def rollback(self) -> None:
        if self.writes:
            raise RuntimeError("no rollback() here: raise, and the transaction is rolled back")
        super().rollback()

    def connection(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("no connection() here: a bare connection is not bound to the tenant; use the session")

    def bulk_save_objects(self, *_: Any, **__: Any) -> NoReturn:
        self._no_bulk()

    def bulk_insert_mappings(self, *_: Any, **__: Any) -> NoReturn:
        self._no_bulk()

    def bulk_update_mappings(self, *_: Any, **__: Any) -> NoReturn:
        self._no_bulk()

    def _no_bulk(self) -> NoReturn:
        raise RuntimeError(
            "no bulk methods here: they are not bound to the tenant; use add_all(), insert() or update()"
        )


@event.listens_for(TenantSession, "do_orm_execute")
def _bind_statement(state: ORMExecuteState) -> Result[Any] | None:
    session = state.session
    assert isinstance(session, TenantSession)  # noqa: S101 - listened for on this class
    if not session.writes and (state.is_insert or state.is_update or state.is_delete):
        _refuse_write()
    trusted = state.is_relationship_load or state.is_column_load
    return session.boundary.bind(state, trusted=trusted)


@event.listens_for(TenantSession, "before_flush")
def _bind_objects(session: TenantSession, *_: object) -> None:
    if not session.writes:
        _refuse_write()
    for row in session.new:
        session.boundary.claim(row)
    for row in (*session.dirty, *session.deleted):
        session.boundary.check(row)


def _criterion(mapper: Mapper[Any], organization_id: str) -> LoaderCriteriaOption:
    # a function, for SQLAlchemy to call with each alias: an expression would stay on the class in joins
    return with_loader_criteria(mapper, lambda entity: entity.organization_id == organization_id, include_aliases=True)


def _refuse_write() -> NoReturn:
    raise RuntimeError(
        "this session only reads: in a turn write with records in the Outcome, turn.once or a persist hook, "
        "outside of turns with store.transaction()"
    )


def _has_tenant(row: object) -> bool:
    mapper: Mapper[Any] | None = inspect(type(row), raiseerr=False)
    return mapper is not None and TENANT_COLUMN in mapper.columns
