"""``${NAME}``, ``${NAME:-default}``, ``${file:/run/secrets/x}`` and ``$$`` in the texts of a configuration file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from auzap.config.seen import Seen

__all__ = ["Secrets"]

_DOLLAR = re.compile(r"\$(?:\$|\{(?P<inside>[^}]*)(?P<end>\}?))")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_FORMS = "write ${NAME}, ${NAME:-default}, ${file:path}, or $$ for a dollar sign"


class Secrets:
    """Fills in what a text asks for.

    :param base: the folder that ``${file:…}`` is relative to.
    :param seen: notes which files were read.
    """

    def __init__(self, env: Mapping[str, str], base: Path, seen: Seen | None = None) -> None:
        self._env = env
        self._base = base
        self._seen = seen if seen is not None else Seen()

    def noting(self, seen: Seen) -> Secrets:
        """The same, for another one to know which files were read."""
        return Secrets(self._env, self._base, seen)

    def expand(self, text: str) -> str:
        """:raises ValueError: a variable or a file is missing, or a ``${`` is none of the forms."""
        return _DOLLAR.sub(self._replace, text)

    def _replace(self, found: re.Match[str]) -> str:
        if found["inside"] is None:
            return "$"
        if not found["end"]:
            raise ValueError(f"a ${{ without its }}; {_FORMS}")
        return self._look_up(found["inside"])

    def _look_up(self, inside: str) -> str:
        if inside.startswith("file:"):
            return self._read(inside.removeprefix("file:"))
        found = _VARIABLE.fullmatch(inside)
        if found is None:
            raise ValueError(f"${{{inside}}} is not understood; {_FORMS}")
        name, default = found["name"], found["default"]
        value = self._env.get(name)
        if default is not None:
            return value or default
        if value is None:
            raise ValueError(f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
        return value

    def _read(self, name: str) -> str:
        """The file's text, without the line end that editors put behind it."""
        try:
            text = self._seen.read(self._base / name).decode("utf-8")
            return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
        except UnicodeDecodeError:
            raise ValueError(f"the file {name} of ${{file:…}} is not text in UTF-8") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ValueError(f"the file {name} of ${{file:…}} cannot be read: {reason}") from None
