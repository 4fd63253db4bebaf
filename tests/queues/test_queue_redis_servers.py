"""The queue behind sentinels, in a cluster and over TLS: each really asked once."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import anyio
import pytest
from redis.crc import key_slot

from auzap.contract.queue import Queue
from auzap.model.errors import ConfigError, QueueUnavailable
from auzap.queues.redis import RedisQueue
from tests.support.queues import an_envelope, numbers, one, take
from tests.support.redis_server import RedisServer, free_port, redis_server


async def assert_works(queue: Queue) -> None:
    waiting = asyncio.ensure_future(one(queue, wait=10))
    await anyio.sleep(0.02)
    await queue.put([an_envelope(number="there")])
    lease = await waiting
    assert numbers(lease) == ["there"]
    await queue.ack(lease, [lease.envelopes[0].id])
    await queue.put([an_envelope("blamed")])
    await one(queue)
    await asyncio.to_thread(queue.blame, "worker", None)
    await queue.ack(again := await one(queue), [again.envelopes[0].id])


async def until(call: Callable[[], Awaitable[object]], seconds: float = 30) -> None:
    """Until it does not raise ``QueueUnavailable``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            await call()
        except QueueUnavailable:
            assert time.monotonic() < deadline
            await anyio.sleep(0.05)
        else:
            return


# ---------------------------------------------------------------------- sentinels


def sentinel_of(folder: Path, master: RedisServer, *more: str) -> AbstractContextManager[RedisServer]:
    lines = [f"monitor main 127.0.0.1 {master.port} 1", *more]
    return redis_server(folder, as_sentinel=True, sentinel=lines)


async def test_sentinels_name_the_server(tmp_path: Path) -> None:
    with redis_server(tmp_path / "master") as master, sentinel_of(tmp_path / "sentinel", master) as sentinel:
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}"  # the first one is not there
        async with RedisQueue.from_url(f"redis+sentinel://{hosts}/main/0", tmp_path) as queue:
            await assert_works(queue)
        with pytest.raises(QueueUnavailable, match="the sentinels know no 'other'"):
            async with RedisQueue.from_url(f"redis+sentinel://{hosts}/other", tmp_path):
                pass


@pytest.mark.soak
async def test_a_failover_is_followed(tmp_path: Path) -> None:
    with ExitStack() as stack:
        master = stack.enter_context(redis_server(tmp_path / "master"))
        stack.enter_context(redis_server(tmp_path / "replica", replicaof=f"127.0.0.1 {master.port}"))
        quick = ("down-after-milliseconds main 300", "failover-timeout main 3000")
        sentinel = stack.enter_context(sentinel_of(tmp_path / "sentinel", master, *quick))
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/main?wait_replicas=1"
        async with RedisQueue.from_url(url, tmp_path) as queue:
            await until(lambda: queue.put([an_envelope(id="kept")]))
            with anyio.fail_after(30):
                while "num-slaves\r\n$1\r\n1" not in sentinel.cli("SENTINEL", "MASTER", "main"):  # noqa: ASYNC110
                    await anyio.sleep(0.1)
            master.kill()
            await until(queue.stats)

            assert [envelope.id for envelope in (await one(queue, wait=5)).envelopes] == ["kept"]


# ---------------------------------------------------------------------- a cluster


async def cluster_is_ok(*nodes: RedisServer) -> None:
    with anyio.fail_after(30):
        for node in nodes:
            while "cluster_state:ok" not in node.cli("CLUSTER", "INFO"):  # noqa: ASYNC110
                await anyio.sleep(0.05)


async def test_a_cluster_has_the_queue_on_one_node(tmp_path: Path) -> None:
    with redis_server(tmp_path / "node", cluster_enabled="yes") as node:
        node.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        await cluster_is_ok(node)
        async with RedisQueue.from_url(f"redis+cluster://127.0.0.1:{node.port}", tmp_path) as queue:
            await assert_works(queue)


@pytest.mark.soak
async def test_a_queue_that_moves_to_another_node_is_followed(tmp_path: Path) -> None:
    slot = str(key_slot(b"{auzap}:meta"))
    with ExitStack() as stack:
        here, there = (
            stack.enter_context(redis_server(tmp_path / name, cluster_enabled="yes")) for name in ("here", "there")
        )
        here.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        here.cli("CLUSTER", "MEET", "127.0.0.1", str(there.port))
        await cluster_is_ok(here, there)
        ids = [node.cli("CLUSTER", "MYID").split()[1] for node in (here, there)]
        async with RedisQueue.from_url(f"redis+cluster://127.0.0.1:{here.port}", tmp_path) as queue:
            waiting = asyncio.ensure_future(take(queue, wait=0.3))
            await queue.put([an_envelope("bia")])
            (lease,) = await waiting
            there.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
            here.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
            keys = here.cli("CLUSTER", "GETKEYSINSLOT", slot, "100").split("\r\n")[2::2]
            here.cli("MIGRATE", "127.0.0.1", str(there.port), "", "0", "5000", "KEYS", *[key for key in keys if key])
            for node in (there, here):
                node.cli("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
            await until(queue.stats)

            await queue.ack(lease, [lease.envelopes[0].id])
            await assert_works(queue)


# ---------------------------------------------------------------------- TLS


def certificate(folder: Path) -> tuple[Path, Path]:
    """Self-signed, for this machine."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-keyout", str(key), "-out", str(cert), "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return key, cert


async def test_a_certificate_is_checked(tmp_path: Path) -> None:
    key, cert = certificate(tmp_path)
    tls = {"tls-port": str(free_port()), "tls-cert-file": str(cert), "tls-key-file": str(key)}
    with redis_server(tmp_path / "redis", as_sentinel=False, **tls, tls_auth_clients="no", port="0"):
        url = f"rediss://127.0.0.1:{tls['tls-port']}/0"
        async with RedisQueue.from_url(f"{url}?ca_certs=cert.pem", tmp_path) as queue:
            await assert_works(queue)
        with pytest.raises(ConfigError, match="CERTIFICATE_VERIFY_FAILED") as error:
            async with RedisQueue.from_url(url, tmp_path):
                pass
        assert "\n" not in str(error.value)
        with pytest.raises(ConfigError, match=r"there is no file .*other\.pem"):
            async with RedisQueue.from_url(f"{url}?ca_certs=other.pem", tmp_path):
                pass
