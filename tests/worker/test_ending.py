"""The last resort: a process that does not end by itself is ended, and what it held is given back before."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

STUCK = """
import time
from pathlib import Path
from auzap.logs import configure
from auzap.model.errors import QueueUnavailable
from auzap.worker.ending import end_after

configure(json=True)

def give_back():
    Path("given-back").touch()
    if {away}:
        raise QueueUnavailable("locked")

end_after({seconds}, give_back, lambda: ["trouble"])
time.sleep({work})
"""


def run(folder: Path, **more: object) -> subprocess.CompletedProcess[str]:
    script = STUCK.format(**{"away": False, "seconds": 0.2, "work": 600, **more})
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("away", [False, True])
def test_a_process_that_does_not_end_is_ended(tmp_path: Path, away: bool) -> None:
    done = run(tmp_path, away=away)
    assert done.returncode == 0
    assert (tmp_path / "given-back").exists()
    assert '"Ended by force: something does not end by itself"' in done.stderr
    assert '["trouble"]' in done.stderr
    assert ("Leases not given back" in done.stderr) == away


def test_one_that_ends_by_itself_is_not_kept(tmp_path: Path) -> None:
    began = time.monotonic()
    done = run(tmp_path, seconds=60, work=0)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < 30
    assert not (tmp_path / "given-back").exists()
