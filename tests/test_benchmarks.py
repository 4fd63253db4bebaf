"""The benchmarks run, whatever changes in what they measure; how fast anything is, `make bench` alone says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import platform, plot
from benchmarks.figures import Row, Run, Section, ratio, row, table, write
from benchmarks.machine import Often, in_turns
from benchmarks.peers.programs import MORE, PEERS
from benchmarks.platform_shop import Load
from tests.support.postgres import require_postgres
from tests.support.redis_server import require_redis

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "benchmarks" / "README.md"
TINY = (
    *("--runs", "1", "--repeats", "0", "--wait", "0"),
    *("--messages", "60", "--contacts", "20", "--concurrency", "5", "--seconds", "0.5"),
    *("--turns", "20", "--sizes", "30"),
    *("--jobs", "60", "--lanes", "20", "--tenants", "1", "2", "--workers", "2"),
    *("--rate", "40", "--shops", "3", "--swaps", "5", "--many", "200"),
)


def measured(*parts: str, page: Path) -> str:
    """What the benchmarks print of these parts."""
    page.write_bytes(PAGE.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *TINY, "--only", *parts, "--write", str(page)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in page.read_text(encoding="utf-8")
    return done.stdout


def test_the_pipeline_is_measured_and_the_page_gets_the_table(tmp_path: Path) -> None:
    told = measured("pipeline", page=tmp_path / "page.md")
    for what in ("Whole way, 5 at a time: 60 messages of 20 contacts", "auzap: messages/s", "bare aiohttp: posts/s"):
        assert what in told


@pytest.mark.soak
def test_every_other_part_measures(tmp_path: Path) -> None:
    told = measured("idle", "start", "growth", "platform", page=tmp_path / "page.md")
    for what in (
        "put by the worker's own process: p99 ms",
        "put by another process: p99 ms",
        "auzap run in a new folder: seconds",
        "30 messages stored: CPU s per 1,000",
        "30 others waiting: CPU s per 1,000",
        "swaps / nothing is saved, p99",
        "a neighbour exits / no neighbour, p99",
        "200 tenants - 1 tenant: seconds",
    ):
        assert what in told


def test_swaps_are_measured_and_nothing_is_lost() -> None:
    figures = platform.swapped(Load(rate=40, seconds=0.5, tenants=2), 5).figures
    assert figures["p99"] > 0
    assert figures["longest"] > 0
    assert figures["lost"] == figures["doubled"] == figures["of a wrong version"] == 0


def test_an_answer_by_a_version_that_did_not_hold_is_noticed() -> None:
    load = Load(rate=1, seconds=4, tenants=1)
    entered = {"shop": {0: 1.0, 7: 10.0}}

    def wrong(version: int, put: float, posted: float) -> int:
        return platform.Answers(load, {1: put}, [(1, version, posted)]).of_wrong_versions(entered)

    assert not wrong(0, 5.0, 6.0)
    assert not wrong(0, 9.9, 12.0), "taken before the swap, answered after it"
    assert not wrong(7, 9.0, 11.0), "put before the swap, taken after it"
    assert wrong(7, 8.0, 9.0), "not entered yet"
    assert wrong(0, 11.0, 12.0), "swapped before it came"
    assert wrong(3, 5.0, 6.0), "refused"


def test_the_pipeline_is_measured_on_servers(tmp_path: Path) -> None:
    require_redis()
    require_postgres()
    told = measured("servers", page=tmp_path / "page.md")
    for what in (
        "Redis and Postgres, 5 at a time: 60 messages of 20 contacts",
        "auzap with Redis and Postgres: CPU s per 1,000",
        "auzap: peak MB",
    ):
        assert what in told


@pytest.mark.soak
def test_every_other_part_on_servers_measures(tmp_path: Path) -> None:
    require_redis()
    require_postgres()
    told = measured("queue", "spread", page=tmp_path / "page.md")
    for what in (
        "auzap, Redis: jobs/s",
        "auzap, SQLite: jobs/s",
        "auzap: p99 ms",
        "30 messages stored: CPU s per 1,000",
        "30 others waiting: CPU s per 1,000",
        "2 tenants / 1 tenants, CPU",
        "2 workers: CPU s per 1,000",
    ):
        assert what in told


def test_ratios_are_drawn_as_bars(tmp_path: Path) -> None:
    rows = [
        Row("auzap / npm bullmq, jobs/s", [1.0, 3.0, 2.0], 2, unit=" ×"),
        Row("npm bullmq / auzap, CPU", [1.0, 3.0, 2.0], 2, unit=" ×"),
        Row("auzap: jobs/s", [100.0], 0),
    ]
    bars = plot.plotted([Section("Queue, 50 at a time: 20 jobs", rows)])
    assert bars == [("auzap / npm bullmq — Queue, 50 at a time", [1.0, 3.0, 2.0])]
    plot.draw(bars, tmp_path / "ratios.svg")
    drawn = ElementTree.parse(tmp_path / "ratios.svg").getroot()
    assert any(one.text == "2.00 ×" for one in drawn.iter())


def test_the_peers_are_exact_versions_and_their_programs_are_there() -> None:
    folder = ROOT / "benchmarks" / "peers"
    for name in ("requirements.txt", "requirements-more.txt"):
        pins = (folder / name).read_text(encoding="ascii").split()
        assert all(pin.count("==") == 1 and "/" not in pin for pin in pins)
    node = json.loads((folder / "package.json").read_text(encoding="ascii"))["dependencies"]
    assert all(version.replace(".", "").isdigit() for version in node.values())
    assert all(list(folder.glob(f"{one.file}.*")) for one in (*PEERS, *MORE))


def test_where_more_peers_are_not_installed_it_is_told_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", "more", "--peers", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"No arq and rq in {tmp_path}: python -m benchmarks.peers install --more\n"


def test_a_ratio_is_of_the_same_round() -> None:
    ours = [Run({"rate": rate}, 0.1) for rate in (20.0, 40.0, 90.0)]
    theirs = [Run({"rate": rate}, 0.2) for rate in (10.0, 10.0, 30.0)]
    assert ratio("ours / theirs", ours, theirs, "rate").cells == ("ours / theirs", "2.00 ×", "3.00 ×", "4.00 ×", "")
    assert row("ours", ours, "rate").cells == ("ours", "20", "40", "90", "0.10")


def test_a_run_during_which_others_did_too_much_is_repeated_and_the_quieter_one_counts() -> None:
    noisy, quieter, quiet = Run({"rate": 1}, 1.5), Run({"rate": 2}, 0.9), Run({"rate": 3}, 0.1)
    ours = iter([noisy, quieter, noisy, quiet])
    turns: list[str] = []

    def once(name: str, run: Run) -> Run:
        turns.append(name)
        return run

    contenders = {"ours": lambda: once("ours", next(ours)), "theirs": lambda: once("theirs", quiet)}
    got = in_turns(contenders, Often(runs=2, repeats=2))
    assert got == {"ours": [quieter, quiet], "theirs": [quiet, quiet]}
    assert turns == ["ours", "ours", "ours", "theirs", "ours", "theirs"]


def test_only_what_stands_between_the_marks_of_a_page_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_bytes(PAGE.read_bytes())
    text = table([Section("One", [Row("rate", [1.0, 3.0, 2.0], 1)])])
    write(text, page)
    once = page.read_text(encoding="utf-8")
    assert "| rate    |     1.0 |    2.0 |     3.0 |        |" in once
    write(text, page)
    assert page.read_text(encoding="utf-8") == once
    before, _, _ = PAGE.read_text(encoding="utf-8").partition("<!-- table")
    assert once.startswith(before)


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md has no"):
        write("table", page)
    assert page.read_text(encoding="utf-8") == "nothing"
