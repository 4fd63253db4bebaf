from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auzap.contract.channel import Channel
from auzap.model.errors import PluginError
from auzap.registry import Registry
from tests.support.distributions import importable, install

PLUGIN = "import auzap\n\nclass Echo(auzap.Plugin):\n    pass\n"
CHANNEL = "from auzap.contract.channel import Channel\n\nclass Pigeon(Channel):\n    name = 'pigeon'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with importable(tmp_path):
        yield tmp_path


def plugin(folder: Path, value: str, source: str, *, name: str = "echo", distribution: str = "auzap-echo") -> None:
    """A distribution with one plugin; ``value``'s module has ``source``."""
    module = value.partition(":")[0]
    install(
        folder,
        distribution,
        "1.2",
        offers={"auzap.plugins": {name: value}},
        modules={f"{module}.py": source} if source else {},
    )


def refusal(name: str = "echo") -> str:
    with pytest.raises(PluginError) as caught:
        Registry().plugin(name)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_plugin_by_its_name(folder: Path) -> None:
    plugin(folder, "reg_echo:Echo", PLUGIN)
    info = Registry().plugin("echo")
    assert (info.name, info.cls.__name__, info.distribution, info.version) == ("echo", "Echo", "auzap-echo", "1.2")


def test_a_list_of_plugins_imports_none_of_them(folder: Path) -> None:
    plugin(folder, "reg_bomb:Bomb", "raise SystemExit('imported')", name="bomb", distribution="auzap-bomb")
    offers = {offer.name: offer for offer in Registry().plugins()}
    assert str(offers["bomb"]) == "auzap-bomb 1.2 (reg_bomb:Bomb)"
    assert "reg_bomb" not in sys.modules


def test_only_what_is_asked_for_is_imported(folder: Path) -> None:
    plugin(folder, "reg_echo:Echo", PLUGIN)
    plugin(folder, "reg_bomb:Bomb", "raise SystemExit('imported')", name="bomb", distribution="auzap-bomb")
    Registry().plugin("echo")
    assert "reg_bomb" not in sys.modules


def test_a_channel_and_a_queue(folder: Path) -> None:
    install(
        folder,
        "auzap-pigeon",
        "0.1",
        offers={"auzap.backends": {"channel.pigeon": "reg_pigeon:Pigeon", "queue.nest+pigeon": "reg_pigeon:Nest"}},
        modules={"reg_pigeon.py": f"{CHANNEL}\nclass Nest:\n    pass\n"},
    )
    registry = Registry()
    assert issubclass(registry.channel("pigeon"), Channel)
    assert registry.queue("nest+pigeon").__name__ == "Nest"


def test_auzap_brings_its_own_backends() -> None:
    registry = Registry()
    assert registry.queue("sqlite").__name__ == "SqliteQueue"
    assert registry.channel("baileys").name == "baileys"


# ------------------------------------------------------------------ errors, written for the author


def test_an_unknown_name_says_what_is_installed(folder: Path) -> None:
    plugin(folder, "reg_echo:Echo", PLUGIN, name="vendas")
    text = refusal("vendaz")
    assert text.startswith("plugin 'vendaz': not installed; did you mean vendas? installed: ")
    with pytest.raises(PluginError, match=r"queue 'redsi': not installed; did you mean redis\? installed: .*sqlite"):
        Registry().queue("redsi")
    with pytest.raises(
        PluginError, match=r"channel 'bayleys': not installed; did you mean baileys\? installed: baileys"
    ):
        Registry().channel("bayleys")


def test_two_distributions_with_one_name_are_both_named(folder: Path) -> None:
    plugin(folder, "reg_one:Echo", PLUGIN, distribution="auzap-one")
    plugin(folder, "reg_two:Echo", PLUGIN, distribution="auzap-two")
    assert refusal() == (
        "plugin echo: offered more than once, by auzap-one 1.2 (reg_one:Echo) and auzap-two 1.2 (reg_two:Echo); "
        "uninstall all but one"
    )


@pytest.mark.parametrize(
    ("source", "told", "line"),
    [
        ("import auzap\n\nimport nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all'", 3),
        ("def go():\n    int('x')\n\ngo()\n", "ValueError: invalid literal for int() with base 10: 'x'", 2),
        ("x = 1\nraise SystemExit(3)\n", "SystemExit: 3", 2),
        ("raise RuntimeError('two\\nlines')\n", "RuntimeError: two lines", 1),
        ("class Echo(:\n", "SyntaxError: invalid syntax", 1),
    ],
)
def test_what_will_not_load_names_the_line_in_its_own_code(folder: Path, source: str, told: str, line: int) -> None:
    plugin(folder, "reg_echo:Echo", source)
    assert refusal() == (
        f"plugin echo: auzap-echo 1.2 (reg_echo:Echo) does not load: {told} at {folder / 'reg_echo.py'}:{line}"
    )


def test_a_fault_in_what_a_plugin_imports_names_the_plugins_line(folder: Path) -> None:
    plugin(folder, "reg_echo:Echo", "import reg_other\n")
    (folder / "reg_other.py").write_text("\n\n1 / 0\n")
    assert refusal().endswith(f"ZeroDivisionError: division by zero at {folder / 'reg_echo.py'}:1")


def test_a_missing_module_or_class_is_told(folder: Path) -> None:
    plugin(folder, "reg_gone:Echo", "")
    assert refusal().endswith("(reg_gone:Echo) does not load: ModuleNotFoundError: No module named 'reg_gone'")
    plugin(folder, "reg_echo:Ehco", PLUGIN, name="typo", distribution="auzap-typo")
    assert "AttributeError: module 'reg_echo' has no attribute 'Ehco'" in refusal("typo")


@pytest.mark.parametrize(
    ("value", "source", "told"),
    [
        ("reg_echo", PLUGIN, "is a module; the entry point should name a class: module:Class"),
        ("reg_echo:make", "def make(): ...", "is a function; the entry point should name a class: module:Class"),
        ("reg_echo:echo", "echo = {}", "is an instance of dict; the entry point should name a class: module:Class"),
        ("reg_echo:Echo", "class Echo: ...", "is no auzap.Plugin; write: class Echo(auzap.Plugin)"),
        ("reg_echo:Plugin", "from auzap import Plugin", "is auzap.Plugin itself; name a subclass of it"),
        (
            "reg_echo:Echo",
            f"{PLUGIN}    class Options: ...",
            "its Options are no auzap.Options; write: class Options(auzap.Options)",
        ),
    ],
)
def test_what_is_no_plugin_says_what_it_is_and_what_would_be_right(
    folder: Path, value: str, source: str, told: str
) -> None:
    plugin(folder, value, source)
    assert refusal().endswith(told)


def test_a_channel_must_be_a_channel(folder: Path) -> None:
    offers = {"auzap.backends": {"channel.pigeon": "reg_pigeon:Pigeon"}}
    install(folder, "auzap-pigeon", "1", offers=offers, modules={"reg_pigeon.py": "class Pigeon: ..."})
    with pytest.raises(PluginError, match=r"write: class Pigeon\(auzap.contract.channel.Channel\)$"):
        Registry().channel("pigeon")


def test_an_installed_plugin_is_found_by_a_process_of_its_own(tmp_path: Path) -> None:
    plugin(tmp_path, "reg_echo:Echo", PLUGIN)
    code = "from auzap.registry import Registry; print(Registry().plugin('echo').cls.__module__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "reg_echo\n"
