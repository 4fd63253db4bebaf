"""Lines as they are typed, from whatever they come."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.channels.console import Console
from auzap.channels.console.keyboard import Keyboard


@pytest.fixture
def pipe() -> Iterator[tuple[Keyboard, int]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as stream, os.fdopen(writing, "wb"):
        yield Keyboard(stream), writing


async def all_of(keyboard: Keyboard) -> list[str]:
    return [line async for line in keyboard.lines()]


async def test_lines_come_one_by_one_as_soon_as_they_are_whole(pipe: tuple[Keyboard, int]) -> None:
    keyboard, writing = pipe
    lines = keyboard.lines()
    os.write(writing, b"um\ndois\r\ntr")
    assert [await anext(lines), await anext(lines)] == ["um", "dois"]
    with anyio.move_on_after(0.05) as waiting:
        await anext(lines)
    assert waiting.cancelled_caught
    assert not keyboard.is_terminal


async def test_letters_in_pieces_and_other_line_ends_are_no_lines(pipe: tuple[Keyboard, int]) -> None:
    keyboard, writing = pipe
    lines = keyboard.lines()
    for piece in (b"ol", "á".encode()[:1], "á".encode()[1:], "\u2028\x0b!\n".encode()):
        os.write(writing, piece)
    assert await anext(lines) == "olá\u2028\x0b!"


@pytest.mark.parametrize(
    ("content", "lines"), [(b"", []), (b"\n", [""]), (b"um\n\ndois", ["um", "", "dois"]), (b"\xff\n", ["\ufffd"])]
)
async def test_lines_of_a_file(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    file = tmp_path / "linhas.txt"
    file.write_bytes(content)
    with file.open(encoding="utf-8") as stream:
        assert await all_of(Keyboard(stream)) == lines


async def test_a_terminal_that_goes_away_is_the_end() -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, encoding="utf-8") as stream:
        keyboard = Keyboard(stream)
        assert keyboard.is_terminal
        os.write(master, b"oi\n")
        lines = keyboard.lines()
        assert await anext(lines) == "oi"
        os.close(master)
        assert [line async for line in lines] == []


@pytest.mark.parametrize("stream", [None, io.StringIO("um\n")])
async def test_without_a_descriptor_nothing_is_ever_typed(stream: Any) -> None:
    keyboard = Keyboard(stream)
    assert not keyboard.is_terminal
    assert await all_of(keyboard) == []


async def test_the_console_takes_in_what_is_typed(pipe: tuple[Keyboard, int]) -> None:
    channel = Console("abc123", "main", Console.Options.model_validate({"channel": "console"}))
    channel.keyboard, writing = pipe
    posted: list[Any] = []
    enough = anyio.Event()

    async def accept(one: Any) -> None:
        posted.append((one["from"], one["text"]))
        if len(posted) == 2:
            enough.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(channel.listen, accept)
        os.write(writing, b"Oi\n\n/dono resumo\n")
        with anyio.fail_after(5):
            await enough.wait()
        tasks.cancel_scope.cancel()
    assert posted == [("5511900000010", "Oi"), ("5511900000001", "resumo")]
