"""What pytest has of itself once auzap is installed, in a project that knows nothing of this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from auzap.testing.found import setup_of

TESTS = """
from auzap.testing import Bot, Setup, bot_of, uses
import pytest


@bot_of("client_ai", reply="Oi!")
async def test_a_mark(bot: Bot) -> None:
    assert await bot.says("olá") == ["Oi!"]


class TestSetup:
    @pytest.fixture
    def bot_setup(self) -> Setup:
        return Setup(plugins=[uses("client_ai", reply="Ei!"), "aurora"], owners=["+55 11 90000-0005"])

    async def test_a_fixture(self, bot: Bot) -> None:
        assert await bot.says("olá") == ["Ei!"]
        assert "resumo" in (await bot.owner.says("ajuda")).text


async def test_the_distributions_own_plugins(bot: Bot) -> None:
    assert "Recebi" in (await bot.says("olá")).text


def test_a_plain_one() -> None:
    pass
"""
CONVERSATION = "conversas:\n  boa: [{cliente: oi}, {contém: Recebi}]\n  ruim: [{cliente: oi}, {bot: Olá}]\n"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_tests_with_a_bot_need_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "auzap-client-ai"\nversion = "1"\n', "utf-8")
    (tmp_path / "test_mine.py").write_text(TESTS, "utf-8")
    (tmp_path / "oi.conversa.yaml").write_text(CONVERSATION, "utf-8")
    ran = run(tmp_path, "-W", "error", "--strict-markers", "-q")
    assert "1 failed, 5 passed" in ran.stdout, ran.stdout + ran.stderr
    assert (
        "oi.conversa.yaml:3:26: the bot said something else\n  expected:  Olá\n  bot said:  Olá! Recebi" in ran.stdout
    )


def test_a_project_that_has_nothing_to_do_with_it_pays_nothing(tmp_path: Path) -> None:
    costly = {"pydantic", "sqlmodel", "structlog", "yaml", "auzap.testing.bot"}
    code = f"import sys\n\ndef test_it() -> None:\n    assert not {costly} & set(sys.modules)\n"
    (tmp_path / "test_theirs.py").write_text(code, "utf-8")
    ran = run(tmp_path, "-q")
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_without_a_plugin_it_is_said_how_to_name_one(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'something-else'\n", "utf-8")
    with pytest.raises(pytest.UsageError, match=r"mark the test with @auzap\.testing\.bot_of\(MyPlugin\)"):
        setup_of(request.node, tmp_path)
