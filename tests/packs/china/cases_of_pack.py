"""Cases of this pack in tests of all commands, see `tests/cases.py`."""

from __future__ import annotations

WRONG_UNITS = [
    (
        {
            "experiments/mine.yaml": "defaults: [config, override source: table, override measure: none, "
            "override outcome: none, override model: sdm, override weights: w1_adjacency, _self_]\n"
            "source: {path: d.csv, unit: city, time: year}\nmodel: {y: co2, x: [gdp], controls: []}\n",
            "d.csv": "city,year,co2,gdp\n"
            + "".join(
                f"c{i},{t},{3 * i + t % 7},{i + t % 5 + i * i % 7}\n" for i in range(6) for t in range(2010, 2014)
            ),
        },
        "mine",
        ["experiments/mine.yaml: weights=w1_adjacency knows"],
    ),
]
"""Files with a mistake, the words of the command line, and what is said."""
