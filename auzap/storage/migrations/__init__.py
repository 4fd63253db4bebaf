"""Alembic's environment for auzap's own tables; plugins bring only their ``versions``."""
