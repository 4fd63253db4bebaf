"""``auzap plugins new``."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

import auzap.cli
from auzap.cli.options import as_json, debug
from auzap.cli.output import print_json
from auzap.registry import Registry

__all__ = ["new"]

_TEMPLATES = Path(auzap.cli.__file__).parent / "templates" / "plugin"
_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_LONGEST = 40
#: what the YAML takes for something else than a name
_RESOLVED = ("true", "false", "null")
#: what the plugin's module has from elsewhere, and a class of that name would hide
_IMPORTED = ("Field", "Message", "Options", "Reply")
#: where a template becomes a file; ``@PACKAGE@`` is filled in here too
_FILES = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "workflow.yaml": ".github/workflows/test.yaml",
    "package.py.txt": "@PACKAGE@/__init__.py",
    "plugin.py.txt": "@PACKAGE@/plugin.py",
    "py.typed": "@PACKAGE@/py.typed",
    "test_plugin.py.txt": "tests/test_@MODULE@.py",
}


@dataclass(frozen=True, slots=True)
class _Names:
    """Of one plugin: as the YAML, pip and Python call it."""

    plugin: str

    @property
    def distribution(self) -> str:
        return f"auzap-{self.plugin.replace('_', '-')}"

    @property
    def module(self) -> str:
        return self.plugin.replace("-", "_")

    @property
    def package(self) -> str:
        return f"auzap_{self.module}"

    @property
    def cls(self) -> str:
        name = "".join(part.capitalize() for part in self.module.split("_"))
        return f"{name}Plugin" if name in _IMPORTED else name

    @property
    def title(self) -> str:
        return self.module.replace("_", " ").capitalize()


def _checked(ctx: click.Context, param: click.Parameter, name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or name in _RESOLVED:
        raise click.BadParameter(
            f"{name!r} is no name for a plugin; write it like horario or fila_de_espera: small letters, digits and _, "
            f"a letter first, {_LONGEST} characters at the most"
        )
    return name


@click.command(short_help="Begin a plugin: write a package that answers.")
@debug
@as_json
@click.option(
    "--dir",
    "parent",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=".",
    help="Where the new folder is made; by default here.",
)
@click.argument("name", callback=_checked)
def new(as_json: bool, parent: Path, name: str) -> None:
    """Begin the plugin NAME: write a whole package into a new folder, auzap-NAME.

    It can be installed and answers at once: an entry point, options, a handler, tests that pass, a README, a CI file.
    It never overwrites: where the folder is there already nothing is written.

    JSON: `{"folder": path, "written": [path in it], "plugin", "distribution", "package"}`.
    """
    names = _Names(name)
    _refuse_if_taken(names)
    folder = parent / names.distribution
    written = _write(folder, _files(names))
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "written": written,
                "plugin": name,
                "distribution": names.distribution,
                "package": names.package,
            }
        )
        return
    click.echo(f"Written: {folder} ({', '.join(written)})")
    click.echo(
        f"Install it, and run its tests:       cd {shlex.quote(str(folder))} && pip install -e '.[test]' && pytest"
    )
    click.echo(f"Name it under a tenant's `plugins:`: {name}: {{}}")


def _refuse_if_taken(names: _Names) -> None:
    for offer in Registry().plugins():
        if offer.name == names.plugin:
            raise click.ClickException(
                f"plugin {names.plugin} is there already, from {offer.source}: choose another name"
            )


def _files(names: _Names) -> dict[str, str]:
    """Path in the folder -> what stands in it."""
    values = {
        "NAME": names.plugin,
        "TITLE": names.title,
        "DISTRIBUTION": names.distribution,
        "PACKAGE": names.package,
        "MODULE": names.module,
        "CLASS": names.cls,
        "VERSION": version("auzap"),
    }

    def filled(text: str) -> str:
        return re.sub("@([A-Z]+)@", lambda found: values[found[1]], text)

    return {
        filled(place): filled((_TEMPLATES / template).read_text(encoding="utf-8")) for template, place in _FILES.items()
    }


def _write(folder: Path, files: dict[str, str]) -> list[str]:
    """All of them, or none: made beside the place where they belong, and then moved there.

    :return: their paths in the folder.
    """
    if folder.exists() or folder.is_symlink():
        raise _there(folder)
    made: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".auzap-", dir=folder.parent))
        for name, text in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        made.chmod(0o777 & ~_umask())  # a temporary folder is for nobody else
        made.rename(folder)
    except OSError as error:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
        if folder.exists():  # it has come about just now
            raise _there(folder) from error
        raise click.ClickException(f"{error.filename or folder}: {error.strerror}; nothing was written") from error
    return list(files)


def _there(folder: Path) -> click.ClickException:
    return click.ClickException(f"{folder} is there already: nothing was written")


def _umask() -> int:
    """It can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
