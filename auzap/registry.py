"""Entry points to classes.

Two groups: ``auzap.plugins`` holds plugins by name; ``auzap.backends`` holds queues as ``queue.<URL scheme>`` and
channels as ``channel.<name>``, which exist before any tenant does. Only what is asked for is imported.
"""

from __future__ import annotations

import difflib
import inspect
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from auzap.contract.channel import Channel, ChannelOptions
from auzap.contract.options import Options
from auzap.contract.plugin import Plugin
from auzap.model.errors import PluginError

__all__ = ["Offer", "PluginInfo", "Registry"]

_PLUGINS = "auzap.plugins"
_BACKENDS = "auzap.backends"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a distribution says it has; nothing of it is imported."""

    name: str
    distribution: str
    version: str
    #: ``module:Class``
    value: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.value})"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    name: str
    cls: type[Plugin]
    distribution: str
    version: str


class Registry:
    """What is installed, as it was when this was made. It costs some milliseconds: make one and pass it on."""

    def __init__(self) -> None:
        every = entry_points()
        self._plugins = tuple(every.select(group=_PLUGINS))
        self._backends = tuple(every.select(group=_BACKENDS))

    def plugins(self) -> list[Offer]:
        """All plugins that are installed, by name."""
        return sorted(map(_offer, self._plugins), key=lambda offer: (offer.name, offer.distribution))

    def backends(self) -> list[Offer]:
        """All queues (``queue.<URL scheme>``) and channels (``channel.<name>``) that are installed, by name."""
        return sorted(map(_offer, self._backends), key=lambda offer: (offer.name, offer.distribution))

    def plugin(self, name: str) -> PluginInfo:
        """:raises PluginError: there is none of that name, or two, or it will not load, or it is no plugin."""
        entry = _only(name, self._plugins, what="plugin")
        what = f"plugin {name}"
        cls = _load_class(entry, what)
        _check_base(cls, Plugin, "auzap.Plugin", entry, what)
        _check_options(cls, Options, "auzap.Options", entry, what)
        offer = _offer(entry)
        return PluginInfo(name, cls, offer.distribution, offer.version)

    def channel(self, name: str) -> type[Channel]:
        """:raises PluginError: as ``plugin`` does."""
        entry = _only(name, self._backends, what="channel", prefix="channel.")
        what = f"channel {name}"
        cls = _load_class(entry, what)
        _check_base(cls, Channel, "auzap.contract.channel.Channel", entry, what)
        _check_options(cls, ChannelOptions, "auzap.contract.channel.ChannelOptions", entry, what)
        return cls

    def queue(self, scheme: str) -> type[Any]:
        """The queue for URLs that begin with ``<scheme>://``.

        :raises PluginError: as ``plugin`` does.
        """
        entry = _only(scheme, self._backends, what="queue", prefix="queue.")
        return _load_class(entry, f"queue {scheme}")


def _offer(entry: EntryPoint) -> Offer:
    distribution = entry.dist
    if distribution is None:
        return Offer(entry.name, "?", "?", entry.value)
    return Offer(entry.name, distribution.name, distribution.version, entry.value)


def _only(name: str, entries: Iterable[EntryPoint], *, what: str, prefix: str = "") -> EntryPoint:
    candidates = [entry for entry in entries if entry.name.startswith(prefix)]
    found = [entry for entry in candidates if entry.name == prefix + name]
    if len(found) == 1:
        return found[0]
    if found:
        both = " and ".join(sorted(str(_offer(entry)) for entry in found))
        raise PluginError(f"{what} {name}: offered more than once, by {both}; uninstall all but one")
    names = sorted({entry.name.removeprefix(prefix) for entry in candidates})
    guess = difflib.get_close_matches(name, names, n=1)
    meant = f"did you mean {guess[0]}? " if guess else ""
    raise PluginError(f"{what} {name!r}: not installed; {meant}installed: {', '.join(names) or 'none'}")


# ------------------------------------------------------------------ loading


def _load_class(entry: EntryPoint, what: str) -> type[Any]:
    try:
        target = entry.load()
    except (Exception, SystemExit) as error:
        raise PluginError(f"{_named(entry, what)} does not load: {_told(error, entry)}") from error
    if isinstance(target, type):
        return target
    raise PluginError(f"{_named(entry, what)} is {_kind(target)}; the entry point should name a class: module:Class")


def _check_base(cls: type[Any], base: type[Any], name: str, entry: EntryPoint, what: str) -> None:
    if not issubclass(cls, base):
        raise PluginError(f"{_named(entry, what)} is no {name}; write: class {cls.__name__}({name})")
    if cls is base:
        raise PluginError(f"{_named(entry, what)} is {name} itself; name a subclass of it")


def _check_options(cls: type[Any], base: type[Any], name: str, entry: EntryPoint, what: str) -> None:
    options = cls.Options
    if not (isinstance(options, type) and issubclass(options, base)):
        raise PluginError(f"{_named(entry, what)}: its Options are no {name}; write: class Options({name})")


def _named(entry: EntryPoint, what: str) -> str:
    return f"{what}: {_offer(entry)}"


def _told(error: BaseException, entry: EntryPoint) -> str:
    """The exception in one line, with the innermost line of the plugin's own code that it passed through."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{type(error).__name__}: {error.msg} at {error.filename}:{error.lineno}"
    text = " ".join(traceback.format_exception_only(error)[0].split())
    package = entry.value.partition(":")[0].strip().partition(".")[0]
    # the outermost frame is this module's own
    frames = traceback.walk_tb(error.__traceback__.tb_next if error.__traceback__ else None)
    places = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in frames
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package
    ]
    return f"{text} at {places[-1]}" if places else text


def _kind(target: object) -> str:
    if inspect.ismodule(target):
        return "a module"
    if inspect.isroutine(target):
        return "a function"
    return f"an instance of {type(target).__name__}"
