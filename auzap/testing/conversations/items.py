"""Conversations as pytest's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.model.errors import AuzapError
from auzap.testing.conversations.play import Difference
from auzap.testing.conversations.read import Conversation, read
from auzap.testing.conversations.stage import Stage
from auzap.testing.found import own_plugins

__all__ = ["ConversationFile", "ConversationItem"]


class ConversationFile(pytest.File):
    """A file with one conversation or several."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            conversations = read(self.path)
        except AuzapError as error:
            raise self.CollectError(str(error)) from None
        for one in conversations:
            yield ConversationItem.from_parent(self, name=one.name, conversation=one)


class _Different(Exception):
    def __init__(self, difference: Difference) -> None:
        super().__init__("\n".join(difference.lines()))


class ConversationItem(pytest.Item):
    def __init__(self, *, conversation: Conversation, **known: Any) -> None:
        super().__init__(**known)
        self.conversation = conversation

    def runtest(self) -> None:
        stage = Stage(plugins=own_plugins(self.config.rootpath))
        played = anyio.run(stage.play, self.conversation)
        if played.difference is not None:
            raise _Different(played.difference)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, (_Different, AuzapError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.conversation.mark.line - 1, f"conversation {self.name}"
