"""Import what is offered, with errors for its author."""

from __future__ import annotations

import difflib
import inspect
import traceback
from collections.abc import Iterable
from typing import Any

from auzap.model.errors import PluginError
from auzap.registry.offers import Source

__all__ = ["NotInstalled", "check_base", "check_options", "load_class", "load_object", "only"]


class NotInstalled(PluginError):
    """Nothing of this name is installed."""


def only(name: str, sources: Iterable[Source], *, what: str, prefix: str = "", usual: str | None = None) -> Source:
    """The one of this name.

    :param usual: how a distribution of that name is usually called.
    :raises NotInstalled: there is none.
    :raises PluginError: there are several.
    """
    candidates = [source for source in sources if source.name.startswith(prefix)]
    found = [source for source in candidates if source.name == prefix + name]
    if len(found) == 1:
        return found[0]
    if found:
        offers = [source.offer for source in found]
        both = " and ".join(sorted(map(str, offers)))
        right = "uninstall all but one" if all(offer.version for offer in offers) else "keep one of them"
        raise PluginError(f"{what} {name}: offered more than once, by {both}; {right}")
    names = sorted({source.name.removeprefix(prefix) for source in candidates})
    guess = difflib.get_close_matches(name, names, n=1)
    meant = f"did you mean {guess[0]}? " if guess else f"`pip install {usual}`? " if usual else ""
    raise NotInstalled(f"{what} {name!r}: not installed; {meant}installed: {', '.join(names) or 'none'}")


def load_object(source: Source, what: str) -> object:
    """:raises PluginError: it will not load; the author's own line is named."""
    try:
        return source.load()
    except PluginError as error:  # the source's own, of what it found
        raise PluginError(f"{_named(source, what)} {error}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"{_named(source, what)} does not load: {_told(error, source)}") from error


def load_class(source: Source, what: str) -> type[Any]:
    """:raises PluginError: it will not load, or is no class."""
    target = load_object(source, what)
    if isinstance(target, type):
        return target
    raise PluginError(f"{_named(source, what)} is {_kind(target)}; the entry point should name a class: module:Class")


def check_base(cls: type[Any], base: type[Any], name: str, source: Source, what: str) -> None:
    if not issubclass(cls, base):
        raise PluginError(f"{_named(source, what)} is no {name}; write: class {cls.__name__}({name})")
    if cls is base:
        raise PluginError(f"{_named(source, what)} is {name} itself; name a subclass of it")


def check_options(cls: type[Any], base: type[Any], name: str, source: Source, what: str) -> None:
    options = cls.Options
    if not (isinstance(options, type) and issubclass(options, base)):
        raise PluginError(f"{_named(source, what)}: its Options are no {name}; write: class Options({name})")


def _named(source: Source, what: str) -> str:
    return f"{what}: {source.offer}"


def _told(error: BaseException, source: Source) -> str:
    """The exception in one line, with the innermost line of its own code that it passed through."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{type(error).__name__}: {error.msg} at {error.filename}:{error.lineno}"
    text = " ".join(traceback.format_exception_only(error)[0].split())
    # the outermost frame is this module's own
    frames = traceback.walk_tb(error.__traceback__.tb_next if error.__traceback__ else None)
    places = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in frames
        if source.owns(str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename)
    ]
    return f"{text} at {places[-1]}" if places else text


def _kind(target: object) -> str:
    if inspect.ismodule(target):
        return "a module"
    if inspect.isroutine(target):
        return "a function"
    return f"an instance of {type(target).__name__}"
