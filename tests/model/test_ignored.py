"""What a kind of model ignores: its values change no number, and no sentence, of a fit."""

from __future__ import annotations

import importlib
import itertools
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from cases import listed
from classic import PanelRegression

from digicarbon.model import Model, ignored_by
from digicarbon.tracking._results import encode

UNITS, PERIODS = 12, 9
OTHERS: dict[str, tuple[Any, ...]] = {
    "durbin": ("all", "x", ("q",)),
    "bias_correction": ("lee_yu", "none", "bias_corrected"),
    "demeaning": ("exact", "first"),
    "error_structure": ("baltagi", "kkp"),
    "effects_draws": (100, 200),
    "threshold_draws": (0, 99),
    "bootstrap_draws": (100, 200),
    "seed": (1, 2),
    "variance": ("swamy_arora", "wallace_hussain", "nerlove"),
    "cluster": ("unit", "time", "both"),
    "bandwidth": (None, 1, 3),
    "kernel": ("uniform", "weights"),
    "small_sample": ("stata", "none", "full"),
    "df": ("auto", "residual"),
    "cov": ("classic", "robust"),
    "windmeijer": (True, False),
    "draws": (99, 999),
    "weights": ("rademacher", "webb"),
    "signs": ("patterns", "units"),
    "intervals": (True, False),
    "exogenous_equation": ("both", "transformed"),
    "predetermined_lags": ((1, None), (1, 2)),
    "endogenous_lags": ((2, None), (2, 3)),
}
SPATIAL = [
    dc.SpatialPanel(y="y", x=("x",), controls=("q",), kind=kind, effects=effects, effects_se=se)
    for kind, effects, se in itertools.product(
        ("slx", "sar", "sem", "sdm", "sdem", "sac"), ("none", "unit", "two_way", "random"), ("delta", "simulation")
    )
    if effects != "random" or kind not in ("sac", "slx")
]
LINEAR = [
    dc.PanelRegression(y="y", x=("x",), controls=("q",), effects=effects, cov=cov)
    for effects in ("none", "two_way", "random", "random_two_way")
    for cov in ("classic", "robust", "cluster", "driscoll_kraay", "newey_west", "beck_katz", "conley")
] + [dc.PanelRegression(y="y", x=("x",), controls=("q",), effects="unit", estimator="between", cov="robust")]
INSTRUMENTS = [
    dc.PanelIV(y="y", x=("x",), controls=("q",), instruments=("z",), cov=cov)
    for cov in ("classic", "robust", "cluster")
]


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    rng = np.random.default_rng(3)
    z, q = rng.normal(size=(2, UNITS * PERIODS))
    error = rng.normal(size=UNITS * PERIODS)
    x = z + 0.5 * error + rng.normal(size=UNITS * PERIODS)
    frame = pd.DataFrame(
        {
            "u": np.repeat([f"u{i:02}" for i in range(UNITS)], PERIODS),
            "t": np.tile(np.arange(PERIODS), UNITS),
            "x": x,
            "q": q,
            "z": z,
            "y": 0.5 * x - 0.3 * q + error + np.repeat(rng.normal(size=UNITS), PERIODS),
        }
    )
    return dc.Panel.from_frame(frame, unit="u", time="t")


@pytest.fixture(scope="module")
def weights(panel: dc.Panel) -> dc.Weights:
    links = np.exp(-np.abs(np.subtract.outer(np.arange(UNITS), np.arange(UNITS))).astype(float))
    np.fill_diagonal(links, 0)
    return dc.Weights.from_matrix(links / links.sum(axis=1, keepdims=True), panel.units)


@pytest.mark.long
def test_what_a_model_ignores_changes_nothing_of_its_fit(panel: dc.Panel, weights: dc.Weights) -> None:
    compared = 0
    for model in (*SPATIAL, *LINEAR, *listed("MAY_IGNORE"), *INSTRUMENTS):
        w = weights if model.uses_weights else None
        usual = model.fit(panel, w)
        for name in ignored_by(model):
            for value in (value for value in OTHERS[name] if value != getattr(model, name)):
                found = model.model_copy(update={name: value}).fit(panel, w)
                if name == "demeaning":
                    # the same sums in another order
                    assert found.notes == usual.notes
                    np.testing.assert_allclose(found.coef, usual.coef, rtol=1e-10)
                    np.testing.assert_allclose(found.covariance, usual.covariance, rtol=1e-8, atol=1e-14)
                else:
                    assert encode(found) == encode(usual), (model, name, value)
                compared += 1
    assert compared > 200


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (dc.SpatialPanel(y="y", x=("x",), controls=("q",), kind="slx"), "durbin", "x"),
        (dc.SpatialPanel(y="y", x=("x",), controls=("q",), kind="slx"), "bias_correction", "none"),
        (dc.SpatialPanel(y="y", x=("x",), kind="sem", effects="random"), "error_structure", "kkp"),
        (dc.SpatialPanel(y="y", x=("x",), kind="sar", effects_se="simulation"), "seed", 2),
        (dc.PanelRegression(y="y", x=("x",), cov="cluster"), "cluster", "time"),
        (dc.PanelRegression(y="y", x=("x",), cov="newey_west"), "bandwidth", 3),
        (dc.PanelRegression(y="y", x=("x",), effects="random"), "variance", "nerlove"),
        (dc.PanelIV(y="y", x=("x",), instruments=("z",), cov="robust"), "small_sample", "none"),
        *listed("NOT_IGNORED"),
    ],
)
def test_what_matters_is_not_ignored(panel: dc.Panel, weights: dc.Weights, model: Model, name: str, value: Any) -> None:
    assert name not in ignored_by(model)
    w = weights if model.uses_weights else None
    assert encode(model.model_copy(update={name: value}).fit(panel, w)) != encode(model.fit(panel, w))


class Mine(PanelRegression):
    """A class from elsewhere, which may read whatever it likes."""


class Told(Mine):
    """One that says itself what it ignores."""

    @property
    def ignored(self) -> frozenset[str]:
        return frozenset({"variance"})


def test_a_class_from_elsewhere_ignores_nothing_until_it_says_so() -> None:
    assert importlib.import_module(Mine.__module__).__name__.partition(".")[0] != "digicarbon"
    assert "variance" in ignored_by(PanelRegression(y="y", x=("x",)))
    assert ignored_by(Mine(y="y", x=("x",))) == frozenset()
    assert ignored_by(Told(y="y", x=("x",))) == {"variance"}
    assert "cluster" in ignored_by(dc.GroupedRegression(y="y", x=("x",)))
