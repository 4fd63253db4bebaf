"""SQLAlchemy's dialect for asyncpg, for tables whose columns are not what the classes say.

In a database that is older than auzap an id may be a ``uuid`` and a status an enum, where the class says text. So the
server is not told that a parameter is text: it takes it as what the column is. And an id comes out as text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, String
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import AsyncpgString, PGDialect_asyncpg

from auzap.storage.postgres.leaving import Leaving

__all__ = ["DIALECT", "LenientDialect"]

DIALECT = "postgresql+auzap"


class _AnyText(AsyncpgString):
    render_bind_cast = False

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return _as_text


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


class LenientDialect(PGDialect_asyncpg):
    supports_statement_cache = True
    #: who ends a connection that was given up
    leaving: Leaving | None = None
    #: what an error of the driver's means
    tell: Callable[[BaseException], BaseException] = staticmethod(lambda error: error)
    colspecs = {**PGDialect_asyncpg.colspecs, String: _AnyText}  # noqa: RUF012 - as SQLAlchemy declares it

    def on_connect(self) -> Callable[[Any], None]:
        """A connection that breaks off while it is set up: SQLAlchemy translates no error here."""
        set_up: Callable[[Any], None] = super().on_connect()  # type: ignore[no-untyped-call]

        def connect(connection: Any) -> None:
            try:
                set_up(connection)
            except Exception as error:
                known = self.tell(error)
                if known is error:
                    raise
                raise known from error

        return connect

    def do_terminate(self, dbapi_connection: Any) -> None:
        if self.leaving is None:
            super().do_terminate(dbapi_connection)
        else:
            self.leaving.end(dbapi_connection.driver_connection)


registry.register("postgresql.auzap", __name__, LenientDialect.__name__)
