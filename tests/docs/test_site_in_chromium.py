"""The website in a browser: search in both languages, formulas that are drawn, nothing fetched, no complaint."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from browser import barriers
from conftest import skip
from test_site import built

pytestmark = pytest.mark.outside


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    site = built(tmp_path_factory.mktemp("site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    """A page in Chromium; at the end it must not have fetched or complained of anything."""
    from playwright.sync_api import sync_playwright

    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
    )
    if not program:
        skip("Chromium is not installed (Debian: apt-get install chromium)")
    said: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda call: None if call.url.startswith(address) else said.append(call.url))
        tab.on("response", lambda answer: said.append(answer.url) if answer.status >= 400 else None)
        yield tab
        browser.close()
    assert not said


@pytest.mark.parametrize(
    ("start", "words", "found"),
    [
        ("index.html", "Hausman", "Which panel regression"),
        ("index.html", "空间杜宾", "教程"),
        ("zh/index.html", "间接效应", "中介效应"),
    ],
)
def test_search_finds(page: Any, address: str, start: str, words: str, found: str) -> None:
    page.goto(f"{address}/{start}")
    page.click(".md-search__input")
    page.keyboard.insert_text(words)
    page.keyboard.press("End")
    page.wait_for_selector(".md-search-result__item h1")
    heads = [head.inner_text().replace("\u200b", "") for head in page.query_selector_all(".md-search-result__item h1")]
    assert any(head.startswith(found) for head in heads), heads


def test_formulas_are_drawn(page: Any, address: str) -> None:
    page.goto(f"{address}/statistics.html")
    boxes = [formula.bounding_box() for formula in page.query_selector_all("math[display=block]")]
    assert len(boxes) >= 8
    assert all(box["width"] > 100 and box["height"] > 15 for box in boxes)


@pytest.mark.parametrize(
    "name",
    ["index", "statistics", "api", "api/models", "tutorial", "gallery", "from_stata", "zh/tutorial", "how/model"],
)
def test_a_telephone_need_not_scroll_sideways(page: Any, address: str, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_both_languages_lead_to_each_other(page: Any, address: str) -> None:
    page.goto(f"{address}/zh/tutorial.html")
    assert page.evaluate("document.documentElement.lang") == "zh"
    page.click("text=English")
    assert page.url.endswith("/tutorial.html")
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "tutorial", "api/models", "gallery", "zh/index"])
def test_nobody_is_kept_out(page: Any, address: str, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}/{name}.html")
    assert page.evaluate("document.body.dataset.mdColorScheme") == ("default" if scheme == "light" else "slate")
    assert barriers(page) == []


def test_search_and_switches_have_names(page: Any, address: str) -> None:
    for name, search in (("index", "Search"), ("zh/index", "搜索")):
        page.goto(f"{address}/{name}.html")
        assert page.get_attribute("[data-md-component=search][role=dialog]", "aria-label") == search
        assert page.get_attribute("#__search", "aria-label") == search
