"""What a plugin's author reads when the plugin is written wrong."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, Optional

import pluggy
import pytest

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks import RegisteredPlugin
from auzap.hooks.mistakes import HOOKS
from auzap.hooks.register import STATE, StrictManager
from auzap.model.errors import PluginError
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Outcome, Receipt, Reply
from tests.support.hook_plugins import TENANT, hooks_of, instance_of

FILE = __file__
otherimpl = pluggy.HookimplMarker("other")


def told(plugin: object, distribution: str | None = "auzap-demo 1.2") -> str:
    """What the author reads, without the place."""
    manager = StrictManager()
    with pytest.raises(PluginError) as caught:
        manager.add(plugin, distribution)
    lines = [line.partition(": ") for line in str(caught.value).splitlines()]
    assert all(place.startswith("plugin ") and FILE in place for place, _, _ in lines)
    return "\n".join(text for _, _, text in lines)


def line_of(function: Callable[..., object]) -> int:
    return inspect.getsourcelines(function)[1]


# ------------------------------------------------------------------ the place


def test_a_mistake_names_plugin_distribution_file_and_line() -> None:
    class Demo(Plugin):
        @hookimpl
        async def handle_mesage(self) -> None: ...

    with pytest.raises(PluginError) as caught:
        StrictManager().add(instance_of(Demo), "auzap-demo 1.2")

    place = f"{FILE}:{line_of(Demo.handle_mesage)}"
    assert str(caught.value).startswith(f"plugin demo of auzap-demo 1.2, {place}: handle_mesage implements no hook")


def test_all_mistakes_of_a_plugin_are_told_at_once_in_the_order_of_the_file() -> None:
    class Demo(Plugin):
        @hookimpl
        async def review_replies(self, reply: Reply, *rest: Any) -> None: ...

        @hookimpl
        async def handle_message(self, massage: Message) -> str:
            return ""

    assert told(instance_of(Demo)).splitlines() == [
        "review_replies has an unknown argument reply (is replies meant?); there are replies, turn, state",
        "review_replies takes *rest; name the arguments that it wants: there are replies, turn, state",
        "handle_message has an unknown argument massage (is message meant?); there are message, sender, turn, state",
        "handle_message is annotated to return str; right would be Reply, a list of Reply, Outcome or None",
    ]


def test_a_tenant_tells_the_mistakes_of_all_its_plugins() -> None:
    class One(Plugin):
        @hookimpl
        async def one(self) -> None: ...

    class Other(Plugin):
        @hookimpl
        async def other(self) -> None: ...

    with pytest.raises(PluginError) as caught:
        hooks_of(One, Other)

    assert [line.partition(",")[0] for line in str(caught.value).splitlines()] == [
        "plugin one of auzap-tested",
        "plugin other of auzap-tested",
    ]


# ------------------------------------------------------------------ hooks and marks


def test_an_unknown_hook_is_told_with_the_nearest_name_and_all_there_are() -> None:
    class Demo(Plugin):
        @hookimpl
        async def handel_message(self) -> None: ...

    assert told(instance_of(Demo)) == (
        "handel_message implements no hook that there is (is handle_message meant?); there are normalize_message, "
        "classify_sender, handle_message, review_replies, persist, send_reply, handle_event"
    )


def test_an_unknown_specname_is_told() -> None:
    class Demo(Plugin):
        @hookimpl(specname="greet")
        async def answer(self) -> None: ...

    assert told(instance_of(Demo)).startswith("answer implements no hook that there is; there are normalize_message")


def test_a_forgotten_mark_is_told() -> None:
    class Demo(Plugin):
        async def handle_message(self) -> None: ...

    assert told(instance_of(Demo)) == (
        "handle_message has the name of a hook, but is not marked: write @auzap.hookimpl above it, or name it otherwise"
    )


def test_a_class_and_an_instance_that_get_a_hook_later_are_looked_at_again() -> None:
    """What a class has is remembered: each tenant has an instance of it."""

    class Growing(Plugin):
        pass

    first = instance_of(Growing)
    StrictManager().add(first, None)

    def handle_message(self: Plugin, message: Message) -> None: ...

    Growing.handle_message = handle_message  # type: ignore[attr-defined]
    assert told(instance_of(Growing)).startswith("handle_message has the name of a hook")
    del Growing.handle_message  # type: ignore[attr-defined]
    StrictManager().add(instance_of(Growing), None)
    first.persist = True  # type: ignore[attr-defined]
    assert told(first).startswith("persist is bool")


def test_a_mark_forgotten_in_a_subclass_is_told() -> None:
    class Base(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply | None: ...

    class Demo(Base):
        async def handle_message(self) -> Reply | None: ...

    assert "is not marked" in told(instance_of(Demo))


def test_a_subclass_may_switch_a_hook_off() -> None:
    class Base(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply | None: ...

    class Demo(Base):
        handle_message = None  # type: ignore[assignment]

    assert StrictManagerWith(Demo).implementations("handle_message", "abc123", 1) == ()


def test_the_mark_of_another_project_is_told() -> None:
    class Demo(Plugin):
        @otherimpl
        async def handle_message(self) -> None: ...

    assert told(instance_of(Demo)) == (
        "handle_message is marked with the hookimpl of other; mark it with @auzap.hookimpl"
    )


def test_wrappers_are_refused() -> None:
    class Demo(Plugin):
        @hookimpl(wrapper=True)
        def handle_message(self) -> Any:
            return (yield)

        @hookimpl(hookwrapper=True)
        def handle_event(self) -> Any:
            yield

    wanted = "is marked as a wrapper, and there are none here; change replies in review_replies"
    assert told(instance_of(Demo)).splitlines() == [f"handle_message {wanted}", f"handle_event {wanted}"]


def test_first_and_last_at_once_is_told() -> None:
    class Demo(Plugin):
        @hookimpl(tryfirst=True, trylast=True)
        async def handle_message(self) -> None: ...

    assert told(instance_of(Demo)) == "handle_message is marked tryfirst and trylast; choose one"


def test_one_hook_twice_in_a_plugin_is_told() -> None:
    class Demo(Plugin):
        @hookimpl(specname="handle_message")
        async def greet(self) -> None: ...

        @hookimpl
        async def handle_message(self) -> None: ...

    assert told(instance_of(Demo)) == (
        "handle_message implements handle_message a second time, after greet; one method a hook"
    )


def test_what_has_the_name_of_a_hook_must_be_a_method() -> None:
    class Demo(Plugin):
        @property
        def handle_message(self) -> Any:
            raise AssertionError("a property is not run to look at it")

        persist = True

    wanted = "this is the name of a hook, and only a method can be one"
    assert sorted(told(instance_of(Demo)).splitlines()) == [
        f"handle_message is a property; {wanted}",
        f"persist is bool; {wanted}",
    ]


def test_no_property_runs_when_a_plugin_is_looked_at() -> None:
    class Demo(Plugin):
        @property
        def prices(self) -> Any:
            raise AssertionError("a property is not run to look at it")

        @hookimpl
        async def handle_message(self) -> Reply | None: ...

    StrictManagerWith(Demo)


# ------------------------------------------------------------------ arguments


def test_wrong_arguments_are_told() -> None:
    class Demo(Plugin):
        @hookimpl
        async def handle_message(self, message: Message, retries: int = 3) -> None: ...

        @hookimpl
        async def classify_sender(self, message: Message | None = None) -> None: ...

        @hookimpl
        async def handle_event(self, *, event: Any) -> None: ...

        @hookimpl
        async def persist(self, **kwargs: Any) -> None: ...

    assert told(instance_of(Demo)).splitlines() == [
        "handle_message has an unknown argument retries; there are message, sender, turn, state",
        "classify_sender has a default for message, which is always given; write it without the default",
        "handle_event has a keyword-only argument event; write it without the * before it",
        "persist takes **kwargs; name the arguments that it wants: there are session, outcome, turn",
    ]


def test_a_missing_self_is_told() -> None:
    class Demo(Plugin):
        @hookimpl
        async def handle_message(message: Message) -> None: ...  # type: ignore[misc] # noqa: N805

        @hookimpl
        async def persist() -> None: ...  # type: ignore[misc]

    assert told(instance_of(Demo)).splitlines() == [
        "handle_message takes message for self: write self as its first argument",
        "persist has no self: write it as its first argument",
    ]


# ------------------------------------------------------------------ async, plain, generators


@pytest.mark.parametrize("hook", ["normalize_message", "review_replies", "persist", "send_reply"])
def test_plain_functions_are_refused_where_they_must_wait(hook: str) -> None:
    def plain(self: Plugin) -> None: ...

    kind = type("Demo", (Plugin,), {hook: hookimpl(plain)})

    assert told(instance_of(kind)) == (
        f"{hook} must be written with async def; plain def is for classify_sender, handle_event, handle_message"
    )


def test_an_async_function_that_a_decorator_hides_is_told() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    class Demo(Plugin):
        @hookimpl
        @logged
        async def persist(self) -> None: ...

    assert "must be written with async def, and so must what a decorator makes of it" in told(instance_of(Demo))


def test_generators_are_refused() -> None:
    class Demo(Plugin):
        @hookimpl
        async def handle_message(self) -> Any:
            yield Reply("a")

        @hookimpl
        def classify_sender(self) -> Any:
            yield Sender(role="owner")

    wanted = "is a generator (it has a yield); return what it answers instead, several replies as a list"
    assert told(instance_of(Demo)).splitlines() == [f"handle_message {wanted}", f"classify_sender {wanted}"]


# ------------------------------------------------------------------ return annotations

HANDLE = "Reply, a list of Reply, Outcome or None"


class Special(Reply):
    pass


@pytest.mark.parametrize(
    ("hook", "annotation"),
    [
        ("handle_message", annotation)
        for annotation in (
            None,
            Reply,
            Special,
            Outcome,
            Any,
            NoReturn,
            list,
            Reply | None,
            Optional[Outcome],  # noqa: UP045
            typing.Union[Reply, list[Reply], Outcome, None],  # noqa: UP007
            list[Reply],
            list[Special],
            list[Any],
            list[Reply | Special],
            tuple[Reply, ...],
            tuple[Reply, Reply],
            Sequence[Reply],
            typing.Annotated[Reply, "kind"],
            typing.TypeVar("T"),
            "Reply | None",
            "NamedForTypeCheckersOnly",
            "a b c",
        )
    ]
    + [
        ("normalize_message", Message | None),
        ("classify_sender", Sender),
        ("review_replies", list[Reply]),
        ("review_replies", None),
        ("send_reply", Optional[Receipt]),  # noqa: UP045
        ("persist", None),
        ("handle_event", None),
    ],
)
def test_right_annotations_are_taken(hook: str, annotation: Any) -> None:
    StrictManagerWith(annotated(hook, annotation))


@pytest.mark.parametrize(
    ("hook", "annotation", "as_told", "right"),
    [
        ("handle_message", str, "str", HANDLE),
        ("handle_message", "str | None", "str | None", HANDLE),
        ("handle_message", bool, "bool", HANDLE),
        ("handle_message", object, "object", HANDLE),
        ("handle_message", dict[str, Reply], "dict[str, auzap.model.reply.Reply]", HANDLE),
        ("handle_message", list[str], "list[str]", HANDLE),
        ("handle_message", list[Reply | None], "list[auzap.model.reply.Reply | None]", HANDLE),
        ("handle_message", Iterable[Reply], "collections.abc.Iterable[auzap.model.reply.Reply]", HANDLE),
        ("handle_message", Iterator[Reply], "collections.abc.Iterator[auzap.model.reply.Reply]", HANDLE),
        ("handle_message", "Awaitable[Reply]", "Awaitable[Reply]", HANDLE),
        ("handle_message", Literal["a"], "Literal['a']", HANDLE),
        ("handle_message", Receipt, "auzap.model.reply.Receipt", HANDLE),
        ("review_replies", Reply, "auzap.model.reply.Reply", "a list of Reply or None"),
        ("classify_sender", "str", "str", "Sender or None"),
        ("normalize_message", dict, "dict", "Message or None"),
        ("send_reply", bool, "bool", "Receipt or None"),
        ("persist", Outcome, "auzap.model.reply.Outcome", "None"),
        ("handle_event", "bool | None", "bool | None", "None"),
    ],
)
def test_wrong_annotations_are_told(hook: str, annotation: Any, as_told: str, right: str) -> None:
    said = told(instance_of(annotated(hook, annotation)))

    assert said.replace("typing.", "") == f"{hook} is annotated to return {as_told}; right would be {right}"


@pytest.mark.parametrize("annotation", [Awaitable[Reply], Coroutine[Any, Any, Reply | None]])
def test_a_plain_function_may_return_a_coroutine(annotation: Any) -> None:
    def handle_message(self: Plugin) -> Any: ...

    handle_message.__annotations__["return"] = annotation
    StrictManagerWith(type("Demo", (Plugin,), {"handle_message": hookimpl(handle_message)}))


def annotated(hook: str, annotation: Any) -> type[Plugin]:
    async def method(self: Plugin) -> Any: ...

    method.__annotations__["return"] = annotation
    return type("Demo", (Plugin,), {hook: hookimpl(method)})


# ------------------------------------------------------------------ instances and names


def test_a_class_where_an_instance_is_meant_is_told() -> None:
    class Demo(Plugin):
        pass

    assert told(Demo) == "Demo is a class, and an instance of it is meant: Demo(options, …)"


def test_what_is_no_plugin_is_told() -> None:
    class Demo:
        @hookimpl
        async def handle_message(self) -> None: ...

    assert told(Demo()) == "Demo is no subclass of auzap.Plugin"


def test_an_init_that_forgets_the_framework_is_told() -> None:
    class Demo(Plugin):
        def __init__(self, options: Any, **rest: Any) -> None:
            pass

    assert told(instance_of(Demo)) == (
        "its __init__ does not set self.name: call super().__init__(options, name=…, tenant=…, services=…)"
    )


def test_options_of_another_kind_are_told() -> None:
    class Demo(Plugin):
        def __init__(self, options: Any, **rest: Any) -> None:
            super().__init__(options, **rest)
            self.options = {}

    assert told(instance_of(Demo)) == "self.options is dict, and an instance of its class Options is meant"


class Right(Plugin):
    @hookimpl
    async def handle_message(self) -> Reply | None: ...


def StrictManagerWith(*kinds: type[Plugin]) -> StrictManager:  # noqa: N802
    manager = StrictManager()
    for kind in kinds:
        manager.add(instance_of(kind), None)
    return manager


def test_a_name_twice_is_told_with_who_has_it() -> None:
    manager = StrictManagerWith(Right)
    with pytest.raises(PluginError) as caught:
        manager.add(instance_of(Right), None)

    line = inspect.getsourcelines(Right)[1]
    assert str(caught.value) == (
        f"plugin right, {FILE}:{line}: the name right is taken by Right ({FILE}:{line}); give it another one"
    )


def test_an_instance_twice_is_told() -> None:
    manager, plugin = StrictManager(), instance_of(Right)
    manager.add(plugin, None)
    with pytest.raises(PluginError, match="this very instance is there already, as right; make another one"):
        manager.add(plugin, None)


def test_one_plugin_under_two_names_is_right() -> None:
    manager = StrictManager()
    manager.add_all([RegisteredPlugin(instance_of(Right, name), "auzap-demo") for name in ("one", "two")])

    assert [one.plugin for one in manager.implementations("handle_message", TENANT.id, 1)] == ["one", "two"]


# ------------------------------------------------------------------ nothing is left behind


def test_a_failed_registration_leaves_nothing_behind() -> None:
    class Wrong(Plugin):
        @hookimpl
        async def classify_sender(self) -> Sender | None: ...

        @hookimpl
        async def handle_message(self, massage: Message) -> Reply | None: ...

        @hookimpl
        async def on_tuesdays(self) -> None: ...

    manager = StrictManager()
    before = state_of(manager)
    with pytest.raises(PluginError):
        manager.add(instance_of(Wrong, "demo"), None)
    assert state_of(manager) == before

    manager.add(instance_of(Right, "demo"), None)
    assert [one.plugin for one in manager.implementations("handle_message", TENANT.id, 1)] == ["demo"]
    assert manager.implementations("classify_sender", TENANT.id, 1) == ()


def test_nothing_is_left_behind_either_when_pluggy_itself_refuses() -> None:
    class Refusing(StrictManager):
        """Takes what it is given for an implementation of everything, as a mistake of pluggy's would."""

        wrong = True

        def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
            noted = super().parse_hookimpl_opts(plugin, name)
            if noted is not None and name == "persist" and self.wrong:
                noted["specname"] = "normalize_message"
            return noted

    class Demo(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply | None: ...

        @hookimpl
        async def persist(self, session: Any) -> None: ...

    manager = Refusing()
    before = state_of(manager)
    with pytest.raises(PluginError, match="plugin demo of auzap-demo"):
        manager.add(instance_of(Demo), "auzap-demo")
    assert state_of(manager) == before

    manager.wrong = False
    manager.add(instance_of(Demo), "auzap-demo")
    assert len(manager.implementations("persist", TENANT.id, 1)) == 1


def state_of(manager: StrictManager) -> dict[str, Any]:
    return {
        "plugins": manager.list_name_plugin(),
        "hooks": {name: len(caller.get_hookimpls()) for name, caller in vars(manager.hook).items()},
    }


# ------------------------------------------------------------------ the contract itself


def test_every_hook_has_a_method_of_the_tenants_hooks_with_the_same_arguments() -> None:
    """But those that are not the same for all plugins."""
    hooks = hooks_of()
    for name, arguments in HOOKS.items():
        same_for_all = tuple(one for one in arguments if one != STATE)
        assert tuple(inspect.signature(getattr(hooks, name)).parameters) == same_for_all


def test_every_hook_of_the_contract_is_known() -> None:
    assert set(HOOKS) == set(vars(StrictManager().hook))


def test_a_place_is_told_for_a_plugin_without_source(tmp_path: Path) -> None:
    names: dict[str, Any] = {"Plugin": Plugin, "hookimpl": hookimpl}
    exec(compile("class Demo(Plugin):\n    @hookimpl\n    async def nope(self): ...\n", "<made>", "exec"), names)

    with pytest.raises(PluginError, match="plugin demo, <made>:2: nope implements no hook"):
        StrictManager().add(instance_of(names["Demo"]), None)
    with pytest.raises(PluginError, match="plugin Demo, builtins: Demo is a class"):
        StrictManager().add(names["Demo"], None)
