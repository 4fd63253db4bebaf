"""What is booked."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from auzap.tables import TenantRow, UtcDateTime

__all__ = ["Appointment"]


class Appointment(TenantRow, table=True):
    __tablename__ = "appointments"

    id: int | None = Field(default=None, primary_key=True)
    instance_id: str
    chat_id: str
    name: str | None = None
    starts_at: datetime = Field(sa_type=UtcDateTime, index=True)
    #: since revision 0002
    note: str | None = None
