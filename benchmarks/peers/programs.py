"""How each queue's program is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["AUZAP", "INSTALLED", "MORE", "PEERS", "RAW", "Program", "Told", "has_more", "is_installed"]

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
#: where ``python -m benchmarks.peers install`` puts them
INSTALLED = _ROOT / "build" / "peers"
_PATIENCE = 300.0

_Runs = Literal["here", "python", "more", "node"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a program that handled jobs says."""

    seconds: float
    cpu: float
    waited: Sequence[float]


@dataclass(frozen=True, slots=True)
class Program:
    """
    :param file: without its suffix.
    :param runs: in the environment of auzap, in one of the peers, or by Node.
    """

    name: str
    file: str
    runs: _Runs = "python"

    def put(self, peers: Path, url: str, *, lanes: int, jobs: int, rate: float = 0.0) -> None:
        told = [*self._command(peers), "trickle" if rate else "put", url, str(lanes), str(jobs)]
        subprocess.run(
            [*told, *([str(rate)] if rate else [])],
            cwd=_ROOT,
            env=_environment(peers),
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=_PATIENCE,
        )

    @contextmanager
    def working(self, peers: Path, url: str, *, concurrency: int, jobs: int) -> Iterator[subprocess.Popen[str]]:
        """A worker that ends by itself after so many."""
        process = subprocess.Popen(
            [*self._command(peers), "work", url, str(concurrency), str(jobs)],
            cwd=_ROOT,
            env=_environment(peers),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def end(self, process: subprocess.Popen[str], jobs: int) -> Told:
        out, _ = process.communicate(timeout=_PATIENCE)
        if not out:
            raise SystemExit(f"wrong: {self.name} ended with {process.returncode} and told nothing")
        told = json.loads(out.splitlines()[-1])
        if told["different"] != jobs:
            raise SystemExit(f"wrong: {jobs} jobs, {told['different']} different ones were handled by {self.name}")
        return Told(told["seconds"], told["cpu"], told["waited"])

    def _command(self, peers: Path) -> list[str]:
        if self.runs == "node":
            return ["node", str(_HERE / f"{self.file}.cjs")]
        python = sys.executable if self.runs == "here" else str(_python(peers, self.runs))
        return [python, "-m", f"benchmarks.peers.{self.file}"]


AUZAP = Program("auzap", "of_auzap", "here")
RAW = Program("raw BLPOP", "of_raw")
PEERS = (
    Program("npm bullmq", "of_bullmq", "node"),
    Program("dramatiq", "of_dramatiq"),
    Program("taskiq", "of_taskiq"),
    Program("huey", "of_huey"),
)
#: those that `more` measures
MORE = (Program("arq", "of_arq", "more"), Program("rq", "of_rq", "more"))


def is_installed(peers: Path) -> bool:
    return _python(peers, "python").exists() and (peers / "node_modules" / "bullmq").exists()


def has_more(peers: Path) -> bool:
    return _python(peers, "more").exists()


def _python(peers: Path, runs: _Runs) -> Path:
    return peers / runs / "bin" / "python"


def _environment(peers: Path) -> dict[str, str]:
    return {**os.environ, "PEERS": str(peers), "PYTHONPATH": str(_ROOT)}
