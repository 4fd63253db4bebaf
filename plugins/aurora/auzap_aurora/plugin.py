"""The plugin: answers what an owner asks for, and keeps what Aurora said."""

from __future__ import annotations

from auzap import Message, Outcome, Plugin, Reply, Sender, Turn, hookimpl
from auzap import Options as BaseOptions
from auzap.tables import AuroraProactiveMessage, now
from auzap_aurora.commands import find, not_understood, only_text

__all__ = ["Aurora"]


class Aurora(Plugin):
    """Answers the owner of the business."""

    class Options(BaseOptions):
        roles: tuple[str, ...] | None = ("owner",)

    @hookimpl
    async def handle_message(self, message: Message, sender: Sender, turn: Turn) -> Outcome | None:
        answer = await self._answer(message, turn)
        if answer is None:
            return None
        said_at = now()
        said = AuroraProactiveMessage(
            organization_id=turn.organization_id,
            owner_number_id=sender.owner_id,
            message_type="tip",
            content=answer,
            scheduled_for=said_at,
            status="sent",
            sent_at=said_at,
        )
        return Outcome([Reply(answer)], records=[said])

    async def _answer(self, message: Message, turn: Turn) -> str | None:
        if not message.text.strip():
            # A voice message is a way to ask; a photo or a sticker asks for nothing.
            return only_text() if message.kind == "audio" else None
        command = find(message.text)
        return await command.answer(turn, self.tenant.name) if command else not_understood()
