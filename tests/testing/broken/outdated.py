"""Its migrations do not make all that its tables declare."""

from __future__ import annotations

from sqlmodel import Field

import auzap
from auzap.tables import TenantRow


class OutdatedVisit(TenantRow, table=True):
    __tablename__ = "broken_outdated_visit"

    id: int | None = Field(default=None, primary_key=True)
    who: str
    why: str


class Outdated(auzap.Plugin):
    tables = (OutdatedVisit,)
    migrations = "tests.testing.broken.outdated_migrations"
