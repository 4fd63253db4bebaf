"""A third party's day: from an environment with nothing but auzap to a plugin that answers, and back again."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.elsewhere import build_wheels, new_environment, output, pip, ran, running, wait_for
from tests.support.house import ROOT

#: what the template answers the customer of the demo channel
ANSWER = "Oi! 👋 Recebemos sua mensagem: "


class Day:
    """Somebody who types."""

    def __init__(self, commands: Path, folder: Path) -> None:
        self.folder = folder
        self._commands = commands

    def types(self, line: str) -> str:
        """:return: what it prints; there is nothing on standard error."""
        command, *arguments = shlex.split(line)
        return output(self._commands / command, *arguments, cwd=self.folder)

    def fails(self, line: str, *, code: int = 1) -> subprocess.CompletedProcess[str]:
        command, *arguments = shlex.split(line)
        done = ran(self._commands / command, *arguments, cwd=self.folder)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def pip(self, *arguments: str | Path) -> None:
        pip("--python", self._commands / "python", *arguments)

    def run_until(self, text: str) -> None:
        shown = self.folder / "shown.txt"
        with running(self._commands / "auzap", "run", cwd=self.folder, shown=shown) as worker:
            wait_for(worker, shown, (text,), seconds=60)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=30) == 0, shown.read_text(encoding="utf-8")


@pytest.fixture
def day(tmp_path: Path) -> Day:
    wheels = build_wheels(tmp_path / "wheels", ROOT)
    folder = tmp_path / "day"
    folder.mkdir()
    return Day(new_environment(tmp_path / "venv", *wheels.values()), folder)


def test_a_third_partys_day(day: Day) -> None:
    # in the morning there is no plugin at all
    assert json.loads(day.types("auzap plugins list --json"))["plugins"] == []

    # a plugin is begun, installed and tested
    assert "pip install -e '.[test]'" in day.types("auzap plugins new demo")
    day.pip("install", "--no-compile", f"{day.folder}/auzap-demo[test]")
    tested = day.types("python -m pytest -q -p no:cacheprovider auzap-demo")
    assert " passed" in tested

    # it is what its author says it is
    shown = json.loads(day.types("auzap plugins show demo --json"))
    assert (shown["distribution"], shown["version"], shown["hooks"]) == ("auzap-demo", "0.1.0", ["handle_message"])
    assert [option["name"] for option in shown["options"]] == ["greeting", "roles"]
    assert day.types("auzap plugins check demo").startswith("demo (auzap-demo 0.1.0): fine; used by: not known")

    # a business uses it, with one line of YAML
    day.types('auzap init --yes --name "Pet Shop Centro"')
    config = day.folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    assert text.count("\n    plugins: {}\n") == 1
    config.write_text(text.replace("\n    plugins: {}\n", "\n    plugins: {demo: {}}\n"), encoding="utf-8")
    assert "tenant pet-shop-centro: plugins in order: demo\n" in day.types("auzap check")
    assert "used by: pet-shop-centro\n" in day.types("auzap plugins show demo")

    # it answers
    day.run_until(ANSWER)

    # in the evening it is gone: what is missing is said, who misses it, and how it comes back
    day.pip("uninstall", "--yes", "auzap-demo")
    gone = day.fails("auzap check")
    assert "plugin 'demo': not installed" in gone.stderr
    assert "tenants.pet-shop-centro.plugins.demo" in gone.stderr
    assert "pip install auzap-demo" in gone.stderr
    assert "`pip install auzap-demo`" in day.fails("auzap plugins show demo", code=2).stderr
