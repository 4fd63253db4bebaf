"""Kinds of values that options take."""

from __future__ import annotations

from typing import Any

import click

from auzap.model.durations import parse_duration
from auzap.model.phones import phone_key, typed_digits

__all__ = ["DURATION", "PHONE"]


class _Phone(click.ParamType[str]):
    name = "phone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        digits = typed_digits(str(value))
        if digits is None or phone_key(digits) is None:
            self.fail(f"{value!r} is no phone number; write it like +55 11 90000-0010", param, ctx)
        return digits


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


#: a number as people type it -> its digits
PHONE = _Phone()
#: ``5s`` -> seconds
DURATION = _Duration()
