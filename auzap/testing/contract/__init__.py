"""What every plugin promises, looked for one by one."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import Any

import anyio

from auzap.contract.plugin import Plugin
from auzap.testing.contract.again import again
from auzap.testing.contract.cancelling import cancelling
from auzap.testing.contract.conduct import conduct
from auzap.testing.contract.declared import declared
from auzap.testing.contract.subject import Subject, Unfit, subject_of
from auzap.testing.contract.tenants import tenants_apart

__all__ = ["assert_plugin_contract", "contract_of"]


def assert_plugin_contract(plugin: type[Plugin] | str, /, *, says: Sequence[str] = (), **options: Any) -> None:
    """Fail, with a line for each promise that the plugin does not keep.

    It is registered, talked to, crashed, cancelled and run again, in databases that are thrown away; a second or so.

    :param plugin: its class, or the name of one that is installed.
    :param says: what people say to it so that it does what it can do. Texts that stand in its code are tried anyway.
    :param options: those that it cannot do without.
    :raises AssertionError: as ``contract_of`` tells it.
    """
    findings = contract_of(plugin, says=says, **options)
    if findings:
        name = plugin if isinstance(plugin, str) else plugin.__name__
        raise AssertionError("\n".join([f"{name} does not keep the contract of plugins:", *findings]))


def contract_of(plugin: type[Plugin] | str, /, *, says: Sequence[str] = (), **options: Any) -> list[str]:
    """What of the contract a plugin does not keep, a line each; nothing when it keeps it.

    A line begins with the promise: ``registration``, ``options``, ``tables``, ``messages``, ``again``, ``schedules``,
    ``cancellation``, ``blocking``, ``tenants``, ``lifespan`` or ``log``. Everything is looked at once with the plugin
    in a real pipeline:

    - it registers, and its options are described, frozen and of types that YAML can say; secrets are ``SecretStr``;
    - its tables are made in an empty database, and have the tenant's column;
    - no message makes it raise: 65,536 characters, emoji, half a character, ``<script>``, every kind, every event;
    - a turn that is run again after a crash doubles no row and no message; a schedule that runs twice does neither;
    - a call that is cancelled ends soon, and lets the cancellation through;
    - nothing blocks the event loop for longer than 200 ms;
    - one tenant's rows and words never come up at another's;
    - the lifespan opens and closes, and leaves no task behind;
    - no customer's words are in the log.

    May be called with or without a running event loop. Arguments as in ``assert_plugin_contract``.
    """
    found: list[str] = []

    def run() -> None:
        with redirect_stderr(io.StringIO()):  # failures are wanted here
            found.extend(anyio.run(_findings, plugin, tuple(says), options))

    if _in_loop():
        thread = threading.Thread(target=run, name="auzap-contract")
        thread.start()
        thread.join()
    else:
        run()
    return found


async def _findings(plugin: type[Plugin] | str, says: tuple[str, ...], options: dict[str, Any]) -> list[str]:
    try:
        with subject_of(plugin, says, options) as subject:
            return list(dict.fromkeys(await _looked_at(subject)))
    except Unfit as unfit:
        return unfit.findings


async def _looked_at(subject: Subject) -> list[str]:
    findings = declared(subject)
    if any(one.startswith(("registration", "tables")) for one in findings):
        return findings  # nothing of it would run
    of_conduct, telling = await conduct(subject)
    findings += of_conduct
    if any(one.startswith("blocking") for one in findings):
        return findings  # nobody would want to wait for the rest
    brief = subject.saying(telling)
    for look in (again, cancelling, tenants_apart):
        findings += await look(brief)
    return findings


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
