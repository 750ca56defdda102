"""A real Chromium for tests: what a page says on its console, what it asks of the network, and what it shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import skip

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def opened(file: Path, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """Open a file in Chromium; what it said on the console and what it asked for are in ``said`` and ``asked``."""
    from playwright.sync_api import sync_playwright

    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        try:
            page.goto(file.as_uri())
            yield page
        finally:
            browser.close()


def barriers(page: Any) -> list[str]:
    """Return what axe calls serious or critical on a page: its rule, and the first places."""
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {[node['target'] for node in rule['nodes'][:3]]}"
        for rule in violations
        if rule["impact"] in ("serious", "critical")
    ]
