"""``auzap reload``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click

from auzap.cli.options import as_json, common
from auzap.cli.output import print_json
from auzap.config.nodes import shown

if TYPE_CHECKING:
    from auzap.worker.control import Running

__all__ = ["reload"]

#: seconds: tenants that do not start in time are refused after `worker.timeout`
_PATIENCE = 120.0


@click.command()
@common
@as_json
def reload(path: Path, as_json: bool) -> int:
    """Have every process that runs with this configuration read it again, and tell what each has made of it.

    A save does so by itself, unless `auzap run --no-watch` was told not to look. Exit code 1 if anything was refused,
    or nothing runs.

    JSON: `{"processes": [{"pid", "process": number among several or null, "changed": [tenant], "added": [tenant],
    "removed": [tenant], "refused": {tenant or file: why}, "settings": [key that took effect], "restart": [key that
    takes effect with the next start], "seconds"}]}`; a process that gave no answer has `"error"` instead.
    """
    told = anyio.run(_reload_all, path)
    if as_json:
        print_json({"processes": told})
    elif not told:
        raise click.ClickException(f"nothing runs with {shown(str(path), limit=None)} on this machine under this user")
    else:
        for one in told:
            _tell(one)
    return 0 if told and not any(one.get("refused") or "error" in one for one in told) else 1


async def _reload_all(path: Path) -> list[dict[str, Any]]:
    from auzap.worker.control import running

    found = running(path)
    told: dict[int, dict[str, Any]] = {}

    async def ask(one: Running) -> None:
        try:
            answer = await one.reload(_PATIENCE)
        except TimeoutError:
            answer = {"pid": one.pid, "error": f"no answer within {_PATIENCE:.0f} s"}
        except OSError as error:
            answer = {"pid": one.pid, "error": str(error)}
        if answer is not None:
            told[one.pid] = answer

    async with anyio.create_task_group() as asking:
        for one in found:
            asking.start_soon(ask, one)
    return [told[pid] for pid in sorted(told)]


def _tell(one: dict[str, Any]) -> None:
    number = f"process {one['process']}, " if one.get("process") is not None else ""
    whose = f"{number}pid {one['pid']}"
    if "error" in one:
        click.echo(f"{whose}: {one['error']}", err=True)
        return
    counts = [f"{len(one[what])} {what}" for what in ("changed", "added", "removed", "refused") if one[what]]
    counts += [f"took effect: {', '.join(one['settings'])}"] if one["settings"] else []
    counts += [f"needs a restart: {', '.join(one['restart'])}"] if one["restart"] else []
    click.echo(f"{whose}: {'; '.join(counts) or 'nothing has changed'} ({one['seconds']:.1f} s)")
    for what, why in one["refused"].items():
        for line in why.splitlines():
            place = "" if what in line else f"{what}: "
            click.echo(shown(f"{place}{line}", limit=None), err=True)
