"""What ``EXPLAIN QUERY PLAN`` says of a statement."""

from __future__ import annotations

import re

__all__ = ["scans_a_table"]

#: rows that the statement itself brings, or has chosen by an index
_OWN_ROWS = re.compile(
    r"SCAN (\d+-ROW VALUES CLAUSE|\d+ CONSTANT ROWS?|CONSTANT ROW|json_each|new|wanted|w|\(subquery-\d+\))(?!\w)"
)


def scans_a_table(step: str) -> bool:
    """Whether a step of the plan reads a whole table."""
    return step.startswith("SCAN") and not _OWN_ROWS.match(step) and "json_each" not in step
