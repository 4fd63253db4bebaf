"""A Node program with the real BullMQ: what fills the queue that auzap takes over.

BullMQ is installed once for each version, in a folder of the user's cache.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Producer", "bullmq_modules", "old_worker", "producer"]

_FOLDER = Path(__file__).parent
#: as the API of the worker that is replaced adds its jobs
_OPTIONS: Mapping[str, Any] = {"attempts": 3, "backoff": {"type": "exponential", "delay": 2000}}


def bullmq_modules() -> Path:
    """The folder with BullMQ in it. Where it cannot be had the test is skipped; under CI it fails."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        _give_up(f"no {' and no '.join(missing)}: install Debian's nodejs and npm")
    wanted = json.loads((_FOLDER / "package.json").read_text())["dependencies"]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auzap-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / "-".join(f"{name}-{version}" for name, version in sorted(wanted.items()))
    with (cache / "bullmq.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of the processes of one run, one installs
        if not folder.exists():
            _install(folder)
    return folder / "node_modules"


def _install(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        making = Path(name) / "making"
        making.mkdir()
        shutil.copy(_FOLDER / "package.json", making)
        options = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
        done = subprocess.run(
            ["npm", "install", *options], cwd=making, capture_output=True, text=True, check=False, timeout=300
        )
        if done.returncode != 0:
            _give_up(f"npm cannot install bullmq: {done.stderr[-500:]}")
        making.rename(folder)


def _give_up(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Producer:
    """A Node process with a ``Queue`` for each one that is asked for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, do: str, port: int, name: str, *, prefix: str = "bull", **told: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps({"do": do, "port": port, "name": name, "prefix": prefix, **told})
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer
        return answer["result"]

    def add(self, port: int, name: str, *jobs: Any, bulk: bool = False, prefix: str = "bull", **options: Any) -> Any:
        """Their ids. As the API does it, unless ``options`` say something else."""
        pairs = [[job, {**_OPTIONS, **options}] for job in jobs]
        return self("addBulk" if bulk else "add", port, name, prefix=prefix, jobs=pairs)


@contextmanager
def producer() -> Iterator[Producer]:
    with _node("producer.cjs") as process:
        yield Producer(process)


@contextmanager
def old_worker(
    port: int, name: str, *, concurrency: int = 1, lock: float = 30.0, fails: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """The worker of old: it prints the ids of the jobs that it begins, and ends none. Killed at the end.

    :param lock: seconds for which a job is its own, renewed.
    :param fails: with every job that it begins.
    """
    with _node("worker.cjs", port, name, concurrency, int(lock * 1000), *(["fails"] if fails else [])) as process:
        yield process


@contextmanager
def _node(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command: Sequence[str] = ("node", str(_FOLDER / script), *map(str, arguments))
    environment = {**os.environ, "NODE_PATH": str(bullmq_modules())}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()
