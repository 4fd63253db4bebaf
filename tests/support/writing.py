"""Many people who write at once: numbered messages, so that each can be found again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.support.house import House, job, message

__all__ = ["OWNER", "SHIPPED", "client", "number_of", "put_all", "written"]

#: the owner of a ``House``
OWNER = "5511900000001"
#: the plugins of the configuration that auzap comes with
SHIPPED: Mapping[str, Any] = {"aurora": {}, "client_ai": {}}
_NUMBER = re.compile(r"#(\d+) ")


def client(number: int) -> str:
    """A phone that is nobody's."""
    return f"55119{10_000_000 + number:08d}"


def written(number: int, phone: str, **more: Any) -> dict[str, Any]:
    """Message ``number``, with that id."""
    return message(f"#{number} oi", phone=phone, id=f"M{number}", **more)


def number_of(text: str) -> int:
    """Of the message that a text quotes."""
    found = _NUMBER.search(text)
    assert found is not None, text
    return int(found[1])


async def put_all(house: House, messages: Iterable[Mapping[str, Any]]) -> list[bool]:
    jobs = [job(one) for one in messages]
    return [taken for some in _batches(jobs) for taken in await house.put(*some)]


def _batches(jobs: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    return (jobs[start : start + 500] for start in range(0, len(jobs), 500))
