"""What the two-way coefficient of a staggered policy compares, and how it weighs effects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import pandas as pd

from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, DataError
from digicarbon.model._observation_weights import weighted_by
from digicarbon.note import Note
from digicarbon.packs.policies.diagnostic._policy import did_of, left_of_policy, paths, two_way
from digicarbon.packs.policies.model.did import DiD
from digicarbon.packs.policies.numeric.goodman_bacon import COMPARISONS, Comparison, Pair, effect_weights, goodman_bacon
from digicarbon.panel import Panel
from digicarbon.weights import Weights


class NegativeWeights(OfModel):
    """Weights of treated rows in the two-way coefficient (de Chaisemartin & D'Haultfoeuille 2020).

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run; the weights are those of its two-way regression with the
        same controls, whatever the estimator.
    """

    table_names: ClassVar[tuple[str, ...]] = ("negative_weights",)

    @property
    def notes(self) -> tuple[Note, ...]:
        """How the numbers are read, and what rows count by."""
        model = did_of(self.model)
        column = model.observation_weights
        return (*_left_out(model), Note("negative_weights"), *(() if column is None else (weighted_by(column),)))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the two-way regression cannot be fitted."""
        two_way(did_of(self.model)).check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``negative_weights``, indexed by policy."""
        return {"negative_weights": _weights_table(did_of(self.model), panel)}


def _left_out(model: DiD) -> tuple[Note, ...]:
    """Return the note that spillovers are not in the two-way regression, if the model has some."""
    return () if model.spillovers == "none" else (Note("two_way_without_spillovers"),)


def _weights_table(model: DiD, panel: Panel) -> pd.DataFrame:
    two_way(model).check(panel)
    policy, left, coefficient = left_of_policy(model, panel)
    result = effect_weights(left, policy, coefficient)
    treated = len(result.weights)
    row = {
        "coef": coefficient,
        "treated_rows": treated,
        "negative_rows": result.negative,
        "share_negative": result.negative / treated,
        "sum_negative": result.sum_negative,
        "heterogeneity": result.heterogeneity,
    }
    return pd.DataFrame(row, index=pd.Index([model.policy], name="term"))


class GoodmanBacon(OfModel):
    """The two-way coefficient as a mean of comparisons of two cohorts (Goodman-Bacon 2021), and negative weights.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run; the two-way regression on its policy without controls is
        decomposed, whatever the estimator.
    """

    references: ClassVar[tuple[str, ...]] = ("goodmanbacon2021",)

    table_names: ClassVar[tuple[str, ...]] = ("bacon", "bacon_pairs", "negative_weights")

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the decomposition leaves out, and how negative weights are read."""
        without = (Note("bacon_without_controls"),) if self.model.controls else ()
        return (*without, *_left_out(did_of(self.model)), Note("negative_weights"))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the coefficient cannot be decomposed."""
        _balanced(did_of(self.model), panel)
        two_way(did_of(self.model)).check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the tables of the decomposition.

        ``bacon`` has a row for each kind of comparison and the two-way coefficient last; ``bacon_pairs`` a row for each
        pair of cohorts, with the labels of their first treated periods (empty: never), the kind as in
        `digicarbon.packs.policies.numeric.goodman_bacon.Comparison`, the estimate and its weight.
        """
        model = did_of(self.model)
        made, policy = _balanced(model, panel)
        start = (policy == 0).sum(axis=1)
        found, coefficient = goodman_bacon(made.column(model.y).reshape(made.shape), start)
        labels = dict(enumerate(map(str, made.periods))) | {len(made.periods): ""}
        pairs = pd.DataFrame(
            [(labels[one.treated], labels[one.other], one.kind, one.estimate, one.weight) for one in found],
            columns=["treated", "comparison", "kind", "estimate", "weight"],
        )
        return {
            "bacon": _summary(found, coefficient),
            "bacon_pairs": pairs,
            "negative_weights": _weights_table(model, panel),
        }


def _balanced(model: DiD, panel: Panel) -> tuple[Panel, np.ndarray]:
    """Return the rows of the regression and each unit's policy; refuse what has no decomposition."""
    made = panel.with_terms(model.terms)
    if model.is_share(made):
        raise ConfigError(Note("bacon_of_share", policy=model.policy))
    if model.observation_weights is not None:
        raise ConfigError(Note("bacon_weighted", column=model.observation_weights))
    if model.absorbs:
        raise ConfigError(Note("bacon_absorbs"))
    if not made.balanced:
        units, periods = made.shape
        raise DataError(Note("bacon_unbalanced", rows=len(made.unit_codes), units=units, periods=periods))
    return paths(two_way(model), made)


def _summary(pairs: Sequence[Pair], coefficient: float) -> pd.DataFrame:
    names: dict[Comparison, Note] = {
        "never": Note("bacon_never"),
        "not_yet": Note("bacon_not_yet"),
        "already": Note("bacon_already"),
        "always": Note("bacon_always"),
    }
    rows: list[tuple[Note, int, float, float]] = []
    for kind in COMPARISONS:
        own = [one for one in pairs if one.kind == kind]
        weight = math.fsum(one.weight for one in own)
        if own:
            mean = math.fsum(one.weight * one.estimate for one in own) / weight
            rows.append((names[kind], len(own), weight, mean))
    total = math.fsum(one.weight for one in pairs)
    rows.append((Note("bacon_coefficient"), len(pairs), total, coefficient))
    frame = pd.DataFrame(rows, columns=["comparison", "pairs", "weight", "estimate"])
    return frame.set_index("comparison")
