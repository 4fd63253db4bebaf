"""Commands that a file's permissions bind."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["bound_by_permissions"]


def bound_by_permissions() -> list[str]:
    """What a command begins with so that a file's permissions bind it also where the tests run as root."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("the tests run as root, which may write everywhere, and there is no setpriv")
    return [setpriv, "--bounding-set", "-dac_override,-dac_read_search", "--"]
