"""How strong an omitted variable must be to change a conclusion (Cinelli & Hazlett 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._focal import Focal, focal_of
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.model import PanelRegression
from digicarbon.model.base import Level
from digicarbon.note import Note, cut
from digicarbon.packs.sensitivity.numeric.omitted import Estimate, bounds
from digicarbon.packs.sensitivity.numeric.products import remaining
from digicarbon.panel import Panel
from digicarbon.spec import Names, SomeNames
from digicarbon.weights import Weights

Times = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(strict=False, min_length=1)]


class OmittedVariable(OfModel):
    """Robustness values of a coefficient, and what it would be with a confounder as strong as observed controls.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run: a regression with fixed effects, or with none.
    term : str or None
        The focal coefficient; None takes the only one.
    benchmarks : tuple of str, mapping of str to tuple of str, or None
        Controls to compare with; None takes each. A control of several columns, as dummies, is one group. A mapping has
        groups of controls by a name: the confounder is as strong as all of a group together.
    times : tuple of float
        How many times as strong as the control the confounder is, for the regressor and for the outcome.
    q : float
        The share of the coefficient that a confounder takes away.
    level : float
        Level of intervals, and of the test behind the second robustness value.

    Notes
    -----
    Partial R² are those after the model's effects, with degrees of freedom as if these were dummies: the numbers of
    ``sensemakr`` in R and Stata on a regression with dummies. They and the adjusted coefficient do not depend on
    standard errors. Where those of the model are not classic, adjusted standard errors are the classic ones times the
    model's own ratio of the two, which supposes that a confounder leaves this ratio as it is.
    """

    references: ClassVar[tuple[str, ...]] = ("cinelli2020",)

    table_names: ClassVar[tuple[str, ...]] = ("omitted_variable", "omitted_variable_benchmarks")
    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.packs.sensitivity.script.sensitivity_r:extract",
        "r": "digicarbon.packs.sensitivity.script.sensitivity_r:omitted_variable",
        "stata": "digicarbon.packs.sensitivity.script.sensitivity_stata:omitted_variable",
    }

    term: str | None = None
    benchmarks: Names | Mapping[str, SomeNames] | None = None
    times: Times = (1.0, 2.0, 3.0)
    q: Annotated[float, Field(gt=0, le=1)] = 1.0
    level: Level = 0.95

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the robustness values are, and what is done with standard errors that are not classic."""
        regression = self.model.as_a(PanelRegression)
        scaled = regression is not None and regression.cov != "classic"
        return (
            Note("omitted_variable", share=self.q, alpha=1 - self.level),
            *((Note("omitted_variable_scaled"),) if scaled else ()),
        )

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return `notes`, and one on confounders that cannot exist."""
        table = tables.get("omitted_variable_benchmarks")
        impossible = () if table is None else table.index[table["r2dz_x"].isna()]
        cases = cut(Note("omitted_variable_case", term=term, times=times) for term, times in impossible)
        return (*self.notes, *((Note("omitted_variable_impossible", cases=cases),) if len(impossible) else ()))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model has no such coefficient or controls."""
        self.groups(focal_of(self.model, panel, self.term, weights))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``omitted_variable``, a row for the coefficient, and ``omitted_variable_benchmarks``.

        The first has columns coef, se, stat, df (those of the residuals), scale (se over the classic one), partial_r2
        (with the outcome; what a confounder that explains all of the outcome must have with the regressor), rv,
        rv_level and critical (the value of t that rv_level compares with). The second has a row for each control
        or group and each multiple, where there are controls: the confounder's partial R² ``r2dz_x`` (with the
        regressor) and ``r2yz_dx`` (with the outcome), and coef, se, stat, low and high with the confounder in the
        regression; not a number where no confounder can be so strong.
        """
        focal = focal_of(self.model, panel, self.term, weights)
        groups = self.groups(focal)
        result = focal.regression.fit(focal.panel, weights)
        place, fit = result.terms.index(focal.term), focal.columns.fit
        df = float(len(focal.columns.values) - len(focal.columns.names) - focal.columns.absorbed)
        se = float(np.sqrt(result.covariance[place, place]))
        classic = float(np.sqrt(fit.ssr / df * fit.inverse[focal.place, focal.place]))
        coef = float(result.coef[place])
        scale = 1.0 if focal.regression.cov == "classic" else se / classic
        estimate = Estimate(coef, classic, df, scale)
        free = None if focal.regression.cov == "classic" else result.inference.df
        critical = estimate.critical(self.level, free)
        row = {
            "coef": coef,
            "se": se,
            "stat": coef / se,
            "df": df,
            "scale": scale,
            "partial_r2": estimate.partial_r2,
            "rv": estimate.robustness(self.q),
            "rv_level": estimate.robustness(self.q, critical),
            "critical": critical,
        }
        first = pd.DataFrame(row, index=pd.Index([focal.term], name="term"))
        tables = {"omitted_variable": first}
        if groups:
            width = estimate.critical(self.level, df if free is None else free)
            tables["omitted_variable_benchmarks"] = self._benchmarks(focal, groups, estimate, width)
        return tables

    def statistics(self, tables: Mapping[str, pd.DataFrame]) -> Mapping[str, float]:
        """Return the robustness values."""
        row = tables["omitted_variable"].iloc[0]
        return {name: float(row[name]) for name in ("rv", "rv_level")}

    def groups(self, focal: Focal) -> dict[str, tuple[str, ...]]:
        """Return the columns of each benchmark by its name."""
        if self.benchmarks is None:
            return focal.groups
        groups = (
            self.benchmarks if isinstance(self.benchmarks, Mapping) else {name: (name,) for name in self.benchmarks}
        )
        return {name: focal.of(group, "diagnostic.benchmarks") for name, group in groups.items()}

    def _benchmarks(
        self, focal: Focal, groups: Mapping[str, Sequence[str]], estimate: Estimate, width: float
    ) -> pd.DataFrame:
        """Return what a confounder some times as strong as each group of controls would do."""
        names = [focal.term, *focal.controls]
        inner = focal.inner(names)
        gram, y, times = inner.T @ inner, len(names), np.array(self.times)
        frames = []
        for group in groups.values():
            own = [names.index(name) for name in group]
            others = [place for place in range(1, y) if place not in own]
            of_x = _explained(gram, 0, own, others)
            of_y = _explained(gram, y, own, [0, *others])
            with_x, with_y = bounds(of_x, of_y, times, times)
            coef, se = estimate.adjusted(with_x, with_y), estimate.adjusted_se(with_x, with_y)
            stat = estimate.adjusted_t(with_x, with_y)
            columns = {"r2dz_x": with_x, "r2yz_dx": with_y, "coef": coef, "se": se, "stat": stat}
            frames.append(pd.DataFrame(columns | {"low": coef - width * se, "high": coef + width * se}))
        index = pd.MultiIndex.from_product([groups, [f"{each:g}" for each in self.times]], names=["term", "times"])
        return pd.concat(frames).set_axis(index, axis=0)


def _explained(gram: FloatArray, of: int, by: Sequence[int], beside: Sequence[int]) -> float:
    """Return the partial R² of columns with a column beside others, from inner products of all."""
    without = remaining(gram, [of], beside)[0, 0]
    return float(1 - remaining(gram, [of], [*beside, *by])[0, 0] / without)
