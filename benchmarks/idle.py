"""A worker that has little to do: how long a message waits for its answer when 20 come a second."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.figures import Run, Section, ratio, row
from benchmarks.machine import Meanwhile, Often, in_turns
from benchmarks.peer import Peer
from benchmarks.regular import CONTACTS, FILE, install
from benchmarks.shop import ROOT, Shop, opened

__all__ = ["RATE", "section"]

#: messages a second
RATE = 20
#: seconds
_LOOK = 0.5


def section(seconds: float, often: Often, peer: Peer | None) -> Section:
    messages = max(round(RATE * seconds), 2)
    contenders: dict[str, Callable[[], Run]] = {
        "by itself": lambda: _by_itself(messages),
        "by another": lambda: _by_another(messages),
    }
    if peer is not None:
        contenders["peer"] = peer.idle
    got = in_turns(contenders, often)
    rows = []
    for name, what in (("by itself", "put by the worker's own process"), ("by another", "put by another process")):
        rows += [row(f"{what}: {figure} ms", got[name], figure, 1) for figure in ("p50", "p95", "p99")]
    if peer is not None:
        rows += [row(f"peer: {figure} ms", got["peer"], figure, 1) for figure in ("p50", "p99")]
        rows += [
            ratio(f"by the worker's own process / peer, {figure}", got["by itself"], got["peer"], figure)
            for figure in ("p50", "p99")
        ]
    return Section(f"Idle, {RATE} a second of {CONTACTS} contacts for {seconds:g} s: put until posted", rows)


def _by_itself(messages: int) -> Run:
    with opened() as shop:
        shop.prepare()
        install(shop.folder)
        shop.configure(channel="regular", rate=RATE, messages=messages, folder=str(shop.folder))
        meanwhile = Meanwhile(shop.gateway.pid)
        with shop.running(shop.folder) as worker:
            while not (shop.folder / FILE).exists():
                if worker.poll() is not None:
                    raise RuntimeError(f"the worker ended with {worker.returncode}")
                time.sleep(_LOOK)
            time.sleep(_LOOK)
        return _waited(shop, messages, meanwhile)


def _by_another(messages: int) -> Run:
    with opened() as shop:
        shop.prepare()
        meanwhile = Meanwhile(shop.gateway.pid)
        with shop.running():
            subprocess.run(
                [sys.executable, "-m", "benchmarks.regular", str(shop.config), str(RATE), str(messages)],
                cwd=ROOT,
                check=True,
                timeout=600,
            )
            time.sleep(_LOOK)
        return _waited(shop, messages, meanwhile)


def _waited(shop: Shop, messages: int, meanwhile: Meanwhile) -> Run:
    put = {int(number): at for number, at in json.loads((shop.folder / FILE).read_text(encoding="ascii")).items()}
    arrived = dict(shop.gateway.end().arrivals)
    if missing := put.keys() - arrived.keys():
        raise SystemExit(f"wrong: {messages} messages, {len(missing)} were not answered")
    waited = sorted((arrived[number] - at) * 1000 for number, at in put.items())
    figures = {f"p{percent}": waited[percent * len(waited) // 100] for percent in (50, 95, 99)}
    return Run(figures, meanwhile.cores())
