"""The regression on interactions with regimes that a threshold model is, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS
from digicarbon.packs.threshold.numeric.estimator import Thresholds
from digicarbon.packs.threshold.numeric.search import Ordered
from digicarbon.panel import Panel
from digicarbon.result import MadeOf, Result

if TYPE_CHECKING:
    from digicarbon.packs.threshold.model.base import PanelThreshold

MOST_POINTS = 500
"""Points of a likelihood ratio that a result keeps, about."""
CRITICAL = ("critical_10", "critical_5", "critical_1")


class Regimes:
    """The regression on interactions with regimes that a threshold model is, thresholds being places of ``ordered``."""

    def __init__(self, model: PanelThreshold, panel: Panel, found: Thresholds, ordered: Ordered) -> None:
        self.found = found
        self.values = tuple(ordered.value(place) for place in found.places)
        self.regime = self._regime(ordered, found.places)
        """Each row's regime: a value equal to a threshold is below it."""
        self.distinct = len(ordered.last) + 1
        """How many values the threshold variable has."""
        self._ordered, self._model = ordered, model
        self.x = panel.expanded(model.x, among=model.terms)
        parts = panel.made_of(model.regressors, among=model.terms)
        own = panel.made_of((model.threshold,), among=(model.threshold,))[model.threshold]
        count = len(self.values) + 1
        made_of: dict[str, MadeOf] = {}
        for name in self.x:
            for place in range(count):
                level = str(place + 1)
                made_of[f"{name}[{level}]"] = (
                    *parts[name],
                    *(replace(part, level=level, regimes=count) for part in own),
                )
        controls = panel.expanded(model.controls, among=model.terms)
        self.focal = tuple(made_of)
        self.made_of = made_of | {name: parts[name] for name in controls}
        self._whole = panel
        self.panel = self._split(self.regime)
        self.regression = model.regression(self.focal, controls)

    @staticmethod
    def _regime(ordered: Ordered, places: Sequence[int]) -> IntArray:
        """Return the regime of each row with thresholds at these places, shape (rows,)."""
        return np.searchsorted([ordered.value(place) for place in places], ordered.q, side="left")

    def _split(self, regime: IntArray) -> Panel:
        """Return the panel with a column of each term of x in each regime."""
        # the estimates would make other terms of other samples
        count = len(self.values) + 1
        return self._whole.with_columns(
            {
                f"{name}[{place + 1}]": column * (regime == place)
                for name, column in zip(self.x, self._whole.array(self.x).T, strict=True)
                for place in range(count)
            }
        )

    def at(self, places: Sequence[int]) -> tuple[Panel, frozenset[str]]:
        """Return the panel with thresholds at other places, and the slopes of its tiny regimes."""
        regime = self._regime(self._ordered, places)
        return self._split(regime), self._slopes_of(self._tiny(regime))

    def _units(self, regime: IntArray) -> list[int]:
        return [len(np.unique(self._whole.unit_codes[regime == place])) for place in range(len(self.values) + 1)]

    def _tiny(self, regime: IntArray) -> list[int]:
        rows = np.bincount(regime, minlength=len(self.values) + 1)
        sizes = enumerate(zip(self._units(regime), rows, strict=True), start=1)
        return [number for number, (units, many) in sizes if units < FEWEST_CLUSTERS or many <= len(self.x)]

    def _slopes_of(self, numbers: Sequence[int]) -> frozenset[str]:
        count = len(self.values) + 1
        return frozenset(name for at, name in enumerate(self.focal) if at % count + 1 in numbers)

    @cached_property
    def units(self) -> list[int]:
        """How many units have rows in each regime."""
        return self._units(self.regime)

    @property
    def rows(self) -> list[int]:
        """How many rows each regime has."""
        return [int(count) for count in np.bincount(self.regime, minlength=len(self.values) + 1)]

    @property
    def tiny(self) -> list[int]:
        """The numbers of regimes with too few units or rows for an error of their slopes."""
        return self._tiny(self.regime)

    def without_tiny(self, result: Result) -> Result:
        """Return the fit without standard errors of slopes of tiny regimes, of their spatial lags and effects."""
        tiny = self._slopes_of(self.tiny)
        roles = zip(result.terms, result.roles, strict=True)
        lost = [at for at, (term, role) in enumerate(roles) if term in tiny or role.of in tiny]
        if not lost:
            return result
        covariance = result.covariance.copy()
        covariance[lost] = covariance[:, lost] = np.nan
        effects = result.spatial_effects
        if effects is not None:
            own = np.array([term in tiny for term in effects.terms])
            effects = replace(effects, se=np.where(own, np.nan, effects.se))
        terms = tuple(result.terms[at] for at in lost)
        return replace(result, covariance=covariance, spatial_effects=effects, without_errors=terms)

    @cached_property
    def sets(self) -> list[tuple[FloatArray, FloatArray, list[tuple[float, float]]]]:
        """Values, likelihood ratio and the pieces of the confidence set of each threshold, its lower and upper ends."""
        out = []
        for curve, inside in zip(self.found.curves, self._inside, strict=True):
            at = self._ordered.q[self._ordered.order[curve.candidates]]
            apart = (np.diff(inside) > 1) | self._hole_after(curve.candidates)[inside[:-1]]
            pieces = np.split(inside, np.flatnonzero(apart) + 1)
            out.append((at, curve.ratio, [(float(at[piece[0]]), float(at[piece[-1]])) for piece in pieces]))
        return out

    @cached_property
    def _inside(self) -> list[IntArray]:
        """Which candidates are in the confidence set of each threshold."""
        level = self._model.level
        return [np.flatnonzero(curve.ratio <= curve.critical(level)) for curve in self.found.curves]

    @property
    def places_of_sets(self) -> list[IntArray]:
        """The places of the candidates in the confidence set of each threshold."""
        return [curve.candidates[inside] for curve, inside in zip(self.found.curves, self._inside, strict=True)]

    def _hole_after(self, candidates: IntArray) -> NDArray[np.bool_]:
        """Return after which candidates there are values that another threshold leaves too few rows to be one."""
        every = self._ordered.candidates(self._model.trim, self._model.grid)
        at = np.searchsorted(every, candidates)
        return np.append(np.diff(at) > 1, False)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return thresholds with the ends of their sets, tests, the sets, the regimes, and likelihood ratios."""
        thresholds = {
            "estimate": self.values,
            "low": [pieces[0][0] for _, _, pieces in self.sets],
            "high": [pieces[-1][1] for _, _, pieces in self.sets],
            "pieces": [float(len(pieces)) for _, _, pieces in self.sets],
        }
        if self._model.kind_of_sets in ("robust", "clustered"):
            thresholds["lr_scale"] = [curve.scale for curve in self.found.curves]
        numbers = pd.RangeIndex(1, len(self.values) + 1)
        tests = [[test.statistic, test.p, *(test.critical or (np.nan,) * 3)] for test in self.found.tests]
        ends = [float(self._ordered.q.min()), *self.values, float(self._ordered.q.max())]
        regimes = {"low": ends[:-1], "high": ends[1:], "rows": self.rows, "units": self.units}
        return {
            "thresholds": pd.DataFrame(thresholds, pd.Index(numbers, name="threshold")),
            "threshold_tests": pd.DataFrame(
                tests, pd.Index(numbers, name="thresholds"), [self._model.statistic, "p", *CRITICAL]
            ),
            "threshold_sets": self._pieces(),
            "regimes": pd.DataFrame(regimes, pd.RangeIndex(1, len(ends), name="regime")),
            "lr": pd.concat(map(self._points, range(len(numbers))), ignore_index=True).rename_axis("point"),
        }

    def _pieces(self) -> pd.DataFrame:
        """Return the ends of each piece of each set."""
        rows = [
            (at, number, low, high)
            for at, (_, _, pieces) in enumerate(self.sets, start=1)
            for number, (low, high) in enumerate(pieces, start=1)
        ]
        return pd.DataFrame(rows, columns=["threshold", "piece", "low", "high"]).set_index(["threshold", "piece"])

    def _points(self, at: int) -> pd.DataFrame:
        """Return a likelihood ratio: all points near its minimum and where it is critical, of the others some."""
        values, ratio, _ = self.sets[at]
        keep = np.zeros(len(values), dtype=bool)
        keep[:: -(-len(values) // MOST_POINTS)] = True
        critical = self.found.curves[at].critical(self._model.level)
        inside = ratio <= critical
        keep[np.flatnonzero(inside[1:] != inside[:-1])] = keep[np.flatnonzero(inside[1:] != inside[:-1]) + 1] = True
        keep[int(np.argmin(ratio))] = True
        points = {"threshold": float(at + 1), "value": values[keep], "ratio": ratio[keep]}
        if self._model.kind_of_sets == "draws":
            points["critical"] = critical[keep]
        return pd.DataFrame(points)

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
            name = f"threshold_{self._model.statistic.lower()}_{at}"
            out[name] = test.statistic
            if len(test.draws):
                out[f"{name}_p"] = test.p
        return out


def texts(values: Sequence[float]) -> list[str]:
    """Return numbers with as many digits as tell them apart, four at least."""
    for digits in range(4, 17):
        written = [f"{value:.{digits}g}" for value in values]
        if len(set(written)) == len(written):
            return written
    return [repr(value) for value in values]
