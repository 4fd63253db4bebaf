"""What was read before: a file that says the same is not read again, and its tenants stay the very same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from auzap.config.models import TenantConfig
from auzap.config.nodes import Mistake, Node, identical
from auzap.config.seen import Seen

__all__ = ["Memory"]

Read = tuple[Node, list[Mistake]]


@dataclass(frozen=True, slots=True)
class _File:
    digest: bytes
    read: Read
    #: secrets that were read with it
    beside: Seen


class Memory:
    """Of one configuration, from one reading to the next. Ten thousand tenants are changed one at a time."""

    def __init__(self) -> None:
        self._files: dict[Path, _File] = {}
        #: tenant -> its node, the defaults' node, what they made
        self._tenants: dict[str, tuple[Node, Node | None, TenantConfig]] = {}
        #: defaults that are alike
        self._compared: tuple[Node | None, Node | None] = (None, None)

    def read(self, path: Path, text: str, seen: Seen, compose: Callable[[Seen], Read]) -> Read:
        """What ``compose`` made of it, then or now.

        :param seen: notes what is read beside it.
        """
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        known = self._files.get(path)
        if known is None or known.digest != digest or known.beside.differs(known.beside.look()):
            beside = Seen()
            try:
                known = self._files[path] = _File(digest, compose(beside), beside)
            finally:
                seen.add(beside)
        else:
            seen.add(known.beside)
        node, mistakes = known.read
        return node, list(mistakes)

    def tenant(self, tenant_id: str, node: Node, defaults: Node | None) -> TenantConfig | None:
        """What these made before; they may have been read anew."""
        known = self._tenants.get(tenant_id)
        if known is None or not identical(known[0], node) or not self._same_defaults(known[1], defaults):
            return None
        return known[2]

    def _same_defaults(self, known: Node | None, given: Node | None) -> bool:
        if known is not given and (known, given) != self._compared:
            if not identical(known, given):
                return False
            self._compared = known, given  # all tenants have the same
        return True

    def keep(self, tenant_id: str, node: Node, defaults: Node | None, made: TenantConfig) -> None:
        self._tenants[tenant_id] = (node, defaults, made)

    def forget_others(self, seen: Seen, tenants: Container[str]) -> None:
        """All that is not there any more."""
        files = set(seen.files)
        self._files = {path: file for path, file in self._files.items() if path.absolute() in files}
        self._tenants = {one: made for one, made in self._tenants.items() if one in tenants}
