"""``auzap run``: its end, its terminal, its log."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.commands import Auzap, wait_until
from tests.support.gateway import GatewayProcess
from tests.support.house import ROOT, House, environment, job, message
from tests.support.tty import on_a_terminal

CLIENT, OWNER = "5511900000010", "5511900000001"
CLIENT_MASKED, OWNER_MASKED = "5511*******10", "5511*******01"
LOGGED = ["timestamp", "level", "event", "logger"]


@pytest.fixture
def house(tmp_path: Path, gateway: GatewayProcess) -> House:
    return House(tmp_path, gateway.url, plugins={"aurora": {}, "client_ai": {}})


def put(house: House, *messages: dict[str, Any]) -> None:
    anyio.run(house.put, *(job(one) for one in messages))


def test_drain_stops_when_the_queue_is_empty(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    put(house, *(message("oi", phone=f"55119000000{i}") for i in range(10, 40)))
    ran = auzap("run", "--drain")
    assert (ran.code, ran.out, ran.lines) == (0, "", [])
    assert gateway.accepted() == 30


def test_sigterm_ends_it_and_sighup_has_it_read_its_configuration_again(house: House, gateway: GatewayProcess) -> None:
    worker = house.start()
    try:
        put(house, message("antes"))
        wait_until(lambda: gateway.accepted() == 1)
        worker.send_signal(signal.SIGHUP)
        wait_until(lambda: any("nothing has changed" in line["event"] for line in house.log()))
        put(house, message("depois"))
        wait_until(lambda: gateway.accepted() == 2)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    finally:
        worker.kill()
        worker.wait()
    events = [line["event"] for line in house.log()]
    assert events.count("Stopping") == 1
    assert events[-1] == "Worker stopped"


# ------------------------------------------------------------------ the log's lines


def log_of(house: House, auzap: Auzap, *options: str) -> list[dict[str, Any]]:
    ran = auzap("run", "--drain", *options)
    assert (ran.code, ran.lines) == (0, [])
    return ran.log


def test_a_customers_message_is_told_in_the_old_workers_words(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    put(house, message("oi"))
    lines = [line for line in log_of(house, auzap) if "organization_id" in line]
    assert [line["event"] for line in lines] == [
        "Processing message",
        "Client message detected",
        "Message stored",
        "Message processed and response sent",
    ]
    processing, detected, stored, sent = lines
    envelope = house.one("SELECT envelope_id FROM auzap_inbox")
    assert (processing["job_id"], processing["organization_id"]) == (envelope, "shop")
    assert (detected["role"], detected["phone"]) == ("client", CLIENT_MASKED)
    assert stored["row_id"] == house.one("SELECT id FROM auzap_inbox")
    [post] = gateway.log()
    assert (sent["message_id"], sent["is_owner"]) == (post.message_id, False)
    assert {line["level"] for line in lines} == {"info"}
    assert all(list(line)[:4] == LOGGED for line in lines)


def test_an_owners_message_is_told_as_such(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    put(house, message("ajuda", phone=OWNER))
    lines = {line["event"]: line for line in log_of(house, auzap)}
    assert (lines["Owner message detected"]["role"], lines["Owner message detected"]["phone"]) == (
        "owner",
        OWNER_MASKED,
    )
    [post] = gateway.log()
    sent = lines["Message processed and response sent"]
    assert (sent["message_id"], sent["is_owner"]) == (post.message_id, True)


def test_numbers_are_masked_unless_asked_for(house: House, auzap: Auzap) -> None:
    put(house, message("oi"), message("oi", phone=OWNER), message("oi", jid="200000000000011@lid"))
    text = json.dumps(log_of(house, auzap))
    assert CLIENT_MASKED in text
    assert OWNER_MASKED in text
    assert not any(number in text for number in (CLIENT, OWNER, "200000000000011"))

    put(house, message("oi de novo"))
    lines = {line["event"]: line for line in log_of(house, auzap, "--show-phones")}
    assert lines["Client message detected"]["phone"] == CLIENT
    assert lines["Processing message"]["lane"] == f"shop/main/{CLIENT}@s.whatsapp.net"


def test_what_was_written_is_in_no_line_of_the_log(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"aurora": {}, "trouble": {}}
    house.write()
    secret = "xarope"
    texts = ("oi {}", "!raise {}", "!nonsense {}", "!pass {}", "!silence {}", "!record {}", "!many 2 {}")
    put(house, *(message(text.format(secret), phone=f"551190000002{i}") for i, text in enumerate(texts)))
    put(
        house,
        message(secret, phone=OWNER),
        message(secret, jid="120363000000000001@g.us", participant=f"{CLIENT}@s.whatsapp.net"),
        message(secret * 70_000),
        message(content={"imageMessage": {"caption": secret}}),
        message(content={"protocolMessage": {"type": 0, "key": {"id": secret}}}),
    )
    ran = auzap("run", "--drain")
    assert ran.code == 0
    assert {"warning", "error", "info"} == {line["level"] for line in ran.log}
    assert secret not in ran.err


def test_the_level_decides_what_is_told(house: House, auzap: Auzap) -> None:
    put(house, message("oi"))
    assert log_of(house, auzap, "--log-level", "warning") == []
    put(house, message("oi"))
    assert {line["level"] for line in log_of(house, auzap, "--log-level", "debug")} == {"debug", "info"}


# ------------------------------------------------------------------ for people


def test_without_a_terminal_it_is_json_unless_asked_for_text(house: House, auzap: Auzap) -> None:
    put(house, message("oi"))
    assert all(line.startswith("{") for line in auzap("run", "--drain").err.splitlines())
    put(house, message("oi"))
    ran = auzap("run", "--drain", "--no-json")
    assert ran.log == []
    assert "\x1b" not in ran.err
    assert f"Client message detected        organization_id=shop role=client phone={CLIENT_MASKED}" in ran.err


def test_on_a_terminal_it_is_text_in_colour(house: House) -> None:
    put(house, message("oi"))
    with on_a_terminal("run", "--drain", "-c", str(house.path), folder=house.folder, NO_COLOR="") as screen:
        assert screen.end() == 0
    assert "\x1b[32m" in screen.raw
    assert f"role=client phone={CLIENT_MASKED}" in screen.text
    assert "is_owner=False" in screen.text
    assert '"event"' not in screen.text


def test_on_a_terminal_ids_are_short_where_all_is_well_and_whole_where_not(house: House) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"trouble": {}}
    house.write()
    put(house, message("!raise"))
    with on_a_terminal("run", "--drain", "-c", str(house.path), folder=house.folder, NO_COLOR="1") as screen:
        assert screen.end() == 0
    envelope = house.one("SELECT envelope_id FROM auzap_inbox")
    lines = screen.text.splitlines()
    taken = [line for line in lines if "Processing message" in line]
    assert taken
    assert all(f"job_id=…{envelope[-12:]} " in line for line in taken)
    [dead] = [line for line in lines if "Dead letter" in line]
    assert f"job_id={envelope} " in dead


@pytest.mark.parametrize(("options", "declined"), [([], "1"), (["--json"], "")])
def test_colour_and_text_can_be_declined(house: House, options: list[str], declined: str) -> None:
    put(house, message("oi"))
    with on_a_terminal(
        "run", "--drain", *options, "-c", str(house.path), folder=house.folder, NO_COLOR=declined
    ) as screen:
        assert screen.end() == 0
    assert "\x1b[" not in screen.raw
    assert ('"event": "Worker started"' in screen.text) == bool(options)


def test_the_shipped_demo_plays_takes_what_is_typed_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    with on_a_terminal("run", "--config", "config.yaml", folder=tmp_path) as screen:
        screen.wait_for("Try next:")
        screen.type("Quanto custa o banho?\n")
        screen.wait_for('bot to customer | Olá! Recebi sua mensagem: "Quanto custa o banho?". Em breve')
        screen.type("/dono ajuda\n")
        screen.wait_for("bot to owner | Oi! Aqui é a *Aurora*")
        screen.type("\x03")
        assert screen.end() == 0
    assert "customer | Oi, tudo bem? Vocês abrem no sábado?" in screen.text
    assert "owner | resumo" in screen.text
    assert "*Resumo de hoje*" in screen.text
    assert screen.text.index("Try next:") < screen.text.index("Then make it yours:")
    played = screen.text.partition("Try next:")[0]
    assert played.count("Message processed and response sent") == 3, "the log of the last reply comes after the hint"
    assert "Traceback" not in screen.text
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"auzap.db", "queue.db"}


def test_the_shipped_demo_gives_no_hints_where_nobody_can_type(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "auzap", "run"],
        env=environment(),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        assert running.stdout is not None
        shown: list[str] = []
        while sum("Message processed and response sent" in line for line in shown) < 3:
            shown.append(running.stdout.readline())
            assert shown[-1], shown
        running.send_signal(signal.SIGTERM)
        shown += running.stdout
    assert running.returncode == 0
    assert any("fico no aguardo" in line for line in shown)
    assert not any("Try next" in line for line in shown)
