"""An argument of a hook that goes away: it is passed on, and whoever takes it is told."""

from __future__ import annotations

import warnings

import pytest

import auzap
from auzap import Event, Message, Reply
from auzap.hooks.register import StrictManager
from auzap.model.errors import PluginError
from tests.support.plugin_turns import build

GOING = DeprecationWarning("text goes away in 2.0: take question")


class Hooks:
    @auzap.hookspec(warn_on_impl_args={"text": GOING})
    async def faq_answer(self, question: str, text: str) -> str | None:
        """An answer to a question."""


class Faq(auzap.Plugin):
    hookspecs = Hooks


class Old(auzap.Plugin):
    @auzap.hookimpl(optionalhook=True)
    async def faq_answer(self, text: str) -> str:
        return text


class New(auzap.Plugin):
    @auzap.hookimpl(optionalhook=True)
    async def faq_answer(self, question: str) -> str:
        return question


class Listener(auzap.Plugin):
    @auzap.hookimpl
    async def handle_event(self, event: Event, instance_id: str) -> None:
        """Takes what is to go away."""

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        return None


def test_whoever_takes_an_argument_of_a_plugins_hook_that_goes_is_told_where() -> None:
    manager = StrictManager()
    with pytest.warns(DeprecationWarning, match="take question") as told:
        manager.add_all([(build(Faq), None), (build(Old), None), (build(New), None)])
    assert [(one.filename, one.lineno) for one in told] == [(__file__, Old.faq_answer.__code__.co_firstlineno)]
    assert [one.plugin for one in manager.implementations("faq_answer", "shop", 1)] == ["old", "new"]


def test_whoever_takes_an_argument_of_the_frameworks_that_goes_is_told_where() -> None:
    manager = StrictManager()
    spec = manager.hook.handle_event.spec
    assert spec is not None
    spec.warn_on_impl_args = {"instance_id": DeprecationWarning("instance_id goes away: take event.instance_id")}
    with pytest.warns(DeprecationWarning, match=r"take event\.instance_id") as told:
        manager.add(build(Listener), None)
    assert [(one.filename, one.lineno) for one in told] == [(__file__, Listener.handle_event.__code__.co_firstlineno)]


def test_where_warnings_are_errors_it_is_refused_in_words() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PluginError, match=r"plugin old.*text goes away in 2\.0"):
            StrictManager().add_all([(build(Faq), None), (build(Old), None)])
