"""What plugins do by the clock: each method once among all workers, when it is due."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio
import pytest
from structlog.testing import capture_logs

from auzap.registry import Registry
from auzap.worker.serve import serve
from auzap.worker.watchdog import EXIT_BLOCKED
from tests.support import clockwork as script
from tests.support.clockwork import Clockwork, Part
from tests.support.gateway import Gateway
from tests.support.house import job, message
from tests.support.services import Ahead
from tests.support.workers import begun, ended, until, working

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def tell() -> Ahead:
    clock = Ahead()
    clock.set(NOON)
    return clock


@asynccontextmanager
async def running(part: Part) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(part.schedules.run)
        yield
        tasks.cancel_scope.cancel()


async def test_a_method_runs_when_it_is_due_and_not_before(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"hourly": 'every("1h")', "midday": 'daily("11:00")'})
    async with place.part(tell=tell) as part:
        await part.schedules.run_due()
        assert place.ran() == []
        for _ in range(4):
            tell.by += HOUR
            await part.schedules.run_due()
    assert place.ran() == [
        "shop hourly 2026-11-22T10:00-0300",
        "shop hourly 2026-11-22T11:00-0300",
        "shop midday 2026-11-22T11:00-0300",
        "shop hourly 2026-11-22T12:00-0300",
        "shop hourly 2026-11-22T13:00-0300",
    ]


async def test_what_was_due_while_no_worker_was_there_runs_once(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'})
    async with place.part(tell=tell) as part:
        await part.schedules.run_due()
    tell.by += 9 * HOUR
    for _ in range(2):
        async with place.part(tell=tell) as part:
            await part.schedules.run_due()
    assert len(place.ran()) == 1
    assert place.rows()[0]["due_at"].startswith("2026-11-22 22:00:00")


async def test_of_two_workers_one_runs_it(tmp_path: Path, tell: Ahead) -> None:
    tenants = [f"t{number}" for number in range(12)]
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'}, tenants=tenants, options={"seconds": 0.002})
    async with place.part(tell=tell) as one, place.part(tell=tell) as other, place.part(tell=tell) as third:
        for part in (one, other, third):
            await part.schedules.ensure()
        tell.by += HOUR
        async with anyio.create_task_group() as tasks:
            for part in (one, other, third):
                tasks.start_soon(part.schedules.run_due)
    assert sorted(line.split()[0] for line in place.ran("begin")) == sorted(tenants)


@pytest.mark.parametrize(
    ("zone", "at", "begin", "days", "times"),
    [
        # an hour is left out: the time comes an hour later, on that day alone
        (
            "America/New_York",
            "02:30",
            datetime(2026, 3, 7, 12, tzinfo=UTC),
            3,
            ["2026-03-08T03:30-0400", "2026-03-09T02:30-0400", "2026-03-10T02:30-0400"],
        ),
        # an hour comes twice: the first one counts
        (
            "America/New_York",
            "01:30",
            datetime(2026, 10, 31, 12, tzinfo=UTC),
            3,
            ["2026-11-01T01:30-0400", "2026-11-02T01:30-0500", "2026-11-03T01:30-0500"],
        ),
    ],
)
async def test_a_time_of_day_is_the_tenants_across_a_change_of_the_clocks(
    tmp_path: Path, zone: str, at: str, begin: datetime, days: int, times: list[str]
) -> None:
    place = Clockwork(tmp_path, {"report": f'daily("{at}")'}, tenant={"timezone": zone})
    tell = Ahead()
    tell.set(begin)
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        for _ in range(days * 24 * 2):
            tell.by += HOUR / 2
            await part.schedules.run_due()
    assert [line.split()[2] for line in place.ran()] == times


async def test_a_run_that_fails_is_told_and_not_repeated_before_its_next_time(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'}, options={"error": "sem rede"})
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        tell.by += HOUR
        with capture_logs() as lines:
            await part.schedules.run_due()
            await part.schedules.run_due()
        (row,) = place.rows()
        assert row["error"].startswith("raised ValueError: sem rede (")
        assert (row["due_at"][:13], row["claimed_until"]) == ("2026-11-22 14", None)
        (line,) = [line for line in lines if line["event"] == "Scheduled run failed"]
        assert (line["organization_id"], line["plugin"], line["method"]) == ("shop", "clockwork", "hourly")
        assert line["error"] == row["error"]
        tell.by += HOUR
        await part.schedules.run_due()
    assert len(place.ran("begin")) == 2


async def test_a_run_that_hangs_is_ended_at_its_deadline(tmp_path: Path, tell: Ahead) -> None:
    options = {"seconds": 60, "timeouts": {"hourly": "50ms"}}
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'}, options=options)
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        tell.by += HOUR
        await part.schedules.run_due()
    assert place.rows()[0]["error"] == "no answer within 0.05 s"


async def test_a_claim_lasts_as_long_as_the_deadline_does(tmp_path: Path, tell: Ahead) -> None:
    """Of a plugin that may take longer than the others."""
    options = {"seconds": 60, "timeout": "1h"}
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'}, options=options)
    async with place.part(tell=tell) as part, anyio.create_task_group() as tasks:
        await part.schedules.ensure()
        tell.by += HOUR
        tasks.start_soon(part.schedules.run_due)
        await until(lambda: len(place.ran("begin")) == 1)
        assert place.rows()[0]["claimed_until"] > "2026-11-22 14:00:30"
        tasks.cancel_scope.cancel()


async def test_a_method_that_keeps_failing_is_left_alone_for_a_while_and_only_the_method(tmp_path: Path) -> None:
    tell = Ahead()
    soon = f"{tell().astimezone(ZoneInfo('America/Sao_Paulo')) + HOUR / 2:%H:%M}"
    options = {"error": "x", "breaker": {"failures": 2, "pause": "2h"}}
    place = Clockwork(tmp_path, {"often": 'every("1m")', "seldom": f'daily("{soon}")'}, options=options)
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        for _ in range(10):
            tell.by += timedelta(minutes=1)
            await part.schedules.run_due()
        assert [line.split()[1] for line in place.ran("begin")] == ["often", "often"]
        tell.by += HOUR / 2
        await part.schedules.run_due()
    assert [line.split()[1] for line in place.ran("begin")] == ["often", "often", "seldom"]


async def test_four_run_at_a_time_and_one_of_a_tenant(tmp_path: Path, tell: Ahead) -> None:
    tenants = [f"t{number}" for number in range(6)]
    methods = {"one": 'every("1h")', "two": 'every("1h")'}
    place = Clockwork(tmp_path, methods, tenants=tenants, options={"seconds": 0.03})
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        tell.by += HOUR
        await part.schedules.run_due()
    under_way: list[str] = []
    most = 0
    for line in place.book.read_text().splitlines():
        what, tenant, _, _ = line.split()
        if what == "begin":
            assert tenant not in under_way
            under_way.append(tenant)
        else:
            under_way.remove(tenant)
        most = max(most, len(under_way))
    assert (len(place.ran()), most) == (12, 4)


async def test_a_tenant_that_is_broken_costs_the_others_nothing_and_runs_when_it_is_mended(
    tmp_path: Path, tell: Ahead
) -> None:
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'}, tenants=("good", "bad"))
    whole = place.house.document["tenants"]["bad"]
    place.house.document["tenants"]["bad"] = {**whole, "plugins": {**whole["plugins"], "nowhere": {}}}
    place.house.write()
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        tell.by += HOUR
        await part.schedules.run_due()
        assert [line.split()[0] for line in place.ran()] == ["good"]
        place.house.document["tenants"]["bad"] = whole
        place.house.write()
        part.tenants.switch(place.config)
        tell.by += timedelta(minutes=10)
        await part.schedules.run_due()
    assert [line.split()[0] for line in place.ran()] == ["good", "bad"]


# ------------------------------------------------------------------ another configuration


async def test_what_a_swap_brings_is_noted_and_what_it_takes_away_is_forgotten(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'}, tenants=("a", "b"))
    async with place.part(tell=tell, note_again=0.0) as part, running(part):
        await until(lambda: len(place.rows()) == 2)
        place.house.document["tenants"]["c"] = place.house.document["tenants"].pop("a")
        place.house.write()
        part.tenants.switch(place.config)
        part.tenants.announce()
        await until(lambda: len(place.rows()) == 3)
        tell.by += HOUR
        await until(lambda: [row["organization_id"] for row in place.rows()] == ["b", "c"])
        await until(lambda: len(place.ran()) == 2)
    assert sorted(line.split()[0] for line in place.ran()) == ["b", "c"]


async def test_what_this_worker_knows_nothing_of_is_left_to_others_for_a_while(tmp_path: Path, tell: Ahead) -> None:
    """Their configuration may be newer."""
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'})
    async with place.part(tell=tell) as older:
        place.change(plugins={"clockwork": place.options(), "other": place.options(use="clockwork")})
        async with place.part(tell=tell) as newer:
            await newer.schedules.ensure()
            tell.by += HOUR
            await older.schedules.run_due()
            assert [(row["plugin"], row["last_ran_at"] is None) for row in place.rows()] == [
                ("clockwork", False),
                ("other", True),
            ]
            tell.by += timedelta(minutes=2)
            await newer.schedules.run_due()
    assert len(place.ran()) == 2


async def test_a_suspended_tenant_is_passed_over_until_its_next_time_after(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"morning": 'daily("10:00")'})
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        part.tenants.switch(place.change(suspended=True))
        tell.by += 30 * 24 * HOUR
        await part.schedules.run_due()
        part.tenants.switch(place.change(suspended=False))
        await part.schedules.run_due()
        assert place.ran() == []
        tell.by += 24 * HOUR
        await part.schedules.run_due()
    assert [line.split()[2] for line in place.ran()] == ["2026-12-23T09:00-0300"]


async def test_another_rule_and_another_time_zone_count_at_once(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"report": 'daily("08:00")'})
    place.write({"report": 'daily("20:00")'}, "late")
    due = []
    for change in (
        {"plugins": {"reports": place.options(use="clockwork")}},
        {"plugins": {"reports": place.options(use="late")}},
        {"timezone": "America/Manaus"},
    ):
        place.change(**change)
        async with place.part(tell=tell) as part:
            await part.schedules.ensure()
        due.append(place.rows()[0]["due_at"][5:16])
    assert due == ["11-23 11:00", "11-22 23:00", "11-23 00:00"]


# ------------------------------------------------------------------ workers that end


async def test_what_is_cancelled_is_given_back_at_once(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'}, options={"seconds": 60})
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        tell.by += HOUR
        async with running(part):
            await until(lambda: len(place.ran("begin")) == 1)
        (row,) = place.rows()
    assert (row["due_at"][:19], row["claimed_until"], row["lost"]) == ("2026-11-22 13:00:00", None, 0)


async def test_a_worker_that_drains_begins_nothing_more_and_finishes_what_runs(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'}, tenants=[*"abcdef"], options={"seconds": 0.05})
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        tell.by += HOUR
        async with running(part):
            await until(lambda: len(place.ran("begin")) == 4)
            await part.schedules.drain()
            assert len(place.ran("begin")) == len(place.ran()) == 4


async def test_a_run_whose_worker_was_killed_is_run_by_another_when_its_claim_has_ended(tmp_path: Path) -> None:
    place = Clockwork(tmp_path, {"often": 'every("1s")'}, options={"seconds": 0.3}, worker={"timeout": "500ms"})
    async with place.part():
        pass  # the tables are there
    doomed = place.house.start("0.2", script=Path(script.__file__))
    with working(doomed):
        await until(lambda: len(place.ran("begin")) == 1, what="a run to begin")
        began = time.monotonic()
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    assert place.ran() == []
    async with place.part() as part, running(part):
        await until(lambda: len(place.ran("begin")) == 2, what="another worker to run it")
        assert time.monotonic() - began > 0.5, "it was claimed still"
        assert place.rows()[0]["lost"] == 1
        await until(lambda: len(place.ran()) == 1)
        await until(lambda: place.rows()[0]["lost"] == 0)
    assert doomed.returncode == -signal.SIGKILL


async def test_a_run_that_kills_its_workers_is_given_up_until_its_next_time(tmp_path: Path, tell: Ahead) -> None:
    place = Clockwork(tmp_path, {"hourly": 'every("1h")'})
    async with place.part(tell=tell) as part:
        await part.schedules.ensure()
        tell.by += HOUR
        for _ in range(3):
            (claimed,) = await part.store.claim_runs(tell(), until=tell(), limit=9)
        assert claimed.lost == 2
        await part.schedules.run_due()
        (row,) = place.rows()
        assert (row["error"], row["due_at"][:13]) == ("given up: 3 workers died over it", "2026-11-22 14")
        assert place.ran() == []
        tell.by += HOUR
        await part.schedules.run_due()
    assert len(place.ran()) == 1


# ------------------------------------------------------------------ in a whole worker


async def test_what_a_method_sends_leaves_once_however_often_it_runs(tmp_path: Path) -> None:
    async with Gateway() as gateway:
        options = {"say": "Bom dia!"}
        place = Clockwork(tmp_path, {"often": 'every("1s")'}, options=options, gateway=gateway.url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(serve, place.config, registry=Registry(place.plugins)))
            await until(lambda: len(place.ran()) >= 2 and len(gateway.accepted) > 0)
            tasks.cancel_scope.cancel()
        assert [post.text for post in gateway.accepted] == ["Bom dia!"]
    version = place.config.tenants["shop"].version
    assert place.house.rows("SELECT config_version, turn_id FROM auzap_outbox") == [
        {"config_version": version, "turn_id": None}
    ]


@pytest.mark.soak
async def test_a_method_that_blocks_the_loop_is_named_and_no_turn_is_blamed(tmp_path: Path) -> None:
    async with Gateway() as gateway:
        mark, options = {"often": 'every("5s")'}, {"block": 600}
        place = Clockwork(tmp_path, mark, options=options, gateway=gateway.url, worker={"timeout": "60s"})
        house = place.house
        await house.put(job(message("!gate")))
        worker = house.start("1.2", "whole", script=Path(script.__file__))
        with working(worker):
            await until(begun(house, 1))
            assert await ended(worker) == EXIT_BLOCKED
    (last,) = [line for line in house.log() if "ending the process" in line["event"]]
    assert (last["plugin"], last["hook"]) == ("clockwork", "often")
    assert house.queued("SELECT lost_leases, attempts FROM envelopes") == [{"lost_leases": 0, "attempts": 0}]


# ------------------------------------------------------------------ the price


@pytest.mark.soak
async def test_ten_thousand_tenants_with_a_schedule_each_cost_little(tmp_path: Path, tell: Ahead) -> None:
    tenants = [f"t{number:05}" for number in range(10_000)]
    place = Clockwork(tmp_path, {"report": 'daily("08:00")'}, tenants=tenants)
    place.house.path.write_text(json.dumps(place.house.document))
    async with place.part(tell=tell) as part:
        began = time.monotonic()
        await part.schedules.ensure()
        first, began = time.monotonic() - began, time.monotonic()
        await part.schedules.ensure()
        again = time.monotonic() - began
    assert len(place.rows()) == 10_000
    print(f"noted in {first:.2f} s, looked at again in {again:.2f} s")
    assert first < 3.0
    assert again < 1.0
