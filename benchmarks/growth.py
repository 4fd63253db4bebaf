"""Whether a message costs the same, however much is stored or waits already."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.figures import Row, Run, Section, ratio, row
from benchmarks.machine import Meanwhile, Often, in_turns
from benchmarks.seeding import seed_messages, seed_waiting
from benchmarks.shop import Shop, message, opened

__all__ = ["stored", "waiting"]

_CONCURRENCY = 50
_RATE, _CPU = "messages/s", "CPU s per 1,000"
#: messages of one contact or in one lane, of those that are there already
_EACH = 10
#: contacts whose messages are worked; as many are there at the least
_CONTACTS = 500


def stored(sizes: Sequence[int], turns: int, often: Often) -> Section:
    """Old messages in the database; those that are worked come from 500 of its contacts, spread over all of them."""

    def seed(folder: Path, size: int) -> None:
        with opened() as shop:
            shop.prepare()
            seed_messages(shop.database_file, size, _people(size))
            shutil.move(shop.database_file, folder / str(size))

    def work(template: Path, size: int) -> Run:
        with opened(concurrency=_CONCURRENCY) as shop:
            _copy(template, shop.database_file)
            step = _people(size) // _CONTACTS
            shop.fill(message(number, number % _CONTACTS * step) for number in range(turns))
            run = _work(shop, turns)
            with closing(sqlite3.connect(shop.database_file)) as database:
                (contacts,) = database.execute("SELECT count(*) FROM contacts").fetchone()
            if contacts != _people(size):
                raise SystemExit(f"wrong: {_people(size)} contacts were known, {contacts} are there now")
            return run

    rows = _rows(sizes, seed, work, "messages stored", often)
    return Section(f"Growth: {turns:,} messages, {_CONCURRENCY} at a time, with so many in the database before", rows)


def waiting(sizes: Sequence[int], turns: int, often: Often) -> Section:
    """Jobs in the queue besides those that are worked, ten in each lane."""

    def seed(folder: Path, size: int) -> None:
        seed_waiting(folder / str(size), size + turns, -(-(size + turns) // _EACH))

    def work(template: Path, size: int) -> Run:
        with opened(concurrency=_CONCURRENCY) as shop:
            shop.prepare()
            _copy(template, shop.queue_file)
            return _work(shop, turns)

    rows = _rows(sizes, seed, work, "others waiting", often)
    return Section(f"Growth: {turns:,} messages, {_CONCURRENCY} at a time, while so many others wait", rows)


def _people(size: int) -> int:
    return max(size // _EACH, _CONTACTS)


def _rows(
    sizes: Sequence[int],
    seed: Callable[[Path, int], None],
    work: Callable[[Path, int], Run],
    what: str,
    often: Often,
) -> list[Row]:
    names = {size: f"{size:,} {what}" for size in sizes}
    with _templates(sizes, seed) as folder:

        def working(size: int) -> Callable[[], Run]:
            return lambda: work(folder / str(size), size)

        got = in_turns({names[size]: working(size) for size in sizes}, often)
    least, *others = names.values()
    return [
        *(row(f"{name}: messages/s", got[name], _RATE) for name in got),
        *(row(f"{name}: CPU s per 1,000", got[name], _CPU, 3) for name in got),
        *(ratio(f"{name} / {least}, CPU", got[name], got[least], _CPU) for name in others),
    ]


@contextmanager
def _templates(sizes: Sequence[int], seed: Callable[[Path, int], None]) -> Iterator[Path]:
    """Made once: each run gets a copy."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in sizes:
            seed(folder, size)
        yield folder


def _copy(template: Path, file: Path) -> None:
    """Down to the disk: what is written late would be written while the worker is measured."""
    file.parent.mkdir(exist_ok=True)
    shutil.copy(template, file)
    with file.open("rb+") as copy:
        os.fsync(copy.fileno())


def _work(shop: Shop, turns: int) -> Run:
    meanwhile = Meanwhile(shop.gateway.pid)
    told = shop.work("--turns", str(turns))
    seen = shop.gateway.end()
    figures = {_RATE: (turns - 1) / seen.until(turns), _CPU: told["cpu"] / turns * 1000}
    return Run(figures, meanwhile.cores())
