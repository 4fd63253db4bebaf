"""The script that does everything: the files of ``scripts`` in one, with the names of the keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from auzap.queues.redis.keys import Keys

__all__ = ["VERSION", "Script", "script_for"]

#: of what the keys hold
VERSION: Final = 1

#: each stands on those before it
_COMMON: Final = ("state", "envelopes", "lanes")
#: ``ops['<file>.<name>']``: a file's functions are made in the calls of the script that need them, since that is what
#: most of a short call's time would go into
_OPERATIONS: Final = ("put", "lease", "settle", "freeing", "letters", "permit", "census")


@dataclass(frozen=True, slots=True)
class Script:
    text: bytes
    #: by which a server that has it knows it
    sha: bytes


def script_for(keys: Keys) -> Script:
    folder = files("auzap.queues.redis").joinpath("scripts")

    def read(name: str) -> str:
        return keys.in_script(folder.joinpath(f"{name}.lua").read_text(encoding="utf-8"))

    start = [f"local VERSION = {VERSION}", "local ops, files = {}, {}"]
    operations = [f"files['{name}'] = function()\n{read(name)}\nend" for name in _OPERATIONS]
    text = "\n".join([*start, *map(read, _COMMON), *operations, read("main")]).encode()
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())
