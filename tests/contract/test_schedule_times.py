"""When methods are due that are marked with ``every`` and ``daily``."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auzap.contract.schedules import Schedule, daily, every, schedules_of

MINUTE = timedelta(minutes=1)
ZONES = [
    "America/Sao_Paulo",
    "America/New_York",
    "America/Nuuk",  # the hour before midnight is left out, or comes twice
    "America/Santiago",  # the one after midnight
    "Pacific/Apia",  # left out a whole day
    "Australia/Lord_Howe",  # changes by half an hour
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Europe/London",
    "UTC",
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(text: str) -> Schedule:
    return Schedule(at=time.fromisoformat(text))


moments = st.integers(1_200_000_000, 2_140_000_000).map(lambda at: datetime.fromtimestamp(at + 0.25, UTC))
seconds = st.one_of(st.floats(1, 1e7), st.sampled_from([1.0, 1.1, 60.0, 3600.0, 86400.0, 604800.0, 100 * 365.25e5]))
times = st.times().map(lambda one: one.replace(second=0, microsecond=0))


@settings(deadline=None)
@given(moments, seconds)
@example(utc("2026-11-22T12:00:00"), 3600.0)
@example(utc("2026-11-22T12:00:00.000001"), 1.1)
def test_every_falls_on_multiples_and_is_always_later(after: datetime, seconds: float) -> None:
    schedule = Schedule(seconds=seconds)
    due = schedule.next(after, "America/Sao_Paulo")
    assert after < due <= after + timedelta(seconds=seconds, microseconds=2)
    assert due.utcoffset() == timedelta(0)
    again = schedule.next(due, "America/Sao_Paulo")
    assert abs((again - due).total_seconds() - seconds) < 2e-6
    # whoever asks at any time between gets the same: a restart moves nothing
    assert schedule.next(due - timedelta(seconds=seconds / 2), "UTC") == due


def test_every_hour_is_on_the_hour_also_when_the_clocks_change() -> None:
    due, times = utc("2026-11-01T04:30:00"), []
    for _ in range(4):
        due = Schedule(seconds=3600.0).next(due, "America/New_York")
        times.append(f"{due.astimezone(ZoneInfo('America/New_York')):%H:%M%z}")
    assert times == ["01:00-0400", "01:00-0500", "02:00-0500", "03:00-0500"]


@settings(deadline=None)
@given(moments, times, st.sampled_from(ZONES))
@example(utc("2025-03-30T00:30:00"), time(23, 30), "America/Nuuk")
@example(utc("2011-12-30T09:59:00"), time(8, 0), "Pacific/Apia")
def test_daily_is_later_and_once_a_day(after: datetime, at: time, zone: str) -> None:
    schedule = Schedule(at=at)
    due = schedule.next(after, zone)
    assert after < due <= after + timedelta(hours=25)
    assert due.utcoffset() == timedelta(0)
    again = schedule.next(due, zone)
    assert timedelta(hours=22) <= again - due <= timedelta(hours=26)
    # whoever asks at any time between gets the same
    for part in (0.0, 0.3, 0.999):
        assert schedule.next(due + (again - due) * part, zone) == again
    local = due.astimezone(ZoneInfo(zone))
    if local.time() != at:  # a change of the clocks leaves it out
        before = (due - timedelta(hours=3)).astimezone(ZoneInfo(zone)).utcoffset()
        assert before is not None
        assert (due + before).time() == at
    assert local.fold == 0, "the second of two"


@pytest.mark.parametrize(
    ("zone", "schedule", "after", "due"),
    [
        # an ordinary day, to the second
        ("America/Sao_Paulo", at("08:00"), "2026-11-22T10:59:59.999999", "2026-11-22T11:00:00"),
        ("America/Sao_Paulo", at("08:00"), "2026-11-22T11:00:00", "2026-11-23T11:00:00"),
        # left out: an hour later
        ("America/New_York", at("02:30"), "2026-03-08T00:00:00", "2026-03-08T07:30:00"),
        ("America/New_York", at("02:30"), "2026-03-08T07:30:00", "2026-03-09T06:30:00"),
        # twice: the first, and not again
        ("America/New_York", at("01:30"), "2026-11-01T00:00:00", "2026-11-01T05:30:00"),
        ("America/New_York", at("01:30"), "2026-11-01T05:30:00", "2026-11-02T06:30:00"),
        ("America/New_York", at("01:30"), "2026-11-01T06:00:00", "2026-11-02T06:30:00"),
        # left out before midnight: it comes after it, on the next day, which has its own too
        ("America/Nuuk", at("23:30"), "2025-03-30T01:10:00", "2025-03-30T01:30:00"),
        ("America/Nuuk", at("23:30"), "2025-03-30T01:30:00", "2025-03-31T00:30:00"),
        # left out with midnight itself
        ("America/Santiago", at("00:15"), "2026-09-06T03:00:00", "2026-09-06T04:15:00"),
        # the day that Samoa left out
        ("Pacific/Apia", at("08:00"), "2011-12-29T18:00:00", "2011-12-30T18:00:00"),
        ("Pacific/Apia", at("08:00"), "2011-12-30T18:00:00", "2011-12-31T18:00:00"),
        # whatever zone the time is told in
        ("Asia/Tokyo", at("00:00"), "2026-11-22T14:59:59", "2026-11-22T15:00:00"),
    ],
)
def test_a_time_of_day_across_changes_of_the_clocks(zone: str, schedule: Schedule, after: str, due: str) -> None:
    assert schedule.next(utc(after), zone) == utc(due)
    assert schedule.next(utc(after).astimezone(ZoneInfo("Asia/Kathmandu")), zone) == utc(due)


def test_over_a_year_there_is_one_run_for_each_day() -> None:
    for zone in ZONES:
        due, end, runs = utc("2026-01-01T00:00:00"), utc("2027-01-01T00:00:00"), 0
        while (due := at("02:30").next(due, zone)) < end:
            runs += 1
        assert runs == 365, zone


def test_the_rule_says_what_it_depends_on() -> None:
    assert Schedule(seconds=5400.0).rule("America/Sao_Paulo") == Schedule(seconds=5400.0).rule("UTC") == "90m"
    assert at("08:00").rule("America/Sao_Paulo") == "08:00:00 America/Sao_Paulo"


# ------------------------------------------------------------------ the marks


class Base:
    @every("15m")
    async def often(self) -> None: ...

    @daily("08:00")
    async def report(self) -> None: ...

    @daily("09:00")
    async def never_mind(self) -> None: ...


class Derived(Base):
    @daily("20:00")
    async def report(self) -> None: ...

    async def never_mind(self) -> None: ...

    @property
    def expensive(self) -> None:
        raise AssertionError("nothing of the plugin's is run")


def test_marked_methods_are_found_also_inherited_ones() -> None:
    assert schedules_of(Base) == {
        "often": Schedule(seconds=900.0),
        "report": at("08:00"),
        "never_mind": at("09:00"),
    }
    assert schedules_of(Derived) == {"often": Schedule(seconds=900.0), "report": at("20:00")}


@pytest.mark.parametrize("text", ["", "8:00", "24:00", "08:60", "08:00:00", "8am", "08h00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="should be a time of day, such as 08:00"):
        daily(text)


@pytest.mark.parametrize("text", ["", "15", "15 min", "500ms", "0s", "200000d", "nan"])
def test_what_is_no_duration_or_too_short_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|a second is the shortest|hundred years"):
        every(text)


def test_a_bare_number_is_refused() -> None:
    with pytest.raises(ValueError, match="should be a duration in quotes"):
        every(15)  # type: ignore[arg-type]


def test_only_an_async_method_without_arguments_can_be_marked() -> None:
    def plain(self: object) -> None: ...

    async def greedy(self: object, when: datetime) -> None: ...

    async def selfless() -> None: ...

    wrong: list[Any] = [plain, greedy, selfless, classmethod(greedy), staticmethod(selfless), 7]
    for one in wrong:
        with pytest.raises(TypeError, match="written with async def, and take self alone"):
            every("1h")(one)
