"""Names to classes.

Three groups of entry points: ``auzap.plugins`` holds plugins by name; ``auzap.backends`` holds queues as
``queue.<URL scheme>``, channels as ``channel.<name>`` and normalizers as ``normalizer.<name>``; ``auzap.commands``
holds commands of the command line. Plugins may also lie in a folder, as files. This module imports nothing heavy, as
the command line's help asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from auzap.model.errors import PluginError
from auzap.registry.folder import File, files_in
from auzap.registry.loading import NotInstalled, check_base, check_options, load_class, load_object, only
from auzap.registry.offers import Entry, Offer, Source

if TYPE_CHECKING:
    from auzap.contract.channel import Channel
    from auzap.contract.normalizer import Normalizer
    from auzap.contract.plugin import Plugin

__all__ = ["NotInstalled", "PluginInfo", "Registry"]

T = TypeVar("T")

_PLUGINS = "auzap.plugins"
_BACKENDS = "auzap.backends"
_COMMANDS = "auzap.commands"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    name: str
    cls: type[Plugin]
    #: whose tables and migrations those of the plugin are; of a plugin in a folder its file's name
    distribution: str
    #: a file has none
    version: str | None
    #: of a plugin in a folder
    path: str | None = None

    @property
    def source(self) -> str:
        """Where it comes from, for people."""
        return self.path or f"{self.distribution} {self.version}"


class Registry:
    """What is installed, as it was when this was made. It costs some milliseconds: make one and pass it on.

    What was loaded, or would not load, is remembered: tenants by the thousand ask for the same few.

    :param plugins_dir: a folder whose files are plugins too.
    :raises PluginError: the folder cannot be read.
    """

    def __init__(self, plugins_dir: Path | None = None) -> None:
        every = entry_points()
        files = files_in(plugins_dir) if plugins_dir is not None else []
        self._plugins: tuple[Source, ...] = (*map(Entry, every.select(group=_PLUGINS)), *files)
        self._backends: tuple[Source, ...] = tuple(map(Entry, every.select(group=_BACKENDS)))
        self._commands: tuple[Source, ...] = tuple(map(Entry, every.select(group=_COMMANDS)))
        #: what was asked for -> what it is, or why there is none
        self._known: dict[str, Any] = {}

    def plugins(self) -> list[Offer]:
        """All plugins that are installed, by name."""
        return _offers(self._plugins)

    def backends(self) -> list[Offer]:
        """All queues (``queue.<URL scheme>``), channels (``channel.<name>``) and normalizers (``normalizer.<name>``)
        that are installed, by name.
        """
        return _offers(self._backends)

    def commands(self) -> list[Offer]:
        """All commands that are installed beside auzap's own, by name."""
        return _offers(self._commands)

    def plugin(self, name: str) -> PluginInfo:
        """:raises PluginError: there is none of that name, or two, or it will not load, or it is no plugin."""
        return self._once(f"plugin {name}", lambda: self._plugin(name))

    def channel(self, name: str) -> type[Channel]:
        """:raises PluginError: as ``plugin`` does."""
        return self._once(f"channel {name}", lambda: self._channel(name))

    def normalizer(self, name: str) -> type[Normalizer]:
        """:raises PluginError: as ``plugin`` does."""
        return self._once(f"normalizer {name}", lambda: self._normalizer(name))

    def queue(self, scheme: str) -> type[Any]:
        """The queue for URLs that begin with ``<scheme>://``.

        :raises PluginError: as ``plugin`` does.
        """
        source = only(scheme, self._backends, what="queue", prefix="queue.")
        return load_class(source, f"queue {scheme}")

    def command(self, name: str) -> object:
        """Whatever the entry point names: it should be a ``click.Command``.

        :raises PluginError: there is none of that name, or two, or it will not load.
        """
        return load_object(only(name, self._commands, what="command"), f"command {name}")

    # ------------------------------------------------------------------ one of them

    def _once(self, what: str, load: Callable[[], T]) -> T:
        if what not in self._known:
            try:
                self._known[what] = load()
            except PluginError as error:
                self._known[what] = error
        found = self._known[what]
        if isinstance(found, PluginError):  # a new one: each raise adds to a traceback
            raise type(found)(str(found)) from found.__cause__
        return cast("T", found)

    def _plugin(self, name: str) -> PluginInfo:
        from auzap.contract.options import Options
        from auzap.contract.plugin import Plugin

        source = only(name, self._plugins, what="plugin", usual=f"auzap-{name.replace('_', '-')}")
        what = f"plugin {name}"
        cls = load_class(source, what)
        check_base(cls, Plugin, "auzap.Plugin", source, what)
        check_options(cls, Options, "auzap.Options", source, what)
        offer = source.offer
        if isinstance(source, File):
            return PluginInfo(name, cls, Path(offer.distribution).name, None, offer.distribution)
        return PluginInfo(name, cls, offer.distribution, offer.version)

    def _channel(self, name: str) -> type[Channel]:
        from auzap.contract.channel import Channel, ChannelOptions

        source = only(name, self._backends, what="channel", prefix="channel.")
        what = f"channel {name}"
        cls = load_class(source, what)
        check_base(cls, Channel, "auzap.contract.channel.Channel", source, what)
        check_options(cls, ChannelOptions, "auzap.contract.channel.ChannelOptions", source, what)
        return cls

    def _normalizer(self, name: str) -> type[Normalizer]:
        from auzap.contract.normalizer import Normalizer, NormalizerOptions

        source = only(name, self._backends, what="normalizer", prefix="normalizer.")
        what = f"normalizer {name}"
        cls = load_class(source, what)
        check_base(cls, Normalizer, "auzap.contract.normalizer.Normalizer", source, what)
        check_options(cls, NormalizerOptions, "auzap.contract.normalizer.NormalizerOptions", source, what)
        return cls


def _offers(sources: Iterable[Source]) -> list[Offer]:
    return sorted((source.offer for source in sources), key=lambda offer: (offer.name, offer.distribution))
