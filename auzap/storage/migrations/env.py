"""Run by Alembic, which ``auzap.storage.migrate`` drives: for auzap's own tables and for each plugin's."""

from __future__ import annotations

from alembic import context

attributes = context.config.attributes

context.configure(
    # its transaction is begun, and ended, by the caller
    connection=attributes["connection"],
    version_table=attributes["version_table"],
    target_metadata=None,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
