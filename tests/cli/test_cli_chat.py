"""``auzap chat``: a conversation in the terminal, on the real pipeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.commands import Auzap
from tests.support.gateway import GatewayProcess
from tests.support.house import House, environment, job, message
from tests.support.tty import Screen, on_a_terminal

CLIENT, OWNER = "5511900000010", "5511900000001"
AT_CLIENT, AT_OWNER = "cliente +55 11 90000-0010 > ", "dono +55 11 90000-0001 > "


@pytest.fixture
def house(tmp_path: Path, gateway: GatewayProcess) -> House:
    return House(
        tmp_path,
        gateway.url,
        plugins={"aurora": {}, "doorman": {}, "trouble": {}, "client_ai": {}},
        worker={"backoff": {"delay": "100ms"}},
    )


def said(auzap: Auzap, *options: str) -> Any:
    """The object that tells of one message."""
    ran = auzap("chat", "--json", *options)
    assert ran.err == ""
    return ran.json


def played(house: House, lines: str, *options: str) -> subprocess.CompletedProcess[str]:
    return house.auzap("chat", *options, stdin=lines)


# ------------------------------------------------------------------ in scripts


def test_it_says_it_prints_the_reply_and_ends(house: House, auzap: Auzap) -> None:
    ran = auzap("chat", "--say", "oi", "--as", "client")
    assert (ran.code, ran.out, ran.err) == (0, "ok: oi\n", "")
    ran = auzap("chat", "--say", "ajuda", "--as", "owner")
    assert ran.code == 0
    assert ran.out.startswith("Oi! Aqui é a *Aurora*")
    several = auzap("chat", "--say", "!many 3", "--say", "e mais")
    assert several.out.splitlines() == [*(f"part {n} of !many 3" for n in range(3)), "ok: e mais"]


def test_json_tells_who_classified_and_who_answered(house: House, auzap: Auzap) -> None:
    told = said(auzap, "--say", "oi")
    assert 0 < told.pop("seconds") < 30
    assert told == {
        "as": "client",
        "phone": CLIENT,
        "text": "oi",
        "role": "client",
        "classified_by": None,
        "answered_by": "trouble",
        "state": "done",
        "reason": None,
        "replies": ["ok: oi"],
        "scheduled": [],
        "failures": [],
    }
    told = said(auzap, "--say", "ajuda", "--as", "owner")
    assert (told["classified_by"], told["role"], told["answered_by"]) == ("owner_numbers", "owner", "aurora")


def test_a_plugin_that_classifies_is_named(house: House, auzap: Auzap) -> None:
    told = said(auzap, "--say", "!vip")
    assert (told["classified_by"], told["role"], told["answered_by"]) == ("doorman", "vip", "trouble")


@pytest.mark.parametrize(
    ("text", "reason", "told"),
    [
        ("!pass", None, "Olá!"),
        ("!silence", "answered_with_silence", "not answered: answered_with_silence (trouble answered with silence)"),
        ("", "empty", "not answered: empty (there is nothing in it)"),
    ],
)
def test_what_is_not_answered_says_why(house: House, auzap: Auzap, text: str, reason: str | None, told: str) -> None:
    ran = auzap("chat", "--say", text)
    assert ran.code == (1 if reason else 0)
    assert told in (ran.err if reason else ran.out)
    assert said(auzap, "--say", text)["reason"] == reason


def test_nobody_answered_is_told_and_is_exit_code_1(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"trouble": {}}
    house.write()
    ran = auzap("chat", "--say", "!pass")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "not answered: nobody_answered (no plugin had an answer)\n"


def test_a_plugin_that_fails_is_named_in_a_line_each_time(house: House, auzap: Auzap) -> None:
    ran = auzap("chat", "--say", "!raise")
    assert (ran.code, ran.out) == (1, "")
    *failed, dead = ran.err.splitlines()
    assert [line.partition(": raised")[0] for line in failed] == [
        f"plugin trouble failed, attempt {n}: handle_message" for n in (1, 2, 3)
    ]
    assert dead.startswith("given up, a dead letter (stage handle): plugin trouble: handle_message")
    told = said(auzap, "--say", "!once-fails 1")
    assert (told["replies"], len(told["failures"])) == (["ok: !once-fails 1"], 1)
    assert (told["failures"][0]["plugin"], told["failures"][0]["attempt"]) == ("trouble", 1)
    told = said(auzap, "--say", "!who knows")
    assert (told["state"], told["role"], {one["hook"] for one in told["failures"]}) == (
        "dead",
        None,
        {"classify_sender"},
    )


def test_an_answer_is_not_waited_for_for_ever(house: House, auzap: Auzap) -> None:
    ran = auzap("chat", "--say", "!gate", "--wait", "200ms")
    assert (ran.code, ran.out, ran.err) == (1, "", "no answer within 0.2 s\n")


def test_lines_of_a_pipe_are_played_in_order(house: House) -> None:
    done = played(house, "oi\n/dono ajuda\n/dono\nresumo\n/cliente 11 90000-0044\n//barra\n/quem\n/nada\n")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.rstrip() for line in done.stdout.splitlines() if not line.startswith(" " * 10)]
    starts = [
        "  cliente | oi",
        "  trouble | ok: oi",
        "     dono | ajuda",
        "   aurora | Oi! Aqui é a *Aurora*",
        "     dono | resumo",
        "   aurora | *Resumo de hoje*",
        "  cliente | /barra",
        "  trouble | ok: /barra",
        "wrote       cliente +55 11 90000-0044",
        "classified  nobody knew the number: client",
        "answered    trouble",
        "took        ",
    ]
    assert len(lines) == len(starts)
    assert all(line.lstrip().startswith(start.strip()) for line, start in zip(lines, starts, strict=True)), lines
    assert "there is no /nada" in done.stdout


def test_json_of_a_pipe_is_an_object_a_line_and_rows_are_those_of_the_turn(house: House) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"scribe": {"replies": 2}}
    house.write()
    done = played(house, "oi\n/linhas\n/sair\nnever said\n", "--json")
    turn, asked = [json.loads(line) for line in done.stdout.splitlines()]
    assert turn["replies"] == ["re 0: oi", "re 1: oi"]
    rows = asked["rows"]
    counts = {table: len(found) for table, found in rows.items()}
    assert counts == {
        "auzap_inbox": 1,
        "messages": 3,
        "auzap_outbox": 2,
        "ai_interactions": 1,
        "contacts": 1,
        "conversations": 1,
    }
    assert rows["auzap_inbox"][0]["answered_by"] == "scribe"
    assert [row["content"] for row in rows["auzap_outbox"]] == turn["replies"]
    assert rows["contacts"][0]["phone"] == CLIENT


# ------------------------------------------------------------------ whose data


def test_a_try_changes_nothing_and_leaves_nothing(
    house: House, gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    before = set(tmp_path.rglob("*"))
    assert played(house, "oi\n").stdout.splitlines()[1] == "  trouble | ok: oi"
    assert set(tmp_path.rglob("*")) == before
    assert gateway.log() == []


def test_a_folder_keeps_the_conversation(house: House, auzap: Auzap) -> None:
    def contact() -> Any:
        done = played(house, "oi\n/linhas\n", "--json", "--data", "tries/one")
        return json.loads(done.stdout.splitlines()[1])["rows"]["contacts"][0]["id"]

    assert contact() == contact()
    assert {path.name for path in (house.folder / "tries" / "one").iterdir()} >= {"auzap.db", "queue.db"}
    assert not (house.folder / "auzap.db").exists()


def test_live_is_the_configured_database_and_nothing_is_sent(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"trouble": {}}
    house.write()
    anyio.run(house.put, job(message("!later 0.2", phone="5511900000022")))
    anyio.run(house.serve_until, lambda: house.has("SELECT 1 FROM auzap_outbox"))
    assert gateway.log() == []
    anyio.run(house.put, job(message("waits for a real worker")))
    told = said(auzap, "--live", "--say", "!slow 1.5")
    assert told["replies"] == ["ok: !slow 1.5"]
    assert gateway.log() == []
    assert auzap("queue", "stats").json["waiting"] == 1, "the real queue is nobody's here"
    assert (
        house.one("SELECT instance_id FROM auzap_inbox WHERE content IS NULL AND instance_id <> 'main'") == "auzap-chat"
    )
    [reminder] = house.rows("SELECT state, queued_at FROM auzap_outbox WHERE instance_id = 'main'")
    assert reminder == {"state": "pending", "queued_at": None}, "what is due to a real customer stays"
    assert auzap("run", "--drain").code == 0
    assert "ok: waits for a real worker" in {post.text for post in gateway.log()}
    assert not any("slow" in post.text for post in gateway.log())


def test_what_a_live_conversation_schedules_is_sent_to_nobody(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    told = said(auzap, "--live", "--say", "!later 0.5")
    assert [one["text"] for one in told["scheduled"]] == ["later"]
    time.sleep(0.6)
    assert auzap("run", "--drain").code == 0
    assert gateway.log() == []
    assert [letter["stage"] for letter in auzap("dead", "list", "--json").json] == ["tenant"]


def test_live_knows_who_is_silent(house: House, auzap: Auzap) -> None:
    assert said(auzap, "--live", "--say", "oi")["replies"] == ["ok: oi"]
    house.rows("UPDATE conversations SET ai_enabled = 0")
    told = said(auzap, "--live", "--say", "oi")
    assert (told["reason"], told["answered_by"]) == ("ai_off", None)


# ------------------------------------------------------------------ who writes


def test_the_number_may_be_chosen(house: House, auzap: Auzap) -> None:
    assert said(auzap, "--say", "oi", "--phone", "(21) 90000-0042")["phone"] == "5521900000042"
    told = said(auzap, "--say", "ajuda", "--phone", OWNER)
    assert (told["as"], told["role"]) == ("client", "owner"), "the numbers decide, not the terminal"


def test_a_pilots_customer_is_one_of_the_pilot(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["shop"]["only"] = ["+55 11 90000-0001", "+55 11 90000-0077"]
    house.write()
    assert said(auzap, "--say", "oi")["phone"] == "5511900000077"
    assert said(auzap, "--say", "oi", "--phone", CLIENT)["reason"] == "not_in_pilot"


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (["--tenant", "nobody"], 1, "unknown tenant 'nobody': there is shop, zoo"),
        ([], 2, "say which --tenant: there is shop, zoo; see auzap chat --help"),
        (["--tenant", "shop", "--instance", "x"], 1, "unknown instance 'x' of tenant 'shop': there is main, other"),
        (["--tenant", "zoo", "--as", "owner"], 1, "tenant zoo has no owner: write a number behind owners:"),
        (["--tenant", "shop", "--live", "--data", "d"], 2, "--data and --live: say one of them; see auzap chat --help"),
        (
            ["--tenant", "shop", "--phone", "12"],
            2,
            (
                "Invalid value for '--phone': '12' is no phone number; write it like +55 11 90000-0010; "
                "see auzap chat --help"
            ),
        ),
    ],
)
def test_wrong_use_is_one_line(house: House, auzap: Auzap, options: list[str], code: int, line: str) -> None:
    house.document["tenants"]["zoo"] = {**house.document["tenants"]["shop"], "name": "zoo", "owners": []}
    house.write()
    ran = auzap("chat", "--say", "oi", *options)
    assert (ran.code, ran.out, ran.err) == (code, "", f"auzap: {line}\n")


def test_a_tenant_that_cannot_be_built_is_told(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"nope": {}}
    house.write()
    ran = auzap("chat", "--say", "oi")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, "", 1)
    assert "plugin 'nope': not installed" in ran.err


def test_a_kept_conversation_has_its_folder_alone(house: House, auzap: Auzap) -> None:
    """With one queue, each would take the other's messages."""
    with on_a_terminal("chat", "-c", str(house.path), "--data", "tries", folder=house.folder) as screen:
        screen.wait_for(AT_CLIENT)
        ran = auzap("chat", "--data", str(house.folder / "tries"), "--say", "oi")
        why = "another conversation goes on there; name another folder"
        assert (ran.code, ran.out, ran.err) == (1, "", f"auzap: {house.folder}/tries: {why}\n")
        screen.type("/sair\n")
        assert screen.end() == 0
    assert auzap("chat", "--data", str(house.folder / "tries"), "--say", "oi").out == "ok: oi\n"


def test_where_the_only_tenant_is_broken_its_mistakes_are_told(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["shop"]["instances"]["main"]["token"] = "${NOT_SET_HERE}"
    house.write()
    ran = auzap("chat", "--say", "oi")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert "tenants.shop.instances.main.token: the variable NOT_SET_HERE is not set" in ran.err


def test_where_nobody_reads_on_it_ends_and_nothing_counts_as_a_failed_send(house: House) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "auzap", "chat", "-c", str(house.path), "--say", "oi", "--say", "e mais"]
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run(
            command, cwd=house.folder, env=environment(), stdout=nobody, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_log_goes_where_it_is_wanted(house: House, auzap: Auzap) -> None:
    ran = auzap("chat", "--say", "oi", "--log-file", str(house.folder / "chat.log"))
    assert (ran.out, ran.err) == ("ok: oi\n", "")
    events = [json.loads(line) for line in (house.folder / "chat.log").read_text(encoding="utf-8").splitlines()]
    assert "Message stored" in {event["event"] for event in events}
    assert CLIENT not in json.dumps(events)


# ------------------------------------------------------------------ on a terminal


def talking(house: House, *, columns: int = 200, **env: str) -> AbstractContextManager[Screen]:
    return on_a_terminal("chat", "-c", str(house.path), folder=house.folder, columns=columns, **env)


def line(screen: Screen, text: str, answer: str, prompt: str = AT_CLIENT) -> None:
    """Type it, and wait for the answer and the next prompt."""
    prompts = screen.text.count(prompt)
    screen.type(f"{text}\n")
    screen.wait_for(answer)
    screen.wait_for(prompt, times=prompts + 1)


def test_a_person_talks_as_both_and_looks_behind_it(house: House) -> None:
    with talking(house, NO_COLOR="1") as screen:
        screen.wait_for(AT_CLIENT)
        line(screen, "oi", "trouble ok: oi")
        line(screen, "/dono ajuda", "É só mandar a palavra aqui na conversa.")
        line(screen, "/quem", "classified  owner numbers: owner")
        line(screen, "/dono", AT_OWNER, AT_OWNER)
        line(screen, "resumo", "aurora *Resumo de hoje*", AT_OWNER)
        line(screen, "/rows", "auzap_inbox", AT_OWNER)
        line(screen, "/help", "/linhas", AT_OWNER)
        line(screen, "/client 11 90000-0044", "cliente +55 11 90000-0044 > ", "cliente +55 11 90000-0044 > ")
        screen.type("/sair\n")
        assert screen.end() == 0
    assert "shop  shop · aurora, doorman, trouble, client_ai" in screen.text
    assert "A try: the queue and the database are thrown away at the end" in screen.text
    assert "Traceback" not in screen.text
    assert "\x1b[3" not in screen.raw


def test_it_fits_into_eighty_columns(house: House) -> None:
    long = "uma frase que é bem mais comprida do que a linha de um terminal de oitenta colunas"
    with talking(house, columns=80) as screen:
        screen.wait_for(AT_CLIENT)
        line(screen, long, "oitenta colunas")
        line(screen, "/linhas", "conversations")
        screen.type("\x04")
        assert screen.end() == 0
    printed = screen.text.partition(long[-10:])[2].splitlines()
    assert max(len(one) for one in printed) <= 80
    assert any(one.startswith("          ") and one.rstrip().endswith("colunas") for one in printed)
    assert "\x1b[32m" in screen.raw


def test_a_delayed_reply_appears_above_what_is_being_typed(house: House) -> None:
    with talking(house) as screen:
        screen.wait_for(AT_CLIENT)
        line(screen, "!later 1.5", "· for ")
        screen.type("meia fra")
        screen.wait_for("meia fra")
        screen.wait_for("trouble later\n")
        screen.wait_for(f"{AT_CLIENT}meia fra", times=2)
        line(screen, "se", "trouble ok: meia frase")
        screen.type("\x04")
        assert screen.end() == 0
    assert "\r\x1b[J" in screen.raw


def test_the_last_lines_come_back_with_the_arrow_and_commands_with_tab(house: House) -> None:
    with talking(house) as screen:
        screen.wait_for(AT_CLIENT)
        line(screen, "primeira", "ok: primeira")
        screen.type("\x1b[A")
        screen.wait_for("primeira", times=3)
        line(screen, " vez", "ok: primeira vez")
        line(screen, "/que\t", "answered    trouble")
        screen.type("\x04")
        assert screen.end() == 0


def test_a_person_need_not_wait(house: House) -> None:
    house.document["tenants"]["shop"] |= {"burst": {"window": "1s", "max": "3s"}, "plugins": {"trouble": {}}}
    house.write()
    with talking(house) as screen:
        screen.wait_for(AT_CLIENT)
        screen.type("um\n")
        screen.wait_for(AT_CLIENT, times=2)
        screen.type("dois\n")
        screen.wait_for("trouble ok: um")
        screen.wait_for("dois", times=2)
        screen.type("\x04")
        assert screen.end() == 0
    assert screen.text.count("trouble ok:") == 1


@pytest.mark.parametrize("text", ["", "meio esc", "!gate\n"])
def test_ctrl_c_ends_it_at_once_whatever_is_going_on(house: House, text: str) -> None:
    with talking(house) as screen:
        screen.wait_for(AT_CLIENT)
        screen.type(text)
        screen.wait_for(text.strip())
        time.sleep(0.2)
        screen.type("\x03")
        assert screen.end() == 0
    assert "Traceback" not in screen.text
    assert "auzap:" not in screen.text


def test_what_is_said_cannot_move_the_cursor(house: House, auzap: Auzap) -> None:
    assert "\x1b" not in auzap("chat", "--say", "oi \x1b[2J").out
