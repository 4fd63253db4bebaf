"""The docs as a site: built without a warning, read without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.house import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without ``--quiet``: with it, mkdocs counts no warnings."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} | {"changelog"}
    assert {path.stem for path in site.glob("*.html")} - {"404"} == pages


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """What a browser loads by itself: scripts, styles, fonts, pictures. Links are the reader's."""
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=\"?([^\" >]+)", text)
        assert loaded
        assert [one for one in loaded if re.match(r"(?:https?:)?//", one)] == [], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\"?https?:", style.read_text(encoding="utf-8")), style.name


def test_what_the_copy_button_takes_of_a_command_can_be_pasted(site: Path) -> None:
    """Without the prompt, which the theme marks as such, and copies unless it is hidden meanwhile."""
    assert '<span class="gp">$ </span>' in (site / "getting-started.html").read_text(encoding="utf-8")
    assert "[data-md-copying] .gp { display: none; }" in (site / "site.css").read_text(encoding="utf-8")
    assert any("data-md-copying" in path.read_text(encoding="utf-8") for path in site.glob("assets/javascripts/*.js"))


@pytest.mark.parametrize("name", ["rooms", "states"])
def test_a_picture_is_drawn_for_light_and_dark_and_says_what_it_shows(name: str) -> None:
    text = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert "<title" in text
    assert "<desc" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    light, dark = text.split("@media", 1)
    used = set(re.findall(r'class="(\w+)', text)) - {"floors"}
    coloured = set(re.findall(r"\.(\w+)\b[^{}]*\{[^}]*(?:fill|stroke): #", light))
    assert used & coloured
    for one in used & coloured:
        assert f".{one}" in dark.split("</style>")[0], one
