"""Texts that are YAML, nearly YAML, or nothing of the kind."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["yaml_texts"]

_PIECES = r"""
a b: - , [ ] { } : ? # | > ' " % @ ` ! & * << &x *x !!str !!int --- ... ~ null true false no 9:00 30s ${A} ${A:-b}
${file:x} ${ $$ queue: database: tenants: defaults: plugins: instances: worker: owners: channel: burst: only: use:
http: tenants_from: retention: sqlite:///x \0 \x00 \ud800
""".split()  # noqa: SIM905 - as they stand in a file
_WHITE = ["\n", "\n  ", "\n    ", " ", "\t", "\r\n", "\u2028", "\x85", "\ufeff", "\x00", "\ud800", "é", "𝕏"]


def yaml_texts() -> st.SearchStrategy[str]:
    pieces = st.lists(st.sampled_from([*_PIECES, *_WHITE, *_WHITE]), max_size=60).map("".join)
    lines = st.lists(st.sampled_from(_PIECES).map(lambda piece: f"{piece} "), max_size=30).map("".join)
    return st.one_of(pieces, lines, st.text(max_size=60))
