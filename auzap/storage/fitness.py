"""Whether auzap can work with the tables that a Postgres database has, and what keeps its own from strangers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from auzap.storage.schema import Look, PluginTables

__all__ = ["Findings", "found_out", "secure", "unfit"]

_SEED_TABLES = (
    "contacts",
    "conversations",
    "messages",
    "ai_interactions",
    "owner_numbers",
    "aurora_proactive_messages",
)
#: new ids are UUIDs, written as text
_ID_TYPES = ("uuid", "text", "character varying")

_NAMES = ", ".join(f"'{name}'" for name in _SEED_TABLES)
_OURS = f"c.relname IN ({_NAMES}) AND c.relkind IN ('r', 'p', 'v', 'f') AND pg_table_is_visible(c.oid)"
_IDS = f"""
    SELECT c.relname::text, format_type(a.atttypid, NULL) FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id' AND NOT a.attisdropped
    WHERE {_OURS} ORDER BY 1"""  # noqa: S608
_RIGHTS = f"""
    SELECT c.relname::text, current_user::text,
           c.relrowsecurity AND row_security_active(c.oid),
           has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
               AND has_table_privilege(c.oid, 'UPDATE')
    FROM pg_class c WHERE {_OURS} OR (c.relname LIKE 'auzap\\_%' AND c.relkind = 'r' AND pg_table_is_visible(c.oid))
    ORDER BY 1"""  # noqa: S608
_NEEDED = f"""
    SELECT c.relname::text, a.attname::text FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE {_OURS} AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' ORDER BY 1, a.attnum"""  # noqa: S608
_UUIDS = f"""
    SELECT a.attname::text, min(c.relname::text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE {_OURS} AND a.attname IN ('organization_id', 'instance_id') AND a.atttypid = 'uuid'::regtype
    GROUP BY 1"""  # noqa: S608


_COLUMNS = """
    SELECT c.relname::text, a.attname::text FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'f') AND pg_table_is_visible(c.oid)
      AND c.relnamespace <> 'pg_catalog'::regnamespace"""
_OTHER_OWNERS = """
    SELECT f.confrelid::regclass::text, f.conname::text FROM pg_constraint f
    JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey) AND a.attname = 'owner_number_id'
    WHERE f.contype = 'f' AND f.conrelid = to_regclass('aurora_proactive_messages')
      AND f.confrelid IS DISTINCT FROM to_regclass('owner_numbers')"""


@dataclass(frozen=True, slots=True)
class Findings:
    """A line each.

    :param mistakes: what is to be mended.
    :param notes: what may well be meant.
    """

    mistakes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def found_out(look: Look, tenants: Mapping[str, Sequence[str]], plugins: Sequence[PluginTables]) -> Findings:
    """:param tenants: their ids -> their instances."""
    return Findings(
        (*_stand_by(look), *unfit(look), *_misnamed(look, tenants), *_outdated(look, plugins)), tuple(_owners(look))
    )


def unfit(look: Look) -> list[str]:
    """Why auzap cannot work with these tables, a line each. Where there are none, nothing speaks against it."""
    return [*_ids(look), *_rights(look), *_needed(look)]


def _stand_by(look: Look) -> Iterator[str]:
    if look.rows("SHOW transaction_read_only")[0][0] == "on":
        yield "the database only reads: it is a stand-by, or default_transaction_read_only is on"


def _misnamed(look: Look, tenants: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Tenants and instances that cannot be stored where the tables take UUIDs alone."""
    columns: dict[str, str] = dict(look.rows(_UUIDS))
    of_tenants, of_instances = columns.get("organization_id"), columns.get("instance_id")
    for tenant, instances in tenants.items():
        if of_tenants is not None and not _is_uuid(tenant):
            yield f"tenant {tenant}: its id should be a UUID, as {of_tenants}.organization_id is"
        for instance in instances if of_instances is not None else ():
            if not _is_uuid(instance):
                yield f"tenant {tenant}: instance {instance} should be a UUID, as {of_instances}.instance_id is"


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def secure(look: Look, made: Collection[str]) -> Iterator[str]:
    """Statements that hide new tables from those who come through Supabase's REST interface with its public key.

    Their owner, as whom auzap comes, sees all rows as before.
    """
    if look.rows("SELECT 1 FROM pg_roles WHERE rolname = 'anon'"):
        for name in sorted(made):
            yield f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY'


def _ids(look: Look) -> Iterator[str]:
    for table, kind in look.rows(_IDS):
        if kind not in _ID_TYPES:
            yield f"{table}.id is {kind}: auzap's ids are UUIDs, which fit into uuid and text alone"


def _rights(look: Look) -> Iterator[str]:
    for table, user, hidden, allowed in look.rows(_RIGHTS):
        if hidden:
            yield (
                f"row-level security hides rows of {table} from {user}: connect as the tables' owner, "
                f"or ALTER ROLE {user} BYPASSRLS"
            )
        if not allowed:
            yield f"{user} may not read and write {table}: GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {user}"


def _needed(look: Look) -> Iterator[str]:
    from sqlmodel import SQLModel

    import auzap.tables  # noqa: F401 - makes the tables known

    for table, column in look.rows(_NEEDED):
        if column not in SQLModel.metadata.tables[table].columns:
            yield f"{table}.{column} must not be empty and has no default: auzap does not fill it; give it a default"


def _outdated(look: Look, plugins: Sequence[PluginTables]) -> Iterator[str]:
    """Without migrations a table is made once, and stays as it was declared then."""
    there = look.rows(_COLUMNS)
    for owner in plugins:
        for table in owner.tables if owner.migrations is None else ():
            name = str(table.__tablename__)
            present = {column for of, column in there if of == name}
            declared = [column.name for column in table.__table__.columns]  # type: ignore[attr-defined]
            if present and (missing := [column for column in declared if column not in present]):
                lost = "it was made by an earlier version, and there are no migrations; add them by hand"
                yield f"the table {name} of {owner.distribution} lacks {', '.join(missing)}: {lost}"


def _owners(look: Look) -> Iterator[str]:
    for table, constraint in look.rows(_OTHER_OWNERS):
        yield (
            f"aurora_proactive_messages.owner_number_id refers to {table}: rows about owners who are not in it are "
            f"refused; where there are such owners, ALTER TABLE aurora_proactive_messages DROP CONSTRAINT {constraint}"
        )
