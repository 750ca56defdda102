"""p values of the wild bootstrap beside plain loops that share nothing with it but the signs and single fits."""

from __future__ import annotations

from itertools import product

import classic as dc
import numpy as np
import pandas as pd
import pytest
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.model import Model
from digicarbon.numeric.resampling.signs import signs_of

pytestmark = pytest.mark.long

N, T, DRAWS = 16, 5, 99
LABELS = [f"u{unit:02d}" for unit in range(N)]
RING = (np.roll(np.eye(N), 1, axis=1) + np.roll(np.eye(N), -1, axis=1)) / 2
W = dc.Weights.from_matrix(RING, LABELS)
FIELDS = {"y": "y", "x": ("a",), "controls": ("b",), "cov": "cluster"}
WILD = {"test": "wild", "draws": DRAWS, "signs": "units", "seed": 3, "intervals": False}
EFFECTS = ("direct", "indirect", "total")


def frame(n: int = N, seed: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([LABELS[:n], range(2011, 2011 + T)], names=["unit", "year"])
    out = pd.DataFrame(rng.normal(size=(n * T, 3)), index=index, columns=["y", "a", "b"])
    scale = np.repeat(np.exp(rng.normal(scale=0.5, size=n)), T)
    out["y"] = 0.25 * out["a"] + 0.4 * out["b"] + scale * out["y"]
    if n == N:
        out["y"] = np.linalg.solve(np.eye(n) - 0.3 * RING, out["y"].to_numpy().reshape(n, T)).ravel()
    return out.reset_index()


def panel_of(data: pd.DataFrame) -> dc.Panel:
    return dc.Panel.from_frame(data, unit="unit", time="year")


def within(values: FloatArray) -> FloatArray:
    """Return values, units in rows, less unit and period means."""
    return np.asarray(values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean())


def ols(columns: list[FloatArray], y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what is left of y and an orthonormal basis of the columns, all with units in rows and demeaned."""
    z = np.column_stack([within(column).ravel() for column in columns])
    basis = scipy.linalg.orth(z)
    demeaned = within(y).ravel()
    return (demeaned - basis @ (basis.T @ demeaned)).reshape(y.shape), basis


def corrected(residuals: FloatArray, basis: FloatArray) -> FloatArray:
    """Return residuals of each unit times the inverse square root of what is left of theirs."""
    n, periods = residuals.shape
    out = np.empty_like(residuals)
    for unit in range(n):
        own = basis[unit * periods : (unit + 1) * periods]
        rest = np.eye(periods) - own @ own.T - np.eye(periods) / n
        values, vectors = np.linalg.eigh(rest)
        assert values.min() > 1e-4 or np.isclose(values.min(), 0, atol=1e-8)
        root = sum(
            np.outer(vector, vector) / np.sqrt(value)
            for value, vector in zip(values, vectors.T, strict=True)
            if value > 1e-8
        )
        out[unit] = root @ residuals[unit]
    return out


def null_of(kind: str, y: FloatArray, b: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return the spatial parameter of Lee and Yu's likelihood without a, residuals and a basis of the regressors."""

    def at(spatial: float) -> tuple[FloatArray, FloatArray]:
        s = np.eye(N) - spatial * RING
        return ols([s @ b], s @ y) if kind == "sem" else ols([b, RING @ b], s @ y)

    def minus(spatial: float) -> float:
        size, ssr = (N - 1) * (T - 1), (at(spatial)[0] ** 2).sum()
        determinant = np.linalg.slogdet(np.eye(N) - spatial * RING)[1] - np.log(1 - spatial)
        return float(size / 2 * np.log(ssr) - (T - 1) * determinant)

    best = scipy.optimize.minimize_scalar(minus, bounds=(-0.95, 0.95), method="bounded", options={"xatol": 1e-10})
    return float(best.x), *at(float(best.x))


def statistics(result: dc.Result) -> dict[str, float]:
    if len(result.effects):
        rows = {effect: result.effects.loc[(effect, "a")] for effect in EFFECTS}
    else:
        rows = {"coefficient": result.estimates.loc["a"]}
    return {name: abs(row["coef"] / row["se"]) for name, row in rows.items() if row["se"] > 0}


def p_values(result: dc.Result) -> dict[str, float]:
    if len(result.effects):
        return {effect: float(result.effects.loc[(effect, "a"), "p"]) for effect in EFFECTS}
    return {"coefficient": float(result.estimates.loc["a", "p"])}


def counted(model: Model, data: pd.DataFrame, draws: list[FloatArray], weights: dc.Weights | None) -> dict[str, float]:
    """Return p values from single fits to each draw."""
    observed = statistics(model.fit(panel_of(data), weights))
    extreme = dict.fromkeys(observed, 1)
    for y in draws:
        fitted = model.fit(panel_of(data.assign(y=y.ravel())), weights)
        drawn = statistics(fitted) if not fitted.end else {}
        for name, value in observed.items():
            extreme[name] += not drawn.get(name, np.inf) < value * (1 - 1e-9)
    return {name: count / (1 + len(draws)) for name, count in extreme.items()}


MODELS = {kind: dc.SpatialPanel(kind=kind, **FIELDS) for kind in ("sar", "sdm", "sem")} | {
    "linear": dc.PanelRegression(effects="two_way", **FIELDS)
}


@pytest.mark.parametrize("kind", list(MODELS))
def test_p_values_are_those_of_a_plain_loop(kind: str) -> None:
    data, model = frame(), MODELS[kind]
    y, b = (data[name].to_numpy().reshape(N, T) for name in ("y", "b"))
    spatial, residuals, basis = null_of(kind, y, b)
    changed, inverse = corrected(residuals, basis), np.linalg.inv(np.eye(N) - spatial * RING)
    draws = [y + inverse @ (signs[:, None] * changed - residuals) for signs in signs_of(LABELS, DRAWS, 3, "rademacher")]
    expected = counted(model, data, draws, W)
    found = p_values(type(model)(**model.model_dump(exclude={"formula"}) | WILD).fit(panel_of(data), W))
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    # effects of a lag model are multiples of one coefficient, those of the Durbin model are not
    assert len(set(expected.values())) > 1 or kind != "sdm"


def test_all_signs_of_few_units_are_counted() -> None:
    data = frame(8)
    y, b = (data[name].to_numpy().reshape(8, T) for name in ("y", "b"))
    residuals, basis = ols([b], y)
    changed = corrected(residuals, basis)
    every = [np.array(signs)[:, None] for signs in product((1.0, -1.0), repeat=8)]
    draws = [y + signs * changed - residuals for signs in every if (signs < 0).any()]
    expected = counted(MODELS["linear"], data, draws, None)
    model = dc.PanelRegression(effects="two_way", **FIELDS, test="wild", draws=999, intervals=False)
    found = p_values(model.fit(panel_of(data)))
    assert found == pytest.approx(expected, abs=1e-12)
    assert expected["coefficient"] * 256 == pytest.approx(round(expected["coefficient"] * 256))


@pytest.mark.parametrize("kind", list(MODELS))
def test_order_and_blocks_do_not_matter(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, model = frame(), MODELS[kind]
    wild = type(model)(**model.model_dump(exclude={"formula"}) | WILD | {"intervals": True})
    once = wild.fit(panel_of(data), W)
    order = np.random.default_rng(1).permutation(N)
    turned = dc.Weights.from_matrix(RING[order][:, order], [LABELS[place] for place in order])
    again = wild.fit(panel_of(data.sample(frac=1, random_state=2)), turned)
    monkeypatch.setattr("digicarbon.model.wild.CELLS", 1)
    monkeypatch.setattr("digicarbon.model.wild.MOST_BASIS", 0)
    blocks = wild.fit(panel_of(data), W)
    for other in (again, blocks):
        assert p_values(other) == pytest.approx(p_values(once), abs=1e-12, nan_ok=True)
        for table in ("estimates", "effects"):
            one, two = (getattr(result, table) for result in (once, other))
            if len(one):
                np.testing.assert_allclose(two[["low", "high"]], one[["low", "high"]], rtol=1e-6, atol=1e-8)


def test_signs_of_a_unit_do_not_depend_on_the_others() -> None:
    few, more = (signs_of(labels, 50, 3, "rademacher") for labels in (LABELS[:14], ["z", *reversed(LABELS)]))
    for unit, label in enumerate(LABELS[:14]):
        np.testing.assert_array_equal(few[:, unit], more[:, 1 + list(reversed(LABELS)).index(label)])


@pytest.mark.parametrize("kind", list(MODELS))
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_intervals_never_contradict_p(kind: str, level: float) -> None:
    model = MODELS[kind]
    for seed in range(4):
        fields = model.model_dump(exclude={"formula"}) | WILD | {"intervals": True, "level": level}
        result = type(model)(**fields).fit(panel_of(frame(seed=seed)), W)
        tables = [result.estimates.loc[["a"]], *([result.effects.xs("a", level=1)] if len(result.effects) else [])]
        rows = pd.concat([table[["p", "low", "high"]] for table in tables]).dropna()
        assert len(rows)
        for p, low, high in rows.to_numpy():
            assert (low <= 0 <= high) == (p > 1 - level + 1e-12)
