"""``auzap plugins check``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from auzap.cli.options import as_json, common, complete_plugin, plugins_dir
from auzap.cli.output import print_json
from auzap.cli.plugins.facts import offer_of
from auzap.cli.plugins.mistakes import Look, looked_at
from auzap.cli.plugins.users import Use, config_of, used_by, uses_in_words
from auzap.cli.progress import progress
from auzap.config.nodes import shown
from auzap.registry import Offer, Registry

__all__ = ["check"]


@dataclass(frozen=True, slots=True)
class _Checked:
    offer: Offer
    look: Look
    #: None: there is no configuration
    uses: Sequence[Use] | None

    @property
    def mistakes(self) -> Sequence[str]:
        return self.look.mistakes

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.offer.name,
            "distribution": self.offer.distribution,
            "version": self.offer.version,
            "ok": not self.mistakes,
            "mistakes": list(self.mistakes),
            "contract": self.look.contract,
            "used_by": None if self.uses is None else [asdict(use) for use in self.uses],
        }


@click.command(short_help="Look for mistakes in plugins.")
@common
@as_json
@plugins_dir
@click.option("--quick", is_flag=True, help="Leave out what runs the plugins: the suite of the contract.")
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_plugin)
def check(path: Path, as_json: bool, plugins_dir: Path | None, quick: bool, names: tuple[str, ...]) -> int:
    """Look for mistakes in the plugins NAME, or in all that are installed.

    Does it load, are its hooks written right, is every option documented, can its tables be made in an empty database,
    do its commands load, and does it keep the contract: the suite of `auzap.testing` runs the real pipeline with its
    default options, a second or some for each. Where options are required there are none, and the suite is left out.
    A mistake is a line on standard error. Exit code 1 if there is any. A configuration is needed only to tell who uses
    it.

    JSON: `{"ok", "plugins": [{"name", "distribution", "version", "ok", "mistakes": [line], "contract": whether the
    suite was run, "used_by": [{"tenant", "name"}], or null without a configuration}]}`.
    """
    registry = Registry(plugins_dir)
    offers = [offer_of(registry, name) for name in dict.fromkeys(names)] or registry.plugins()
    config = config_of(path)
    with progress("Checking plugins", total=len(offers)) as advance:
        checked = []
        for offer in offers:
            checked.append(_Checked(offer, looked_at(offer, registry, quick=quick), used_by(config, offer.name)))
            advance(1)
    if as_json:
        print_json({"ok": not any(one.mistakes for one in checked), "plugins": [one.as_json() for one in checked]})
    else:
        _tell(checked)
    return 1 if any(one.mistakes for one in checked) else 0


def _tell(checked: Sequence[_Checked]) -> None:
    for one in checked:
        users = uses_in_words(one.uses, one.offer.name)
        click.echo(shown(f"{one.offer.name} ({one.offer.source}): {_state(one)}; used by: {users}", limit=None))
    for one in checked:
        for mistake in one.mistakes:
            click.echo(shown(mistake, limit=None), err=True)
    if not checked:
        click.echo("There are no plugins.")


def _state(one: _Checked) -> str:
    if one.mistakes:
        return "1 mistake" if len(one.mistakes) == 1 else f"{len(one.mistakes)} mistakes"
    return "fine" if one.look.contract else f"fine, as far as can be seen: {one.look.left_out}"
