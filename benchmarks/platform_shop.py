"""A worker with a folder of tenants: what the part ``platform`` measures."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.platform_plugins import BEGIN, install
from benchmarks.shop import Shop, tenant

__all__ = ["Load", "begin", "noted", "prepare", "sent", "steady", "wait", "wait_for_answers", "write", "write_top"]

#: seconds in which anything must have happened
_PATIENCE = 60.0
_LOOK = 0.1
#: seconds: what hangs must not keep the end waiting
_DRAIN = "1s"


@dataclass(frozen=True, slots=True)
class Load:
    """Messages that come steadily.

    :param rate: a second, of all tenants together.
    """

    rate: float
    seconds: float
    tenants: int

    @property
    def each(self) -> int:
        """Messages of one tenant."""
        return max(round(self.rate * self.seconds / self.tenants), 1)

    def __str__(self) -> str:
        return f"{self.rate:g} messages a second of {self.tenants} tenants for {self.seconds:g} s"


def prepare(shop: Shop, load: Load, plugins: dict[str, Any]) -> None:
    shop.prepare()
    install(shop.folder)
    noted(shop).mkdir()
    main = {"channel": "steady", "url": shop.gateway.url, "rate_limit": None, "folder": str(noted(shop))}
    write_top(shop, main)
    for index in range(load.tenants):
        write(shop, tenant(index), steady(load, index), plugins)


def write_top(shop: Shop, main: dict[str, Any]) -> None:
    document = {
        "queue": shop.places.queue,
        "database": shop.places.database,
        "worker": {"drain": _DRAIN},
        "defaults": {"instances": {"main": main}},
        "tenants_from": "tenants/*.yaml",
    }
    shop.config.write_text(yaml.safe_dump(document), encoding="utf-8")
    (shop.folder / "tenants").mkdir()


def write(shop: Shop, name: str, main: dict[str, Any], plugins: dict[str, Any]) -> None:
    """As an editor does: a new file in the place of the old one. JSON is YAML, and quicker to write."""
    document = {name: {"name": "Loja", "instances": {"main": main}, "plugins": plugins}}
    part = shop.folder / "tenants" / f"{name}.part"
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    part.rename(part.with_suffix(".yaml"))


def steady(load: Load, index: int) -> dict[str, Any]:
    return {
        "rate": load.rate / load.tenants,
        "messages": load.each,
        "first": index + 1,
        "step": load.tenants,
        "after": index / load.rate,
    }


def noted(shop: Shop) -> Path:
    return shop.folder / "noted"


def begin(shop: Shop, worker: subprocess.Popen[bytes], load: Load, *, beside: bool = False) -> float:
    """When everybody is there, and was answered once."""
    listening = load.tenants + beside
    wait(worker, lambda: len(list(noted(shop).glob("*.ready"))) == listening, "the tenants")
    wait(worker, lambda: sent(shop) >= load.tenants, "first answers")
    part = noted(shop) / f"{BEGIN}.part"
    began = time.monotonic() + 0.5
    part.write_text(str(began), encoding="ascii")
    part.rename(part.with_suffix(""))
    return began


def wait_for_answers(shop: Shop, worker: subprocess.Popen[bytes], load: Load) -> None:
    put = [noted(shop) / f"{tenant(index)}.put" for index in range(load.tenants)]
    wait(worker, lambda: all(one.exists() for one in put), "all messages", load.seconds)
    wait(worker, lambda: sent(shop) >= load.tenants * (load.each + 1), "all answers")


def sent(shop: Shop) -> int:
    """Answers of the ordinary tenants."""
    statement = "SELECT count(*) FROM auzap_outbox WHERE state = 'sent' AND organization_id <> 'bad'"
    with closing(sqlite3.connect(f"file:{shop.database_file}?mode=ro", uri=True)) as connection:
        return int(connection.execute(statement).fetchone()[0])


def wait(worker: subprocess.Popen[bytes], there: Callable[[], bool], what: str, more: float = 0.0) -> None:
    deadline = time.monotonic() + _PATIENCE + more
    while not there():
        if worker.poll() is not None:
            raise RuntimeError(f"the worker ended with {worker.returncode}")
        if time.monotonic() > deadline:
            raise SystemExit(f"wrong: {what} did not come within {_PATIENCE + more:.0f} s")
        time.sleep(_LOOK)
