"""A save is noticed wherever it lies, once it has settled; what counts is what the files say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from auzap.worker.watch import watch_files
from tests.support.house import House
from tests.support.swaps import Swapping, swapping

NOBODY = "http://127.0.0.1:9"


@asynccontextmanager
async def watching(house: House) -> AsyncIterator[Swapping]:
    async with swapping(house) as opened, anyio.create_task_group() as beside:
        beside.start_soon(watch_files, opened.swapper)
        yield opened
        beside.cancel_scope.cancel()


def bakery(mark: str) -> str:
    return f"bakery: {{instances: {{}}, plugins: {{stamp: {{mark: {mark}}}}}}}\n"


async def marked(opened: Swapping, mark: str) -> None:
    """Wait until the bakery's is this one."""
    with anyio.fail_after(20):
        while _mark(opened) != mark:  # noqa: ASYNC110 - the disk tells
            await anyio.sleep(0.02)


def _mark(opened: Swapping) -> object:
    tenant = opened.tenants.config.tenants.get("bakery")
    return tenant.raw.values["plugins"]["stamp"]["mark"] if tenant is not None else None


async def test_files_of_tenants_come_change_and_go(tmp_path: Path) -> None:
    """Also where there is no folder for them yet, and beside a file that is written all the time."""
    house = House(tmp_path, NOBODY, tenants_from="tenants/*.yaml")
    file = tmp_path / "tenants" / "bakery.yaml"
    async with watching(house) as opened, anyio.create_task_group() as beside:
        beside.start_soon(_make_noise, tmp_path / "queue.log")
        file.parent.mkdir()
        file.write_text(bakery("one"))
        await marked(opened, "one")
        (tmp_path / "new").write_text(bakery("two"))
        (tmp_path / "new").rename(file)
        await marked(opened, "two")
        file.unlink()
        with anyio.fail_after(20):
            while _mark(opened) is not None:  # noqa: ASYNC110 - the disk tells
                await anyio.sleep(0.02)
        beside.cancel_scope.cancel()


async def _make_noise(file: Path) -> None:
    while True:
        await anyio.Path(file).write_text("x")
        await anyio.sleep(0.01)


async def test_a_save_in_two_halves_is_one(tmp_path: Path) -> None:
    house = House(tmp_path, NOBODY, tenants_from="bakery.yaml")
    file = tmp_path / "bakery.yaml"
    file.write_text(bakery("one"))
    async with watching(house) as opened:
        await marked(opened, "one")
        await anyio.sleep(0.3)  # it is watched
        read: list[int] = []
        opened.swapper.when_read(lambda: read.append(1))
        text = bakery("two")
        with file.open("w") as half:
            half.write(text[:20])
            half.flush()
            await anyio.sleep(0.03)
            half.write(text[20:])
        await marked(opened, "two")
        file.write_text(text)  # it says the same
        await anyio.sleep(0.4)
        assert len(read) == 1


async def test_saves_without_a_pause_hold_nobody_off(tmp_path: Path) -> None:
    house = House(tmp_path, NOBODY, tenants_from=["bakery.yaml", "tenants/*.yaml"])
    (tmp_path / "bakery.yaml").write_text(bakery("one"))
    (tmp_path / "tenants").mkdir()
    async with watching(house) as opened, anyio.create_task_group() as beside:
        await marked(opened, "one")
        beside.start_soon(_save_others, tmp_path / "tenants")
        await anyio.sleep(1)
        (tmp_path / "bakery.yaml").write_text(bakery("two"))
        await marked(opened, "two")
        beside.cancel_scope.cancel()


async def _save_others(folder: Path) -> None:
    number = 0
    while True:
        number += 1
        (folder / "new").write_text(f"salon: {{instances: {{}}, plugins: {{stamp: {{mark: m{number}}}}}}}\n")
        (folder / "new").rename(folder / "salon.yaml")
        await anyio.sleep(0.03)


async def test_kubernetes_puts_another_link_in_place(tmp_path: Path) -> None:
    """A mounted ConfigMap: the file is a link to `..data/…`, and `..data` a link that is replaced in one step."""
    house, mount = House(tmp_path, NOBODY, tenants_from="mount/*.yaml"), tmp_path / "mount"
    mount.mkdir()

    def publish(number: int) -> None:
        version = mount / f"..{number}"
        version.mkdir()
        (version / "tenants.yaml").write_text(bakery(f"m{number}"))
        (mount / "new").symlink_to(version.name)
        (mount / "new").rename(mount / "..data")

    publish(1)
    (mount / "tenants.yaml").symlink_to("..data/tenants.yaml")
    async with watching(house) as opened:
        await marked(opened, "m1")
        for number in (2, 3):
            publish(number)
            await marked(opened, f"m{number}")
