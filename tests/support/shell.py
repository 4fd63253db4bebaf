"""What the docs tell people to type, tried in a folder."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.commands import Auzap, wait_until
from tests.support.house import ROOT, environment

__all__ = ["Shell"]

#: what needs more than words in a line
_SHELL = re.compile(r"[|&;<>*]")
_TO_FILE = re.compile(r"auzap (?P<arguments>[^|&;<>*]+) > (?P<file>[\w.]+)")
_SQLITE = """\
import csv, sqlite3, sys
*flags, file, statement = sys.argv[1:]
connection = sqlite3.connect(file, isolation_level=None)
found = connection.execute(statement)
rows = found.fetchall()
if "-header" in flags:
    rows.insert(0, [column[0] for column in found.description])
csv.writer(sys.stdout, delimiter="," if "-csv" in flags else "|", lineterminator="\\n").writerows(rows)
"""


class Shell:
    """Types commands: auzap's in this process, others in a real shell, where ``sqlite3`` is Python's.

    :param folder: where they are typed.
    :param bin: an empty folder for the commands that the shell finds.
    """

    def __init__(self, auzap: Auzap, folder: Path, bin_: Path) -> None:
        self._auzap = auzap
        self._folder = folder
        self._bin = bin_
        bin_.mkdir()
        (bin_ / "query.py").write_text(_SQLITE)
        for name, arguments in (
            ("auzap", "-m auzap"),
            ("python", ""),
            ("sqlite3", shlex.quote(str(bin_ / "query.py"))),
        ):
            command = bin_ / name
            command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n')
            command.chmod(0o755)

    def type(self, command: str) -> str:
        """What it prints; it must work."""
        to_file = _TO_FILE.fullmatch(command)
        if to_file is not None:
            printed = self._in_process(*shlex.split(to_file["arguments"]))
            (self._folder / to_file["file"]).write_text(printed, encoding="utf-8")
            return printed
        if _SHELL.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", command)):
            return self._run(command)
        match shlex.split(command):
            case ["auzap", "run", *arguments]:
                return self._in_process("run", *(one for one in arguments if one != "--drain"), "--drain")
            case ["auzap", "send", *arguments]:
                return self._in_process("send", "--wait", "0s", *arguments)  # nobody works here
            case ["auzap", "reload"]:
                return self._while_running("reload")
            case ["auzap", "plugins", "check", name]:  # takes its time; tests/cli has it
                return self._in_process("plugins", "show", name)
            case ["auzap", *arguments]:
                return self._in_process(*arguments)
            case ["make", target]:
                assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
            case ["pip", "install", "-e", "." | ".[test]"]:
                assert (self._folder / "pyproject.toml").is_file()
            case ["pip", "install", name]:
                assert importlib.metadata.version(name)
            case ["source", ".venv/bin/activate"]:
                pass
            case ["cd", name]:
                self._folder /= name
                os.chdir(self._folder)
            case ["python", script, *_] if (ROOT / script).is_file():
                return self._run(command.replace(script, shlex.quote(str(ROOT / script))))
            case ["python" | "sqlite3" | "mkdir", *_]:
                return self._run(command)
            case other:
                raise AssertionError(f"nobody tries {other}")
        return ""

    def _while_running(self, *arguments: str) -> str:
        """With `auzap run` beside it."""
        running = subprocess.Popen(
            [sys.executable, "-m", "auzap", "run"],
            cwd=self._folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: self._auzap.bare(*arguments).code == 0 or running.poll() is not None, within=90)
            return self._in_process(*arguments)
        finally:
            running.terminate()
            assert running.wait(timeout=30) == 0

    def _in_process(self, *arguments: str) -> str:
        ran = self._auzap.bare(*arguments)
        assert ran.code == 0, (arguments, ran)
        return ran.out

    def _run(self, command: str) -> str:
        env = environment()
        env["PATH"] = f"{self._bin}{os.pathsep}{env['PATH']}"
        done = subprocess.run(
            ["/bin/sh", "-ec", command], cwd=self._folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout
