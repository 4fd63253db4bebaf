from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from auzap.contract.channel import Channel
from auzap.model.errors import PluginError
from auzap.registry import NotInstalled, Registry
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


def test_what_is_not_installed_names_the_usual_command(folder: Path) -> None:
    assert "plugin 'fila_zoo': not installed; `pip install auzap-fila-zoo`? installed: " in refusal("fila_zoo")


def test_a_plugin_is_loaded_once_and_its_fault_told_as_often_as_it_is_asked_for(folder: Path) -> None:
    plugin(folder, "reg_echo:Echo", PLUGIN)
    plugin(folder, "reg_bomb:Bomb", "1 / 0\n", name="bomb", distribution="auzap-bomb")
    registry = Registry()
    assert registry.plugin("echo") is registry.plugin("echo")
    told = []
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            registry.plugin("bomb")
        told.append((str(caught.value), len(traceback.extract_tb(caught.value.__traceback__))))
        (folder / "reg_bomb.py").unlink(missing_ok=True)  # it is not looked for again
    assert told[0] == told[1]


def test_a_normalizer(folder: Path) -> None:
    source = (
        "from auzap.contract.normalizer import Normalizer\n\nclass Fax(Normalizer):\n    pass\n\nclass Odd:\n    pass\n"
    )
    offers = {"auzap.backends": {"normalizer.fax": "reg_fax:Fax", "normalizer.odd": "reg_fax:Odd"}}
    install(folder, "auzap-fax", "1", offers=offers, modules={"reg_fax.py": source})
    assert Registry().normalizer("fax").__name__ == "Fax"
    with pytest.raises(PluginError, match=r"write: class Odd\(auzap.contract.normalizer.Normalizer\)$"):
        Registry().normalizer("odd")
    with pytest.raises(
        NotInstalled, match=r"^normalizer 'fox': not installed; did you mean fax\? installed: fax, odd$"
    ):
        Registry().normalizer("fox")


# ------------------------------------------------------------------ a folder of plugins


def test_a_file_in_the_folder_is_a_plugin_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "horario.py").write_text(PLUGIN)
    (tmp_path / "bomb.py").write_text("raise SystemExit('imported')")
    before = set(sys.modules)
    registry = Registry(tmp_path)
    assert {"bomb", "horario"} <= {offer.name for offer in registry.plugins()}
    info = registry.plugin("horario")
    assert (info.cls.__name__, info.distribution, info.version) == ("Echo", "horario.py", None)
    assert info.source == str(tmp_path / "horario.py")
    [module] = {name for name in set(sys.modules) - before if "horario" in name}
    assert info.cls.__module__ == module
    assert Registry(tmp_path).plugin("horario").cls is info.cls  # its tables can only be declared once


def test_files_of_the_same_name_in_two_folders_are_two_plugins(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "echo.py").write_text(f"{PLUGIN}\nWORD = {name!r}\n")
    words = [sys.modules[Registry(tmp_path / name).plugin("echo").cls.__module__].WORD for name in ("one", "two")]
    assert words == ["one", "two"]


def test_a_package_in_the_folder_is_a_plugin_too(tmp_path: Path) -> None:
    package = tmp_path / "vendas"
    package.mkdir()
    (package / "__init__.py").write_text("from .base import Base, Echo\n\nclass _Own(Base):\n    pass\n")
    (package / "base.py").write_text(
        f"{PLUGIN}\nfrom .words import OI\n\nclass Base:\n    pass\n\nclass Unused(Echo):\n    pass\n"
    )
    (package / "words.py").write_text("OI = 'Oi'\n")
    info = Registry(tmp_path).plugin("vendas")
    assert (info.cls.__name__, info.distribution) == ("Echo", "vendas")


def test_what_is_no_plugin_in_the_folder_is_not_offered(tmp_path: Path) -> None:
    installed = {offer.name for offer in Registry().plugins()}
    for name in ("_words.py", "test_echo.py", "conftest.py", "notes.txt", ".echo.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "no_package").mkdir()
    assert {offer.name for offer in Registry(tmp_path).plugins()} == installed


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import auzap\n", "has no plugin in it; write: class Name(auzap.Plugin)"),
        ("from auzap import Plugin\n", "has no plugin in it; write: class Name(auzap.Plugin)"),
        (
            f"{PLUGIN}\nclass Other(Echo):\n    pass\n",
            (
                "has several plugins in it: Echo (line 3), Other (line 6); give each a file, or all but one a name "
                "with _ before it"
            ),
        ),
        ("import auzap\n\nint('x')\n", "does not load: ValueError: invalid literal for int() with base 10: 'x' at @:3"),
        ("class Echo(:\n", "does not load: SyntaxError: invalid syntax at @:1"),
        (f"{PLUGIN}    class Options: ...\n", "its Options are no auzap.Options; write: class Options(auzap.Options)"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(tmp_path: Path, source: str, told: str) -> None:
    path = tmp_path / "echo.py"
    path.write_text(source)
    registry = Registry(tmp_path)
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            registry.plugin("echo")
        text = str(caught.value)
        assert text.startswith(f"plugin echo: {path}")
        assert text.endswith(told.replace("@", str(path)))
        assert "\n" not in text


def test_a_file_and_a_distribution_of_one_name_are_both_named(folder: Path) -> None:
    plugin(folder, "reg_echo:Echo", PLUGIN)
    files = folder / "files"
    files.mkdir()
    (files / "echo.py").write_text(PLUGIN)
    with pytest.raises(PluginError, match=r"offered more than once, by .* and .*; keep one of them$") as caught:
        Registry(files).plugin("echo")
    assert str(files / "echo.py") in str(caught.value)
    assert "auzap-echo 1.2 (reg_echo:Echo)" in str(caught.value)


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nowhere: cannot be read: No such file or directory$"):
        Registry(tmp_path / "nowhere")


def test_the_registry_imports_nothing_heavy() -> None:
    """The command line's help asks it."""
    code = "import sys, auzap.registry; print(sorted({'pydantic', 'pluggy', 'anyio', 'sqlmodel'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
