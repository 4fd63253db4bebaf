"""What one tenant has never comes up at another's."""

from __future__ import annotations

from collections.abc import Sequence

from auzap.testing.bot import Bot
from auzap.testing.contract.subject import Subject

__all__ = ["tenants_apart"]

_OTHER = "vizinha"
_SAID_THERE = "segredo-da-vizinha-4417"


async def tenants_apart(subject: Subject) -> list[str]:
    """The same people talk to both. What is told to one is a secret there."""
    async with subject.bot(subject.setup(others=[_OTHER])) as bot:
        other = bot.tenant(_OTHER)
        await _say(subject, other, [f"{text} {_SAID_THERE}" for text in subject.says])
        before = subject.counted(other)
        await _say(subject, bot, subject.says)
        after = subject.counted(other)
        told = [sent for sent in bot.gateway.sent if sent.tenant == bot.tenant_id and _SAID_THERE in sent.text]
        stored = [
            str(table.__tablename__)
            for table in subject.plugin.tables
            if any(_SAID_THERE in str(row) for row in await bot.rows(table))
        ]
    findings = [
        f"tenants: rows of {table} are written to another tenant ({before[table]} before, {after[table]} after)"
        for table in before
        if before[table] != after[table]
    ]
    if told:
        findings.append(
            "tenants: what was said to one tenant is told at another's; keep it in self, in state or in the store, "
            "not in the class or the module"
        )
    findings += [f"tenants: what was said to one tenant stands in another's rows of {table}" for table in stored]
    return findings


async def _say(subject: Subject, bot: Bot, texts: Sequence[str]) -> None:
    for person in subject.people(bot):
        await bot.posts([person.message({"conversation": text}) for text in texts])
