"""What the machine does meanwhile, and runs that are repeated when it did too much."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Run

__all__ = ["Meanwhile", "Often", "cpu_of", "cpu_with_children", "in_turns", "peak_mb"]

#: cores that others may use during a run
_NOISE = 0.3
#: seconds of quiet that are waited for
_LOOK = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Meanwhile:
    """Counts what others use from now on.

    :param pids: children that run already: what they used until now is not of this run.
    :param also: CPU seconds of others that count as ours, such as servers that outlast the run.
    """

    def __init__(self, *pids: int, also: Callable[[], float] = float) -> None:
        self._pids = pids
        self._also = also
        self._began, self._machine, self._own = time.monotonic(), _machine_cpu(), self._ours()

    def cores(self) -> float:
        """To be asked when our processes have ended and were waited for."""
        others = _machine_cpu() - self._machine - (self._ours() - self._own)
        return max(others, 0.0) / (time.monotonic() - self._began)

    def _ours(self) -> float:
        return sum(os.times()[:4]) + sum(cpu_of(pid) for pid in self._pids) + self._also()


@dataclass(frozen=True, slots=True)
class Often:
    """How often something is run."""

    runs: int = 3
    #: of each contender's runs during which others did too much, so many are tried again; the quieter one counts
    repeats: int = 3
    #: seconds to wait for a quiet machine before a run, at the most
    wait: float = 0.0


def in_turns(contenders: Mapping[str, Callable[[], Run]], often: Often) -> dict[str, list[Run]]:
    """Each once, and again, so that what the machine does to one it does to all."""
    kept: dict[str, list[Run]] = {name: [] for name in contenders}
    left = dict.fromkeys(contenders, often.repeats)
    for number in range(often.runs):
        for name, once in contenders.items():
            _wait_for_quiet(often.wait)
            run = once()
            _say(name, number, run)
            while run.foreign > _NOISE and left[name]:
                left[name] -= 1
                _wait_for_quiet(often.wait)
                again = once()
                _say(f"{name}, repeated", number, again)
                run = min(run, again, key=lambda one: one.foreign)
            kept[name].append(run)
    return kept


def _wait_for_quiet(most: float) -> None:
    deadline = time.monotonic() + most
    while time.monotonic() < deadline:
        meanwhile = Meanwhile()
        time.sleep(_LOOK)
        if meanwhile.cores() <= _NOISE:
            return


def peak_mb(pid: int | str = "self") -> float:
    """The most memory that a process ever had; ``getrusage`` would count what its parent had at the fork."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


def _say(name: str, number: int, run: Run) -> None:
    figures = ", ".join(f"{what} {figure:,.4g}" for what, figure in run.figures.items())
    print(f"{number + 1}. {name}: {figures} (others: {run.foreign:.2f} cores)", file=sys.stderr, flush=True)


def _machine_cpu() -> float:
    """CPU seconds that the whole machine has used."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    return sum(int(fields[place]) for place in (0, 1, 2, 5, 6)) / _TICKS


def cpu_of(pid: int) -> float:
    """0 for one that was waited for: ``os.times`` has it then."""
    return sum(map(int, _stat(pid)[11:13])) / _TICKS


def cpu_with_children(pid: int) -> float:
    """With those that it has waited for, and those that are there."""
    own = sum(map(int, _stat(pid)[11:15])) / _TICKS
    there = (int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit())
    return own + sum(cpu_of(one) for one in there if _stat(one)[1:2] == [str(pid)])


def _stat(pid: int) -> list[str]:
    """What stands behind the program's name; nothing for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
