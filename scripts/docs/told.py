"""What the code says about itself: docstrings, and the ``#:`` comments above fields."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

__all__ = ["Told", "comments_in", "fields_of", "literals_of", "methods_of", "plain", "required", "told"]

_MARK = re.compile(r"^:(param|return|raises)(?: ([^:]+))?: ?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Told:
    """A docstring in its parts, in Markdown."""

    text: str
    params: Mapping[str, str] = field(default_factory=dict)
    returns: str = ""
    #: error -> when
    raises: Mapping[str, str] = field(default_factory=dict)


def told(thing: object) -> Told:
    doc = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    if doc.startswith(f"{getattr(thing, '__name__', '')}("):
        doc = ""  # what a dataclass writes for itself
    text, *marks = _MARK.split(doc)
    params: dict[str, str] = {}
    raises: dict[str, str] = {}
    returns = ""
    for kind, name, meaning in zip(marks[::3], marks[1::3], marks[2::3], strict=True):
        if kind == "return":
            returns = plain(meaning)
        else:
            (params if kind == "param" else raises)[name] = plain(meaning)
    return Told(_markdown(text).strip(), params, returns, raises)


def required(text: str, what: str) -> str:
    """:raises KeyError: nothing is said."""
    if not text:
        raise KeyError(f"{what}: the code does not say what it is: a docstring, `:param …:`, or `#:` above it")
    return text


def plain(text: str) -> str:
    """In one line, as a sentence."""
    line = " ".join(_markdown(text).split())
    line = f"{line[:1].upper()}{line[1:]}"
    return line if not line or line[-1] in ".:!?…" else f"{line}."


def _markdown(text: str) -> str:
    return text.replace("``", "`")


# ------------------------------------------------------------------ fields


def fields_of(cls: type[Any]) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default ("" where there is none) and meaning of each that is annotated in the class's body.

    :raises KeyError: the code does not say what one is.
    """
    body, lines = _body(cls)
    params = told(cls).params
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_":
            name = node.target.id
            meaning = plain(_comment(lines, node.lineno)) or params.get(name, "")
            yield name, _type(node.annotation), _default(node.value), required(meaning, f"{cls.__name__}.{name}")


def comments_in(module: ModuleType) -> dict[str, str]:
    """What stands above the names of a module."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = plain(_comment(lines, node.lineno))
    return found


def literals_of(module: ModuleType, name: str) -> dict[str, str]:
    """The choices of a ``Literal``, and what stands above each.

    :raises KeyError: nothing does.
    """
    source = inspect.getsource(module)
    lines = source.splitlines()
    [node] = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    ]
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple)):
        raise TypeError(f"{name} is no Literal")
    return {
        one.value: required(plain(_comment(lines, one.lineno)), f"{name}: {one.value}")
        for one in node.slice.elts
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def _body(cls: type[Any]) -> tuple[list[ast.stmt], list[str]]:
    source = inspect.cleandoc("\n" + inspect.getsource(cls))
    [node] = ast.parse(source).body
    if not isinstance(node, ast.ClassDef):
        raise TypeError(f"{cls} is no class")
    return node.body, source.splitlines()


def _comment(lines: list[str], lineno: int) -> str:
    """The ``#:`` lines above a line."""
    found: list[str] = []
    for line in reversed(lines[: lineno - 1]):
        text = line.strip()
        if not text.startswith("#:"):
            break
        found.insert(0, text.removeprefix("#:").strip())
    return " ".join(found)


def _type(node: ast.expr) -> str:
    text = ast.unparse(node)
    inner = re.fullmatch(r"ClassVar\[(.*)\]", text)
    return (inner[1] if inner else text).replace(" | ", " or ")


def _default(node: ast.expr | None) -> str:
    if node is None:
        return ""
    text = ast.unparse(node)
    factory = re.search(r"default_factory=(\w+)", text)
    if factory:
        return {"dict": "{}", "list": "[]"}[factory[1]]
    written = re.search(r"field\(default=(.+?)[,)]", text)
    return (written[1] + (")" if written[1].endswith("(") else "")) if written else text


# ------------------------------------------------------------------ methods


def methods_of(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    """Those that its body defines and that are nobody's private ones; properties as such."""
    for name, member in vars(cls).items():
        if name[0] != "_" and (inspect.isfunction(member) or isinstance(member, (property, classmethod, staticmethod))):
            yield name, member
