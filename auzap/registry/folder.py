"""A folder of plugins that are not packaged: each ``NAME.py`` in it, or package, is the plugin ``NAME``."""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from auzap.model.errors import PluginError
from auzap.registry.offers import Offer

__all__ = ["File", "files_in"]

#: as a plugin may be called in the YAML
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: what pytest looks for, and keeps its fixtures in
_TESTS = re.compile(r"test_.*|.*_test|conftest")


def files_in(folder: Path) -> list[File]:
    """Tests, and what begins with an underscore, are no plugins.

    :raises PluginError: it is no folder that can be read.
    """
    try:
        return [File(path.parent.name if path.stem == "__init__" else path.stem, path) for path in _paths(folder)]
    except OSError as error:
        raise PluginError(f"plugins in {folder}: cannot be read: {error.strerror}") from error


def _paths(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if _NAME.fullmatch(path.name) and (path / "__init__.py").is_file():
                yield path / "__init__.py"
        elif path.suffix == ".py" and _NAME.fullmatch(path.stem) and not _TESTS.fullmatch(path.stem):
            yield path


class File:
    """One of them."""

    def __init__(self, name: str, path: Path) -> None:
        """:param path: of the module, or of the package's ``__init__.py``."""
        self.name = name
        self._path = path
        #: where its code is
        self._home = path.parent if path.stem == "__init__" else path
        # of its own, so that it hides no other module, and is the same for all who load it in this process
        place = hashlib.blake2b(str(path.absolute()).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
        self._module = f"auzap_plugin_{place}_{re.sub('[^A-Za-z0-9]', '_', name)}"

    @property
    def offer(self) -> Offer:
        return Offer(self.name, str(self._home), None, str(self._path))

    def owns(self, module: str, file: str) -> bool:
        return module.partition(".")[0] == self._module

    def load(self) -> object:
        """:raises PluginError: there is no plugin in it, or more than one."""
        module = sys.modules.get(self._module) or self._import()
        found = self._plugins(module)
        if len(found) == 1:
            return found[0]
        if not found:
            raise PluginError("has no plugin in it; write: class Name(auzap.Plugin)")
        named = ", ".join(f"{one.__name__} (line {inspect.getsourcelines(one)[1]})" for one in found)
        raise PluginError(
            f"has several plugins in it: {named}; give each a file, or all but one a name with _ before it"
        )

    def _import(self) -> ModuleType:
        inside = [str(self._home)] if self._home.is_dir() else None
        spec = spec_from_file_location(self._module, self._path, submodule_search_locations=inside)
        assert spec is not None  # noqa: S101 - it ends in .py
        assert spec.loader is not None  # noqa: S101
        module = module_from_spec(spec)
        sys.modules[self._module] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[self._module]
            raise
        return module

    def _plugins(self, module: ModuleType) -> list[type]:
        """The classes that it makes itself, and does not keep to itself."""
        from auzap.contract.plugin import Plugin

        return [
            one
            for name, one in vars(module).items()
            if isinstance(one, type)
            and issubclass(one, Plugin)
            and self.owns(one.__module__, "")
            and name == one.__name__
            and not name.startswith("_")
        ]
