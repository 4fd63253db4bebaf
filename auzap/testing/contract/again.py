"""What is done twice is there once: turns after a crash, schedules."""

from __future__ import annotations

from auzap.contract.schedules import schedules_of
from auzap.testing.bot import Bot
from auzap.testing.contract.subject import Subject

__all__ = ["again"]

#: (where a worker dies, in words)
_DEATHS = (("before_persist", "a crash before the outcome was stored"), ("after_persist", "a crash after it"))


async def again(subject: Subject) -> list[str]:
    findings: list[str] = []
    once, failed_before = await _told(subject, None)
    for point, words in _DEATHS:
        twice, failed = await _told(subject, point)
        findings += [f"again: {words}, and then: {error}" for error in failed if error not in failed_before]
        findings += [
            f"again: {words} leaves {twice[table]} rows of {table} instead of {count}: return them as records of the "
            "Outcome, or decide with turn.once; give outbox.send a key"
            for table, count in once.items()
            if twice[table] > count
        ]
    return findings + await _schedules(subject)


async def _told(subject: Subject, point: str | None) -> tuple[dict[str, int], list[str]]:
    """How many rows there are when everything has been said, with a crash in each turn; and what failed."""
    async with subject.bot(subject.setup(attempts=3)) as bot:
        for person in subject.people(bot):
            payloads = [person.message({"conversation": text}) for text in subject.says]
            if point is None:
                await bot.posts(payloads)
                continue
            for payload in payloads:
                bot.crash_at(point)
                await bot.posts([payload])
                bot.forgive()
        failed = [f"{line['hook']} {line['error']}" for line in bot.log if line["event"] == "Attempt failed"]
        return subject.counted(bot), failed


async def _say_all(subject: Subject, bot: Bot) -> None:
    for person in subject.people(bot):
        await bot.posts([person.message({"conversation": text}) for text in subject.says])


async def _schedules(subject: Subject) -> list[str]:
    """Run twice for one time, as when a worker dies before it could note that it has."""
    findings: list[str] = []
    for method in schedules_of(subject.plugin):
        async with subject.bot() as bot:
            await _say_all(subject, bot)
            before = subject.counted(bot)
            failed = await bot.run_schedule(subject.name, method)
            once = subject.counted(bot)
            await bot.restart()  # what it keeps in memory does not count
            failed = await bot.run_schedule(subject.name, method) or failed
            twice = subject.counted(bot)
        if failed is not None:
            findings.append(f"schedules: {method} raises {type(failed).__name__}: {failed}")
        findings += [
            f"schedules: {method} run twice for one time leaves {twice[table] - before[table]} rows of {table} instead "
            f"of {once[table] - before[table]}: give outbox.send a key with the day in it, or look before you write"
            for table in once
            if twice[table] > once[table]
        ]
    return findings
