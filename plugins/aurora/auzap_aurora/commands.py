"""What an owner can ask for. A new command is one more entry in ``COMMANDS``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from auzap import Turn
from auzap_aurora.summary import summary
from auzap_aurora.words import key_words, words

__all__ = ["COMMANDS", "Command", "find", "not_understood", "only_text"]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to ask for."""

    #: as the list shows it
    name: str
    does: str
    #: a message made of these alone, and of small words, asks for it
    words: frozenset[str]
    #: given the turn and the name of the business
    answer: Callable[[Turn, str], Awaitable[str]]


def find(text: str) -> Command | None:
    """The command that a message asks for; a greeting alone asks for help. None: it is none of them."""
    asked = key_words(text)
    if asked is None:
        return None
    if not asked:
        return HELP
    return next((command for command in COMMANDS if asked <= command.words), None)


async def show_commands(_turn: Turn, _business: str) -> str:
    return f"Oi! Aqui é a *Aurora*, sua assistente. 😊 {_command_list()}"


def not_understood() -> str:
    return f"Desculpe, isso eu ainda não sei fazer. {_command_list()}"


def only_text() -> str:
    return f"Ainda não consigo ouvir áudios. Pode escrever? 🙏 {_command_list()}"


def _command_list() -> str:
    lines = [f"• *{command.name}*: {command.does}" for command in COMMANDS]
    return "\n".join(["Você pode me pedir:", "", *lines, "", "É só mandar a palavra aqui na conversa."])


HELP = Command(
    name="ajuda",
    does="mostra o que eu sei fazer",
    words=words(
        "ajuda ajudar ajude menu help comando comandos lista opções como faz fazer funciona pode que sabe vc você"
    ),
    answer=show_commands,
)

COMMANDS = (
    Command(
        name="resumo",
        does="mensagens, contatos novos e conversas de hoje",
        words=words("resumo resuminho resumão balanço relatório"),
        answer=summary,
    ),
    HELP,
)
