"""The contract suite refuses what breaks a promise, each for its own reason, and takes what keeps them."""

from __future__ import annotations

from importlib import import_module

import pytest

from auzap import Plugin
from auzap.testing import assert_plugin_contract, contract_of
from tests.testing.good import Visits

#: module -> a part of each finding there is, and no others
BROKEN = {
    "unmarked": ["registration: plugin unmarked of tests, * has an unknown argument mesage (is message meant?)"],
    "undescribed": [
        "options: greeting has no description",
        "options: token is a secret",
        "options: anything has no type",
        "options: most has a default that it would not take",
    ],
    "everybodys": ["tables: EverybodysNote has no organization_id"],
    "outdated": ["tables: OutdatedVisit lacks why after the migrations of tests.testing.broken.outdated_migrations"],
    "undeclared": ["messages: * what it returned cannot be stored: * no such table"],
    "fragile": ["messages: the kind audio: handle_message raised IndexError"],
    "talkative": ["messages: a text of 65,536 characters: handle_message Reply.text has 131,072 characters"],
    "doubling": ["again: a crash before the outcome was stored leaves * rows of broken_doubling_order instead of"],
    "repeating": ["schedules: report run twice for one time leaves 2 rows of auzap_outbox instead of 1"],
    "stubborn": ["cancellation: handle_message returns when it is cancelled"],
    "blocking": ["blocking: handle_message blocks the event loop for * ms at * broken/blocking.py:15"],
    "gossiping": ["tenants: what was said to one tenant is told at another's"],
    "littering": ["lifespan: a task is left behind: Littering._remember"],
    "unclosing": ["lifespan: * RuntimeError: the file is gone"],
    "chattering": ["log: 'Answering' has words of a customer in it"],
}
#: a step of the pipeline refuses them, which the others of ``messages`` show too
ALIKE = ("talkative", "undeclared")


def broken(name: str) -> type[Plugin]:
    plugin: type[Plugin] = getattr(import_module(f"tests.testing.broken.{name}"), name.capitalize())
    return plugin


def fits(finding: str, wanted: str) -> bool:
    rest = finding
    for part in wanted.split("*"):
        place = rest.find(part.strip())
        if place < 0:
            return False
        rest = rest[place:]
    return True


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.soak] if name in ALIKE else []) for name in BROKEN]
)
def test_a_broken_plugin_is_refused_for_its_own_reason(name: str) -> None:
    findings = contract_of(broken(name), says=["preço", "pedido"] if name in ("blocking", "doubling") else ())
    for wanted in BROKEN[name]:
        assert any(fits(finding, wanted) for finding in findings), findings
    promises = {wanted.partition(":")[0] for wanted in BROKEN[name]}
    assert {finding.partition(":")[0] for finding in findings} == promises


@pytest.mark.parametrize("plugin", ["aurora", "client_ai"])
def test_what_ships_keeps_the_contract(plugin: str) -> None:
    assert_plugin_contract(plugin)


async def test_a_good_plugin_keeps_the_contract_also_within_an_event_loop() -> None:
    assert contract_of(Visits, says=["visita", "quantas", "lembrete", "avisa"], thanks="Valeu!") == []


def test_a_wrong_option_is_told() -> None:
    with pytest.raises(AssertionError, match=r"Visits does not keep .*\nregistration: .*thanx: unknown key"):
        assert_plugin_contract(Visits, thanx="Valeu!")


def test_what_is_no_plugin_is_told() -> None:
    assert contract_of("nobody")[0].startswith("registration: plugin 'nobody': not installed")
