"""The regression on interactions with regimes that a threshold model is, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.numeric.threshold.estimator import Thresholds, critical_ratio
from digicarbon.numeric.threshold.search import Ordered
from digicarbon.panel import Panel
from digicarbon.result import MadeOf

if TYPE_CHECKING:
    from digicarbon.model.threshold.base import PanelThreshold

MOST_POINTS = 500
"""Points of a likelihood ratio that a result keeps, about."""
CRITICAL = ("critical_10", "critical_5", "critical_1")


class Regimes:
    """The regression on interactions with regimes that a threshold model is.

    Parameters
    ----------
    model : PanelThreshold
    panel : Panel
        With every term.
    found : Thresholds
    ordered : Ordered
        The rows that the thresholds are places of.
    """

    def __init__(self, model: PanelThreshold, panel: Panel, found: Thresholds, ordered: Ordered) -> None:
        self.found = found
        self.values = tuple(ordered.value(place) for place in found.places)
        self.regime = np.searchsorted(self.values, ordered.q, side="left")
        """Each row's regime: a value equal to a threshold is below it."""
        self.distinct = len(ordered.last) + 1
        """How many values the threshold variable has."""
        self._ordered, self._model = ordered, model
        self.x = panel.expanded(model.x, among=model.terms)
        parts = panel.made_of(model.regressors, among=model.terms)
        own = panel.made_of((model.threshold,), among=(model.threshold,))[model.threshold]
        count = len(self.values) + 1
        columns: dict[str, FloatArray] = {}
        made_of: dict[str, MadeOf] = {}
        for name, column in zip(self.x, panel.array(self.x).T, strict=True):
            for place in range(count):
                # the estimates would make other terms of other samples
                term, level = f"{name}[{place + 1}]", str(place + 1)
                columns[term] = column * (self.regime == place)
                made_of[term] = (*parts[name], *(replace(part, level=level, regimes=count) for part in own))
        controls = panel.expanded(model.controls, among=model.terms)
        self.focal = tuple(columns)
        self.made_of = made_of | {name: parts[name] for name in controls}
        self.panel = panel.with_columns(columns)
        self.regression = model.regression(self.focal, controls)

    @cached_property
    def sets(self) -> list[tuple[FloatArray, FloatArray, list[tuple[float, float]]]]:
        """Values, likelihood ratio and the pieces of the confidence set of each threshold, its lower and upper ends."""
        most = critical_ratio(self._model.level)
        out = []
        for curve in self.found.curves:
            at = self._ordered.q[self._ordered.order[curve.candidates]]
            inside = np.flatnonzero(curve.ratio <= most)
            pieces = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)
            out.append((at, curve.ratio, [(float(at[piece[0]]), float(at[piece[-1]])) for piece in pieces]))
        return out

    def tables(self, panel: Panel) -> dict[str, pd.DataFrame]:
        """Return thresholds with their sets, the tests of their number, the regimes, and likelihood ratios."""
        thresholds = {
            "estimate": self.values,
            "low": [pieces[0][0] for _, _, pieces in self.sets],
            "high": [pieces[-1][1] for _, _, pieces in self.sets],
            "pieces": [float(len(pieces)) for _, _, pieces in self.sets],
        }
        if self._model.sets != "likelihood":
            thresholds["lr_scale"] = [curve.scale for curve in self.found.curves]
        numbers = pd.RangeIndex(1, len(self.values) + 1)
        tests = [[test.statistic, test.p, *(test.critical or (np.nan,) * 3)] for test in self.found.tests]
        ends = [float(self._ordered.q.min()), *self.values, float(self._ordered.q.max())]
        counts = np.bincount(self.regime, minlength=len(numbers) + 1)
        units = [len(np.unique(panel.unit_codes[self.regime == place])) for place in range(len(counts))]
        regimes = {"low": ends[:-1], "high": ends[1:], "rows": counts.tolist(), "units": units}
        return {
            "thresholds": pd.DataFrame(thresholds, pd.Index(numbers, name="threshold")),
            "threshold_tests": pd.DataFrame(
                tests, pd.Index(numbers, name="thresholds"), [self._model.statistic, "p", *CRITICAL]
            ),
            "regimes": pd.DataFrame(regimes, pd.RangeIndex(1, len(counts) + 1, name="regime")),
            "lr": pd.concat(map(self._points, range(len(numbers))), ignore_index=True).rename_axis("point"),
        }

    def _points(self, at: int) -> pd.DataFrame:
        """Return a likelihood ratio: all points near its minimum and where it is critical, of the others some."""
        values, ratio, _ = self.sets[at]
        keep = np.zeros(len(values), dtype=bool)
        keep[:: -(-len(values) // MOST_POINTS)] = True
        inside = ratio <= critical_ratio(self._model.level)
        keep[np.flatnonzero(inside[1:] != inside[:-1])] = keep[np.flatnonzero(inside[1:] != inside[:-1]) + 1] = True
        keep[int(np.argmin(ratio))] = True
        return pd.DataFrame({"threshold": float(at + 1), "value": values[keep], "ratio": ratio[keep]})

    def statistics(self) -> dict[str, float]:
        """Return thresholds, the ends of their sets, and the tests of their number, by names of one number each."""
        out: dict[str, float] = {}
        for at, (value, (_, _, pieces)) in enumerate(zip(self.values, self.sets, strict=True), start=1):
            out |= {
                f"threshold_{at}": value,
                f"threshold_{at}_low": pieces[0][0],
                f"threshold_{at}_high": pieces[-1][1],
            }
        for at, test in enumerate(self.found.tests, start=1):
            out[f"threshold_{self._model.statistic.lower()}_{at}"] = test.statistic
            if len(test.draws):
                out[f"threshold_p_{at}"] = test.p
        return out


def texts(values: Sequence[float]) -> list[str]:
    """Return numbers with as many digits as tell them apart, four at least."""
    for digits in range(4, 17):
        written = [f"{value:.{digits}g}" for value in values]
        if len(set(written)) == len(written):
            return written
    return [repr(value) for value in values]
