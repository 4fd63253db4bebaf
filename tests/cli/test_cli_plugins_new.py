"""``auzap plugins new``: a package that installs and answers at once. A day with it: test_third_party_day.py."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from auzap.hooks.mistakes import mistakes_of
from tests.support.commands import Auzap
from tests.support.distributions import importable
from tests.support.hook_plugins import instance_of
from tests.support.house import ROOT

FILES = {
    "pyproject.toml",
    "README.md",
    ".gitignore",
    ".github/workflows/test.yaml",
    "auzap_fila_zoo/__init__.py",
    "auzap_fila_zoo/plugin.py",
    "auzap_fila_zoo/py.typed",
    "tests/test_fila_zoo.py",
}


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def project(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def test_it_writes_a_whole_package_into_a_folder_of_its_own(auzap: Auzap, tmp_path: Path) -> None:
    ran = auzap.bare("plugins", "new", "fila_zoo", "--dir", str(tmp_path / "made"), "--json")
    folder = tmp_path / "made" / "auzap-fila-zoo"
    assert ran.code == 0
    assert ran.json | {"written": sorted(ran.json["written"])} == {
        "folder": str(folder),
        "written": sorted(FILES),
        "plugin": "fila_zoo",
        "distribution": "auzap-fila-zoo",
        "package": "auzap_fila_zoo",
    }
    assert written(tmp_path) == {f"made/auzap-fila-zoo/{name}" for name in FILES}
    assert (project(folder)["name"], project(folder)["entry-points"]) == (
        "auzap-fila-zoo",
        {"auzap.plugins": {"fila_zoo": "auzap_fila_zoo:FilaZoo"}},
    )
    [job] = yaml.safe_load((folder / ".github/workflows/test.yaml").read_text())["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step][1:] == ["pytest", "auzap plugins check fila_zoo"]
    # as any other new folder
    (tmp_path / "plain").mkdir()
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("name", ["demo", "fila-de-espera", "message", "x"])
def test_what_it_wrote_is_a_plugin_without_mistakes(auzap: Auzap, tmp_path: Path, name: str) -> None:
    assert auzap.bare("plugins", "new", name, "--dir", str(tmp_path)).code == 0
    folder = tmp_path / f"auzap-{name}"
    [value] = project(folder)["entry-points"]["auzap.plugins"].values()
    package, _, cls = value.partition(":")
    assert "@" not in "".join(path.read_text() for path in folder.rglob("*.md"))
    with importable(folder):
        plugin = getattr(import_module(package), cls)
        assert mistakes_of(instance_of(plugin)) == []
    for command in (["check", "--select", "E,F,I,B,UP,RUF,ANN"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "120"]
        subprocess.run(ruff, cwd=folder, check=True, capture_output=True)


@pytest.mark.soak
def test_its_types_are_right(auzap: Auzap, tmp_path: Path) -> None:
    assert auzap.bare("plugins", "new", "demo", "--dir", str(tmp_path)).code == 0
    mypy = [sys.executable, "-m", "mypy", "--strict", "auzap_demo", "tests"]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    subprocess.run(mypy, cwd=tmp_path / "auzap-demo", env=environment, check=True)


def test_people_are_told_what_to_type_next(auzap: Auzap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = auzap.bare("plugins", "new", "demo").out.splitlines()
    assert lines[1:] == [
        "Install it, and run its tests:       cd auzap-demo && pip install -e '.[test]' && pytest",
        "Name it under a tenant's `plugins:`: demo: {}",
    ]


@pytest.mark.parametrize("made", ["file", "folder", "link"])
def test_it_never_overwrites(auzap: Auzap, tmp_path: Path, made: str) -> None:
    folder = tmp_path / "auzap-demo"
    if made == "file":
        folder.write_text("mine")
    elif made == "folder":
        folder.mkdir()
    else:
        folder.symlink_to(tmp_path / "nowhere")
    ran = auzap.bare("plugins", "new", "demo", "--dir", str(tmp_path))
    assert (ran.code, ran.out, ran.err) == (1, "", f"auzap: {folder} is there already: nothing was written\n")
    assert list(tmp_path.iterdir()) == [folder]
    assert made != "folder" or not list(folder.iterdir())


def test_what_cannot_be_written_leaves_nothing_behind(auzap: Auzap, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = auzap.bare("plugins", "new", "demo", "--dir", str(tmp_path / "file"))
    assert ran.code == 1
    assert ran.err.endswith("; nothing was written\n")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["Demo", "9lives", "a b", "../up", "demo_", "café", "true", "-x", "a" * 41, ""])
def test_a_name_that_is_none_is_told_in_one_line(auzap: Auzap, tmp_path: Path, name: str) -> None:
    ran = auzap.bare("plugins", "new", "--dir", str(tmp_path), "--", name)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "is no name for a plugin; write it like horario or fila_de_espera" in ran.err
    assert not list(tmp_path.iterdir())


def test_the_name_of_a_plugin_that_is_installed_is_refused(auzap: Auzap, tmp_path: Path) -> None:
    ran = auzap.bare("plugins", "new", "aurora", "--dir", str(tmp_path))
    assert ran.code == 1
    assert ran.err.startswith("auzap: plugin aurora is there already, from auzap-aurora ")
    assert not list(tmp_path.iterdir())
