"""The database: what the pipeline writes set-wise, what plugins query, migrations."""
