"""Every spatial model on panels that are as small as panels get: a number, or a sentence of why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.arrays import FloatArray
from digicarbon.errors import DigicarbonError
from digicarbon.model.base import Model
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.robust import error_moments, least_fourth
from digicarbon.result import Result

SEEDS = range(35)
"""Five shapes of W and three kinds of effects; each has some units and periods."""
EFFECTS = ("two_way", "unit", "time")


def ring(n: int) -> FloatArray:
    """Return neighbours on a circle."""
    return np.asarray(np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1))


def nearest(n: int, rng: np.random.Generator) -> FloatArray:
    """Return the three nearest of random points."""
    places = rng.random((n, 2))
    distance = ((places[:, None] - places) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    w = np.zeros((n, n))
    np.put_along_axis(w, np.argsort(distance, axis=1)[:, : min(3, n - 1)], 1.0, axis=1)
    return w


def star(n: int) -> FloatArray:
    """Return one unit that is everybody's only neighbour."""
    w = np.zeros((n, n))
    w[0, 1:] = w[1:, 0] = 1.0
    return w


def small(seed: int) -> tuple[dc.Panel, dc.Panel, dc.Weights, Any]:
    """Return a panel, the same with two gaps, weights and effects."""
    rng = np.random.default_rng(seed)
    n, t = int(rng.integers(3, 9)), int(rng.integers(3, 7))
    n += seed % 5 == 3 and n % 2
    shapes = (
        ring(n),
        nearest(n, rng),
        np.ones((n, n)) - np.eye(n),
        np.kron(np.eye((n + 1) // 2), 1 - np.eye(2))[:n, :n],
        star(n),
    )
    w = shapes[seed % 5] / shapes[seed % 5].sum(axis=1, keepdims=True)
    level, y, rows = rng.normal(size=n), np.zeros(n), []
    units = [f"u{unit}" for unit in range(n)]
    for year in range(-20, t):
        x, c = rng.normal(size=(2, n))
        right = 0.4 * y - 0.1 * w @ y + x + 0.5 * w @ x + 0.5 * c + level + rng.normal(size=n)
        y = np.linalg.solve(np.eye(n) - 0.3 * w, right)
        rows += [(unit, year, *own) for unit, own in zip(units, zip(y, x, c, strict=True), strict=True) if year >= 0]
    frame = pd.DataFrame(rows, columns=["unit", "year", "y", "x", "c"])
    gaps = frame.drop(index=rng.choice(len(frame), 2, replace=False))
    whole = dc.Panel.from_frame(frame, "unit", "year")
    return (
        whole,
        dc.Panel.from_frame(gaps, "unit", "year", gaps="keep"),
        dc.Weights.from_matrix(w, units),
        EFFECTS[int(rng.integers(3))],
    )


def models(effects: Any) -> Iterator[tuple[str, Model]]:
    """Yield every spatial model; names of those that take a panel with gaps begin with ``gaps``."""
    own: Mapping[str, Any] = {"y": "y", "x": ["x"], "controls": ["c"], "effects": effects, "test": "errors"}
    plain = {**own, "effects": "none"}
    random = {**own, "effects": "random"}
    for kind in ("slx", "sar", "sem", "sdm", "sdem", "sac"):
        yield f"static {kind}", dc.SpatialPanel(**own, kind=kind)
    for cov in ("observed", "robust", "cluster"):
        yield f"static sdm {cov}", dc.SpatialPanel(**own, kind="sdm", cov=cov)
        yield f"static sac {cov}", dc.SpatialPanel(**own, kind="sac", cov=cov)
    for correction in ("none", "bias_corrected"):
        yield f"static sar {correction}", dc.SpatialPanel(**own, kind="sar", bias_correction=correction)
    yield "static sdm without effects", dc.SpatialPanel(**plain, kind="sdm")
    for kind in ("sar", "sem"):
        yield f"random {kind}", dc.SpatialPanel(**random, kind=kind)
    yield "random kkp", dc.SpatialPanel(**random, kind="sem", error_structure="kkp")
    for kind in ("slx", "sar", "sem", "sdm"):
        yield f"periods {kind}", dc.UnbalancedSpatialPanel(**own, kind=kind)
        yield f"gaps {kind}", dc.UnbalancedSpatialPanel(**own, kind=kind)
    yield "gaps sdm cluster", dc.UnbalancedSpatialPanel(**own, kind="sdm", cov="cluster")
    yield "gaps sdm uncorrected", dc.UnbalancedSpatialPanel(**own, kind="sdm", bias_correction="none")
    for correction in ("score", "lee_yu", "none"):
        yield f"dynamic {correction}", dc.DynamicSpatialPanel(**own, bias_correction=correction)
        yield f"dynamic sar {correction}", dc.DynamicSpatialPanel(**own, kind="sar", bias_correction=correction)
    yield "dynamic robust", dc.DynamicSpatialPanel(**own, cov="robust")
    yield "dynamic in time", dc.DynamicSpatialPanel(**own, space_time_lag=False)
    for kind in ("sar", "sdm", "sem", "sdem", "sarar", "gns"):
        yield f"iv {kind}", dc.SpatialIV(**own, kind=kind)
    yield "iv sar gmm", dc.SpatialIV(**own, estimator="gmm", cov="robust")
    yield "iv sarar robust", dc.SpatialIV(**own, kind="sarar", cov="robust")
    yield "iv sdm cluster", dc.SpatialIV(**own, kind="sdm", cov="cluster")
    yield "iv sarar without effects", dc.SpatialIV(**plain, kind="sarar")
    yield "iv random", dc.SpatialIV(**random, kind="sem")
    for method in ("double", "forward"):
        yield f"filter {method}", dc.SpatialFilter(**own, method=method)


def faults(result: Result) -> list[str]:
    """Return what of a result is no number."""
    estimates, known = result.estimates, [note.code for note in result.notes]
    out = [f"coefficient of {term}" for term in estimates.index[~np.isfinite(estimates["coef"])]]
    for term in estimates.index[~np.isfinite(estimates["se"])]:
        # a parameter at an end of its range has none, and a note says so
        if not (result.boundary and any(code.startswith("at_boundary") for code in known)):
            out.append(f"standard error of {term}")
    # a coefficient that is not estimated at all has a standard error of zero
    out += [f"standard error of {term} is zero" for term in estimates.index[estimates["se"] <= 0]]
    if result.spatial_effects is not None:
        out += ["effects"] * (not np.isfinite(result.spatial_effects.coef).all())
        out += ["standard errors of effects"] * (not np.isfinite(result.spatial_effects.se).all())
    if "sigma2" in result.statistics and not result.statistics["sigma2"] > 0:
        out.append("variance of the errors")
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_a_number_or_a_sentence(seed: int) -> None:
    """Any other exception ends the test; warnings are errors here, so that nothing is divided by zero in silence."""
    whole, gaps, weights, effects = small(seed)
    wrong, sentences = [], []
    for name, model in models(effects):
        try:
            result = model.fit(gaps if name.startswith("gaps") else whole, weights)
        except DigicarbonError as error:
            sentences.append(str(error))
            continue
        wrong += [f"{name}: {fault}" for fault in faults(result)]
    assert wrong == []
    assert all(sentence.endswith(".") for sentence in sentences)


def test_most_small_panels_have_numbers() -> None:
    """A refusal must not become the usual answer."""
    fitted = refused = 0
    for seed in SEEDS[::5]:
        whole, _, weights, _ = small(seed)
        for model in (dc.SpatialPanel(y="y", x=["x"], kind=kind, effects="unit") for kind in ("sar", "sem", "sdm")):
            try:
                model.fit(whole, weights)
            except DigicarbonError:
                refused += 1
            else:
                fitted += 1
    assert fitted > 4 * refused


def test_moments_of_errors_are_those_of_a_distribution() -> None:
    """A fourth moment is at least σ⁴ + μ₃²/σ², with equality for errors of two values."""
    two = np.where(np.arange(60).reshape(20, 3) % 4 == 0, 3.0, -1.0)
    sample = Sample(3, 20, "none", "none")
    third, fourth = error_moments(two, 3.0, sample)
    assert (third, fourth) == pytest.approx((6.0, 21.0))
    assert float(least_fourth(np.array(3.0), np.array(third))) == pytest.approx(fourth)
    # a variance that is too large for the residuals, as after a correction of few degrees of freedom
    assert error_moments(two, 6.0, sample)[1] == pytest.approx(36.0 + 6.0**2 / 6.0)


def test_two_periods_have_no_third_moment() -> None:
    residuals = np.random.default_rng(1).normal(size=(1, 9)) * np.array([[1.0], [-1.0]])
    assert error_moments(residuals, 1.0, Sample(9, 2, "unit", "lee_yu"))[0] == 0.0
