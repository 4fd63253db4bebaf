"""Alembic's revisions, in ``versions/``."""
