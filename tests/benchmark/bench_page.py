"""Speed of a page: milliseconds of each action on its table of runs and on its curve, in Chromium.

Run from an empty folder: ``python …/tests/benchmark/bench_page.py``. Quickest and median of eight times, until the
browser has drawn the next frame.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser import opened
from large_page import GRID, many

from digicarbon.__main__ import main

ACTIONS = {
    "untick a value": "document.querySelector('.choices input').click()",
    "move along the curve": (
        "document.querySelector('canvas').dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'ArrowRight', shiftKey: true, bubbles: true }))"
    ),
    "sort by the coefficient": (
        "[...document.querySelectorAll('.runs thead th')].find(one => one.innerText.trim() === 'Coefficient')"
        ".querySelector('button').click()"
    ),
    "search": (
        "(box => { box.value = box.value ? '' : 'digital'; box.dispatchEvent(new Event('input', { bubbles: true })); })"
        "(document.querySelector('input[type=search]'))"
    ),
}


def seconds(page: Any, action: str) -> list[float]:
    timed = f"""() => new Promise(done => {{
      const start = performance.now();
      {action};
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
    }})"""
    return [page.evaluate(timed) for _ in range(8)]


if __name__ == "__main__":
    folder = Path.cwd()
    (folder / "experiments").mkdir(exist_ok=True)
    (folder / "experiments" / "grid.yaml").write_text(GRID, encoding="utf-8")
    assert main(["run", "grid", "executor=sequential"]) == 0
    assert main(["report", "grid", "--out", "page", "report.language=en"]) == 0
    for runs in (2_500, 100_000):
        with tempfile.TemporaryDirectory() as scratch:
            file, _ = many(folder, Path(scratch), runs)
            with opened(file) as page:
                for name, action in ACTIONS.items():
                    times = seconds(page, action)
                    sys.stdout.write(
                        f"{runs:,} runs, {name}: {min(times):.0f} ms, median {statistics.median(times):.0f}\n"
                    )
