"""A plugin's tables. Without postponed annotations: SQLModel does not understand relationships through them."""

from datetime import datetime

from sqlmodel import Field, Relationship

from auzap.model.keys import new_id
from auzap.tables import TenantRow, UtcDateTime

__all__ = ["Pet", "Visit"]


class Pet(TenantRow, table=True):
    __tablename__ = "test_pets"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    born_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    visits: list["Visit"] = Relationship(back_populates="pet")


class Visit(TenantRow, table=True):
    __tablename__ = "test_visits"

    id: str = Field(default_factory=new_id, primary_key=True)
    pet_id: int = Field(foreign_key="test_pets.id")
    pet: Pet | None = Relationship(back_populates="visits")
