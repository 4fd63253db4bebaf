"""Leaves a plugin that keeps failing alone for a while, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from auzap.logs import get_logger
from auzap.model.errors import PluginPaused

__all__ = ["Circuit", "Paused"]

log = get_logger("auzap.hooks")

#: They come after the handler has answered: were they refused then, its answer would be thrown away, and it would be
#: asked again. So they are looked at before it is asked.
_AFTER_AN_ANSWER = frozenset({"review_replies", "persist"})
#: seconds that others wait at least while one call tries
_MEANWHILE = 1.0


@dataclass(frozen=True, slots=True)
class Paused:
    """A plugin that is left alone.

    :param hook: the one that failed.
    :param failures: in a row.
    :param since: seconds since 1970, as ``until``.
    """

    plugin: str
    hook: str
    failures: int
    since: float
    until: float


class Circuit:
    """One plugin's, for one tenant; it lasts as long as that version of the tenant.

    Failures are counted by hook, and only the same hook sets them back: a plugin that classifies well and cannot answer
    has a success between any two failures, and would never be noticed. But it is the whole plugin that is paused: what
    one of its hooks waits for in vain, the others need too, more often than not.

    :param most: failures in a row.
    :param pause: seconds.
    :param now: seconds since 1970.
    """

    __slots__ = (
        "_most",
        "_now",
        "_pause",
        "_plugin",
        "_refused",
        "_since",
        "_tenant",
        "_times",
        "_trying",
        "_until",
        "failures",
    )

    def __init__(self, tenant: str, plugin: str, *, most: int, pause: float, now: Callable[[], float]) -> None:
        self._tenant = tenant
        self._plugin = plugin
        self._most = most
        self._pause = pause
        self._now = now
        #: in a row, by hook. Empty, nothing else need be asked or told: every call looks here.
        self.failures: dict[str, int] = {}
        self._since: float | None = None
        self._until = 0.0
        #: how often it was paused, and calls that were refused in the present pause
        self._times = self._refused = 0
        #: the hooks that one call tries again, and since when
        self._trying: dict[str, float] = {}

    @property
    def paused(self) -> Paused | None:
        if self._since is None:
            return None
        hook = next(hook for hook in self.failures if self._failing(hook))
        return Paused(self._plugin, hook, self.failures[hook], self._since, self._until)

    def admit(self, hook: str) -> None:
        """A call is about to begin.

        After the pause one call of the hook that failed tries; those of the others go ahead, or no turn would get as
        far as that one.

        :raises PluginPaused: it must not.
        """
        if hook in _AFTER_AN_ANSWER:
            return
        self.expect()
        if self._failing(hook):
            now, tries_since = self._now(), self._trying.get(hook)
            if tries_since is not None:  # the longer it takes, the less often it is asked for
                raise self._refusal(now + max(now - tries_since, _MEANWHILE))
            self._trying[hook] = now

    def expect(self) -> None:
        """A call will be needed soon.

        :raises PluginPaused: it would be one too early.
        """
        if self._now() < self._until:
            raise self._refusal(self._until)

    def failed(self, hook: str) -> None:
        self.failures[hook] = self.failures.get(hook, 0) + 1
        self._trying.pop(hook, None)
        now = self._now()
        if not self._failing(hook) or now < self._until:  # those that were under way then say nothing new
            return
        self._until = now + self._pause
        if self._since is None:
            self._since = now
            self._times += 1
            self._refused = 0
            self._log_paused(hook)

    def succeeded(self, hook: str) -> None:
        self.failures.pop(hook, None)
        self._trying.pop(hook, None)
        if self._since is None or any(map(self._failing, self.failures)):
            return
        seconds = round(self._now() - self._since, 1)
        self._since, self._until = None, 0.0
        log.info(
            "Plugin works again",
            organization_id=self._tenant,
            plugin=self._plugin,
            hook=hook,
            seconds=seconds,
            refused=self._refused,
        )

    def undecided(self, hook: str) -> None:
        """The call was cancelled, or something else was away: the next one tries."""
        self._trying.pop(hook, None)

    def _failing(self, hook: str) -> bool:
        return self.failures.get(hook, 0) >= self._most

    def _refusal(self, until: float) -> PluginPaused:
        paused = self.paused
        assert paused is not None  # noqa: S101 - nobody is refused before
        self._refused += 1
        at = datetime.fromtimestamp(until, UTC)
        reason = f"failed {paused.failures} times in a row; the plugin is not called until {at:%H:%M:%S} UTC"
        return PluginPaused(self._plugin, paused.hook, reason, since=paused.since, until=until)

    def _log_paused(self, hook: str) -> None:
        log.error(
            "Plugin paused",
            organization_id=self._tenant,
            plugin=self._plugin,
            hook=hook,
            failures=self.failures[hook],
            seconds=self._pause,
            times=self._times,
        )
