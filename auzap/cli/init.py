"""``auzap init``."""

from __future__ import annotations

import json
import re
import shlex
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from auzap.cli.config import schema_text
from auzap.cli.options import as_json, debug
from auzap.cli.output import print_json
from auzap.config import parse
from auzap.model.phones import phone_key, same_person, typed_digits
from auzap.registry import Registry

__all__ = ["init"]

_TEMPLATES = Path(__file__).parent / "templates"
_CONFIG = "config.yaml"
_SCHEMA = "config.schema.json"
#: whom the assistants' comments are about
_ASSISTANTS = {"aurora": "answers the owner", "client_ai": "answers the customers"}
#: whose number the demo's customer has, unless it is the owner's own
_CUSTOMERS = ("+55 11 90000-0010", "+55 11 90000-0011")
#: where comments begin
_COLUMN = 41
#: what the YAML takes for something else than a name
_RESOLVED = ("true", "false", "null")


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise click.BadParameter("write the name of the business, such as Pet Shop Centro")
    return text.strip()


def _owner(text: str) -> str:
    if phone_key(typed_digits(text)) is None or not text.isprintable():
        raise click.BadParameter(f"{text!r} is no phone number; write it like +55 11 90000-0001")
    return text.strip()


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"{text!r} is no time zone; write it like America/Sao_Paulo") from None
    return text


#: what is asked: its default and what is right
_QUESTIONS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "name": ("Name of the business", "Minha Empresa", _name),
    "owner": ("WhatsApp number of its owner", "+55 11 90000-0001", _owner),
    "timezone": ("Its time zone", "America/Sao_Paulo", _timezone),
}


def _checked(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    return None if value is None else _QUESTIONS[str(param.name)][2](value)


@dataclass(frozen=True, slots=True)
class _Business:
    name: str
    #: as typed
    owner: str
    timezone: str


@click.command(short_help="Write a first configuration.")
@debug
@as_json
@click.option("--name", callback=_checked, help="The name of the business.")
@click.option("--owner", callback=_checked, metavar="PHONE", help="The WhatsApp number of its owner.")
@click.option("--timezone", callback=_checked, metavar="ZONE", help="Its time zone, such as America/Sao_Paulo.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing: take what is not given as options from the defaults.")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=".")
def init(as_json: bool, name: str | None, owner: str | None, timezone: str | None, yes: bool, folder: Path) -> int:
    """Write a first configuration into DIR (by default here): config.yaml, and what belongs beside it.

    On a terminal it asks for what is not given. It never overwrites: where there is a config.yaml nothing is written,
    and other files that are there stay as they are.
    """
    _refuse_if_there(folder)
    given = {"name": name, "owner": owner, "timezone": timezone}
    ask = not yes and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    business = _Business(**{key: value or _answer(key, ask=ask) for key, value in given.items()})
    written, kept = _write(folder, _files(folder, business))
    if as_json:
        print_json({"written": [str(path) for path in written], "kept": [str(path) for path in kept]})
        return 0
    _tell(folder, written, kept)
    return 0


def _refuse_if_there(folder: Path) -> None:
    path = folder / _CONFIG
    if path.exists() or path.is_symlink():
        raise click.ClickException(f"{path} is there already: nothing was written")


def _answer(key: str, *, ask: bool) -> str:
    question, default, right = _QUESTIONS[key]
    if not ask:
        return default
    answer: str = click.prompt(question, default=default, value_proc=right)
    return answer


# ------------------------------------------------------------------ what is written


def _files(folder: Path, business: _Business) -> dict[str, str]:
    """Name -> what stands in it, the configuration first."""
    registry = Registry()
    config = _config(business, registry)
    parse(config, folder / _CONFIG, {})  # never anything that the other commands would not take
    return {
        _CONFIG: config,
        _SCHEMA: schema_text(registry),
        ".gitignore": _template("gitignore"),
        ".env.example": _template("env.example"),
    }


def _config(business: _Business, registry: Registry) -> str:
    tenant = _key(_slug(business.name))
    head = f"# yaml-language-server: $schema={_SCHEMA}\n"
    owners = f"    owners: [{_quoted(business.owner)}]"
    values = {
        "TENANT": tenant,
        "PAD": " " * max(_COLUMN - len(f"  {tenant}:"), 1),
        "NAME": _quoted(business.name),
        "TIMEZONE": business.timezone,
        "OWNERS": f"{owners:<{_COLUMN}}",
        "DEMO": _demo(business),
        "PLUGINS": _plugins(registry),
    }
    return head + re.sub("@([A-Z]+)@", lambda found: values[found[1]], _template("config.yaml"))


def _demo(business: _Business) -> str:
    """Whose numbers the two people at the terminal have."""
    customer = next(one for one in _CUSTOMERS if not same_person(typed_digits(one), typed_digits(business.owner)))
    owner = f", owner: {_quoted(business.owner)}"
    return owner if customer == _CUSTOMERS[0] else f"{owner}, client: {_quoted(customer)}"


def _plugins(registry: Registry) -> str:
    """The assistants that are installed; the others as comments."""
    installed = {offer.name for offer in registry.plugins()}
    lines = []
    for name, does in _ASSISTANTS.items():
        missing = "" if name in installed else f"; install auzap-{name.replace('_', '-')} first"
        entry = f"      {'# ' if missing else ''}{name}: {{}}"
        lines.append(f"{entry:<{_COLUMN}}# {does}{missing}")
    top = "    plugins:" if installed & _ASSISTANTS.keys() else "    plugins: {}"
    return "\n".join([top, *lines])


def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _slug(name: str) -> str:
    """``Pet Shop São João`` is ``pet-shop-sao-joao``."""
    ascii_ = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", ascii_).strip("-")[:40].rstrip("-") or "business"


def _key(name: str) -> str:
    return _quoted(name) if name in _RESOLVED else name


def _quoted(text: str) -> str:
    """A text of the YAML in quotes, its dollars as they are."""
    return json.dumps(text.replace("$", "$$"), ensure_ascii=False)


# ------------------------------------------------------------------ writing


def _write(folder: Path, files: dict[str, str]) -> tuple[list[Path], list[Path]]:
    """All of them, or none; those that are there stay.

    :return: those that were written, and those that were there.
    """
    written: list[Path] = []
    kept: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = folder / name
            try:
                with path.open("x", encoding="utf-8", newline="\n") as file:
                    written.append(path)
                    file.write(text)
            except FileExistsError:
                if name == _CONFIG:  # it has come about just now
                    _refuse_if_there(folder)
                kept.append(path)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise click.ClickException(f"{error.filename or folder}: {error.strerror}; nothing was written") from error
    return written, kept


def _tell(folder: Path, written: list[Path], kept: list[Path]) -> None:
    click.echo(f"Written: {', '.join(map(str, written))}")
    if kept:
        click.echo(f"Left as it was: {', '.join(map(str, kept))}")
    there = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    click.echo(f"Talk to it, as a customer and as the owner:   {there}auzap chat")
    click.echo(f"Start it, when config.yaml is as you want it: {there}auzap check && auzap run")
