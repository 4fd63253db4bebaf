"""What hooks may return."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_args

from auzap.model.message import MAX_TEXT, ChatKind, Message
from auzap.model.people import Sender
from auzap.model.reply import Interaction, Outcome, Receipt, Reply

__all__ = [
    "EXPECTED",
    "MOST_RECORDS",
    "MOST_REPLIES",
    "Expected",
    "Nonsense",
    "check_message",
    "check_nothing",
    "check_outcome",
    "check_receipt",
    "check_replies",
    "check_sender",
]

T = TypeVar("T")

#: of one answer: nobody reads more, and each is a send
MOST_REPLIES: Final = 20
#: of one answer: they are written while all others wait
MOST_RECORDS: Final = 200
#: characters of what an assistant was told and said; a prompt may quote a whole conversation
_LONGEST_PROMPT: Final = 4 * MAX_TEXT
#: characters of names and ids
_LONGEST_NAME: Final = 1_000

_PHONE = re.compile(r"[0-9]{5,15}")
_LID = re.compile(r"[0-9]+@lid")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a hook may return, besides None.

    :param words: in words, None included.
    :param item: also a list of these.
    """

    words: str
    types: tuple[type, ...] = ()
    item: type | None = None


EXPECTED: Final[Mapping[str, Expected]] = MappingProxyType(
    {
        "normalize_message": Expected("Message or None", (Message,)),
        "classify_sender": Expected("Sender or None", (Sender,)),
        "handle_message": Expected("Reply, a list of Reply, Outcome or None", (Reply, Outcome), Reply),
        "review_replies": Expected("a list of Reply or None", (), Reply),
        "persist": Expected("None"),
        "send_reply": Expected("Receipt or None", (Receipt,)),
        "handle_event": Expected("None"),
    }
)


class Nonsense(Exception):
    """A plugin returned something that it must not; the message says what, and what would be right."""


def check_message(value: object) -> Message:
    message = _of_type(value, Message, "normalize_message")
    for name in ("kind", "event", "chat_id"):
        _name(getattr(message, name), f"Message.{name}")
    _clean(message.text, "Message.text")
    for name in ("message_id", "push_name", "quoted_id"):
        _maybe(_label, getattr(message, name), f"Message.{name}")
    if message.chat_kind not in get_args(ChatKind):
        raise Nonsense(f"Message.chat_kind is none of {', '.join(get_args(ChatKind))}")
    _maybe(_phone, message.contact_phone, "Message.contact_phone")
    _maybe(_lid, message.contact_lid, "Message.contact_lid")
    if message.timestamp is not None and type(message.timestamp) is not int:
        raise Nonsense(f"Message.timestamp is {_called(message.timestamp)}, not whole seconds or None")
    return message


def check_sender(value: object) -> Sender:
    sender = _of_type(value, Sender, "classify_sender")
    _name(sender.role, "Sender.role")
    _maybe(_phone, sender.phone, "Sender.phone")
    _maybe(_lid, sender.lid, "Sender.lid")
    _maybe(_label, sender.name, "Sender.name")
    _maybe(_name, sender.owner_id, "Sender.owner_id")
    return sender


def check_outcome(value: object) -> Outcome:
    """A reply and a list of replies become the outcome that they mean."""
    if isinstance(value, Outcome):
        records = _records(value.records)
        if value.interaction is not None:
            _interaction(value.interaction)
        replies = _replies(value.replies, "Outcome.replies is {}, not a list of Reply")
        return Outcome(replies, records=records, interaction=value.interaction)
    if isinstance(value, Reply):
        return Outcome((_reply(value),))
    return Outcome(_replies(value, f"returned {{}}, not {EXPECTED['handle_message'].words}"))


def check_replies(value: object) -> tuple[Reply, ...]:
    return _replies(value, f"returned {{}}, not {EXPECTED['review_replies'].words}")


def check_receipt(value: object) -> Receipt:
    receipt = _of_type(value, Receipt, "send_reply")
    _maybe(_name, receipt.message_id, "Receipt.message_id")
    return receipt


def check_nothing(value: object) -> None:
    raise Nonsense(f"returned {_called(value)}, not None")


# ------------------------------------------------------------------ the parts


def _of_type(value: object, kind: type[T], hook: str) -> T:
    if not isinstance(value, kind):
        raise Nonsense(f"returned {_called(value)}, not {EXPECTED[hook].words}")
    return value


def _replies(value: object, wrong: str) -> tuple[Reply, ...]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
        raise Nonsense(wrong.format(_called(value)))
    replies = _at_most(MOST_REPLIES, value, "replies")
    for place, reply in enumerate(replies):
        if not isinstance(reply, Reply):
            raise Nonsense(wrong.format(f"{_called(value)} whose item {place} is {_called(reply)}"))
        _reply(reply)
    return replies


def _at_most(most: int, value: Sequence[Any], what: str) -> tuple[Any, ...]:
    """Its items. It may be of the plugin's own kind, and never end."""
    items = tuple(islice(value, most + 1))
    if len(items) > most:
        raise Nonsense(f"returned more than {most} {what}")
    return items


def _reply(reply: Reply) -> Reply:
    _not_longer(MAX_TEXT, _filled(reply.text, "Reply.text"), "Reply.text")
    if reply.not_before is not None:
        _time(reply.not_before)
    return reply


def _time(value: object) -> None:
    if not isinstance(value, datetime):
        raise Nonsense(f"Reply.not_before is {_called(value)}, not a datetime or None")
    if value.utcoffset() is None:
        raise Nonsense(f"Reply.not_before has no time zone: {value.isoformat()}")


def _records(records: object) -> tuple[Any, ...]:
    if not isinstance(records, Sequence) or isinstance(records, (str, bytes, bytearray)):
        raise Nonsense(f"Outcome.records is {_called(records)}, not a list of SQLModel instances")
    items = _at_most(MOST_RECORDS, records, "records")
    if not items:
        return items
    from sqlmodel import SQLModel  # a plugin with records has imported it already

    for place, record in enumerate(items):
        if isinstance(record, type) or not isinstance(record, SQLModel) or not hasattr(record, "__table__"):
            raise Nonsense(
                f"item {place} of Outcome.records is {_called(record)}, not an instance of an SQLModel table"
            )
    return items


def _interaction(value: object) -> None:
    if not isinstance(value, Interaction):
        raise Nonsense(f"Outcome.interaction is {_called(value)}, not Interaction or None")
    for name in ("prompt", "response"):
        _not_longer(_LONGEST_PROMPT, _clean(getattr(value, name), f"Interaction.{name}"), f"Interaction.{name}")
    for name in ("intent", "sentiment", "model_used"):
        _maybe(_label, getattr(value, name), f"Interaction.{name}")
    confidence = value.confidence
    if confidence is not None and (isinstance(confidence, bool) or not isinstance(confidence, (int, float))):
        raise Nonsense(f"Interaction.confidence is {_called(confidence)}, not a number or None")


def _maybe(check: Callable[[Any, str], object], value: object, name: str) -> None:
    if value is not None:
        check(value, name)


def _name(value: object, name: str) -> str:
    """Something that others are called by."""
    return _not_longer(_LONGEST_NAME, _filled(value, name), name)


def _label(value: object, name: str) -> str:
    return _not_longer(_LONGEST_NAME, _clean(value, name), name)


def _not_longer(most: int, text: str, name: str) -> str:
    if len(text) > most:
        raise Nonsense(f"{name} has {len(text):,} characters; {most:,} are the most")
    return text


def _filled(value: object, name: str) -> str:
    text = _clean(value, name)
    if not text or text.isspace():
        raise Nonsense(f"{name} is blank")
    return text


def _clean(value: object, name: str) -> str:
    """A string that every database and every provider can take."""
    if not isinstance(value, str):
        raise Nonsense(f"{name} is {_called(value)}, not str")
    if "\0" in value:
        raise Nonsense(f"{name} has a NUL character at place {value.index(chr(0))}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        code = ord(value[error.start])
        raise Nonsense(f"{name} has half a character (the surrogate U+{code:04X}) at place {error.start}") from None
    return value


def _phone(value: object, name: str) -> None:
    if not isinstance(value, str) or not _PHONE.fullmatch(value):
        raise Nonsense(f"{name} is not 5 to 15 digits")


def _lid(value: object, name: str) -> None:
    if not isinstance(value, str) or not _LID.fullmatch(value):
        raise Nonsense(f"{name} is not <digits>@lid")


def _called(value: object) -> str:
    """What a value is, in words for its author."""
    if inspect.iscoroutine(value):
        value.close()  # else Python complains that it was never awaited
        return "a coroutine (is an await missing?)"
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        return "a generator"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return "None" if value is None else type(value).__name__
