"""The page in a real Chromium: nothing on the console, nothing asked of the network, and its table of runs works."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import barriers, opened
from large_page import GRID, content, many, unpacked
from playwright.sync_api import expect

from digicarbon.__main__ import main
from digicarbon.report import Labels

pytestmark = [
    pytest.mark.outside,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

WORDS = Labels("en")
MEASURE, OUTCOME = WORDS.choice("measure"), WORDS.choice("outcome")
BEA, IDE = WORDS.option("measure", "bea"), WORDS.option("measure", "ide")
TOTAL = WORDS.option("outcome", "total")
ROWS = ".runs tbody tr:not(.space)"


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "experiments").mkdir()
        (folder / "experiments" / "grid.yaml").write_text(GRID, encoding="utf-8")
        assert main(["run", "grid", "executor=sequential"]) == 0
        assert main(["report", "grid", "--out", "page", "report.language=en"]) == 0
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


def test_a_single_file_has_all_that_it_needs(grid: Path, tmp_path: Path) -> None:
    assert main(["report", "grid", "--out", str(tmp_path / "only.html")]) == 0
    with opened(tmp_path / "only.html") as page:
        assert page.said == []
        assert {url.partition(":")[0] for url in page.asked if url != (tmp_path / "only.html").as_uri()} <= {"data"}
        assert count(page) == 36
        page.locator(".choices input").first.click()
        assert count(page) < 36
        for name in ("runs.csv", "table.xlsx", "table.docx"):
            with page.expect_download() as download:
                page.get_by_role("link", name=name).click()
            assert download.value.suggested_filename == name
            download.value.save_as(tmp_path / name)
        assert (tmp_path / "runs.csv").read_bytes() == (grid / "page" / "runs.csv").read_bytes()
        assert page.said == []


def test_search_and_filters_leave_the_runs_that_they_name(grid: Path) -> None:
    with opened(grid / "page" / "index.html") as page:
        assert count(page) == 36
        page.get_by_label("Search").fill(f"{BEA} {TOTAL.upper()}")
        expect(page.locator(".runs output")).to_have_text("3 of 36 runs")
        assert set(shown(page, head(page, OUTCOME))) == {TOTAL}
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator(".runs output")).to_have_text("36 of 36 runs")
        page.get_by_label(f"Filter: {MEASURE}").select_option(label=IDE)
        assert count(page) == 9
        assert set(shown(page, head(page, MEASURE))) == {IDE}
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


def shares(page: Any) -> list[str]:
    texts: list[str] = page.locator(".curve > .shares dd").all_inner_texts()
    return texts


def test_every_run_leads_to_its_choices_and_commands(grid: Path) -> None:
    _, own, _ = content(grid / "page")
    with opened(grid / "page" / "index.html") as page:
        assert page.locator(".detail").is_hidden()
        page.locator(ROWS).nth(4).locator("th a").click()
        expect(page.locator(".detail")).to_be_visible()
        texts = page.locator(".detail pre").all_inner_texts()
        assert texts[0].startswith("digicarbon run grid 'replace=[columns,grid,zip,exclude,draw]' measure=ddl outcome=")
        assert texts[1] == f"digicarbon rerun {own['ids'][4 * 32 : 5 * 32]}"
        page.locator(".detail summary").click()
        assert 'measure: "ddl"' in page.locator(".detail pre").nth(2).inner_text()
        # no server is known: nothing leads out of the page
        assert page.locator('a[href^="http"]').count() == 0
        assert page.said == []


def test_the_curve_follows_the_choices_and_the_brush(grid: Path) -> None:
    with opened(grid / "page" / "index.html") as page:
        _, own, _ = content(grid / "page")
        coef, p = unpacked(own["effect"]["coef"]), unpacked(own["effect"]["p"])
        measure = next(column for column in own["columns"] if column.get("key") == "measure")
        codes = unpacked(measure["codes"])
        ide = measure["values"].index(IDE)
        assert shares(page)[0] == "36"
        page.locator(".choices").get_by_label(IDE).first.uncheck()
        assert shares(page)[0] == "27 of 36 chosen"
        left = codes != ide
        negative = 100 * (coef[left] < 0).mean()
        low = 100 * ((coef < 0) & (p <= 0.05))[left].mean()
        assert [float(part) for part in re.findall(r"([\d.]+)%", shares(page)[1])] == pytest.approx(
            [negative, low], abs=0.5
        )
        assert float(shares(page)[3].replace("−", "-")) == pytest.approx(float(np.median(coef[left])), rel=0.01)
        assert count(page) == 27
        # what was taken away has its own shares still
        assert "9" in page.locator(".choices label", has_text=IDE).first.inner_text()
        page.locator(".choices").get_by_label(IDE).first.check()
        # the keyboard: the first run, then five with Shift
        curve = page.locator("canvas")
        curve.press("Home")
        assert curve.get_attribute("aria-valuenow") == "1"
        for _ in range(4):
            curve.press("Shift+ArrowRight")
        assert shares(page)[0] == "5 of 36 chosen"
        assert count(page) == 5
        curve.press("Escape")
        assert count(page) == 36
        # the mouse: the left half
        box = curve.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 60, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 60 + (box["width"] - 64) / 2, box["y"] + 120, steps=4)
        page.mouse.up()
        assert 15 <= count(page) <= 21
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator(".runs output")).to_have_text("36 of 36 runs")
        assert page.said == []


def test_100_000_runs_open_and_are_a_few_rows_at_a_time(grid: Path, tmp_path: Path) -> None:
    file, draws = many(grid, tmp_path, 100_000)
    with opened(file) as page:
        assert count(page) == len(draws)
        assert shares(page)[0] == "100,000"
        place = head(page, "Coefficient")
        page.locator(".runs thead th button").nth(place).click()
        assert page.locator(ROWS).count() < 100
        assert shown(page, place)[0] == f"{min(draws):.4f}"
        page.eval_on_selector(".runs .scroll", "box => { box.scrollTop = box.scrollHeight; }")
        expect(page.locator(ROWS).last.locator("td, th").nth(place)).to_have_text(f"{max(draws):.4f}")
        assert page.locator(ROWS).count() < 100
        assert page.said == []


def test_dark_pages_are_dark_and_print_is_not(grid: Path) -> None:
    luminance = "getComputedStyle(document.body).backgroundColor"
    with opened(grid / "page" / "index.html") as page:
        assert page.evaluate(luminance) == "rgb(255, 255, 255)"
        page.emulate_media(color_scheme="dark")
        assert page.evaluate(luminance) == "rgb(22, 24, 28)"
        assert page.evaluate("getComputedStyle(document.querySelector('figure img')).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        page.emulate_media(color_scheme="dark", media="print")
        assert page.evaluate(luminance) == "rgb(255, 255, 255)"


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
    assert len(re.findall(r"-?\d\.\d{4}.*\d\.\d{3}$", text, re.MULTILINE)) >= 36
    # what is folded on the screen, too, and no page is empty
    assert "Fingerprint of the data" in text
    assert "_target_" in text
    assert all(len(part.split()) > 5 for part in text.split("\f")[:-1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["page", "seite"])
def test_nobody_is_kept_out(grid: Path, name: str, scheme: str) -> None:
    with opened(grid / name / "index.html") as page:
        page.emulate_media(color_scheme=scheme)
        assert barriers(page) == []


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
