"""``auzap test``: conversations that are written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Auzap, logging_as_before

CONFIG = """\
queue: sqlite:///queue.db
database: sqlite:///auzap.db
tenants:
  loja:
    name: Pet Shop Centro
    owners: ["+55 11 90000-0002"]
    instances: {main: {channel: baileys, url: "http://127.0.0.1:9"}}
    plugins: {client_ai: {reply: "Oi!"}, aurora: {}}
"""


@pytest.fixture
def auzap(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Auzap]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    with logging_as_before():
        yield Auzap(capsys, tmp_path / "config.yaml")


def write(name: str, text: str) -> None:
    Path(name).write_text(text, encoding="utf-8")


def test_the_tenants_plugins_of_the_configuration_answer(auzap: Auzap) -> None:
    write("oi.conversa.yaml", "- cliente: oi\n- bot: Oi!\n- dona: ajuda\n- contém: resumo\n")
    ran = auzap("test")
    assert (ran.code, ran.out, ran.err) == (0, "ok     oi.conversa.yaml: oi\n1 conversation, 0 failed\n", "")
    assert not Path("auzap.db").exists()


def test_what_a_file_says_comes_before_the_configuration(auzap: Auzap) -> None:
    write("oi.conversa.yaml", "plugin: client_ai\noptions: {reply: Olá!}\nconversa: [{cliente: oi}, {bot: Olá!}]\n")
    assert auzap.bare("test").code == 0


def test_a_difference_and_a_mistake_are_told(auzap: Auzap) -> None:
    write("a.conversa.yaml", "- cliente: oi\n- bot: Olá!\n")
    write("b.conversa.yaml", "- cliente: oi\n- bott: Olá!\n")
    ran = auzap("test", "--json")
    assert ran.code == 1
    (one,) = ran.json["conversations"]
    assert (one["file"], one["line"], one["expected"], one["said"], one["ok"]) == (
        "a.conversa.yaml",
        2,
        "Olá!",
        "Oi!",
        False,
    )
    assert any("b.conversa.yaml:2:3" in line for line in ran.json["mistakes"])
    ran = auzap("test", "a.conversa.yaml")
    assert ran.out.splitlines() == [
        "FAILED a.conversa.yaml: a",
        "       a.conversa.yaml:2:3: the bot said something else",
        "         expected:  Olá!",
        "         bot said:  Oi!",
        "1 conversation, 1 failed",
    ]


def test_nothing_to_play_is_wrong_use(auzap: Auzap) -> None:
    ran = auzap("test")
    assert ran.code == 2
    assert "a file is called name.conversa.yaml" in ran.err
