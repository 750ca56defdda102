"""Tests of what residuals have left after a model and its filter: dependence within regions, and by distance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import scipy
from pydantic import Field

from digicarbon.arrays import FloatArray, IntArray, Removes
from digicarbon.country import country
from digicarbon.diagnostic._arguments import Seed, regression_of, spatial_of
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, DataError, WeightsError
from digicarbon.model import PanelRegression, SpatialPanel
from digicarbon.model._groups import groups_of
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._panel_restrictions import joint_null
from digicarbon.model.base import Level
from digicarbon.note import Note
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS
from digicarbon.numeric.linear.random_effects import KINDS
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb
from digicarbon.numeric.resampling.null_model import orthonormal
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.step_down import adjusted
from digicarbon.numeric.significance import is_significant
from digicarbon.packs.left_dependence.numeric.dependence import Dependence, Pairs, count, dependence_left
from digicarbon.panel import Panel
from digicarbon.weights import Weights

TESTS = {
    "within regions": Note("pairs_within"),
    "between regions": Note("pairs_between"),
    "neighbours by W": Note("pairs_neighbours"),
    "second neighbours": Note("pairs_second"),
}
"""The tests in the order of tables, and in words."""
Draws = Annotated[int, Field(ge=99, le=100_000)]
"""With fewer draws no p of four tests is below .05 after Holm's adjustment."""


class LeftDependence(OfModel):
    """Tests of whether residuals of different units still move together, after a model and its filter.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``: a regression, filtered by the weights of the run as the wild bootstrap filters
        it, or a spatial model.
    by : str or None
        A column of regions, or a group that is known of a country's units; None takes the known country's grouping
        where all units have one.
    draws : int
        Draws of signs of units, or of the clusters that the model's errors have.
    seed : int
        Seed of the signs.
    level : float
        A test fails where Holm's p is at most one less this.

    Notes
    -----
    See `digicarbon.packs.left_dependence.numeric.dependence.dependence_left`. With period effects what pairs between
    regions have is what pairs within them lack, and there is one test of both. Neighbours of W are tested where W is
    not already what the residuals are filtered by.
    """

    references: ClassVar[tuple[str, ...]] = ("juodis2022", "pesaran2021")
    table_names: ClassVar[tuple[str, ...]] = ("left_dependence",)
    takes_weights: ClassVar[bool] = True

    by: str | None = None
    draws: Draws = 499
    seed: Seed = 1
    level: Level = 0.95

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns, and that of regions as dummies unless a country knows them."""
        by = self.by
        return (*self.model.terms, *(() if by is None or by in country().groups else (f"C({by})",)))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if there are no such tests for the model, or nothing to test by."""
        model = self._subject()
        model.check(panel, weights if model.uses_weights else None)
        self._patterns(panel.with_terms(model.terms), weights, model, filtered=False)

    def _subject(self) -> PanelRegression | SpatialPanel:
        model = regression_of(self.model) or spatial_of(self.model)
        if model is None or model.effects in KINDS or getattr(model, "estimator", "within") not in ("within", "lsdv"):
            raise ConfigError(Note("left_of_other_model", key="diagnostic", model=type(self.model).__name__))
        return model

    def _patterns(
        self, panel: Panel, weights: Weights | None, model: PanelRegression | SpatialPanel, filtered: bool
    ) -> dict[str, Pairs]:
        """Return which pairs of units are tested, by the name of the test."""
        found: dict[str, Pairs] = {}
        by_period = model.fixed in ("time", "two_way")
        clusters, regions = _codes(model.levels_of_signs(panel)), self._regions(panel)
        every = np.zeros_like(clusters)
        if regions is not None:
            both = np.unique(np.stack([regions, clusters]), axis=1, return_inverse=True)[1].ravel()
            found["within regions"] = ((1, regions), (-1, both))
            if not by_period:
                found["between regions"] = ((1, every), (-1, regions), (-1, clusters), (1, both))
        if weights is not None and set(weights.labels) == set(panel.units):
            matrix = weights.align(panel).matrix
            links = matrix.maximum(matrix.T).sign()
            paths = (links @ links).sign()
            own = {"second neighbours": _of_other_clusters(paths - paths.multiply(links), clusters)}
            if not filtered:
                own["neighbours by W"] = _of_other_clusters(links, clusters)
            whole = count(((1, every), (-1, clusters)))
            # effects of periods fix the sum over all pairs
            found |= {name: one for name, one in own.items() if not by_period or count(one) < whole}
        found = {name: found[name] for name in TESTS if name in found and count(found[name]) > 0}
        if not found:
            raise WeightsError(Note("left_without_patterns", key="diagnostic.by"))
        return found

    def _regions(self, panel: Panel) -> IntArray | None:
        if self.by is not None:
            return groups_of(panel, self.by).units
        home = country()
        if not home.groups or home.strangers(panel.units):
            return None
        try:
            return groups_of(panel, home.grouping).units
        except DataError:
            # all units of one region
            return None

    def tests(self, panel: Panel, weights: Weights | None = None) -> dict[str, Dependence]:
        """Return the test of each pattern of pairs by its name.

        Raises
        ------
        ConfigError, DataError, EstimationError, WeightsError
        """
        model = self._subject()
        made = panel.with_terms(model.terms)
        regression, spatial = regression_of(self.model), spatial_of(self.model)
        if regression is not None:
            residuals, rows, remove, filtered = _of_regression(regression, made, weights)
        else:
            assert spatial is not None
            residuals, rows, remove, filtered = _of_spatial(spatial, made, weights)
        patterns = self._patterns(made, weights, model, filtered)
        signs = signs_of(model.levels_of_signs(made), self.draws, self.seed, every=False)
        return dict(
            zip(patterns, dependence_left(residuals, rows, remove, list(patterns.values()), signs), strict=True)
        )

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``left_dependence``: a row for each pattern of pairs.

        Columns: statistic (Moran's I of that pattern), expected (of independent units), z, p of the draws, and p_holm.

        Raises
        ------
        ConfigError, DataError, EstimationError, WeightsError
        """
        tests = self.tests(panel, weights)
        numbers = [(one.statistic, one.expected, one.z, one.p) for one in tests.values()]
        index = pd.Index(list(tests), name="pairs of units")
        table = pd.DataFrame(numbers, index, ["statistic", "expected", "z", "p"])
        return {"left_dependence": table.assign(p_holm=adjusted(table["p"].to_numpy(dtype=np.float64), "holm"))}

    def statistics(self, tables: Mapping[str, pd.DataFrame]) -> Mapping[str, float]:
        """Return the smallest p of Holm."""
        return {"dependence_left": float(tables["left_dependence"]["p_holm"].min())}

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return whether residuals are dependent, by which pairs, and what would mend it."""
        table, alpha = tables["left_dependence"], 1 - self.level
        smallest = float(table["p_holm"].min())
        failed = [str(name) for name, p in table["p_holm"].items() if is_significant(float(p), alpha)]
        if not failed:
            return (Note("left_nothing", level=alpha, p=smallest, pairs=in_words(table.index)),)
        return (Note("left_something", level=alpha, p=smallest, pairs=in_words(failed), mend=self.mends(failed)),)

    def mends(self, failed: Collection[str]) -> tuple[Note, ...]:
        """Return what may mend the tests that failed, of what the model takes and does not have."""
        home, model, linear = country(), self._subject(), regression_of(self.model) is not None
        by = self.by or home.grouping
        notes = []
        if "within regions" in failed:
            enough = self.by is not None or len(home.groups[by]) >= FEWEST_CLUSTERS
            if enough and by not in model.own_clusters and _takes(model, cov="cluster", cluster=by):
                notes.append(Note("mend_clusters", by=by, fewest=FEWEST_CLUSTERS))
            notes.append(Note("mend_effects" if linear else "mend_effects_of_regression", by=by))
        if "between regions" in failed:
            notes.append(Note("mend_periods"))
        if not {"neighbours by W", "second neighbours"}.isdisjoint(failed):
            notes.append(Note("mend_reach"))
        by_errors = {"cov": "driscoll_kraay", "test": "errors"}
        wanted = linear and set(failed) != {"within regions"} and model.test != "randomisation"
        if wanted and model.cov != "driscoll_kraay" and _takes(model, **by_errors):
            notes.append(Note("mend_errors"))
        return tuple(notes)


def _takes(model: PanelRegression | SpatialPanel, **fields: object) -> bool:
    """Return whether a model can have other values of some fields, beside those of the others that were chosen."""
    try:
        type(model)(**{**model.model_dump(exclude_unset=True), **fields})
    except (ConfigError, ValueError):
        return False
    return True


_Residuals = tuple[FloatArray, Rows, Removes, bool]
"""Structural residuals, their rows, what removes effects and regressors from columns, and whether W filters them."""


def _of_regression(model: PanelRegression, panel: Panel, weights: Weights | None) -> _Residuals:
    null = joint_null(model, panel, np.empty((0, 0)), (), weights)
    return null.residuals, null.rows, _remover(null.basis, null.rows, model.fixed), bool(null.filters)


def _of_spatial(model: SpatialPanel, panel: Panel, weights: Weights | None) -> _Residuals:
    rows, effects = rows_of(panel), model.fixed
    found = model.by_errors.fit(panel, weights).residuals
    if found is None or weights is None:
        raise WeightsError(Note("left_without_patterns", key="diagnostic.by"))
    columns = panel.array(panel.expanded(model.regressors, among=model.terms))
    lagged = weights.align(panel).matrix @ columns.reshape(rows.n, -1)
    columns = np.column_stack([columns, lagged.reshape(columns.shape), np.ones(len(columns))])
    basis = orthonormal(absorb(columns if effects == "none" else columns[:, :-1], rows, effects))
    return found.T.ravel(), rows, _remover(basis, rows, effects), True


def _remover(basis: FloatArray, rows: Rows, effects: EffectsKind) -> Removes:
    def remove(columns: FloatArray) -> FloatArray:
        within = absorb(columns, rows, effects)
        return np.asarray(within - basis @ (basis.T @ within))

    return remove


def in_words(tests: Iterable[str]) -> tuple[Note, ...]:
    """Return the names of tests as sentences have them."""
    return tuple(TESTS[name] for name in tests)


def _codes(levels: Sequence[str]) -> IntArray:
    return np.asarray(np.unique(levels, return_inverse=True)[1].ravel(), dtype=np.int64)


def _of_other_clusters(links: scipy.sparse.csr_array, clusters: IntArray) -> scipy.sparse.csr_array:
    """Return links without those between units of one cluster, such as a unit's own."""
    pairs = links.tocoo()
    apart = clusters[pairs.row] != clusters[pairs.col]
    return scipy.sparse.csr_array((pairs.data[apart], (pairs.row[apart], pairs.col[apart])), shape=links.shape)
