"""Pages of many runs: a real page whose runs are repeated with drawn estimates."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from digicarbon.page.runs import packed

GRID = """
defaults: [config, {override source: simulated_fe}, {override report: signs}, _self_]
title: A grid
grid:
  measure: [ddl, bea, ide, sector1]
  outcome: [intensity, per_capita, total]
  inference.cov: [classic, robust, cluster]
"""


def content(folder: Path) -> tuple[str, Any, str]:
    """Return the table of runs of a page, and the text before and behind it."""
    text = (folder / "index.html").read_text(encoding="utf-8")
    before, mark, rest = text.partition('<script type="application/json">')
    inside, end, behind = rest.partition("</script>")
    return before + mark, json.loads(inside), end + behind


def unpacked(text: str) -> Any:
    kind, _, inside = text.partition(":")
    return np.frombuffer(base64.b64decode(inside), f"<{kind}")


def many(grid: Path, folder: Path, runs: int) -> tuple[Path, Any]:
    """Write the page of a grid with many times its runs and drawn estimates; return it and the estimates."""
    before, own, behind = content(grid / "page")
    rng = np.random.default_rng(1)
    taken = rng.integers(0, own["runs"], runs)
    draws = rng.normal(size=runs)
    ids = re.findall(".{32}", own["ids"])
    own |= {"runs": runs, "ids": "".join(ids[place] for place in taken)}
    for column in own["columns"]:
        for key in column.keys() & {"codes", "numbers"}:
            column[key] = packed(draws if column["head"] == "Coefficient" else unpacked(column[key])[taken])
    own["effect"] |= {"coef": packed(draws), "p": packed(rng.uniform(size=runs))}
    own["effect"] |= {"low": packed(draws - 0.5), "high": packed(draws + 0.5)}
    file = folder / "index.html"
    file.write_text(before + json.dumps(own) + behind, encoding="utf-8")
    return file, draws
