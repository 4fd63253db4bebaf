"""Conversations as data: what a file may say, what is told when it is wrong, and when the bot says something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from auzap.model.errors import AuzapError, ConfigError
from auzap.testing.conversations import find_files, read
from auzap.testing.conversations.stage import Stage
from tests.support.commands import place

HEADER = """\
plugins: {client_ai: {reply: "Olá! {text}"}, aurora: {}}
tenant: {name: Pet Shop Centro, timezone: America/Manaus}
now: 2026-05-04 10:00
phone: "+55 11 90000-0033"
"""


def written(folder: Path, text: str, name: str = "oi.conversa.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


async def differences(path: Path, stage: Stage | None = None) -> list[str]:
    told = []
    for one in read(path):
        played = await (stage or Stage()).play(one)
        told += list(played.difference.lines()) if played.difference is not None else []
    return told


async def test_a_conversation_goes_as_it_is_written(tmp_path: Path) -> None:
    steps = """\
conversas:
  saudação:
    - cliente: Oi, custa R$ 50?
    - bot: Olá! Oi, custa R$ 50?
    - client: [a, b]
    - bot: "Olá! a"
    - bot: {contém: [Olá, b]}
    - {cliente: olha, tipo: image, telefone: +55 11 90000-0034}
    - regex: ^Olá. olha$
    - {cliente: "", kind: audio}
    - nada:
    - espera: 1h30m
    - silence:
  dona:
    - dona: resumo
    - contains: segunda-feira, 04/05, até 10:00
    - cliente: obrigado
    - dono: ajuda
    - bot: {contém: resumo}
"""
    assert await differences(written(tmp_path, HEADER + steps)) == []


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (
            "[{cliente: oi}, {bot: Bom dia!}]",
            ["bot:", "the bot said something else", "  expected:  Bom dia!", "  bot said:  Olá! oi"],
        ),
        (
            "[{cliente: oi}, {nada: }]",
            ["nada:", "the bot said something else", "  expected:  nothing", "  bot said:  Olá! oi"],
        ),
        (
            "[{cliente: [a, b]}, {bot: Olá! a}, {espera: 1h}]",
            ["espera:", "the bot said more", "  bot said:  Olá! b"],
        ),
        (
            '[{cliente: "", tipo: audio}, {bot: Olá!}]',
            ["bot:", "the bot said nothing", "  expected:  Olá!", "  because:   nobody_answered"],
        ),
        (
            '[{cliente: oi}, {regex: "^oi"}]',
            ["regex:", "the bot said something else", "  expected:  regex: ^oi", "  bot said:  Olá! oi"],
        ),
    ],
)
async def test_the_first_difference_is_told_with_its_place(tmp_path: Path, steps: str, told: list[str]) -> None:
    path = written(tmp_path, f"{HEADER}conversa: {steps}\n")
    step, what, *rest = told
    assert await differences(path) == [f"{place(path, step)}: {what}", *rest]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1:1: the file is empty"),
        ("oi", "1:1: should be a list of steps, or a header"),
        ("plugin: client_ai\n", "1:1: has no conversation: write conversa:"),
        ("plugim: x\nconversa: [{cliente: oi}]\n", "1:1: plugim: unknown key; did you mean plugin?"),
        ("- {bot: oi}\n", "1:4: nobody has said anything yet"),
        ("- {cliente: oi, clinte: x}\n", "1:17: [0].clinte: unknown key; did you mean cliente?"),
        ("- {cliente: oi, bot: x}\n", "1:3: [0]: should be one step, such as"),
        ("- {wait: 2}\n", "1:10: [0].wait: a duration needs a unit: write 2s"),
        ("- {cliente: oi}\n- {regex: '('}\n", "2:11: [1].regex: is no regular expression"),
        ("- {cliente: true}\n", "1:13: [0].cliente: should be text; in quotes"),
        ("- {cliente: oi, tipo: foto}\n", "1:23: [0].tipo: should be one of image, video"),
        ("- {cliente: oi, phone: abc}\n", "1:24: [0].phone: should be a phone number"),
        ("now: ontem\nconversa: [{cliente: oi}]\n", "1:6: now: should be a time, such as 2026-05-04 10:00"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read(path)
    assert f"{path}:{told}" in str(error.value)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("plugin: client_ai\noptions: {replay: x}", "2:11: options.replay: unknown key; did you mean reply?"),
        ("plugins: {cliente_ai: {}}", "plugin 'cliente_ai': not installed; did you mean client_ai?"),
        ("tenant: {name: x}", "names no plugin: write plugins: {name: {}} above the conversation"),
        ("plugin: client_ai\ntenant: {timezone: Marte}", "2:20: tenant.timezone: 'Marte' is no time zone"),
    ],
)
async def test_a_mistake_in_a_header_is_told_with_its_place(tmp_path: Path, header: str, told: str) -> None:
    path = written(tmp_path, f"{header}\nconversa: [{{cliente: oi}}]\n")
    with pytest.raises(AuzapError) as error:
        await differences(path)
    assert f"{path}:" in str(error.value)
    assert told in str(error.value)


async def test_a_file_may_be_steps_alone_where_it_is_known_which_plugins(tmp_path: Path) -> None:
    path = written(tmp_path, "- cliente: oi\n- contém: Recebi sua mensagem\n")
    assert await differences(path, Stage(plugins=("client_ai",))) == []


async def test_a_message_that_a_plugin_fails_at_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "plugin: trouble\nconversa: [{cliente: '!raise'}, {bot: x}]\n")
    told = await differences(path)
    assert told[0] == f"{path}:2:13: the bot said nothing"
    assert "because:   plugin trouble: handle_message: raised" in told[1]


def test_files_are_found_in_folders(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".venv").mkdir()
    one, two = written(tmp_path / "b", "", "x.conversation.yaml"), written(tmp_path, "")
    written(tmp_path / ".venv", "")
    written(tmp_path, "", "config.yaml")
    assert find_files([tmp_path]) == [one, two]
    assert find_files([one]) == [one]
