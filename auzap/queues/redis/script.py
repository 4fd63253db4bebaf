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

#: made in the calls of the script that need something of them: what they have in common, and ``ops['<file>.<name>']``
_FILES: Final = ("entering", "lanes", "due", "put", "lease", "settle", "freeing", "letters", "permit", "census")


@dataclass(frozen=True, slots=True)
class Script:
    text: bytes
    #: by which a server that has it knows it
    sha: bytes


def script_for(keys: Keys) -> Script:
    folder = files("auzap.queues.redis").joinpath("scripts")

    def read(name: str) -> str:
        return keys.in_script(folder.joinpath(f"{name}.lua").read_text(encoding="utf-8"))

    start = f"local VERSION = {VERSION}\nlocal ops, load = {{}}, nil"
    # one function for all of them: to make one for each would take longer than most of what they do
    branches = "\nelse".join(f"if file == '{name}' then\n{read(name)}" for name in _FILES)
    loading = f"function load(file)\n{branches}\nend\nend"
    text = "\n".join([start, read("state"), loading, read("main")]).encode()
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())
