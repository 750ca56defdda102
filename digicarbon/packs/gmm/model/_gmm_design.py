"""What GMM of a dynamic panel is fitted to, after everything that can be wrong was looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.model._panel_grid import PanelGrid, covers, deepest_lag
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.within import dependent, vanishing
from digicarbon.packs.gmm.numeric.equations import Equations, equations, lagged
from digicarbon.packs.gmm.numeric.estimator import Moments
from digicarbon.packs.gmm.numeric.instruments import InstrumentSet, lag_instruments, own_instruments
from digicarbon.packs.gmm.numeric.tests import Differences
from digicarbon.panel import Panel, constituents
from digicarbon.result import MadeOf

if TYPE_CHECKING:
    from digicarbon.packs.gmm.model.dynamic_panel import DynamicPanel

Lags = tuple[int, int | None]

CONSTANT = "const"


@dataclass(frozen=True, eq=False)
class GmmDesign:
    """Rows of a dynamic panel."""

    names: tuple[str, ...]
    """The k parameters: lags of the outcome, regressors, period dummies, constant."""
    dummies: tuple[str, ...]
    """Those that are period dummies."""
    focal: tuple[str, ...]
    made_of: Mapping[str, MadeOf]
    """What lags of the outcome and regressors are made of."""
    moments: Moments
    rows: Equations
    sets: tuple[InstrumentSet, ...]
    """Side by side they are the instruments."""
    differences: Differences
    shape: tuple[int, int]
    """Units and periods of the panel's calendar."""
    means: FloatArray
    """What was taken off the outcome and each regressor; zero for period dummies and the constant. Shape (1 + k,)."""

    def with_means(self, coef: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return coefficients and covariance of the columns as they were, shapes (k,) and (k, k)."""
        if CONSTANT not in self.names:
            return coef, covariance
        back = np.eye(len(coef))
        back[-1, :-1] = -self.means[1:-1]
        moved = back @ coef
        moved[-1] += self.means[0]
        return moved, back @ covariance @ back.T

    @property
    def units(self) -> int:
        """Units that have rows."""
        return len(np.unique(self.rows.unit))

    @property
    def transformed(self) -> int:
        """Rows of the transformed equation."""
        return int((~self.rows.level).sum())

    def is_slope(self) -> BoolArray:
        """Return which parameters are no period dummies, shape (k,)."""
        return np.array([name not in self.dummies for name in self.names])

    def observations(self, count: Literal["equation", "rows"]) -> int:
        """Return the rows in levels, or transformed ones where there are no others (xtabond2); or all rows (plm)."""
        return len(self.rows.unit) if count == "rows" else int(self.rows.level.sum()) or self.transformed

    def tested(self) -> dict[str, BoolArray]:
        """Return which columns each testable set has, the lagged differences of the equation in levels first."""
        level = np.concatenate([found.level for found in self.sets])
        out = {"differences in levels": level} if level.any() else {}
        start = 0
        for found in self.sets:
            mask = np.zeros(len(level), dtype=bool)
            mask[start : start + len(found.level)] = True
            start += len(found.level)
            if found.tested:
                out[found.name] = mask
        return out

    def block(self, rows: FloatArray) -> FloatArray | None:
        """Return transformed rows as (periods, units) where each unit has the same periods, otherwise None."""
        unit, period = self.rows.unit[~self.rows.level], self.rows.period[~self.rows.level]
        n, t = self.shape[0], len(np.unique(period))
        return rows[~self.rows.level].reshape(n, t).T if len(unit) == n * t else None


def design(model: DynamicPanel, panel: Panel) -> GmmDesign:
    """Return outcome, regressors and instruments as rows.

    Raises DataError, EstimationError: a column is missing or holds text; there are too few periods, rows or
    instruments; a regressor does not vary or is collinear with others.
    """
    terms = (*model.x, *model.controls)
    grid = PanelGrid(panel, (model.y, *terms, *model.instruments, *model.ranges))
    regressors, outside = grid.names(terms), grid.names(model.instruments)
    y, further = grid.values(model.y), grid.stack(outside)
    X = np.concatenate(
        [np.stack([lagged(y, lag) for lag in range(1, model.lags + 1)], axis=-1), grid.stack(regressors)], axis=-1
    )
    complete = np.isfinite(np.concatenate([y[..., None], X, further], axis=-1)).all(axis=-1)
    further = np.nan_to_num(further)
    if model.as_pgmm:
        # plm starts with the first period that has an instrument
        complete[:, : max(min(lags[0] for lags in model.ranges.values() if lags) - 1, 0)] = False
    rows = equations(complete, model.transformation, model.kind)
    _refuse_too_short(model, rows, panel)
    names = (*model.outcomes, *regressors)
    constant = rows.level[:, None].astype(np.float64)[:, : int(model.has_constant)]
    positions = _told_apart(model, complete, rows, constant)
    dummies = tuple(grid.period_name(position) for position in positions.tolist())
    time = rows.rows(_dummies(y.shape, positions))
    k, transformed = len(names) + len(dummies) + constant.shape[1], int((~rows.level).sum())
    if transformed <= k:
        raise EstimationError(Note("few_transformed_rows", rows=transformed, parameters=k))
    own = rows.rows(X)
    before = abs(rows.operator) @ np.nan_to_num(np.abs(X).reshape(-1, X.shape[-1]))
    _refuse_dependent(model, names, own, before, np.concatenate([constant, time], axis=1))
    y_and_X = np.concatenate([y[..., None], X], axis=-1)
    means = _means(model, y_and_X, complete)
    centred = rows.rows(y_and_X - means)
    apart = rows.rows(further)
    _refuse_idle(model, outside, apart, abs(rows.operator) @ np.abs(further).reshape(y.size, len(outside)), rows)
    sets = [
        *_lag_sets(model, grid, rows),
        *_own_sets(model, rows, regressors, own[:, model.lags :], apart),
        *_effect_sets(model, rows, np.concatenate([time, constant], axis=1)),
    ]
    moments = Moments(
        centred[:, 0],
        np.concatenate([centred[:, 1:], time, constant], axis=1),
        np.concatenate([found.columns for found in sets], axis=1),
        rows.unit,
    )
    differenced = equations(complete, "difference", "difference")
    parts = [differenced.rows(X), differenced.rows(_dummies(y.shape, positions))]
    parts.append(np.zeros((len(differenced.unit), constant.shape[1])))
    differences = Differences(differenced, differenced.rows(y), np.concatenate(parts, axis=1))
    found = GmmDesign(
        names=(*names, *dummies, *((CONSTANT,) if model.has_constant else ())),
        dummies=dummies,
        focal=grid.names(model.x),
        made_of=dict(zip(model.outcomes, map(constituents, model.outcomes), strict=True)) | grid.made_of(terms),
        moments=moments,
        rows=rows,
        sets=tuple(sets),
        differences=differences,
        shape=(y.shape[0], y.shape[1]),
        means=np.concatenate([means, np.zeros(len(dummies) + constant.shape[1])]),
    )
    if (instruments := moments.Z.shape[1]) < k:
        facts = {"instruments": instruments, "parameters": k, "names": cut(found.names, 20)}
        raise EstimationError(Note("gmm_few_instruments", **facts))
    return found


def _means(model: DynamicPanel, cells: FloatArray, complete: BoolArray) -> FloatArray:
    """Return what can be taken off outcome and regressors, shape (k,): means where the constant takes them up.

    Transformed rows do not have them. Rows of levels do, and their products with instruments cancel in the estimates,
    so that large ones leave no digits. Instruments stay as they are: in transformed rows the level of a lag counts, as
    other levels are other moments unless there are period dummies, and where a covariance of moments is singular its
    generalised inverse depends on the others' levels, too.
    """
    if model.kind == "system" and not model.has_constant:
        return np.zeros(cells.shape[-1])
    return np.asarray(cells[complete].mean(axis=0))


def _dummies(shape: tuple[int, ...], positions: IntArray) -> FloatArray:
    return np.broadcast_to(np.eye(shape[1])[:, positions], (*shape, len(positions)))


def _told_apart(model: DynamicPanel, complete: BoolArray, rows: Equations, constant: FloatArray) -> IntArray:
    """Return the positions of period dummies that the rows can tell apart."""
    if model.effects != "two_way":
        return np.empty(0, dtype=np.int64)
    # a difference has no dummy of the period before the first; levels and deviations leave the first period out
    plain = model.transformation == "difference" and model.kind == "difference"
    positions = np.unique(rows.period) if plain else np.flatnonzero(complete.any(axis=0))[1:]
    taken = rows.rows(_dummies(complete.shape, positions))
    seen = taken.any(axis=0)
    base = constant.shape[1]
    chains = dependent(np.concatenate([constant, taken[:, seen]], axis=1))
    return np.delete(positions[seen], [j - base for j, _ in chains])


def _lag_sets(model: DynamicPanel, grid: PanelGrid, rows: Equations) -> list[InstrumentSet]:
    sets = []
    for name, (first, last) in {name: lags for name, lags in model.ranges.items() if lags}.items():
        for column in grid.names([name]):
            level_lag = 1 if model.as_pgmm else max(first - 1, 0)
            found = lag_instruments(
                f"lags of {column}", grid.values(column), rows, first, last, model.collapse, level_lag
            )
            if found.level.all():
                lags = {"first": first, "last": Note("the_last_lag") if last is None else last}
                raise EstimationError(Note("lags_instrument_nothing", column=column, periods=grid.shape[1], **lags))
            sets.append(found)
    return sets


def _own_sets(
    model: DynamicPanel, rows: Equations, regressors: tuple[str, ...], own: FloatArray, further: FloatArray
) -> list[InstrumentSet]:
    sets = []
    if model.exogenous_equation != "both":
        own, further = (np.where(rows.level[:, None], 0.0, columns) for columns in (own, further))
    exogenous = [j for j, name in enumerate(regressors) if not any(covers(other, name) for other in model.ranges)]
    if exogenous:
        sets.append(own_instruments("exogenous regressors", own[:, exogenous], rows, model.as_pgmm))
    if further.shape[1]:
        sets.append(own_instruments("instruments", further, rows, model.as_pgmm))
    return sets


def _effect_sets(model: DynamicPanel, rows: Equations, columns: FloatArray) -> list[InstrumentSet]:
    if model.as_pgmm and model.kind == "system":
        columns = np.where(rows.level[:, None], columns, 0.0)
    return [own_instruments("period effects", columns, rows, tested=False)] if columns.shape[1] else []


def _refuse_too_short(model: DynamicPanel, rows: Equations, panel: Panel) -> None:
    if not (~rows.level).any():
        needed = max([model.lags, *(deepest_lag(term) for term in (*model.x, *model.controls, *model.instruments))]) + 2
        raise EstimationError(
            Note("panel_too_short", needed=needed, lags=model.lags, y=model.y, periods=cut(panel.periods, 12))
        )


def _refuse_dependent(
    model: DynamicPanel, names: tuple[str, ...], own: FloatArray, before: FloatArray, effects: FloatArray
) -> None:
    gone = [names[j] for j in vanishing(own, before)]
    if gone:
        facts = {"terms": cut(gone), "kind": model.kind}
        system = model.kind == "system"
        raise EstimationError(Note("constant_under_system" if system else "constant_under_difference", **facts))
    chains = dependent(np.concatenate([effects, own], axis=1))
    if chains:
        base = effects.shape[1]
        j, others = chains[0]
        among: list[str | Note] = [names[i - base] for i in others if i >= base]
        if any(i < base for i in others):
            among.append(Note("the_period_dummies" if model.effects == "two_way" else "the_constant"))
        raise EstimationError(Note("collinear_in_rows_left", term=names[j - base], others=cut(among)))


def _refuse_idle(
    model: DynamicPanel, names: tuple[str, ...], columns: FloatArray, before: FloatArray, rows: Equations
) -> None:
    """Refuse a further instrument that the transformation leaves nothing of."""
    everywhere = model.kind == "system" and model.exogenous_equation == "both"
    here = np.full(len(rows.level), True) if everywhere else ~rows.level
    gone = [names[j] for j in vanishing(columns[here], before[here])]
    if gone:
        raise EstimationError(Note("idle_instruments", terms=cut(gone)))
