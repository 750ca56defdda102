"""How MLflow shows an experiment's runs: its shared view, which opens with the choices and the effect as columns.

A shared view is a tag of the experiment with the state of the page as JSON. ``viewStateShareKey=KEY`` in an address
opens it, unless the address sets a filter or an order itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from digicarbon.tracking._rows import LONGEST_PARAM, SIGN, clean

VIEW = "digicarbon"
"""Key of the view in addresses. Each sweep writes the view of its experiment anew."""
SHARED = "mlflow.sharedViewState."
"""Beginning of the name of the tags with shared views."""
EFFECT = "focal.effect"
MOST_CHOICES = 25
"""Largest number of choices that get a column, and an axis of the chart: a tag holds no more than 20,000 letters."""
MOST_AXES = 6
"""Largest number of axes of the chart; more cannot be read."""
MOST_MARKS = 15
"""A choice of more values is no axis of the chart."""
LONGEST_KEY = 100
"""A longer key gets no column."""
CHOICES, NUMBERS = "What moves the effect", "Effects and p values"
"""Titles of the chart's two parts."""


def tags(choices: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the tag of an experiment with its view, by what the runs take at each key."""
    return {f"{SHARED}{VIEW}": json.dumps(_state(choices), ensure_ascii=False)}


def params(choices: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the params of a sweep: the values that its runs take at each key, separated by bars."""
    return {clean(key): " | ".join(values)[:LONGEST_PARAM] for key, values in choices.items()}


def varied(choices: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the params in which runs differ."""
    names = dict.fromkeys(clean(key) for key, values in choices.items() if len(values) > 1)
    return [name for name in names if len(name) <= LONGEST_KEY]


def _state(choices: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    names = varied(choices)
    marks = {clean(key): len(values) for key, values in choices.items()}
    axes = [name for name in names if marks[name] <= MOST_MARKS][:MOST_AXES]
    columns = [
        *(f"params.`{name}`" for name in names[:MOST_CHOICES]),
        *(f"metrics.`{EFFECT}{part}`" for part in ("", ".se", ".p")),
        f"tags.`{SIGN}`",
    ]
    return {
        "searchFilter": "tags.\"digicarbon.kind\" = 'specification'",
        "orderByKey": f"metrics.`{EFFECT}`",
        "orderByAsc": True,
        "selectedColumns": columns,
        "runsHiddenMode": "SHOW_ALL",
        "compareRunSections": [*([_section(CHOICES, 1)] if axes else []), _section(NUMBERS, 2)],
        "compareRunCharts": [
            *([_card(CHOICES, "PARALLEL", selectedParams=axes, selectedMetrics=[EFFECT])] if axes else []),
            _card(NUMBERS, "SCATTER", xaxis=_axis(EFFECT), yaxis=_axis(f"{EFFECT}.p")),
            _card(NUMBERS, "BAR", metricKey=EFFECT),
        ],
    }


def _section(name: str, columns: int) -> dict[str, Any]:
    plain = {"uuid": name, "name": name, "display": True, "isReordered": False, "deleted": False}
    return {**plain, "columns": columns, "cardHeight": 420}


def _card(section: str, kind: str, **settings: Any) -> dict[str, Any]:
    common = {"type": kind, "uuid": f"{VIEW} {kind}", "metricSectionId": section, "deleted": False}
    return {**common, "isGenerated": False, "runsCountToCompare": 100, "showAllRuns": True, **settings}


def _axis(metric: str) -> dict[str, str]:
    return {"key": metric, "type": "METRIC"}
