"""What a shift-share (Bartik) estimate rests on, and standard errors where units share shocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._focal import focal_of
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model import Model, PanelIV, PanelRegression
from digicarbon.model.base import Level
from digicarbon.note import Note, cut, suggestion
from digicarbon.packs.shift_share.numeric.akm import Akm, akm, residual_shocks
from digicarbon.packs.shift_share.numeric.rotemberg import Rotemberg, by_sector, rotemberg
from digicarbon.packs.shift_share.panel.shift_share import shift_shares
from digicarbon.panel import Panel, canonical
from digicarbon.result import Result
from digicarbon.weights import Weights

ROUNDING = 1e-9
"""Norm, relative to its own, below which a difference of columns is rounding."""

_SCRIPT = "digicarbon.packs.shift_share.script.shift_share"

OWN, AKM, AKM0 = "model", "AKM", "AKM0"
"""Rows of the table of standard errors."""


@dataclass(frozen=True, eq=False)
class Shifted:
    """An estimate that uses shares and shocks."""

    model: Model
    """With the shift-share column as its only instrument, or as a regressor."""
    panel: Panel
    """The rows that it is fitted to."""
    term: str
    """The coefficient."""
    columns: FloatArray
    """Outcome, regressor and the shift-share column after effects and the other regressors, shape (rows, 3)."""
    time: bool
    """Whether the model has effects of periods."""
    name: str
    """The shift-share column."""
    shares: FloatArray
    """Shape (rows, K)."""
    shocks: FloatArray
    """Shape (T, K)."""
    sectors: tuple[str, ...]


_Fitted = tuple[Model, Panel, str, FloatArray, bool]
"""The first fields of `Shifted`."""


def shifted(model: Model, panel: Panel, name: str | None, weights: Weights | None) -> Shifted:
    """Return the estimate of a model that uses a shift-share column.

    ``model``: with instruments, or a regression with fixed effects or none. ``name``: the shift-share column; None
    takes the only one among instruments, or focal regressors. Raises ConfigError if the model is of another kind, has
    several endogenous regressors or weights of rows, or has no such column; EstimationError if the column is no longer
    shares times shocks, e.g. after it was winsorised.
    """
    instrumented = model.as_a(PanelIV)
    if instrumented is not None and instrumented.observation_weights is not None:
        raise ConfigError(Note("shift_share_weights", key="model.observation_weights"))
    terms = (model.as_a(PanelRegression) or model).x if instrumented is None else instrumented.instruments
    own = [term for term in terms if term in shift_shares(panel)]
    wanted = canonical(name) if name is not None else own[0] if len(own) == 1 else None
    if wanted is None or wanted not in own:
        hint = suggestion(wanted or "", own)
        where = "model.x" if instrumented is None else "model.instruments"
        raise ConfigError(Note("shift_share_which", key=where, terms=cut(own or [Note("nothing_there")]), hint=hint))
    if instrumented is None:
        found = _of_regression(model, panel, wanted, weights)
    else:
        found = _of_iv(instrumented, panel, wanted)
    made = found[1]
    made_of = shift_shares(made)[wanted]
    exact, values = made_of.column(made), made.column(wanted)
    if np.abs(exact - values).max() > ROUNDING * max(float(np.abs(exact).max()), 1e-300):
        raise EstimationError(Note("shift_share_changed", column=wanted))
    shares, shocks = made_of.on(made)
    return Shifted(*found, wanted, shares[made.unit_codes], shocks, made_of.sectors)


def _of_iv(model: PanelIV, panel: Panel, wanted: str) -> _Fitted:
    """Return the estimate with a column as the only instrument."""
    if len(model.instrumented) != 1:
        raise ConfigError(Note("shift_share_several", key="model.endogenous", terms=cut(model.instrumented)))
    one = model.model_copy(update={"instruments": (wanted,)})
    columns, made = np.column_stack(one.partialled(panel)), panel.with_terms(one.terms)
    return one, made, one.instrumented[0], columns, one.effects in ("time", "two_way")


def _of_regression(model: Model, panel: Panel, wanted: str, weights: Weights | None) -> _Fitted:
    """Return the coefficient of a column."""
    focal = focal_of(model, panel, wanted, weights)
    if focal.regression.observation_weights is not None:
        raise ConfigError(Note("shift_share_weights", key="model.observation_weights"))
    both = focal.inner([wanted], focal.controls)
    return model, focal.panel, wanted, both[:, [1, 0, 0]], focal.columns.removed in ("time", "two_way")


class _OfShiftShare(OfModel):
    """A diagnostic of an estimate that uses a shift-share column.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run: instrumental variables with one endogenous regressor, or
        a regression whose regressor is the shift-share column.
    column : str or None
        The shift-share column; None takes the only one. Of several instruments, it is then the only one.
    """

    column: str | None = None

    def found(self, panel: Panel, weights: Weights | None) -> Shifted:
        """Return the estimate that uses the column."""
        return shifted(self.model, panel, self.column, weights)

    def about(self, found: Shifted) -> tuple[Note, ...]:
        """Return the notes that depend on the panel: here, on further instruments, which the diagnostic leaves out."""
        instrumented = self.model.as_a(PanelIV)
        several = instrumented is not None and len(instrumented.instruments) > 1
        return (Note("shift_share_alone", column=found.name),) if several else ()

    def added(self, result: Result, panel: Panel, weights: Weights | None) -> Result:
        """Return the result with tables and notes."""
        whole = super().added(result, panel, weights)
        return replace(whole, notes=(*whole.notes, *self.about(self.found(panel, weights))))


class RotembergWeights(_OfShiftShare):
    """Which sectors a shift-share estimate rests on (Goldsmith-Pinkham, Sorkin & Swift 2020).

    Attributes
    ----------
    top : int
        How many sectors are shown, those of the largest weights in absolute value.
    centred : bool
        Whether shocks are taken less their mean over sectors in each period, where shares sum to one and the model has
        effects of periods: the estimate is the same, weights are not, which makes those of raw shocks arbitrary.
    """

    references: ClassVar[tuple[str, ...]] = ("goldsmith2020",)

    notes: ClassVar[tuple[Note, ...]] = (Note("rotemberg"),)
    """What the weights are."""
    table_names: ClassVar[tuple[str, ...]] = ("rotemberg", "rotemberg_periods", "rotemberg_summary")
    scripts: ClassVar[Mapping[str, str]] = {"extract": f"{_SCRIPT}:extract", "r": f"{_SCRIPT}:rotemberg"}

    top: Annotated[int, Field(ge=1)] = 5
    centred: bool = True

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model has no shift-share column or cannot be fitted."""
        self.found(panel, weights)

    def about(self, found: Shifted) -> tuple[Note, ...]:
        """Return notes on shocks that are centred, and on further instruments."""
        return (*((Note("rotemberg_centred"),) if self.centres(found) else ()), *super().about(found))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``rotemberg``, by sector, ``rotemberg_periods`` and ``rotemberg_summary``."""
        found = self.found(panel, weights)
        shocks = found.shocks
        if self.centres(found):
            shocks = shocks - shocks.mean(axis=1, keepdims=True)
        sums = by_sector(found.shares, found.panel.period_codes, len(shocks), found.columns[:, [1, 0]])
        result = rotemberg(sums, shocks)
        return {
            "rotemberg": self._sectors(found, result, shocks),
            "rotemberg_periods": pd.DataFrame(
                {"weight": result.by_period[0], "coefficient": result.by_period[1]},
                index=pd.Index(list(map(str, found.panel.periods)), name="period"),
            ),
            "rotemberg_summary": self._summary(found, result),
        }

    def centres(self, found: Shifted) -> bool:
        """Return whether shocks are taken less their means."""
        return self.centred and found.time and bool(np.abs(found.shares.sum(axis=1) - 1).max() < 1e-6)

    def _sectors(self, found: Shifted, result: Rotemberg, shocks: FloatArray) -> pd.DataFrame:
        weight, coefficient = result.by_sector
        order = np.argsort(-np.abs(weight), kind="stable")[: self.top]
        return pd.DataFrame(
            {
                "weight": weight[order],
                "coefficient": coefficient[order],
                "shock": shocks.mean(axis=0)[order],
                "share": found.shares.mean(axis=0)[order],
            },
            index=pd.Index([found.sectors[k] for k in order], name="sector"),
        )

    def _summary(self, found: Shifted, result: Rotemberg) -> pd.DataFrame:
        weight = result.by_sector[0]
        absolute = np.abs(weight)
        largest = np.sort(absolute)[::-1][: self.top]
        rows = {
            "coefficient": result.estimate,
            "number of sectors": float(len(weight)),
            "positive weights": float(weight[weight > 0].sum()),
            "negative weights": float(weight[weight < 0].sum()),
            "negative weights of single periods": float(result.weights[result.weights < 0].sum()),
            "share of negative weights": float(absolute[weight < 0].sum() / absolute.sum()),
            "share of the largest weights": float(largest.sum() / absolute.sum()),
        }
        return pd.DataFrame({"value": rows}).rename_axis("quantity")


def _set_of(result: Akm) -> tuple[float, float, Note]:
    """Return the ends of the set of AKM0, and what it is."""
    if result.kind == "interval":
        return result.low_null, result.high_null, Note("set_interval")
    if result.kind == "everything":
        return -np.inf, np.inf, Note("set_everything")
    return -np.inf, np.inf, Note("significant_outside", low=result.low_null, high=result.high_null)


class AkmErrors(_OfShiftShare):
    """Standard errors of a shift-share estimate where units share shocks (Adao, Kolesar & Morales 2019).

    Attributes
    ----------
    shocks : {"sector", "shock"}
        What is independent: the sectors, whose shocks may be correlated over time, or each shock of each period.
    level : float
        Coverage of the intervals.

    Notes
    -----
    Formulas of R's ShiftShareSE. Shocks are random, shares and errors are given, so that errors of units with like
    shares may be correlated in any way.
    """

    references: ClassVar[tuple[str, ...]] = ("adao2019",)

    table_names: ClassVar[tuple[str, ...]] = ("akm",)
    scripts: ClassVar[Mapping[str, str]] = {"extract": f"{_SCRIPT}:extract", "r": f"{_SCRIPT}:akm"}

    shocks: Literal["sector", "shock"] = "sector"
    level: Level = 0.95

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the standard errors assume."""
        kind = Note("akm_by_sector") if self.shocks == "sector" else Note("akm_by_shock")
        return (Note("akm", level=self.level), kind)

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return the notes, and one on a set of AKM0 that is not an interval."""
        found = tables["akm"].loc[AKM0, "kind"]
        return (*self.notes, *(() if found == Note("set_interval") else (Note("akm_unbounded", set=found),)))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model has no shift-share column, shares are collinear, or it cannot be fitted."""
        self._estimated(self.found(panel, weights))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``akm``: coefficient, standard error, p and interval of the model, AKM and AKM0.

        The column ``kind`` says what the set of AKM0 is where it is no interval; its ends are then infinite.
        """
        found = self.found(panel, weights)
        result = self._estimated(found)
        own = found.model.fit(found.panel, weights).estimates.loc[found.term]
        rows = {
            OWN: (own["coef"], own["se"], own["p"], own["low"], own["high"], Note("set_interval")),
            AKM: (result.coefficient, result.se, result.p, result.low, result.high, Note("set_interval")),
            AKM0: (result.coefficient, result.se_null, result.p_null, *_set_of(result)),
        }
        columns = ["coefficient", "se", "p", "low", "high", "kind"]
        return {"akm": pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("standard errors")}

    def _estimated(self, found: Shifted) -> Akm:
        periods = found.panel.period_codes
        shocks = residual_shocks(found.shares, periods, len(found.shocks), found.columns[:, 2])
        if shocks is None:
            units, sectors = found.panel.shape[0], len(found.sectors)
            raise EstimationError(Note("akm_collinear_shares", column=found.name, units=units, sectors=sectors))
        return akm(found.columns, found.shares, periods, shocks, self.level, self.shocks)
