"""Names a hook's argument that there is not."""

from __future__ import annotations

from typing import Any

import auzap
from auzap import Reply


class Unmarked(auzap.Plugin):
    @auzap.hookimpl
    async def handle_message(self, mesage: Any) -> Reply | None:
        return Reply("olá")
