"""What an error of the driver's means: somebody was quicker, something is locked, the server is away, or a mistake."""

from __future__ import annotations

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError

from auzap.model.errors import StoreUnavailable
from auzap.storage.dial import told_as

__all__ = ["Outdated", "is_locked", "is_refused", "passes", "said", "told"]

#: tables in which two processes may make the same row: the second one finds it when it looks again
_SHARED: Final = frozenset({"auzap_active", "auzap_inbox", "auzap_outbox", "contact_identities", "messages"})
_LOCKED: Final = "55P03"
_DRIVERS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Outdated(Exception):
    """Somebody else changed what was read here."""


def said(error: BaseException) -> BaseException:
    """What the driver said, if SQLAlchemy stands before it: with its own error, its form of the driver's, or both."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    cause = error.__cause__
    return cause if isinstance(cause, _DRIVERS) and not isinstance(error, _DRIVERS) else error


def told(error: BaseException, place: str) -> BaseException:
    """``StoreUnavailable`` or ``ConfigError`` in one line, with the place; or the error itself, a mistake of ours."""
    cause = said(error)
    if isinstance(cause, asyncpg.InternalClientError):  # it was ended between two statements, and did not notice
        return StoreUnavailable(f"{place}: the connection broke off")
    known = told_as(cause, place)
    return error if known is cause else known


def is_refused(error: BaseException) -> bool:
    """Whether the server took the statement for right, and a value for wrong."""
    return isinstance(said(error), (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError))


def is_locked(error: BaseException) -> bool:
    return getattr(said(error), "sqlstate", None) == _LOCKED


def passes(error: BaseException) -> bool:
    """Whether the same again may go well at once."""
    cause = said(error)
    if isinstance(cause, asyncpg.UniqueViolationError):
        return cause.table_name in _SHARED
    return isinstance(
        cause,
        (Outdated, asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.InvalidCachedStatementError),
    )
