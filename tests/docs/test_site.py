"""The documentation as a website: it builds without a warning, needs no network and holds what it promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

import digicarbon as dc
from digicarbon.spec import Spec

pytestmark = pytest.mark.long

DOCS = REPOSITORY / "docs"
BUILD = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f"]


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BUILD, str(config), "-d", str(site)],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONUTF8": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def built(empty: Path) -> Path:
    """The website: that of DIGICARBON_SITE, which .ci/run builds first, or a new one in an empty folder."""
    if ready := os.environ.get("DIGICARBON_SITE"):
        return Path(ready)
    done = build(DOCS / "website" / "mkdocs.yml", empty)
    assert done.returncode == 0, done.stdout + done.stderr
    return empty


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("site"))


def test_a_broken_link_or_anchor_stops_the_build(tmp_path: Path) -> None:
    config = (DOCS / "website" / "mkdocs.yml").read_text(encoding="utf-8")
    (validation,) = re.findall(r"^validation:\n(?:  .*\n)+", config, re.MULTILINE)
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\n{validation}", encoding="utf-8")
    page = tmp_path / "docs" / "index.md"
    for link, returncode in (("index.md#here", 0), ("index.md#there", 1), ("gone.md", 1), ("/index.md", 1)):
        page.write_text(f"# Here\n[a link]({link})\n", encoding="utf-8")
        assert build(tmp_path / "mkdocs.yml", tmp_path / "site").returncode == returncode, link


def test_every_page_is_built_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    sources = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in DOCS.rglob("*.md")}
    assert sources | {"index.html", "zh/index.html", "contributing.html", "changelog.html"} <= pages
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for style in re.findall(r"<link rel=\"stylesheet\" href=\"([^\"]+)", text):
            assert page.name == "404.html" or (page.parent / style).is_file(), (page.name, style)
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=\"?(https?:[^\" >]+)", text)
        loaded += re.findall(r"<link(?![^>]*rel=\"?canonical)[^>]*\shref=\"?(https?:[^\" >]+)", text)
        assert not loaded, (page.name, loaded)


def test_formulas_are_mathml(site: Path) -> None:
    text = (site / "statistics.html").read_text(encoding="utf-8")
    assert text.count("<math ") >= 20
    assert "arithmatex" not in text
    assert "merror" not in text


def test_bars_in_tables_are_bars(site: Path) -> None:
    assert "fixest::feols(y ~ x | id + t)" in (site / "statistics.html").read_text(encoding="utf-8")


def test_search_knows_both_languages(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert index["config"]["lang"] == ["en", "zh"]
    words = " ".join(entry["text"] for entry in index["docs"] if entry["location"].startswith("zh/"))
    # words of Chinese are cut apart, so that a part of a sentence is found
    assert "\u200b" in words


def test_chinese_pages_say_that_they_are_chinese(site: Path) -> None:
    for page in (site / "zh").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert '<html lang="zh"' in text
        assert "搜索" in text
    assert '<html lang="en"' in (site / "index.html").read_text(encoding="utf-8")


def test_every_public_name_is_documented(site: Path) -> None:
    places = (site / "api.html").read_text(encoding="utf-8")
    pages = [page.read_text(encoding="utf-8") for page in (site / "api").glob("*.html")]
    for name in dc.__all__:
        if name != "__version__":
            # the list, where links of earlier versions lead, and one page that documents it
            assert f'id="digicarbon.{name}"' in places, name
            assert sum(f'id="digicarbon.{name}"' in page for page in pages) == 1, name


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_tests_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # a file that the page shows is the reader's
    shown = re.findall(r'^```\w+ title="([^"]+)"', text, re.MULTILINE)
    for name in set(re.findall(r"\btests/[\w/]+\.(?:py|csv|json)\b", text)) - set(shown):
        assert (REPOSITORY / name).is_file(), name


@pytest.mark.parametrize("cls", [dc.PanelRegression, dc.DiD, dc.SpatialPanel])
def test_fields_of_base_classes_are_on_the_page_of_each_specification(site: Path, cls: type[Spec]) -> None:
    page = (site / "api" / "models.html").read_text(encoding="utf-8")
    shown = re.findall(rf'title="digicarbon\.{cls.__name__}\.(\w+)">', page)
    assert set(shown) >= set(cls.model_fields)
    assert len(shown) == len(set(shown))
