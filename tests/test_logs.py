from __future__ import annotations

import io
import json
import logging
import os
import pty
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from auzap.logs import configure, get_logger, mask

PHONE = "5511900000010"
MASKED = "5511*******10"
JID = f"{PHONE}@s.whatsapp.net"

log = get_logger("auzap.test")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(write: Callable[[], object], **options: Any) -> list[dict[str, Any]]:
    """What ``write`` logs, as JSON."""
    stream = io.StringIO()
    configure(stream=stream, **options)
    write()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def text(write: Callable[[], object], **options: Any) -> str:
    """What ``write`` logs, as people read it, without colour."""
    stream = io.StringIO()
    configure(stream=stream, json=False, colour=False, **options)
    write()
    return stream.getvalue()


def one(**values: Any) -> dict[str, Any]:
    [line] = lines(lambda: log.info("event", **values))
    return line


# ------------------------------------------------------------------ the short way

_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.sampled_from([PHONE, JID, f"shop/main/{JID}", "+55 11 9000"])
)
_FIELDS = st.dictionaries(st.sampled_from(["job_id", "lane", "phone", "role", "text", "organization_id"]), _VALUES)


@given(event=st.text(), fields=_FIELDS, process=st.sampled_from([None, 2]))
def test_the_short_way_writes_what_the_long_way_does(event: str, fields: dict[str, Any], process: int | None) -> None:
    def write() -> None:
        log.info(event, **fields)
        structlog.get_logger(logger_name="auzap.test").info(event, **fields)

    stream = io.StringIO()
    configure(stream=stream, process=process)
    write()
    short, long = ["{" + line.partition(", ")[2] for line in stream.getvalue().splitlines()]
    assert short == long


# ------------------------------------------------------------------ forms


def test_json_where_there_is_no_terminal() -> None:
    [line] = lines(lambda: log.info("Processing message", job_id="j1", attempt=1))
    assert list(line) == ["timestamp", "level", "event", "logger", "job_id", "attempt"]
    assert line | {"timestamp": ""} == {
        "timestamp": "",
        "level": "info",
        "event": "Processing message",
        "logger": "auzap.test",
        "job_id": "j1",
        "attempt": 1,
    }


def on_terminal(**options: Any) -> str:
    """What reaches the other end of a pseudo-terminal."""
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
            configure(stream=terminal, **options)
            log.warning("Instance unreachable, paused", instance_id="main")
            logging.getLogger("some.plugin").error("olá %s", "mundo")
            shown = b""
            while b"mundo" not in shown:
                shown += os.read(ours, 65536)
            return shown.decode()
    finally:
        os.close(ours)


def test_colour_on_a_terminal() -> None:
    shown = on_terminal(colour=None)
    assert "\x1b[" in shown
    assert "Instance unreachable, paused" in shown
    assert "olá mundo" in shown
    assert not shown.startswith("{")


def test_no_colour_and_json_on_a_terminal_when_asked_for() -> None:
    assert "\x1b[" not in on_terminal(colour=False)
    assert on_terminal(json=True).startswith("{")


def test_people_see_a_short_time_the_level_and_no_name_of_a_module_of_ours() -> None:
    shown = text(lambda: log.info("Worker started", concurrency=5))
    assert "[info     ] Worker started" in shown
    assert "concurrency=5" in shown
    assert "auzap.test" not in shown
    assert len(shown.split(" ")[0]) == len("15:04:05")


def test_control_characters_do_not_reach_the_terminal() -> None:
    shown = text(lambda: log.info("a\x1b[31mb\nc", name="x\x1b]0;y\x07"))
    assert "\x1b" not in shown
    assert shown.count("\n") == 1


def test_records_of_logging_come_out_the_same_way() -> None:
    def write() -> None:
        logging.getLogger("some.plugin").warning("to %s", JID, extra={"tries": 2})

    [line] = lines(write)
    assert line | {"timestamp": ""} == {
        "timestamp": "",
        "level": "warning",
        "event": f"to {MASKED}@s.whatsapp.net",
        "logger": "some.plugin",
        "tries": 2,
    }


def test_chatty_libraries_are_heard_at_debug_only() -> None:
    def write() -> None:
        logging.getLogger("httpx").info("HTTP Request")
        logging.getLogger("alembic.runtime.migration").info("Context impl")
        logging.getLogger("httpx").warning("odd")

    assert [line["event"] for line in lines(write)] == ["odd"]
    assert len(lines(write, level="debug")) == 3


def test_what_is_below_the_level_is_not_written() -> None:
    def write() -> None:
        log.debug("no")
        log.info("no")
        logging.getLogger("some.plugin").info("no")
        log.warning("yes")

    assert [line["event"] for line in lines(write, level="warning")] == ["yes"]


def test_it_may_be_set_up_again_for_loggers_that_are_there() -> None:
    assert len(lines(lambda: log.info("one"))) == 1
    assert [line["event"] for line in lines(lambda: logging.getLogger("x").info("two"))] == ["two"]


def test_a_bound_logger_keeps_its_values() -> None:
    [line] = lines(lambda: get_logger("auzap.plugin").bind(organization_id="abc123", plugin="faq").info("Hi", n=1))
    assert (line["organization_id"], line["plugin"], line["n"]) == ("abc123", "faq", 1)


def test_names_of_ours_cannot_be_taken() -> None:
    assert one(level="gold", timestamp=0)["level"] == "info"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), "nan"),
        (True, True),
        (None, None),
        (Path("data/auzap.db"), "data/auzap.db"),
        (ValueError("two\nlines"), "ValueError: two lines"),
        ({1: {"a": (1, 2)}}, {"1": {"a": [1, 2]}}),
        ("\ud800", "\ud800"),
        (10**400, 10**400),
    ],
)
def test_any_value_can_be_written(value: object, written: object) -> None:
    assert one(value=value)["value"] == written


class Unwritable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_what_cannot_be_written_does_not_fail_the_line() -> None:
    assert one(value=Unwritable())["value"] == "Unwritable: (cannot be written)"
    [line] = lines(lambda: log.error("Failed", exc_info=Unwritable()))
    assert line["exc"] == "Unwritable: (cannot be written)"


def test_what_is_nested_without_end_is_cut() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "..." in json.dumps(one(value=endless)["value"])


# ------------------------------------------------------------------ errors


def refuse() -> None:
    raise ValueError(f"no such number:\n+55 11 90000-0010, {JID}")


def fail() -> None:
    try:
        refuse()
    except ValueError:
        log.exception("Turn failed")
        logging.getLogger("some.plugin").exception("Plugin failed")


def test_an_error_is_one_line_that_names_its_place() -> None:
    for line in lines(fail):
        assert "exception" not in line
        assert line["exc"].startswith(f"ValueError: no such number: +55 11 *****-**10, {MASKED}@s.whatsapp.net (tests/")
        assert line["level"] == "error"
    assert text(fail).count("\n") == 2


def test_at_debug_an_error_brings_its_traceback_masked() -> None:
    for line in lines(fail, level="debug"):
        assert line["exception"].startswith("Traceback (most recent call last):")
        assert PHONE not in line["exception"]
        assert "0000-0010" not in line["exception"]
    shown = text(fail, level="debug")
    assert shown.count("Traceback (most recent call last):") == 2
    assert PHONE not in shown


def test_an_error_that_is_handed_over_is_told_too() -> None:
    [line] = lines(lambda: log.error("Failed", exc_info=KeyError("x")))
    assert line["exc"] == "KeyError: 'x'"
    [line] = lines(lambda: log.error("Failed", exc_info=True))
    assert "exc" not in line


# ------------------------------------------------------------------ phone numbers


@pytest.mark.parametrize(
    ("written", "masked"),
    [
        (JID, f"{MASKED}@s.whatsapp.net"),
        (f"{PHONE}:12@s.whatsapp.net", f"{MASKED}:12@s.whatsapp.net"),
        (f"abc123/main/{JID}~events", f"abc123/main/{MASKED}@s.whatsapp.net~events"),
        ("98765432101234@lid", "9876********34@lid"),
        (f"{PHONE}-1600000000@g.us", f"{MASKED}-1600****00@g.us"),
        ("120363000000000001@g.us", "1203************01@g.us"),
        ("call +55 11 90000-0010 now", "call +55 11 *****-**10 now"),
        ("(+5511900000010)", f"(+{MASKED})"),
        ("+1 (202) 555-0100", "+1 (202) ***-**00"),
        (f'{{"to":"{PHONE}"}}', f'{{"to":"{MASKED}"}}'),
        ("551130000010", "5511******10"),
        ("0190a5c2-7f3a-7bbb-8ccc-551190000010", "0190a5c2-7f3a-7bbb-8ccc-551190000010"),
        ("3EB0551190000010AB", "3EB0551190000010AB"),
        ("1763800000000", "1763800000000"),
        ("", ""),
    ],
)
def test_addresses_are_masked_in_any_text(written: str, masked: str) -> None:
    assert mask(written) == masked
    assert one(error=written)["error"] == masked
    assert one(error=[{"inner": written}])["error"] == [{"inner": masked}]


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("12025550100", "1202*****00"),
        (12025550100, "1202*****00"),
        ("11 90000-0010", "11 90***-**10"),
        ("(11) 90000-0010", "(11) 90***-**10"),
        (["12025550100"], ["1202*****00"]),
        ("abc123/main/12025550100", "abc123/main/1202*****00"),
        (None, None),
    ],
)
@pytest.mark.parametrize("key", ["phone", "sender", "chat", "chat_id", "lane", "to", "owner"])
def test_what_stands_under_the_name_of_an_address_is_masked(key: str, value: object, masked: object) -> None:
    assert one(**{key: value})[key] == masked
    assert one(inner={key: value})["inner"] == {key: masked}


def test_event_names_and_bound_values_are_masked() -> None:
    [line] = lines(lambda: log.bind(who=JID).info(f"to {JID}"))
    assert PHONE not in json.dumps(line)


def test_numbers_are_written_out_when_asked_for() -> None:
    [line] = lines(lambda: log.info(JID, phone="12025550100"), show_phones=True)
    assert (line["event"], line["phone"]) == (JID, "12025550100")


digits = st.text("0123456789", min_size=8, max_size=8)
areas = st.sampled_from(["11", "21", "48", "55", "99"])
FORMS = ["+55{area}9{rest}", "+55 {area} 9{a}-{b}", "+55 ({area}) 9{a}-{b}", "+55.{area}.9{a}.{b}", "55{area}9{rest}"]
FORMS += ["55{area}9{rest}@s.whatsapp.net", "55{area}{rest}:3@c.us", "55{area}{rest}"]
around = st.sampled_from(["", " ", ", ", "\n", '"', "(", ")", "/", ": ", "="])


@settings(deadline=None)
@given(areas, digits, st.sampled_from(FORMS), around, around)
def test_no_form_of_a_number_is_told(area: str, rest: str, form: str, before: str, after: str) -> None:
    number = form.format(area=area, rest=rest, a=rest[:4], b=rest[4:])
    masked = mask(f"{before}{number}{after}")
    told = "".join(character for character in masked.partition("@")[0].partition(":3")[0] if character in "0123456789*")
    assert told.count("*") >= 6
    assert told == told[:4] + "*" * (len(told) - 6) + told[-2:]


@settings(deadline=None)
@given(st.text())
def test_masking_takes_any_text_and_changes_only_digits(written: str) -> None:
    masked = mask(written)
    assert len(masked) == len(written)
    assert all(new in (old, "*") for old, new in zip(written, masked, strict=True))


@pytest.mark.parametrize(
    "hostile", ["1" * 200_000, "1234567." * 25_000, "+" * 200_000, "+1 " * 60_000, "+1" + " " * 200_000]
)
def test_masking_stays_fast_on_hostile_text(hostile: str) -> None:
    began = time.perf_counter()
    mask(hostile)
    assert time.perf_counter() - began < 2


# ------------------------------------------------------------------ the stream


def test_a_stream_that_is_gone_does_not_stop_the_work() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        configure(stream=stream)
        log.info("read by somebody")
        os.close(reading)
        log.info("read by nobody")
        logging.getLogger("x").info("nor this")
    log.info("closed")


def test_what_the_streams_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        configure(stream=stream, json=False, colour=False)
        log.info("olá 𝕏")
    assert "ol\\xe1 \\U0001d54f" in (tmp_path / "log").read_text()


def test_arguments_that_do_not_fit_are_told_as_logging_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers.clear()  # pytest's own raises instead
    assert lines(lambda: logging.getLogger("x").info("%d", "no number")) == []
    assert "--- Logging error ---" in capsys.readouterr().err


# ------------------------------------------------------------------ the price


def test_a_line_is_cheap_and_one_that_is_not_written_nearly_free() -> None:
    """A line costs under 30 µs, one below the level under 3: the bounds leave room for a busy machine."""
    configure(stream=io.StringIO())
    assert _cost(lambda: log.info("Processing message", job_id="j1", organization_id="abc123", lane=JID)) < 300e-6
    assert _cost(lambda: log.debug("Processing message", job_id="j1", organization_id="abc123", lane=JID)) < 30e-6


def _cost(call: Callable[[], object], times: int = 2000) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times
