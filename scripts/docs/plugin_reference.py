"""The reference for plugin authors, from the code that they build on."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import auzap
import auzap.testing
from auzap import tables
from auzap.contract import hookspecs, options
from auzap.contract.channel import Channel
from auzap.contract.normalizer import Normalizer
from auzap.hooks.check import EXPECTED
from auzap.model import event
from scripts.docs.fields import keys_of
from scripts.docs.told import Told, comments_in, fields_of, literals_of, methods_of, required, told

__all__ = ["HOOKS", "plugin_reference"]

HOOKS = [name for name in EXPECTED if hasattr(getattr(hookspecs, name, None), f"{hookspecs.PROJECT}_spec")]
#: those that may be written with plain ``def``
_EXAMPLES = {
    "timeout": "5s",
    "timeouts": "{handle_message: 20s}",
    "breaker": "{failures: 3}",
    "breaker.failures": "3",
    "breaker.pause": "1m",
    "roles": "[client]",
    "use": "faq",
}


def plugin_reference() -> str:
    """The page: what is written in ``plugin-reference.md`` beside this file, and the parts that it names.

    :raises KeyError: something public is not documented where it is defined.
    """
    template = Path(__file__).with_name("plugin-reference.md").read_text(encoding="utf-8")
    page = re.sub(r"^%% (\w+)(?: (.+))?$", lambda place: _part(place[1], place[2]), template, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", page).rstrip("\n") + "\n"


def _part(name: str, arguments: str | None) -> str:
    return f"{_PARTS[name](*(arguments or '').split())}\n"


# ------------------------------------------------------------------ the parts


def _hooks() -> str:
    return "\n".join(_hook(name) for name in HOOKS)


def _hook(name: str) -> str:
    spec = getattr(hookspecs, name)
    notes = getattr(spec, f"{hookspecs.PROJECT}_spec")
    asked = (
        "The first plugin that returns something else than None" if notes["firstresult"] else "Every plugin is called"
    )
    said = told(spec)
    lines = [f"### `{name}`\n", _code(spec, name), required(said.text, name) + "\n"]
    lines += [f"{asked}{' has decided' if notes['firstresult'] else ''}. Returns {EXPECTED[name].words}.\n"]
    lines += [_arguments(spec, said.params, name), *_raises(said.raises)]
    return "\n".join(lines)


def _values(*names: str) -> str:
    """Classes of values, each with a table of its fields and its methods."""
    return "\n".join(_value(getattr(auzap, name)) for name in names)


def _value(cls: type[Any]) -> str:
    parts = [f"### `{cls.__name__}`\n", required(told(cls).text, cls.__name__) + "\n"]
    rows = [
        f"| `{name}` | `{kind}` | {f'`{default}`' if default else ''} | {meaning} |"
        for name, kind, default, meaning in fields_of(cls)
    ]
    if rows:
        parts.append(_table(("field", "type", "default", ""), rows))
    return "\n".join([*parts, *_methods(cls)])


def _services(*names: str) -> str:
    """Classes with methods."""
    return _classes(*(getattr(auzap, name) for name in names))


def _classes(*classes: type[Any], strict: bool = True) -> str:
    return "\n".join(
        "\n".join(
            [f"### `{cls.__name__}`\n", required(told(cls).text, cls.__name__) + "\n", *_methods(cls, strict=strict)]
        )
        for cls in classes
    )


def _plugin() -> str:
    """What a plugin's class sets, and what an instance has."""
    rows = [f"| `{name}` | {meaning} |" for name, _, _, meaning in fields_of(auzap.Plugin)]
    for name, member in methods_of(auzap.Plugin):
        if isinstance(member, property):
            rows.append(f"| `{name}` | {_sentences(told(member).text, f'Plugin.{name}')} |")
        else:
            rows.append(f"| `{name}()` | {_sentences(told(member).text, f'Plugin.{name}')} |")
    return _table(("attribute", ""), rows)


def _options() -> str:
    rows = [
        f"| `{key.path}` | {key.type} | `{key.default}` | {key.meaning} |" for key in keys_of(auzap.Options, _EXAMPLES)
    ]
    return _table(("key", "type", "default", ""), rows)


def _events() -> str:
    return _table(("kind", ""), [f"| `{kind}` | {what} |" for kind, what in literals_of(event, "EventKind").items()])


def _marks() -> str:
    """The decorators."""
    written = comments_in(hookspecs)
    parts = [f"### `@auzap.{name}`\n\n{required(written[name], name)}\n" for name in ("hookimpl", "hookspec")]
    return "\n".join([*parts, *(_function(f"@auzap.{name}", getattr(auzap, name)) for name in ("every", "daily"))])


def _errors() -> str:
    kinds = [getattr(auzap, name) for name in auzap.__all__]
    return "\n".join(
        "\n".join(
            [f"### `{kind.__name__}`\n", required(told(kind).text, kind.__name__) + "\n", *_parameters(told(kind))]
        )
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, Exception)
    )


def _types() -> str:
    written = comments_in(options)
    duration = f"### `Duration`\n\n{required(written['Duration'], 'Duration')}\n"
    keys = options.Breaker.model_fields.items()
    rows = [f"| `{name}` | {required(field.description or '', name)} |" for name, field in keys]
    breaker = f"### `Breaker`\n\n{required(told(options.Breaker).text, 'Breaker')}\n\n{_table(('key', ''), rows)}"
    return f"{duration}\n{breaker}"


def _tables() -> str:
    rows = []
    for name in tables.__all__:
        thing = getattr(tables, name)
        table = getattr(thing, "__tablename__", None) if hasattr(thing, "__table__") else None
        columns = ", ".join(f"`{column.name}`" for column in thing.__table__.columns) if table else ""
        what = _sentences(told(thing).text, f"auzap.tables.{name}")
        rows.append(f"| `{name}` | {f'`{table}`' if table else ''} | {what} | {columns} |")
    return _table(("name", "table", "", "columns"), rows)


def _testing() -> str:
    parts = []
    for name in auzap.testing.__all__:
        thing = getattr(auzap.testing, name)
        if isinstance(thing, type):
            said = told(thing)
            parts += [
                f"### `{name}`\n",
                required(said.text, name) + "\n",
                *_parameters(said),
                *_methods(thing, strict=False),
            ]
        else:
            parts.append(_function(name, thing, strict=False))
    return "\n".join(parts)


# ------------------------------------------------------------------ pieces


def _methods(cls: type[Any], *, strict: bool = True) -> Iterator[str]:
    """:param strict: each argument must be told."""
    for name, member in methods_of(cls):
        said, what = told(member), f"{cls.__name__}.{name}"
        if isinstance(member, property):
            yield f"**`{name}`**: {_sentences(said.text, what)}\n"
            continue
        function = getattr(member, "__func__", member)
        yield "\n".join(
            [
                f"**`{name}`**\n",
                _code(function, name),
                *_text(said, what),
                *_described(function, said.params, what, strict=strict),
                *([f"Returns: {said.returns}\n"] if said.returns else []),
                *_raises(said.raises),
            ]
        )


def _text(said: Told, what: str) -> Iterator[str]:
    """What it raises may say enough."""
    if said.text or not said.raises:
        yield required(said.text, what) + "\n"


def _function(heading: str, function: Callable[..., Any], *, strict: bool = True) -> str:
    said = told(function)
    lines = [f"### `{heading}`\n", _code(function, function.__name__), required(said.text, heading) + "\n"]
    lines += [*_described(function, said.params, heading, strict=strict)]
    lines += [f"Returns: {said.returns}\n"] if said.returns else []
    return "\n".join([*lines, *_raises(said.raises)])


def _code(function: Callable[..., Any], name: str) -> str:
    """Its first line, as Python takes it."""
    kind = "async def" if inspect.iscoroutinefunction(function) else "def"
    signature = inspect.signature(function)
    inside = [
        one.replace(annotation=_Written(one.annotation))
        for one in signature.parameters.values()
        if one.name not in ("self", "cls")
    ]
    text = signature.replace(parameters=inside, return_annotation=_Written(signature.return_annotation))
    return f"```python\n{kind} {name}{text}: ...\n```\n"


class _Written:
    """An annotation, shown as it is written and not in quotes."""

    def __init__(self, annotation: object) -> None:
        self._text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)

    def __repr__(self) -> str:
        return self._text.replace("'", "")


def _described(
    function: Callable[..., Any], params: Mapping[str, str], what: str, *, strict: bool = True
) -> Iterator[str]:
    names = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    if strict:
        for name in names:
            required(params.get(name, ""), f"{what}({name})")
    if lines := [f"- `{name}`: {params[name]}" for name in names if name in params]:
        yield "\n".join(lines) + "\n"


def _arguments(function: Callable[..., Any], params: Mapping[str, str], what: str) -> str:
    going = getattr(function, f"{hookspecs.PROJECT}_spec").get("warn_on_impl_args") or {}
    rows = []
    for name, one in inspect.signature(function).parameters.items():
        goes = f" Goes away: {going[name]}" if name in going else ""
        meaning = required(params.get(name, ""), f"{what}({name})")
        rows.append(f"| `{name}` | `{_shown(one.annotation)}` | {meaning}{goes} |")
    return _table(("argument", "type", ""), rows)


def _parameters(said: Any) -> Iterator[str]:
    if said.params:
        yield "\n".join(f"- `{name}`: {meaning}" for name, meaning in said.params.items()) + "\n"


def _raises(raises: Mapping[str, str]) -> Iterator[str]:
    for error, when in raises.items():
        yield f"Raises `{error}`: {when}\n"


def _shown(annotation: object) -> str:
    return str(annotation).replace(" | ", " or ")


def _sentences(text: str, what: str) -> str:
    return " ".join(required(text, what).split())


def _table(columns: Iterable[str], rows: Iterable[str]) -> str:
    heads = list(columns)
    return "\n".join([f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *rows, ""])


_PARTS: Mapping[str, Callable[..., str]] = {
    "hooks": _hooks,
    "values": _values,
    "services": _services,
    "plugin": _plugin,
    "options": _options,
    "events": _events,
    "marks": _marks,
    "errors": _errors,
    "types": _types,
    "tables": _tables,
    "channel": lambda: _classes(Channel, strict=False),
    "normalizer": lambda: _classes(Normalizer, strict=False),
    "testing": _testing,
}
