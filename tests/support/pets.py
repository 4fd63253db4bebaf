"""A plugin's tables: some of a tenant's, one that all share.

Without postponed annotations: SQLModel does not understand relationships through them.
"""

from datetime import datetime

from sqlmodel import Field, Relationship, SQLModel

from auzap.model.keys import new_id
from auzap.tables import TenantRow, UtcDateTime

__all__ = ["Breed", "Pet", "Tag", "Tagged", "Visit"]


class Tagged(TenantRow, table=True):
    """Which pet has which tag."""

    __tablename__ = "test_tagged"

    pet_id: int = Field(foreign_key="test_pets.id", primary_key=True)
    tag_id: int = Field(foreign_key="test_tags.id", primary_key=True)


class Tag(TenantRow, table=True):
    __tablename__ = "test_tags"

    id: int | None = Field(default=None, primary_key=True)
    name: str
    pets: list["Pet"] = Relationship(back_populates="tags", link_model=Tagged)


class Pet(TenantRow, table=True):
    __tablename__ = "test_pets"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    born_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    visits: list["Visit"] = Relationship(back_populates="pet")
    tags: list[Tag] = Relationship(back_populates="pets", link_model=Tagged)


class Visit(TenantRow, table=True):
    __tablename__ = "test_visits"

    id: str = Field(default_factory=new_id, primary_key=True)
    pet_id: int = Field(foreign_key="test_pets.id")
    pet: Pet | None = Relationship(back_populates="visits")


class Breed(SQLModel, table=True):
    """Nobody's own."""

    __tablename__ = "test_breeds"

    name: str = Field(primary_key=True)
