"""The hooks work with every pluggy that the distribution allows."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_any_pluggy_from_1_5_on_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [one for one in project["dependencies"] if one.startswith("pluggy")] == ["pluggy>=1.5"]


@pytest.mark.soak
@pytest.mark.parametrize("which", ["pluggy==1.5.0", "pluggy==1.6.0", "pluggy"], ids=["1.5", "1.6", "newest"])
def test_the_tests_of_the_hooks_pass_with(tmp_path: Path, which: str) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "install", "--no-deps"]
    done = subprocess.run([*pip, "--target", tmp_path, which], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not soak", "tests/hooks"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
