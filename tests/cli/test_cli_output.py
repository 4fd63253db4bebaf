"""Tables, and how far a command is: for people on a terminal alone."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from auzap.cli.chat.screen import Screen
from auzap.cli.output import print_plain, print_table
from auzap.cli.progress import progress
from tests.support.commands import Auzap
from tests.support.house import House, environment, job, message
from tests.support.tty import on_a_terminal

#: seconds until progress is shown, in these tests
SOON = 0.05


@contextmanager
def terminal_as(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """A standard stream on a terminal; what it showed, once it is closed."""
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w", encoding="utf-8")
    monkeypatch.setattr(sys, name, stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")

    def shown() -> str:
        stream.close()
        text = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # nobody has the other side open any more
                return text.decode()
            if not part:
                return text.decode()
            text += part

    try:
        yield shown
    finally:
        monkeypatch.undo()
        stream.close()
        os.close(ours)


def test_plain_columns_are_aligned_and_nothing_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    print_plain(["Name", "What"], [("a", "x" * 300), ("longer", "y\n\x1b[2J")])
    assert capsys.readouterr().out == f"Name    What\na       {'x' * 300}\nlonger  y\\n\\x1b[2J\n"


def test_a_cell_of_a_table_cannot_move_the_cursor_or_be_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal_as("stdout", monkeypatch) as shown:
        print_table(["A"], [("[red]x[/] \x1b[2J :dog:",)])
        text = shown()
    assert "[red]x[/] \\x1b[2J :dog:" in text
    assert "\x1b[2J" not in text


def test_colours_can_be_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    for declined in ("", "1"):
        with terminal_as("stdout", monkeypatch) as shown:
            monkeypatch.setenv("NO_COLOR", declined)
            print_table(["A"], [("x",)])
            text = shown()
        assert ("\x1b[" in text) == (not declined)


# ------------------------------------------------------------------ progress


def test_progress_is_shown_when_it_takes_long_and_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal_as("stderr", monkeypatch) as shown:
        with progress("Counting sheep", total=10, patience=SOON) as advance:
            advance(3)
            time.sleep(SOON * 8)
            advance(4)
            print("a line meanwhile", file=sys.stderr)
            time.sleep(SOON * 8)
        text = shown()
    assert "Counting sheep" in text
    assert "3/10" in text
    assert "7/10" in text
    assert "a line meanwhile" in text
    assert text.endswith("\x1b[2K") or text.rstrip("\r\n").endswith("\x1b[2K")  # the line is wiped
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is back"


def test_progress_without_a_total_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal_as("stderr", monkeypatch) as shown:
        with progress("Reading jobs", patience=SOON) as advance:
            advance(1234)
            time.sleep(SOON * 8)
        text = shown()
    assert "Reading jobs" in text
    assert "1,234" in text


def test_what_is_done_soon_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal_as("stderr", monkeypatch) as shown:
        with progress("Counting sheep", total=10) as advance:
            advance(10)
        assert shown() == ""


def test_without_a_terminal_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress("Counting sheep", total=10, patience=0.0) as advance:
        advance(10)
        time.sleep(SOON)
    assert stream.getvalue() == ""


def test_what_fails_leaves_the_terminal_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal_as("stderr", monkeypatch) as shown:
        with pytest.raises(ValueError, match="no"), progress("Counting sheep", patience=SOON):  # noqa: PT012
            time.sleep(SOON * 8)
            raise ValueError("no")
        text = shown()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_many_jobs_are_counted_on_a_terminal_while_they_are_read(tmp_path: Path) -> None:
    house = House(tmp_path, "http://127.0.0.1:1")
    with on_a_terminal("enqueue", "-", "-c", str(house.path), folder=tmp_path, columns=80) as screen:
        screen.type(json.dumps(job(message("a"))) + "\n")
        screen.wait_for("Reading jobs")
        screen.type("no json\n")
        screen.wait_for("line 2: refused: no JSON")
        screen.type("\x04")
        assert screen.end() == 1
    assert '{"accepted": 1, "duplicates": 0, "refused": 1}' in screen.text


# ------------------------------------------------------------------ JSON


@pytest.mark.parametrize("command", ["queue stats", "dead list", "db upgrade", "check"])
def test_json_is_one_line_on_a_terminal_too(tmp_path: Path, command: str) -> None:
    house = House(tmp_path, "http://127.0.0.1:1")
    with on_a_terminal(*command.split(), "--json", "-c", str(house.path), folder=tmp_path, columns=80) as screen:
        assert screen.end() == 0
    # on a slow machine progress is shown too, on standard error, and taken away again
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.raw).replace("\r", "\n")
    lines = [line for line in shown.splitlines() if line.startswith(("{", "["))]
    assert len(lines) == 1
    json.loads(lines[0])
    assert lines[0] in screen.raw, "it is coloured"


def test_json_comes_without_a_table_also_when_there_is_nothing(house: House, auzap: Auzap) -> None:
    assert auzap("dead", "list", "--json").out == "[]\n"


def test_what_stands_behind_a_name_cannot_move_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in what ``/quem`` tells of a plugin that failed, with what a stranger wrote."""
    with terminal_as("stdout", monkeypatch) as shown:
        Screen([]).pairs([("reason", "a\x1bc")])
        assert "a�c" in shown()


# ------------------------------------------------------------------ where nobody takes it


def test_where_nobody_reads_on_a_command_ends_without_a_word(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = ended(tmp_path, "config", "schema", stdout=nobody)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = ended(tmp_path, "config", "schema", stdout=full)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_stream_that_was_closed_is_no_mistake(house: House) -> None:
    """And no database gets its place, where whatever is printed would be written into it."""
    script = 'exec <&- >&-; exec "$0" -m auzap queue stats'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], cwd=house.folder, env=environment(), stderr=subprocess.PIPE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def ended(folder: Path, *arguments: str, stdout: IO[bytes]) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "auzap", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), stdout=stdout, stderr=subprocess.PIPE, check=False)
