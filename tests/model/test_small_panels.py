"""Every spatial model on panels that are as small as panels get: a number, or a sentence of why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from cases import of_packs
from tiny_panels import pairs, tiny

from digicarbon.arrays import FloatArray
from digicarbon.errors import DigicarbonError, EstimationError
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
    for of_pack in of_packs("small_models"):
        yield from of_pack(effects)


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


KINDS = ("sar", "sem", "sdm", "sac")
INSTRUMENTS: Mapping[str, Any] = {"endogenous": ["x"], "instruments": ["q"]}


def cycle(n: int) -> FloatArray:
    """Return one neighbour each, around a circle."""
    return np.asarray(np.roll(np.eye(n), 1, axis=1))


def tiny_models() -> Iterator[tuple[str, Model]]:
    """Yield models with every correction, random effects, and instruments, with or without spatial lags."""
    own: Mapping[str, Any] = {"y": "y", "x": ["x"], "controls": ["c"]}
    for kind in KINDS:
        for effects in EFFECTS:
            for correction in ("lee_yu", "none", "bias_corrected") if kind != "sac" else ("lee_yu", "none"):
                name = f"{kind} {effects} {correction}"
                yield name, dc.SpatialPanel(**own, kind=kind, effects=effects, bias_correction=correction)
        if kind != "sac":
            yield f"{kind} random", dc.SpatialPanel(**own, kind=kind, effects="random")
    for effects in (*EFFECTS, "none"):
        yield f"2sls {effects}", dc.PanelIV(**own, **INSTRUMENTS, effects=effects)
        lagged = {**INSTRUMENTS, "instruments": ["q", "L.q"]}
        yield f"liml {effects}", dc.PanelIV(**own, **lagged, effects=effects, method="liml")
    for of_pack in of_packs("tiny_models"):
        yield from of_pack()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("shape", [cycle(4), cycle(5), star(4), star(6), pairs(4), pairs(9), 1 - np.eye(3), ring(5)])
@pytest.mark.parametrize("periods", [2, 3])
def test_the_smallest_panels(shape: FloatArray, periods: int) -> None:
    """No exception without a sentence, no variance of zero, and no standard error that is only rounding."""
    panel, weights = tiny(shape, periods, len(shape) + periods)
    wrong, sentences = [], []
    for name, model in tiny_models():
        try:
            result = model.fit(panel, weights)
        except DigicarbonError as error:
            sentences.append(str(error))
            continue
        errors = result.estimates["se"].to_numpy()
        wrong += [f"{name}: {fault}" for fault in faults(result)]
        wrong += [f"{name}: an error of {error:.1e}" for error in errors[errors > 1e6]]
        wrong += [f"{name}: errors of zero"] * (result.statistics.get("sigma2", 1.0) < 1e-20)
    assert wrong == []
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("correction", ["lee_yu", "none", "bias_corrected"])
@pytest.mark.parametrize(("units", "regressors"), [(4, 2), (10, 5)])
def test_a_saturated_panel_is_refused_with_every_correction(correction: Any, units: int, regressors: int) -> None:
    """Of N·T rows, N are those of the effects: as many regressors and lags as are left explain them exactly."""
    rng, names = np.random.default_rng(1), [f"x{place}" for place in range(regressors)]
    index = pd.MultiIndex.from_product([(1, 2), [f"u{unit}" for unit in range(units)]], names=["year", "unit"])
    frame = pd.DataFrame(rng.normal(size=(2 * units, regressors + 1)), index=index, columns=["y", *names]).reset_index()
    weights = dc.Weights.from_matrix(ring(units), [f"u{unit}" for unit in range(units)])
    model = dc.SpatialPanel(y="y", x=names, kind="sdm", effects="unit", bias_correction=correction)
    with pytest.raises(EstimationError, match=f"^{units} .effective. observations cannot identify"):
        model.fit(dc.Panel.from_frame(frame, "unit", "year"), weights)


def test_a_lag_of_the_outcome_that_lags_of_regressors_say_exactly_is_refused() -> None:
    """Around one centre, lags of two periods without unit effects have two values: that of the centre and of others."""
    panel, weights = tiny(star(8), 2, 1)
    with pytest.raises(EstimationError, match=r"^W_y is collinear with W_x, W_c after unit effects"):
        dc.SpatialPanel(y="y", x=["x"], controls=["c"], kind="sdm", effects="unit").fit(panel, weights)


@pytest.mark.parametrize("kind", ["sem", "sac"])
def test_of_two_lambdas_with_one_likelihood_the_one_within_one_is_reported(kind: Any) -> None:
    """In a cycle λ and 1/λ have the same likelihood, and Lee and Yu's allows both."""
    n, t, far, singular = 5, 40, 0, []
    for seed in range(4):
        rng, w = np.random.default_rng(seed), cycle(n)
        x, c, e = rng.normal(size=(3, t, n))
        y = x + 0.5 * c + e @ np.linalg.inv(np.eye(n) - 0.4 * w).T
        index = pd.MultiIndex.from_product([range(t), [f"u{unit}" for unit in range(n)]], names=["year", "unit"])
        frame = pd.DataFrame({"y": y.ravel(), "x": x.ravel(), "c": c.ravel()}, index=index).reset_index()
        weights = dc.Weights.from_matrix(w, [f"u{unit}" for unit in range(n)])
        panel = dc.Panel.from_frame(frame, "unit", "year")
        model = dc.SpatialPanel(y="y", x=["x"], controls=["c"], kind=kind, effects="two_way")
        try:
            result = model.fit(panel, weights)
        except EstimationError as error:
            # where both are one, at 1, its information is zero
            singular.append(error.said.code)
            continue
        assert abs(result.statistics["lambda"]) <= 1
        twins = [note for note in result.notes if note.code == "lambda_twin"]
        far += len(twins)
        for note in twins:
            assert note["value"] == pytest.approx(1 / result.statistics["lambda"])
    assert far > 0
    assert set(singular) <= {"information_singular"}


def test_an_unforeseen_division_by_zero_is_a_sentence_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    panel, weights = tiny(ring(5), 3, 1)
    model = dc.SpatialPanel(y="y", x=["x"], kind="sar", effects="unit")

    def fails(*_: object) -> None:
        raise np.linalg.LinAlgError

    monkeypatch.setattr(type(model), "_statistics", fails)
    with pytest.raises(EstimationError, match="no solution in this panel of 5 units and 3 periods") as raised:
        model.fit(panel, weights)
    assert isinstance(raised.value.__cause__, np.linalg.LinAlgError)


@pytest.mark.long
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
