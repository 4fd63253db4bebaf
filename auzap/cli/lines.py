"""Reading a JSON value a line, from files and pipes of any length."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

__all__ = ["MAX_LINE", "NoJson", "json_of", "read_lines"]

#: bytes of one line; a longer one is refused without being read whole
MAX_LINE = 32 * 1024 * 1024


class NoJson(Exception):
    """This line holds no JSON value; the message says why."""


def read_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines with their numbers, blank ones left out; None for one that is too long."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        elif line.strip():
            yield number, line


def json_of(line: bytes | None) -> Any:
    """:raises NoJson: it is none, or ``read_lines`` found it too long."""
    if line is None:
        raise NoJson(f"longer than {MAX_LINE // 1024 // 1024} MiB")
    try:
        # a lone surrogate is odd, but somebody's text; anything else than UTF-8 is no JSON
        return json.loads(line.decode("utf-8-sig", "surrogatepass"))
    except RecursionError:
        raise NoJson("no JSON: nested too deeply") from None
    except UnicodeDecodeError as error:
        raise NoJson(f"no JSON: not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise NoJson(f"no JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError:  # the only one that is left
        raise NoJson(f"no JSON: a number of more than {sys.get_int_max_str_digits()} digits") from None
