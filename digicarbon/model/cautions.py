"""What a reader must know of a specification: few units, one unit of much weight, unit effects left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._absorption import Absorption
from digicarbon.model._latest import columns_of
from digicarbon.model._observation_weights import Weighting
from digicarbon.model._panel_columns import demeaned, rows_of
from digicarbon.note import Note
from digicarbon.numeric.latest import Latest
from digicarbon.numeric.linear.least_squares import triangular
from digicarbon.numeric.linear.leverage import MUCH
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb_weighted, clear_products
from digicarbon.numeric.resampling.null_model import cube, in_rows, orthonormal, without
from digicarbon.numeric.significance import is_significant
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.numeric.tests.effects_f import effects_f
from digicarbon.panel import Panel
from digicarbon.result import Result

FEW_UNITS = 12
"""Number of units below which wild tests of spatial models reject too rarely, see docs/inference_long.md."""
ALMOST_ALL = 0.9
"""Share that is much however few units have the term."""
_LATEST = Latest()
"""Notes on regressors, which models of other outcomes, weights and standard errors share."""
REJECTED = 0.001
"""p of the F test, which knows nothing of serial correlation, below which unit effects should not be left out."""


def few_units(units: int, smallest: float, clustered: bool = False) -> list[Note]:
    """Return a note on few units, or clusters; ``smallest`` is the smallest p value that can be expected."""
    if units >= FEW_UNITS:
        return []
    few = Note("few_clusters_wild", clusters=units, smallest=smallest)
    return [few if clustered else Note("few_units_wild", units=units, smallest=smallest)]


def leverage(
    panel: Panel,
    focal: tuple[str, ...],
    terms: tuple[str, ...],
    effects: EffectsKind,
    weights: str | None = None,
    further: Absorption | None = None,
) -> list[Note]:
    """Return a note for each focal term of whose variation one unit has much.

    ``panel``: with all terms. ``focal``, ``terms``: terms, and all regressors. ``weights``: the column by which rows
    weigh. ``further``: further absorbed effects.

    Partial leverage: the share of each unit in the sum of squares of a term's residuals on the other regressors and the
    effects, by which its rows weigh in the coefficient. It is compared with an even share of the units that have the
    term, which are few if it is that of a group.
    """
    panel.require(terms)
    beside = () if weights is None else (weights,)
    columns = columns_of(panel, (*terms, *beside))
    key = (focal, terms, effects, further and further.key, columns)

    def left_by_unit() -> list[Note]:
        rows, notes = rows_of(panel), list[Note]()
        if weights is None:
            columns = demeaned([panel.columns[term] for term in terms], rows, effects, further)
            if effects == "none" and further is None:
                columns = columns - columns.mean(axis=0)
        else:
            weighting = Weighting.of(panel, weights)
            raw = panel.array(terms)
            columns = absorb_weighted(raw, rows, effects, weighting.values) if further is None else further.kernel(raw)
            columns = weighting.root[:, None] * (columns - weighting.means(columns))
        places = [terms.index(term) for term in focal]
        gram = columns.T @ columns
        if clear_products(gram, gram.diagonal()):
            # what is left of each is Z(Z′Z)⁻¹'s column, up to its size
            root = scipy.linalg.lapack.dtrtri(triangular(columns, gram))[0]
            left = columns @ (root @ root[places].T)
        else:
            left = np.column_stack(
                [without(orthonormal(np.delete(columns, place, axis=1)), columns[:, [place]]) for place in places]
            )
        squares = rows.sums(left * left, "unit")
        for term, own in zip(focal, squares.T, strict=True):
            most = int(own.argmax())
            share = float(own[most] / own.sum())
            if share > MUCH:
                having = np.count_nonzero(rows.sums(panel.column(term)[:, None] ** 2, "unit"))
                if share > min(ALMOST_ALL, max(MUCH, 3 / having)):
                    notes.append(Note("unit_leverage", unit=panel.units[most], share=share, term=term))
        return notes

    return list(_LATEST.once(key, left_by_unit, lambda _: 0))


@dataclass(frozen=True)
class Filters:
    """The spatial dependence of a fitted model: that of the outcome, that of the errors, and regressors with a lag."""

    operator: SpatialOperator
    rho: float
    lam: float
    lagged: frozenset[str]

    @classmethod
    def of(cls, result: Result, operator: SpatialOperator) -> Filters:
        """Return the filters of a result."""
        by_kind = {
            kind: float(result.coef[result.terms.index(term)])
            for kind in ("lag_y", "lag_error")
            for term in result.terms_of(kind)
        }
        lagged = frozenset(result.role(term).of for term in result.terms_of("lag_x"))
        return cls(operator, by_kind.get("lag_y", 0.0), by_kind.get("lag_error", 0.0), lagged)

    def applied(self, columns: FloatArray, terms: tuple[str, ...], rows: Rows) -> FloatArray:
        """Return y and the regressors ``terms`` with their lags, freed of spatial dependence, shape (rows, k)."""
        levels = cube(columns, rows)
        lags = self.operator.lag(levels)
        own = [1 + place for place, term in enumerate(terms) if term in self.lagged]
        levels[..., 0] -= self.rho * lags[..., 0]
        every = np.concatenate([levels, lags[..., own]], axis=2)
        return in_rows(every - self.lam * self.operator.lag(every) if self.lam else every)


def unit_effects_left_out(
    panel: Panel, y: str, terms: tuple[str, ...], effects: EffectsKind, filters: Filters | None = None
) -> list[Note]:
    """Return a note where the errors of a model with time effects alone are alike within units.

    ``panel``: with all terms. ``terms``: all regressors. ``filters``: of a spatial model: neighbours that last are no
    unit effects.

    An F test cannot tell unit effects from errors that last longer than the panel, and the note does not.
    """
    if effects != "time":
        return []
    columns = panel.array((y, *terms))
    if filters is not None:
        columns = filters.applied(columns, terms, rows_of(panel))
    try:
        test = effects_f(columns[:, 0], columns[:, 1:], panel.unit_codes, panel.period_codes, "two_way", "time")
    except EstimationError:
        return []
    if not is_significant(test.p, REJECTED):
        return []
    return [Note("unit_effects_rejected", statistic=test.value, p=test.p)]
