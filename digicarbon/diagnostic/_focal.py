"""One coefficient of a regression: its columns, controls and rows, after the effects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.model import Model, PanelRegression
from digicarbon.model._absorption import own_groups
from digicarbon.model._observation_weights import positive_rows
from digicarbon.model._panel_columns import Columns
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.linear.absorbed import Absorber, Groups
from digicarbon.numeric.linear.random_effects import KINDS
from digicarbon.panel import Panel, canonical
from digicarbon.weights import Weights

MOST_DUMMIES = 200
"""More further effects across units are not estimated in samples: each sample inverts their inner products."""


@dataclass(frozen=True, eq=False)
class Focal:
    """A coefficient of a regression after its effects, with the panel's rows and the columns of least squares."""

    regression: PanelRegression
    panel: Panel
    columns: Columns
    term: str

    @property
    def place(self) -> int:
        """Which column of ``columns`` it is."""
        return self.columns.names.index(self.term)

    @property
    def controls(self) -> tuple[str, ...]:
        """The other regressors, as columns, without the constant."""
        return tuple(name for name in self.columns.names if name not in (self.term, "const"))

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Columns of controls by term: dummies of one category are one group, unless the coefficient is among them."""
        out: dict[str, tuple[str, ...]] = {}
        for term in self.regression.regressors:
            columns = self._expanded(term)
            own = tuple(name for name in columns if name in self.controls)
            together = len(own) > 1 and self.term not in columns
            out |= {term: own} if together else {name: (name,) for name in own}
        known = {name for own in out.values() for name in own}
        return out | {name: (name,) for name in self.controls if name not in known}

    def of(self, terms: Iterable[str], key: str) -> tuple[str, ...]:
        """Return the columns of controls that a field names; a `ConfigError` if one of them is not a control."""
        found: list[str] = []
        for term in terms:
            own = [name for name in self._expanded(term) if name in self.controls]
            if not own:
                hint = suggestion(term, tuple(dict.fromkeys([*self.groups, *self.controls])))
                raise ConfigError(
                    Note("sensitivity_no_control", key=key, control=term, hint=hint, controls=cut(self.groups))
                )
            found += own
        return tuple(dict.fromkeys(found))

    def _expanded(self, term: str) -> tuple[str, ...]:
        known = self.regression.regressors
        name = canonical(term)
        return self.panel.expanded((name,), among=self.regression.terms) if name in known else (name,)

    def inner(self, names: Iterable[str], always: Iterable[str] = ()) -> FloatArray:
        """Return columns and the outcome, last, after effects, the constant and columns that are always there."""
        values = self.columns.values
        left = values[:, [*(self.columns.names.index(name) for name in names), -1]]
        first = [place for place, name in enumerate(self.columns.names) if name == "const" or name in set(always)]
        if not first:
            return left
        basis = np.linalg.qr(values[:, first])[0]
        return np.asarray(left - basis @ (basis.T @ left))

    def with_dummies(self, names: Iterable[str], always: Iterable[str] = ()) -> tuple[FloatArray, int] | None:
        """Return columns and the outcome as a sample of units takes them, then what it partials out, and its number.

        Effects of units, and others whose groups lie within units, are removed: they are the same in every sample. The
        constant or dummies of the other effects, which are not, and the columns that are always there come last. None
        if further effects make more dummies than `MOST_DUMMIES`.
        """
        rows, absorption, weighting = self.columns.rows, self.columns.absorption, self.columns.weighting
        unit = Groups(rows.unit_codes, rows.n)
        effects = own_groups(self.panel, self.columns.removed) if absorption is None else absorption.kernel.effects
        inside = [one for one in effects if one.within(unit)]
        across = [one for one in effects if not one.within(unit)]
        if absorption is not None and sum(one.count for one in across) > MOST_DUMMIES:
            return None
        raw = self.panel.array([*names, self.regression.y, *always])
        raw, own = raw - raw.mean(axis=0), raw.shape[1] - len(tuple(always))
        raw = np.column_stack([raw, *map(_dummies, across), *([] if effects else [np.ones(len(raw))])])
        inner = Absorber(inside, None if weighting is None else weighting.values)(raw) if inside else raw
        return inner if weighting is None else inner * weighting.root[:, None], own


def _dummies(groups: Groups) -> FloatArray:
    """Return dummies of groups, and slopes of these, shape (rows, columns)."""
    dummies = np.eye(groups.count)[groups.codes]
    return dummies if groups.slope is None else np.hstack([dummies, dummies * groups.slope[:, None]])


def focal_of(model: Model, panel: Panel, term: str | None, weights: Weights | None) -> Focal:
    """Return the coefficient of a model that a diagnostic asks for, if the regression can be fitted.

    A `ConfigError` says that the model is no regression with fixed effects or none, or the term is none of its focal
    ones, or one of several.
    """
    regression = model.as_a(PanelRegression)
    if regression is None or regression.effects in KINDS or regression.estimator not in ("within", "lsdv"):
        raise ConfigError(Note("sensitivity_of_other_model", model=type(model).__name__))
    regression, made = regression.by_errors.interacted(panel)
    regression = regression.model_copy(update={"estimator": "within", "constant": False})
    columns = regression.design(made, weights)
    if regression.observation_weights is not None:
        made = positive_rows(made, regression.observation_weights)[0]
    focal = tuple(name for name in made.expanded(regression.x, among=regression.terms) if name in columns.names)
    wanted = None if term is None else canonical(term)
    if wanted is None and len(focal) != 1:
        raise ConfigError(Note("sensitivity_which_term", key="diagnostic.term", terms=cut(focal)))
    if wanted is not None and wanted not in focal:
        hint = suggestion(wanted, focal)
        raise ConfigError(Note("sensitivity_no_term", key="diagnostic.term", term=wanted, hint=hint, terms=cut(focal)))
    return Focal(regression, made, columns, wanted or focal[0])
