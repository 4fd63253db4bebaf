"""Telegram bots as a channel: messages are polled for, answers are posted, both over the Bot API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import httpx
from pydantic import Field, SecretStr

from auzap import Delivery, Duration, Event, Message, Receipt, Refused, Unreachable
from auzap.contract.channel import Accept, Arrival, Channel, ChannelOptions
from auzap.model.errors import BadPayload

__all__ = ["Telegram", "TelegramOptions"]

CHAT_KINDS = {"private": "direct", "group": "group", "supergroup": "group"}


class TelegramOptions(ChannelOptions):
    """What an instance's mapping in the YAML may say."""

    token: SecretStr = Field(description="The bot's token, as BotFather told it.")
    url: str = Field(default="https://api.telegram.org", description="Where the Bot API is.")
    poll: Duration = Field(default=25.0, ge=0, description="How long Telegram holds a poll when there is nothing new.")


class Telegram(Channel):
    """One bot."""

    name: ClassVar[str] = "telegram"
    Options: ClassVar[type[ChannelOptions]] = TelegramOptions

    options: TelegramOptions
    _client: httpx.AsyncClient

    # ------------------------------------------------------------------ in: pure functions

    @classmethod
    def receive(cls, posted: Any) -> Sequence[Arrival]:
        """One update of the Bot API. What is no message (a poll, a button) tells nothing here."""
        message = posted.get("message") if isinstance(posted, dict) else None
        if not isinstance(message, dict):
            return ()
        normal = cls.normalize(posted)
        identity = (normal.chat_id, normal.message_id)
        return [Arrival(kind="message", chat_id=normal.chat_id, identity=identity, payload=posted)]

    @classmethod
    def normalize(cls, payload: Any) -> Message:
        try:
            message = payload["message"]
            chat, sender = message["chat"], message["from"]
            text = message.get("text") or message.get("caption") or ""
            return Message(
                kind="text" if "text" in message else "unsupported",
                event="message",
                text=text,
                chat_id=f"{int(chat['id'])}@telegram",
                chat_kind=CHAT_KINDS.get(chat["type"], "unknown"),  # type: ignore[arg-type]
                message_id=str(message["message_id"]),
                from_me=bool(sender.get("is_bot")),
                # Telegram tells no phone number: its id stands where WhatsApp's hidden addresses do, behind a zero,
                # which those never begin with
                contact_lid=f"0{int(sender['id'])}@lid",
                push_name=sender.get("first_name"),
                timestamp=message.get("date"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadPayload(f"no update with a message: {error!r}") from error

    @classmethod
    def event(cls, payload: Any) -> Event | None:
        return None

    # ------------------------------------------------------------------ the connection

    async def __aenter__(self) -> Self:
        base = f"{self.options.url}/bot{self.options.token.get_secret_value()}/"
        self._client = httpx.AsyncClient(base_url=base, timeout=self.options.poll + 10, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def listen(self, accept: Accept) -> None:
        """Poll. Telegram forgets an update only when a later one is asked for, so what was not accepted comes again."""
        offset = 0
        while True:
            for update in await self._call("getUpdates", {"offset": offset, "timeout": int(self.options.poll)}):
                await accept(update)
                offset = update["update_id"] + 1

    async def send(self, delivery: Delivery) -> Receipt:
        """Telegram knows no idempotency keys: a text whose answer was lost may come twice."""
        sent = await self._call("sendMessage", {"chat_id": delivery.to.partition("@")[0], "text": delivery.text})
        return Receipt(str(sent["message_id"]))

    async def probe(self) -> None:
        await self._call("getMe", {})

    async def _call(self, method: str, arguments: dict[str, Any]) -> Any:
        """:raises Unreachable: nothing was taken.
        :raises Refused: it said no, or its answer was lost.
        """
        try:
            response = await self._client.post(method, json=arguments)
            answer = response.json()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable("cannot connect to Telegram") from error
        except (httpx.HTTPError, ValueError) as error:
            raise Refused(f"no answer of Telegram: {type(error).__name__}", final=False) from error
        if answer.get("ok"):
            return answer["result"]
        reason = f"{response.status_code} {answer.get('description', '')}".strip()
        if response.status_code in (401, 404, 503):  # a wrong token is 401 or 404
            raise Unreachable(reason)
        raise Refused(reason, final=response.status_code in (400, 403))
