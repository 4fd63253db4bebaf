"""From files to a ``Config``."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from auzap.config.explain import check
from auzap.config.memory import Memory
from auzap.config.models import Config
from auzap.config.nodes import Mistake, Node, config_error
from auzap.config.options import RawOptions
from auzap.config.secrets import Secrets
from auzap.config.seen import Seen
from auzap.config.sources import Sources, read_mapping, read_text
from auzap.model.errors import ConfigError

__all__ = ["load", "parse"]

_KEYS = (Config.model_fields.keys() - {"path", "base", "broken", "raw"}) | {"defaults", "tenants_from"}


def load(
    path: Path,
    env: Mapping[str, str] | None = None,
    *,
    tolerant: bool = False,
    seen: Seen | None = None,
    memory: Memory | None = None,
) -> Config:
    """Read a configuration file and the files of tenants that it names.

    :param env: the variables for ``${NAME}``; by default the process's own.
    :param tolerant: leave a broken tenant out and say so in ``Config.broken``.
    :param seen: notes what was read.
    :param memory: of what was read before.
    :raises ConfigError: a line for each mistake: file, line, column, key, what is wrong and what would be right.
    """
    seen = seen if seen is not None else Seen()
    with _uncollected():
        return parse(read_text(path, seen), path, env, tolerant=tolerant, seen=seen, memory=memory)


def parse(
    text: str,
    path: Path,
    env: Mapping[str, str] | None = None,
    *,
    tolerant: bool = False,
    seen: Seen | None = None,
    memory: Memory | None = None,
) -> Config:
    """As ``load``, of a text that is at hand.

    :param path: where it would stand: names it in messages, and paths in it are relative to its folder.
    """
    seen, memory = seen if seen is not None else Seen(), memory if memory is not None else Memory()
    base = path.absolute().parent
    secrets = Secrets(os.environ if env is None else env, base, seen)
    wanted = "should have the keys queue, database and tenants"
    top, mistakes = read_mapping(text, path, secrets, seen, memory, wanted)
    top = _without_http(top, mistakes)
    sources = Sources(top.entries, path, secrets, seen, memory)
    mistakes = sources.collect(mistakes)
    tenants = {found.id: tenant for found in sources.found.values() if (tenant := found.make(memory))}
    memory.forget_others(seen, sources.found)
    mistakes += _wrong_defaults(top) + sources.of_defaults()
    broken = {name: str(error) for name, error in sources.broken.items()}
    broken |= {found.id: str(config_error(found.mistakes)) for found in sources.found.values() if found.mistakes}
    given = {"path": path, "base": base, "raw": RawOptions(top), "tenants": tenants, "broken": broken}
    config = check(Config, top, mistakes, given=given, keys=_KEYS)
    if config is None or mistakes or (broken and not tolerant):
        raise _error(mistakes, None if tolerant else sources)
    return _with_slots(config)


@contextmanager
def _uncollected() -> Iterator[None]:
    """What is read stays: with ten thousand tenants the garbage collector would go through it again and again, which
    takes longer than reading.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _without_http(top: Node, mistakes: list[Mistake]) -> Node:
    http = top.entries.get("http")
    if http is None:
        return top
    mistakes.append(Mistake(http.key or http.mark, http.path, "comes with the webhooks; leave it out until then"))
    return replace(top, value={key: node for key, node in top.entries.items() if key != "http"})


def _wrong_defaults(top: Node) -> list[Mistake]:
    defaults = top.entries.get("defaults")
    if defaults is None or defaults.told or defaults.value is None or isinstance(defaults.value, dict):
        return []
    return [Mistake(defaults.mark, defaults.path, "should be a mapping of what every tenant inherits")]


def _error(mistakes: list[Mistake], sources: Sources | None) -> ConfigError:
    """:param sources: whose tenants' and files' mistakes are told too."""
    if sources is None:
        return config_error(mistakes)
    every = [*mistakes, *(mistake for found in sources.found.values() for mistake in found.mistakes)]
    errors = [config_error(every)] if every else []
    return ConfigError("\n".join(str(error) for error in [*errors, *sources.broken.values()]))


def _with_slots(config: Config) -> Config:
    """With several tenants, none holds more than half of the slots: so there are two at least."""
    if len(config.tenants) + len(config.broken) < 2 or config.worker.concurrency > 1:
        return config
    return config.model_copy(update={"worker": config.worker.model_copy(update={"concurrency": 2})})
