"""The page in a real Chromium: nothing on the console, nothing asked of the network, and its table of runs works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import opened
from playwright.sync_api import expect

from digicarbon import recorded
from digicarbon.__main__ import main
from digicarbon.tracking import Tracking

pytestmark = [
    pytest.mark.outside,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

GRID = """
defaults: [config, {override source: simulated_fe}, {override report: signs}, _self_]
title: A grid
grid:
  measure: [ddl, bea, ide, sector1]
  outcome: [intensity, per_capita, total]
  inference.cov: [classic, robust, cluster]
"""
ROWS = ".runs tbody tr:not(.space)"


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "experiments").mkdir()
        (folder / "experiments" / "grid.yaml").write_text(GRID, encoding="utf-8")
        assert main(["run", "grid", "executor=sequential"]) == 0
        assert main(["report", "grid", "--out", "page"]) == 0
        assert main(["report", "grid", "--out", "seite", "report.language=zh"]) == 0
        yield folder


def shown(page: Any, column: int) -> list[str]:
    texts: list[str] = page.eval_on_selector_all(ROWS, f"rows => rows.map(row => row.children[{column}].textContent)")
    return texts


def count(page: Any) -> int:
    return int(page.locator(".runs output").inner_text().split()[0].replace(",", ""))


def head(page: Any, name: str) -> int:
    heads: list[str] = page.eval_on_selector_all(".runs thead th", "heads => heads.map(one => one.innerText.trim())")
    return heads.index(name)


@pytest.mark.parametrize("folder", ["page", "seite"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_is_silent_and_alone(grid: Path, folder: str, width: int) -> None:
    file = grid / folder / "index.html"
    with opened(file, width=width) as page:
        assert page.said == []
        assert [url for url in page.asked if not url.startswith("data:")] == [file.as_uri()]
        # tables scroll by themselves: the page never does sideways
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        broken = "images => images.filter(one => !one.naturalWidth).length"
        assert page.eval_on_selector_all("img", broken) == 0
        assert page.locator("img").count() == 1


def test_search_and_filters_leave_the_runs_that_they_name(grid: Path) -> None:
    with opened(grid / "page" / "index.html") as page:
        assert count(page) == 36
        page.get_by_label("Search").fill("bea TOTAL")
        expect(page.locator(".runs output")).to_have_text("3 of 36 runs")
        assert set(shown(page, head(page, "outcome"))) == {"total"}
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator(".runs output")).to_have_text("36 of 36 runs")
        page.get_by_label("Filter: measure").select_option(label="ide")
        assert count(page) == 9
        assert set(shown(page, head(page, "measure"))) == {"ide"}
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator(".runs output")).to_have_text("36 of 36 runs")
        box = page.get_by_label("Filter: p", exact=True)
        box.fill("<0.01")
        few = count(page)
        assert 0 < few < 36
        assert all(float(text) <= 0.01 for text in shown(page, head(page, "p")))
        box.fill("<=")
        assert box.get_attribute("aria-invalid") == "true"
        assert count(page) == 36
        box.fill("0.01 .. 1")
        assert count(page) == 36 - few
        assert page.said == []


def test_runs_are_sorted_by_their_numbers_and_put_back(grid: Path) -> None:
    with opened(grid / "page" / "index.html") as page:
        before = shown(page, 0)
        place = head(page, "Coefficient")
        button = page.locator(".runs thead th button").nth(place)
        cell = page.locator(".runs thead th").nth(place)
        for direction, sign in (("ascending", 1), ("descending", -1)):
            button.click()
            assert cell.get_attribute("aria-sort") == direction
            numbers = [float(text) * sign for text in shown(page, place)]
            assert numbers == sorted(numbers)
            assert len(set(numbers)) == 4
        button.press("Enter")
        assert cell.get_attribute("aria-sort") == "none"
        assert shown(page, 0) == before


def test_every_number_links_to_its_run(grid: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(grid)
        sweep = recorded.sweep(Tracking(), "grid")
    with opened(grid / "page" / "index.html") as page:
        place = head(page, "Coefficient")
        links = page.eval_on_selector_all(ROWS, f"rows => rows.map(row => row.children[{place}].firstChild.href)")
        texts = shown(page, place)
    coefficients = sweep.rows.set_index("run_id")["metrics.focal.coef"]
    assert len(links) == 36
    for link, text in zip(links, texts, strict=True):
        assert re.fullmatch(rf"http://127\.0\.0\.1:5000/#/experiments/{sweep.experiment_id}/runs/\w{{32}}", link)
        assert text == f"{coefficients[link[-32:]]:.4f}"


def test_ten_thousand_runs_are_a_few_rows_at_a_time(grid: Path, tmp_path: Path) -> None:
    text = (grid / "page" / "index.html").read_text(encoding="utf-8")
    found = re.search(r'(<script type="application/json">)(.*?)(</script>)', text, re.DOTALL)
    assert found is not None
    content = json.loads(found[2])
    times = 10_000 // 36 + 1
    content["ids"] *= times
    draws = np.random.default_rng(1).normal(size=len(content["ids"])).round(8).tolist()
    for column in content["columns"]:
        for key in ("codes", "numbers"):
            if key in column:
                column[key] = draws if column["head"] == "Coefficient" else column[key] * times
    file = tmp_path / "index.html"
    file.write_text(text.replace(found[2], json.dumps(content)), encoding="utf-8")
    with opened(file) as page:
        assert count(page) == len(content["ids"])
        place = head(page, "Coefficient")
        page.locator(".runs thead th button").nth(place).click()
        assert page.locator(ROWS).count() < 100
        assert shown(page, place)[0] == f"{min(draws):.4f}"
        page.eval_on_selector(".runs .scroll", "box => { box.scrollTop = box.scrollHeight; }")
        expect(page.locator(ROWS).last.locator("td, th").nth(place)).to_have_text(f"{max(draws):.4f}")
        assert page.locator(ROWS).count() < 100
        assert page.said == []


def test_it_prints_to_pdf_with_its_runs(grid: Path, tmp_path: Path) -> None:
    with opened(grid / "page" / "index.html") as page:
        page.pdf(path=str(tmp_path / "page.pdf"), format="A4")
        page.set_viewport_size({"width": 688, "height": 900})
        page.emulate_media(media="print")
        # A4 less its margins: what is wider would be cut
        assert page.eval_on_selector(".runs table", "table => table.getBoundingClientRect().width") <= 688
    program = shutil.which("pdftotext")
    assert program is not None, "pdftotext is not installed (Debian: apt-get install poppler-utils)"
    text = subprocess.run(
        [program, "-layout", str(tmp_path / "page.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "SIMULATED" in text
    assert "Data and provenance" in text
    assert "Clear filters" not in text
    # all runs, not only those that a window shows
    assert len(re.findall(r"\bln_(?:ddl|e|ide|sector1)\b.*\d", text)) >= 36


def test_what_a_screen_reader_needs_is_there(grid: Path) -> None:
    with opened(grid / "page" / "index.html") as page:
        assert page.eval_on_selector_all("table", "tables => tables.every(one => one.caption)")
        assert page.eval_on_selector_all("img", "images => images.every(one => one.alt)")
        named = "boxes => boxes.every(one => one.labels.length || one.getAttribute('aria-label'))"
        assert page.eval_on_selector_all("input, select", named)
        assert page.eval_on_selector_all("th", "heads => heads.every(one => one.scope || !one.textContent)")
        levels = page.eval_on_selector_all("h1, h2, h3", "heads => heads.map(one => Number(one.tagName[1]))")
        assert levels[0] == 1
        assert levels.count(1) == 1
