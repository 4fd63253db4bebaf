"""A new configuration is taken by each tenant by itself; what cannot be taken changes nothing."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml

from auzap.contract.queue import Share
from auzap.tenants.away import TenantBroken, TenantSuspended, TenantUnknown
from auzap.worker.swap import Swap
from tests.support.house import House, job, message
from tests.support.swaps import Swapping, notes, swapping
from tests.support.workers import until

NOBODY = "http://127.0.0.1:9"


def house(folder: Path, *tenants: str, **more: Any) -> House:
    """Each tenant's replies say ``one``."""
    return House(folder, NOBODY, tenants=tenants or ("shop", "salon"), plugins={"stamp": {"mark": "one"}}, **more)


def tenant(built: House, name: str) -> dict[str, Any]:
    """Its part of the document, its own alone."""
    tenants: dict[str, Any] = built.document["tenants"]
    tenants[name] = deepcopy(tenants[name])
    found: dict[str, Any] = tenants[name]
    return found


def marked(built: House, name: str, mark: str) -> None:
    tenant(built, name)["plugins"]["stamp"]["mark"] = mark


# ------------------------------------------------------------------ one tenant


async def test_a_turn_keeps_the_version_that_it_began_with(tmp_path: Path) -> None:
    built = house(tmp_path)
    async with (
        swapping(built) as opened,
        opened.tenants.use("shop") as before,
        opened.tenants.use("salon") as other,
    ):
        marked(built, "shop", "two")
        swap = await opened.save()
        assert (swap.changed, swap.added, swap.removed, dict(swap.refused)) == (("shop",), (), (), {})
        async with opened.tenants.use("shop") as after, opened.tenants.use("salon") as same:
            assert before.plugins["stamp"].options.mark == "one"
            assert after.plugins["stamp"].options.mark == "two"
            assert before.config.version != after.config.version
            assert same is other
            assert after.channels["main"] is before.channels["main"], "it keeps its connections"


async def test_the_old_version_is_closed_when_its_last_user_has_left(tmp_path: Path) -> None:
    built = house(tmp_path, "shop")
    options = {"file": str(tmp_path / "notes"), "mark": "one"}
    built.document["tenants"]["shop"]["plugins"]["living"] = options
    built.write()
    async with swapping(built) as opened:
        async with opened.tenants.use("shop"):
            options["mark"] = "two"
            await opened.save()
            assert [line[:3] for line in notes(tmp_path / "notes")] == [
                ["open", "shop", "one"],
                ["open", "shop", "two"],
            ]
        await until(lambda: [line[0] for line in notes(tmp_path / "notes")] == ["open", "open", "close"])
        assert notes(tmp_path / "notes")[-1][2] == "one"
    assert len({line[3] for line in notes(tmp_path / "notes")}) == 2, "a task each"


async def test_comments_and_order_of_files_change_nothing(tmp_path: Path) -> None:
    built = house(tmp_path)
    async with swapping(built) as opened, opened.tenants.use("shop") as before:
        built.path.write_text(f"# nothing new\n{built.path.read_text()}")
        swap = await opened.swapper.swap()
        assert (swap.changed, swap.added, swap.removed, dict(swap.refused)) == ((), (), (), {})
        async with opened.tenants.use("shop") as after:
            assert after is before


async def test_options_that_are_refused_keep_what_runs_and_say_where(tmp_path: Path) -> None:
    built = house(tmp_path, "shop", "salon", "bakery")
    async with swapping(built) as opened:
        assert await opened.mark() == "one"
        marked(built, "shop", "bad")
        marked(built, "bakery", "bad")
        marked(built, "salon", "two")
        swap = await opened.save()
        assert swap.changed == ("salon",)
        assert dict(swap.refused).keys() == {"shop", "bakery"}
        assert "plugins.stamp.mark: should be a good mark" in swap.refused["shop"]
        assert swap.refused["shop"].startswith(f"{built.path}:")
        assert (await opened.mark(), await opened.mark("salon")) == ("one", "two")
        assert await opened.mark("bakery") == "one", "although it was not needed before"
        marked(built, "shop", "three")
        assert (await opened.save()).changed == ("shop",)
        assert await opened.mark() == "three"


@pytest.mark.parametrize("does", ["raises", "hangs"])
async def test_a_lifespan_that_fails_keeps_what_runs(tmp_path: Path, does: str) -> None:
    built = house(tmp_path, worker={"timeout": "200ms"})
    async with swapping(built) as opened:
        assert await opened.mark() == await opened.mark("salon") == "one"
        tenant(built, "shop")["plugins"]["living"] = {"file": str(tmp_path / "notes"), "does": does}
        marked(built, "salon", "two")
        with anyio.fail_after(20):
            swap = await opened.save()
        assert (swap.changed, list(swap.refused)) == (("salon",), ["shop"])
        assert (await opened.mark(), await opened.mark("salon")) == ("one", "two")
        assert "living" not in (await opened.tenants.take("shop")).tenant.plugins


async def test_one_that_takes_its_time_holds_up_neither_the_others_nor_the_next_save(tmp_path: Path) -> None:
    built = house(tmp_path, worker={"timeout": "1h"})
    async with swapping(built) as opened, anyio.create_task_group() as beside:
        assert await opened.mark() == await opened.mark("salon") == "one"
        tenant(built, "shop")["plugins"]["living"] = {"file": str(tmp_path / "notes"), "does": "hangs"}
        marked(built, "salon", "two")
        beside.start_soon(opened.save)
        with anyio.fail_after(20):
            while await opened.mark("salon") != "two":  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.01)
            del tenant(built, "shop")["plugins"]["living"]
            marked(built, "shop", "three")
            assert "shop" in (await opened.save()).changed
        assert await opened.mark() == "three"


async def test_who_was_never_needed_is_only_looked_at(tmp_path: Path) -> None:
    built = house(tmp_path)
    built.document["tenants"]["shop"]["plugins"] = {"living": {"file": str(tmp_path / "notes"), "does": "raises"}}
    built.write()
    async with swapping(built) as opened:
        tenant(built, "shop")["plugins"]["living"]["mark"] = "two"
        swap = await opened.save()
        assert (swap.changed, dict(swap.refused)) == (("shop",), {})
        assert notes(tmp_path / "notes") == []


# ------------------------------------------------------------------ added, removed, suspended


async def test_tenants_come_and_go(tmp_path: Path) -> None:
    built = house(tmp_path)
    async with swapping(built) as opened:
        assert await opened.mark("salon") == "one"
        built.document["tenants"]["bakery"] = built.document["tenants"].pop("salon")
        swap = await opened.save()
        assert (swap.changed, swap.added, swap.removed) == ((), ("bakery",), ("salon",))
        assert await opened.mark("bakery") == "one"
        with pytest.raises(TenantUnknown):
            await opened.tenants.take("salon")
        assert len(opened.reconfigured) == 1


async def test_a_suspended_tenant_waits_and_is_woken_when_it_is_back(tmp_path: Path) -> None:
    built = house(tmp_path)
    async with swapping(built) as opened:
        assert await opened.mark() == "one"
        tenant(built, "shop")["suspended"] = True
        assert (await opened.save()).changed == ("shop",)
        with pytest.raises(TenantSuspended) as caught:
            await opened.tenants.take("shop")
        await built.put(job(message("oi")))
        [lease] = await opened.queue.lease("test", lanes=1, duration=30, wait=0, share=Share())
        await opened.queue.defer(lease, caught.value.until)
        assert await opened.queue.lease("test", lanes=1, duration=30, wait=0, share=Share()) == []
        tenant(built, "shop")["suspended"] = False
        assert (await opened.save()).changed == ("shop",)
        [lease] = await opened.queue.lease("test", lanes=1, duration=30, wait=0, share=Share())
        assert lease.envelopes[0].attempts == 0
        assert await opened.mark() == "one"


async def test_changed_credentials_are_used_at_once_also_by_an_instance_that_is_paused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old\n")
    built = house(tmp_path, "shop", instance={"token": "${file:token}"})
    async with swapping(built) as opened:
        version = await opened.tenants.take("shop")
        opened.parts.instances.failed("shop", "main", "HTTP 401")
        assert opened.parts.instances.closed_until("shop", "main") is not None
        (tmp_path / "token").write_text("new\n")
        swap = await opened.swapper.swap()
        assert swap.changed == ("shop",)
        async with opened.tenants.use("shop") as after:
            assert after.channels["main"].options.token.get_secret_value() == "new"
            assert version.tenant.channels["main"].options.token.get_secret_value() == "old"
        assert opened.parts.instances.closed_until("shop", "main") is None


# ------------------------------------------------------------------ files


def in_files(built: House, *tenants: str) -> Path:
    """Each of them in a file of its own."""
    folder = built.folder / "tenants"
    folder.mkdir(exist_ok=True)
    for one in tenants:
        (folder / f"{one}.yaml").write_text(yaml.safe_dump({one: built.document["tenants"].pop(one)}, sort_keys=False))
    built.document["tenants_from"] = "tenants/*.yaml"
    built.write()
    return folder


BROKEN = ["", "# nothing\n", "salon: {plugins: {", "salon: 5", "[]", "salon: {owners: [x]}"]


async def test_tenants_of_a_file_that_is_broken_stay_as_they_are_and_the_others_go_live(tmp_path: Path) -> None:
    built = house(tmp_path)
    files = in_files(built, "salon")
    async with swapping(built) as opened:
        assert await opened.mark("salon") == "one"
        for number, text in enumerate(BROKEN):
            (files / "salon.yaml").write_text(text)
            marked(built, "shop", f"mark {number}")
            swap = await opened.save()
            assert (swap.changed, swap.removed) == (("shop",), ())
            assert "salon" in " ".join(swap.refused)
            assert (await opened.mark(), await opened.mark("salon")) == (f"mark {number}", "one")
            with pytest.raises(TenantBroken if opened.tenants.config.broken else TenantUnknown):
                await opened.tenants.take("bakery")
        (files / "salon.yaml").unlink()
        swap = await opened.save()
        assert (swap.removed, dict(swap.refused)) == (("salon",), {})
        with pytest.raises(TenantUnknown):
            await opened.tenants.take("salon")


async def test_a_tenant_that_moves_to_another_file_is_still_the_same(tmp_path: Path) -> None:
    built = house(tmp_path)
    async with swapping(built) as opened, opened.tenants.use("salon") as before:
        in_files(built, "salon")
        swap = await opened.swapper.swap()
        assert (swap.changed, swap.added, swap.removed) == ((), (), ())
        async with opened.tenants.use("salon") as after:
            assert after is before


async def test_a_broken_top_changes_nothing(tmp_path: Path) -> None:
    built = house(tmp_path)
    async with swapping(built) as opened:
        async with opened.tenants.use("shop") as before:
            for text in ("", "queue: [", "tenants: {}", "queue: nowhere\ndatabase: sqlite:///a.db\n"):
                built.path.write_text(text)
                swap = await opened.swapper.swap()
                assert dict(swap.refused).keys() == {str(built.path)}
                assert not opened.reconfigured
                async with opened.tenants.use("shop") as after:
                    assert after is before
        built.path.unlink()
        assert (await opened.swapper.swap()).refused


# ------------------------------------------------------------------ the top


async def test_what_can_take_effect_does_and_the_rest_needs_a_restart(tmp_path: Path) -> None:
    built = house(tmp_path, "shop")
    async with swapping(built) as opened:
        before = await opened.tenants.take("shop")
        built.document["worker"] |= {"attempts": 7, "concurrency": 9, "timeout": "3s", "lease": "99s"}
        built.document |= {"queue": "sqlite:///other.db", "stale_after": "2h", "give_up_after": "3h"}
        built.document["retention"] = {"dead": "1d"}
        swap = await opened.save()
        assert swap.restart == ("queue", "worker.lease")
        assert set(swap.settings) == {
            "worker.attempts",
            "worker.concurrency",
            "worker.timeout",
            "stale_after",
            "give_up_after",
            "retention",
        }
        config = opened.tenants.config
        assert (config.queue, config.worker.lease) == ("sqlite:///queue.db", 30.0)
        assert (config.worker.concurrency, config.retention.dead) == (9, 86400.0)
        settings = opened.parts.settings
        assert (settings.attempts, settings.stale_after, settings.give_up_after) == (7, 7200.0, 10800.0)
        assert (await opened.tenants.take("shop")) is not before, "its deadlines are others"
        assert (await opened.save()).restart == ("queue", "worker.lease")


async def test_tables_that_a_new_plugin_needs_are_made_where_that_is_allowed(tmp_path: Path) -> None:
    built = house(tmp_path)
    async with swapping(built) as opened:
        assert await opened.mark() == "one"
        tenant(built, "shop")["plugins"]["scribe"] = {}
        assert (await opened.save()).changed == ("shop",)
        assert built.rows("SELECT * FROM trouble_notes") == []


async def test_where_it_is_not_the_tenant_stays_as_it_is(tmp_path: Path) -> None:
    built = house(tmp_path)
    async with swapping(built):
        """The schema is brought up to date."""
    built.document["database"] = {"url": "sqlite:///auzap.db", "migrate": "manual"}
    built.write()
    async with swapping(built) as opened:
        assert await opened.mark() == "one"
        tenant(built, "shop")["plugins"]["scribe"] = {}
        swap = await opened.save()
        why = "the schema is behind (auzap-trouble): run `auzap db upgrade`, then `auzap reload`"
        assert dict(swap.refused) == {"shop": why}
        assert "scribe" not in (await opened.tenants.take("shop")).tenant.plugins


# ------------------------------------------------------------------ tenants that are broken


async def test_one_that_could_not_be_built_is_tried_again_after_a_swap(tmp_path: Path) -> None:
    built = house(tmp_path)
    built.document["tenants"]["shop"]["plugins"] = {"stamp": {"mark": "bad"}}
    built.write()
    async with swapping(built) as opened:
        with pytest.raises(TenantBroken):
            await opened.tenants.take("shop")
        await built.put(job(message("oi")))
        [lease] = await opened.queue.lease("test", lanes=1, duration=30, wait=0, share=Share())
        await opened.queue.defer(lease, 2**33)
        marked(built, "shop", "two")
        assert (await opened.save()).changed == ("shop",)
        assert await opened.mark() == "two"
        assert len(await opened.queue.lease("test", lanes=1, duration=30, wait=0, share=Share())) == 1


async def test_whoever_waits_is_told_of_each_swap(tmp_path: Path) -> None:
    built = house(tmp_path)

    async def saved(opened: Swapping) -> None:
        marked(built, "shop", "two")
        await opened.save()

    async with swapping(built) as opened, anyio.create_task_group() as beside:
        swapped = opened.tenants.swapped
        beside.start_soon(saved, opened)
        with anyio.fail_after(20):
            await swapped.wait()
        assert opened.tenants.config.tenants["shop"].raw.values["plugins"]["stamp"]["mark"] == "two"


async def test_who_asked_for_a_swap_that_is_overtaken_hears_of_both(tmp_path: Path) -> None:
    built = house(tmp_path)
    told: list[Swap] = []

    async def save(opened: Swapping) -> None:
        told.append(await opened.save())

    async with swapping(built) as opened, anyio.create_task_group() as beside:
        assert await opened.mark() == await opened.mark("salon") == "one"
        tenant(built, "shop")["plugins"]["living"] = {"file": str(tmp_path / "notes"), "does": "slow"}
        marked(built, "salon", "two")
        beside.start_soon(save, opened)
        with anyio.fail_after(20):
            while await opened.mark("salon") != "two":  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.005)
            await opened.swapper.swap()
            await until(lambda: bool(told))
    assert (told[0].changed, dict(told[0].refused)) == (("salon", "shop"), {})
