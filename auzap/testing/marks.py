"""Says on a test what its bot is made of."""

from __future__ import annotations

from typing import Any

import pytest

from auzap.contract.plugin import Plugin
from auzap.testing.setup import Using

__all__ = ["bot_of"]


def bot_of(*plugins: type[Plugin] | str | Using, **options: Any) -> pytest.MarkDecorator:
    """Put it above a test or a class of tests, or say ``pytestmark = bot_of(MyPlugin)`` for a module.

    It is ``pytest.mark.bot``, which pytest would take for a decorator of the plugin if a class stood in it alone.

    :param plugins: in the order in which they are asked: classes, names of installed ones, or ``uses(…)``.
    :param options: of the first.
    """
    return pytest.mark.bot.with_args(*plugins, **options)
