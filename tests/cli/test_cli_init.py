"""``auzap init``: a first configuration that works at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auzap.config import load
from tests.support.commands import Auzap
from tests.support.house import environment
from tests.support.tty import on_a_terminal

FILES = {"config.yaml", "config.schema.json", ".gitignore", ".env.example"}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# ------------------------------------------------------------------ what it writes


def test_what_it_wrote_passes_the_check_and_runs_at_once(auzap: Auzap, tmp_path: Path) -> None:
    ran = auzap.bare("init", str(tmp_path))
    assert (ran.code, ran.err) == (0, "")
    assert names_in(tmp_path) == FILES
    assert [line.split("auzap ")[-1] for line in ran.out.splitlines()[-2:]] == ["chat", "run"]
    checked = auzap("check")
    assert (checked.code, checked.err) == (0, "")
    with on_a_terminal("run", "-c", "config.yaml", folder=tmp_path) as screen:
        screen.wait_for("bot to customer | Olá!")
        screen.wait_for("bot to owner | *Resumo de hoje*")
        screen.wait_for("Minha Empresa · ")
        screen.type("\x03")
        assert screen.end() == 0


def test_the_first_line_names_the_schema_beside_it(auzap: Auzap, tmp_path: Path) -> None:
    auzap.bare("init", str(tmp_path))
    first, *rest = (tmp_path / "config.yaml").read_text(encoding="utf-8").splitlines()
    assert first == "# yaml-language-server: $schema=config.schema.json"
    assert (tmp_path / "config.schema.json").read_text(encoding="utf-8") == auzap.bare("config", "schema").out
    assert all(not line.startswith("@") for line in rest)


def test_the_options_stand_in_it(auzap: Auzap, tmp_path: Path) -> None:
    options = ("--name", "Padaria São João", "--owner", "(31) 98000-0001", "--timezone", "America/Manaus")
    assert auzap.bare("init", str(tmp_path), "--yes", *options).code == 0
    tenant = load(tmp_path / "config.yaml").tenants["padaria-sao-joao"]
    assert (tenant.name, tenant.owners, tenant.timezone) == ("Padaria São João", ("(31) 98000-0001",), "America/Manaus")
    said = auzap("chat", "--say", "ajuda", "--as", "owner", "--json").json
    assert (said["phone"], said["answered_by"]) == ("5531980000001", "aurora")


@pytest.mark.parametrize(
    ("name", "tenant"),
    [
        ('Zé "Bar" \\ #1: ${X} $', "ze-bar-1-x"),
        ("true", "true"),
        ("007", "007"),
        ("寿司", "business"),
        ("a" * 200, "a" * 40),
    ],
)
def test_any_name_comes_back_as_it_was(auzap: Auzap, tmp_path: Path, name: str, tenant: str) -> None:
    assert auzap.bare("init", str(tmp_path), "--name", name).code == 0
    assert load(tmp_path / "config.yaml").tenants[tenant].name == name


def test_the_demos_customer_is_never_the_owner(auzap: Auzap, tmp_path: Path) -> None:
    assert auzap.bare("init", str(tmp_path), "--owner", "+55 11 90000-0010").code == 0
    said = auzap("chat", "--say", "oi", "--json").json
    assert (said["phone"], said["role"]) == ("5511900000011", "client")


def test_data_and_secrets_are_kept_out_of_git(auzap: Auzap, tmp_path: Path) -> None:
    auzap.bare("init", str(tmp_path))
    ignored = (tmp_path / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"data/", ".env"} <= set(ignored)
    assert "BAILEYS_TOKEN=" in (tmp_path / ".env.example").read_text(encoding="utf-8").splitlines()


def test_a_folder_that_is_not_there_is_made(auzap: Auzap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = auzap.bare("init", "meus bots/loja", "--json")
    assert ran.code == 0
    assert ran.json == {
        "written": [
            f"meus bots/loja/{name}" for name in ("config.yaml", "config.schema.json", ".gitignore", ".env.example")
        ],
        "kept": [],
    }
    assert "cd 'meus bots/outra' && auzap chat" in auzap.bare("init", "meus bots/outra").out


def test_without_the_assistants_it_asks_nobody(tmp_path: Path) -> None:
    """auzap alone is installed: what is not there cannot be loaded, and is a comment."""
    folder = tmp_path / "site"
    folder.mkdir()
    for entry in (Path(path) for path in sys.path if path.endswith("site-packages")):
        for found in entry.iterdir():
            if not found.name.startswith(("auzap", "_auzap", "__editable__")):
                (folder / found.name).symlink_to(found)
        for found in entry.glob("auzap-*.dist-info"):
            (folder / found.name).symlink_to(found)
    env = {
        **environment(),
        "PYTHONPATH": os.pathsep.join([environment()["PYTHONPATH"].split(os.pathsep)[0], str(folder)]),
    }
    for arguments in (["init"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-S", "-m", "auzap", *arguments], env=env, cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert "    plugins: {}\n" in text
    assert "# client_ai: {}" in text
    assert "install auzap-client-ai first" in text


# ------------------------------------------------------------------ what is there stays


@pytest.mark.parametrize("there", ["config.yaml", "dangling"])
def test_a_configuration_is_never_overwritten(auzap: Auzap, tmp_path: Path, there: str) -> None:
    if there == "dangling":
        (tmp_path / "config.yaml").symlink_to(tmp_path / "nowhere")
    else:
        (tmp_path / "config.yaml").write_text("mine")
    ran = auzap.bare("init", str(tmp_path))
    line = f"auzap: {tmp_path}/config.yaml is there already: nothing was written\n"
    assert (ran.code, ran.out, ran.err) == (1, "", line)
    assert names_in(tmp_path) == {"config.yaml"}
    assert there == "dangling" or contents(tmp_path) == {"config.yaml": b"mine"}


def test_other_files_are_left_as_they_are_and_named(auzap: Auzap, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    ran = auzap.bare("init", str(tmp_path))
    assert ran.code == 0
    assert f"Left as it was: {tmp_path}/.gitignore" in ran.out.splitlines()
    assert contents(tmp_path)[".gitignore"] == b"mine"
    assert names_in(tmp_path) == FILES


def test_what_cannot_be_written_whole_is_not_written(auzap: Auzap, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = auzap.bare("init", str(tmp_path / "file" / "shop"))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("; nothing was written\n")
    assert len(ran.err.splitlines()) == 1


def test_a_second_init_changes_nothing(auzap: Auzap, tmp_path: Path) -> None:
    auzap.bare("init", str(tmp_path))
    before = contents(tmp_path)
    assert auzap.bare("init", str(tmp_path), "--name", "Outra").code == 1
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--owner", "12"], "Invalid value for '--owner': '12' is no phone number; write it like +55 11 90000-0001"),
        (["--name", " "], "Invalid value for '--name': write the name of the business, such as Pet Shop Centro"),
        (
            ["--timezone", "Sao Paulo"],
            "Invalid value for '--timezone': 'Sao Paulo' is no time zone; write it like America/Sao_Paulo",
        ),
    ],
)
def test_wrong_options_are_one_line(auzap: Auzap, tmp_path: Path, arguments: list[str], line: str) -> None:
    ran = auzap.bare("init", str(tmp_path), *arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", f"auzap: {line}; see auzap init --help\n")
    assert names_in(tmp_path) == set()


# ------------------------------------------------------------------ on a terminal


def test_on_a_terminal_it_asks_until_it_is_right(tmp_path: Path) -> None:
    with on_a_terminal("init", folder=tmp_path) as screen:
        screen.wait_for("Name of the business [Minha Empresa]: ")
        screen.type("Salão da Bia\n")
        screen.wait_for("WhatsApp number of its owner [+55 11 90000-0001]: ")
        screen.type("12\n")
        screen.wait_for("'12' is no phone number")
        screen.type("+55 21 90000-0001\n")
        screen.wait_for("Its time zone [America/Sao_Paulo]: ")
        screen.type("\n")
        assert screen.end() == 0
    tenant = load(tmp_path / "config.yaml").tenants["salao-da-bia"]
    assert (tenant.name, tenant.owners, tenant.timezone) == (
        "Salão da Bia",
        ("+55 21 90000-0001",),
        "America/Sao_Paulo",
    )


def test_yes_asks_nothing_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with on_a_terminal("init", "--yes", "yes", folder=tmp_path) as screen:
        assert screen.end() == 0
    assert "Name of the business" not in screen.text
    with on_a_terminal("init", "no", folder=tmp_path) as screen:
        screen.wait_for("Name of the business")
        time.sleep(0.3)  # the prompt is shown a moment before it waits
        screen.type("\x03")
        assert screen.end() == 1
    assert "auzap: interrupted" in screen.text
    assert names_in(tmp_path) == {"yes"}


def test_json_tells_what_was_kept(auzap: Auzap, tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("mine")
    told = json.loads(auzap.bare("init", str(tmp_path), "--json").out)
    assert told["kept"] == [f"{tmp_path}/.env.example"]
