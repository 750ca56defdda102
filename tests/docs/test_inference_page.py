"""docs/inference_long.md: its commands run, plain loops that share no code with ours get p values by its formulas."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import classic as dc
import numpy as np
import pandas as pd
import pytest
from benchmark import placebo_laws
from blocks import follow
from conftest import REPOSITORY
from numpy.typing import NDArray
from scipy import optimize

import digicarbon
from digicarbon.model import Model, tested
from digicarbon.packs.policies.model.did import Estimator

pytestmark = pytest.mark.long

Floats = NDArray[np.float64]
PAGE = REPOSITORY / "docs" / "inference_long.md"
UNITS, PERIODS, DRAWS, SEED = 24, 5, 499, 7
LABELS = tuple(f"unit {place:02d}" for place in range(UNITS))


def _weights() -> Floats:
    """Return neighbours on a ring with a few more links, rows that add up to one."""
    links = np.roll(np.eye(UNITS), 1, axis=1)
    links[[0, 3, 8, 15], [11, 17, 20, 2]] = 1.0
    links = np.maximum(links, links.T)
    return np.asarray(links / links.sum(axis=1, keepdims=True))


W = _weights()


def _panel(seed: int) -> dict[str, Floats]:
    """Return y, x and c, shape (units, periods): correlated over time and in space, unequal units."""
    rng = np.random.default_rng(seed)
    inverse = np.linalg.inv(np.eye(UNITS) - 0.5 * W)
    scale = np.exp(rng.normal(scale=0.5, size=UNITS))

    def path(size: Floats | float) -> Floats:
        shocks = rng.normal(size=(UNITS, PERIODS))
        for period in range(1, PERIODS):
            shocks[:, period] += 0.7 * shocks[:, period - 1]
        return np.asarray(inverse @ (shocks.T * size).T)

    x, c = path(scale), path(1.0)
    return {"x": x, "c": c, "y": 0.25 * x + 0.5 * c + path(scale)}


DATA = _panel(3)


def test_every_command_prints_what_the_page_shows(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert follow(PAGE, project, capfd) == 4


def tables(name: str) -> list[list[str]]:
    """Return the words of each command of the page that makes a table by a benchmark."""
    shown = re.findall(
        rf"`(?:DIGICARBON_DATA=folder )?python (tests/benchmark/{name}\.py[^`]*)`", PAGE.read_text("utf-8")
    )
    return [shlex.split(command) for command in shown]


def made(words: list[str], *small: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with words that make it small."""
    return subprocess.run(
        [sys.executable, *words, "--draws", "19", "--jobs", "1", *small],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONUTF8": "1", **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_commands_of_size_and_coverage_make_rows_of_their_tables() -> None:
    commands = tables("wild_size")
    assert len(commands) >= 2
    for words in commands:
        done = made(words, "--replications", "2", "--models", "FE", "--only", "30 × 6")
        assert done.returncode == 0, done.stderr
        assert "| 30 × 6 | FE | coefficient | 2 |" in done.stdout


def test_the_command_of_the_placebo_laws_makes_a_row_of_its_table(data_folder: Path) -> None:
    (words,) = tables("placebo")
    done = made(words, "--deals", "1", "--only", "FE two-way", DIGICARBON_DATA=str(data_folder))
    assert done.returncode == 0, done.stderr
    assert "| FE two-way | coefficient | 104 |" in done.stdout


def _classes(of: type[Model]) -> set[str]:
    """Return the names of the models of a kind that are called from Python."""
    public = ((name, getattr(digicarbon, name)) for name in digicarbon.__all__)
    return {name for name, one in public if isinstance(one, type) and issubclass(one, of)}


@pytest.mark.parametrize("page", ["inference_long.md", "zh/inference_long.md"])
def test_the_lists_of_models_with_and_without_it_are_whole(page: str) -> None:
    """With a new model the page is incomplete until one of the lists has it."""
    head = "Which models have it" if page == "inference_long.md" else "哪些模型有它"
    section = (PAGE.parent / page).read_text("utf-8").partition(f"## {head}\n")[2].partition("\n## ")[0]
    rows = {name for line in section.splitlines() if line.startswith("|") for name in re.findall(r"`dc\.(\w+)`", line)}
    others = set(re.findall(r"`dc\.(\w+)`", section)) - rows
    never = {"PanelQuantile"}
    assert rows == _classes(tested.Tested) - never
    assert others == (_classes(Model) - _classes(tested.Tested) - {"Model"}) | never
    without = dc.PanelQuantile(effects="unit", y="y", x=("x",)).no_wild
    assert without is not None
    of_policies = "".join(line for line in section.splitlines() if line.startswith("| `dc.DiD`"))
    for name in get_args(Estimator):
        has = dc.DiD(y="y", policy="d", estimator=name).no_wild is None
        assert has == (f"`{name}`" in of_policies)
        assert f"`{name}`" in section


def test_the_command_of_laws_in_neighbouring_provinces_makes_rows_of_its_table(data_folder: Path) -> None:
    (words,) = tables("placebo_laws")
    small = ["--laws", "1", "--draws", "19", "--only", "digeco"]
    variables = {**os.environ, "PYTHONUTF8": "1", "DIGICARBON_DATA": str(data_folder)}
    command = [sys.executable, *words, *small]
    done = subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    for place in ("scattered", "clustered"):
        for column in ("FE", "FE, no W", "SDM, direct", "SDM, indirect", "SDM, total"):
            assert f"| {place} | {column} | 1 |" in done.stdout
            # of laws that lie anywhere the page has the range
            assert place == "scattered" or f"| {place} | {column} | 275 |" in PAGE.read_text("utf-8")


def test_placebo_laws_on_other_panels_by_every_model(data_folder: Path) -> None:
    for panel, units in (("insurance", 43), ("homicides", 48)):
        series, weights = placebo_laws.PANELS[panel](data_folder)
        assert all(len(values) == units == len(weights.labels) for values in series.values())
        name, values = next(iter(series.items()))
        borders = weights.dense() > 0
        for kind in placebo_laws.KINDS:
            passed = placebo_laws.law(kind, np.random.default_rng(1), values.shape, borders)
            assert passed.any(axis=1).sum() == units // 3, name
            every = list(placebo_laws.fits(values, passed, weights, list(placebo_laws.MODELS), 19))
            assert {model for model, *_ in every} == set(placebo_laws.MODELS)
            assert all(0 < p <= 1 for *_, usual, units, wild in every for p in (usual, units, wild))


def test_no_placebo_laws_without_the_real_data(tmp_path: Path) -> None:
    done = made(tables("placebo")[0], DIGICARBON_DATA=str(tmp_path))
    assert done.returncode == 1
    assert "DIGICARBON_DATA" in done.stderr


# what the page says, step by step


def within(values: Floats) -> Floats:
    """Remove unit and time effects from columns of shape (units, periods, …)."""
    values = values - values.mean(axis=1, keepdims=True)
    return np.asarray(values - values.mean(axis=0, keepdims=True))


def lag(values: Floats) -> Floats:
    """Return W times the columns of each period."""
    return np.asarray(np.tensordot(W, values, axes=1))


def flat(*columns: Floats) -> Floats:
    """Return columns with effects removed, one row for each unit and period."""
    return within(np.stack(columns, axis=-1)).reshape(UNITS * PERIODS, -1)


SIZE = (UNITS - 1) * (PERIODS - 1)
ROOTS = np.linalg.eigvals(W).real
RANGE = (1 / ROOTS.min(), 1.0)


def log_determinant(rho: float) -> float:
    """Return (T - 1)(ln|I - ρW| - ln(1 - ρ))."""
    return float((PERIODS - 1) * (np.log(1 - ROOTS * rho).sum() - np.log(1 - rho)))


def likeliest(ssr: Callable[[float], float]) -> float:
    """Return the spatial parameter of the highest likelihood."""
    width = RANGE[1] - RANGE[0]

    def height(rho: float) -> float:
        return SIZE / 2 * np.log(ssr(rho)) - log_determinant(rho)

    grid = np.linspace(RANGE[0] + 1e-4 * width, RANGE[1] - 1e-4 * width, 30)
    best = int(np.argmin([height(rho) for rho in grid]))
    bracket = grid[max(best - 1, 0)], grid[min(best + 1, 29)]
    return float(optimize.minimize_scalar(height, bounds=bracket, method="bounded", options={"xatol": 1e-10}).x)


def at_end(rho: float) -> bool:
    """Return whether the estimate is within a thousandth of the range from its end."""
    return bool(min(rho - RANGE[0], RANGE[1] - rho) < 1e-3 * (RANGE[1] - RANGE[0]))


def residuals_of(columns: Floats, y: Floats) -> Floats:
    """Return least-squares residuals."""
    return np.asarray(y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0])


@dataclass
class Null:
    """Residuals of the null model with effects removed, its (filtered) regressors, and its spatial parameter."""

    residuals: Floats
    regressors: Floats
    spatial: float


def lag_null(y: Floats) -> Null:
    """Fit y = ρWy + cβ + Wcθ + effects + ε."""
    z, both = flat(DATA["c"], lag(DATA["c"])), flat(y, lag(y))
    left = residuals_of(z, both)
    rho = likeliest(lambda r: float(((left[:, 0] - r * left[:, 1]) ** 2).sum()))
    return Null(left[:, 0] - rho * left[:, 1], z, rho)


def error_fit(y: Floats, *columns: Floats) -> tuple[float, Floats, Floats, Floats]:
    """Fit y = Zβ + effects + u, u = λWu + ε: λ, β, filtered Z and residuals."""
    z, z_lag = flat(*columns), flat(*(lag(column) for column in columns))
    both = flat(y, lag(y))

    def parts(lam: float) -> tuple[Floats, Floats]:
        return z - lam * z_lag, both[:, 0] - lam * both[:, 1]

    lam = likeliest(lambda value: float((residuals_of(*parts(value)) ** 2).sum()))
    left, right = parts(lam)
    beta = np.linalg.lstsq(left, right, rcond=None)[0]
    return lam, beta, left, right - left @ beta


def corrected(null: Null) -> Floats:
    """Return (I - H_ii)^(-1/2) ε̂_i of each unit, shape (units, periods)."""
    basis = np.linalg.qr(null.regressors)[0].reshape(UNITS, PERIODS, -1)
    out = np.empty((UNITS, PERIODS))
    for unit, e in enumerate(null.residuals.reshape(UNITS, PERIODS)):
        h = basis[unit] @ basis[unit].T + np.eye(PERIODS) / UNITS
        values, vectors = np.linalg.eigh(np.eye(PERIODS) - h)
        out[unit] = vectors @ np.diag(values**-0.5) @ vectors.T @ e
    return out


def signs() -> Iterator[Floats]:
    """Yield the vector of signs of each draw."""
    by_unit = []
    for label in LABELS:
        key = int.from_bytes(hashlib.blake2b(label.encode("utf-8"), digest_size=8).digest(), "little")
        words = np.random.Philox(key=[SEED, key]).random_raw(-(-DRAWS // 64))
        by_unit.append([1 - 2 * (int(words[draw // 64]) >> (draw % 64) & 1) for draw in range(DRAWS)])
    yield from np.array(by_unit, dtype=np.float64).T


def patterns() -> Floats:
    """Return the patterns of W, from the smoothest to the roughest, in columns."""
    centre = np.eye(UNITS) - 1 / UNITS
    values, vectors = np.linalg.eigh(centre @ (W + W.T) / 2 @ centre)
    values, vectors = values[::-1], vectors[:, ::-1]
    out, first = [], 0
    while first < UNITS:
        own = vectors[:, np.abs(values - values[first]) < 1e-8 * (values[0] - values[-1])]
        places = np.arange(1, UNITS + 1)
        fixed = np.column_stack([np.cos(places**2 * j) for j in range(1, own.shape[1] + 1)])
        q, r = np.linalg.qr(own @ own.T @ fixed)
        out.append(q * np.sign(np.diag(r)))
        first += own.shape[1]
    return np.concatenate(out, axis=1)


def rotations() -> Iterator[Floats]:
    """Yield the rotation of the patterns of each draw, shape (units, units)."""
    drawn = np.zeros((DRAWS, UNITS, UNITS))
    for band in range(UNITS // 3):
        key = int.from_bytes(hashlib.blake2b(f"band {band}".encode(), digest_size=8).digest(), "little")
        numbers = np.random.Generator(np.random.Philox(key=[SEED, key])).normal(size=(5, DRAWS))
        own = slice(3 * band, 3 * band + 3)
        for draw, (a, b, c, d, side) in enumerate(numbers.T):
            turn = np.array(
                [
                    [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                    [2 * (b * c + a * d), a * a - b * b + c * c - d * d, 2 * (c * d - a * b)],
                    [2 * (b * d - a * c), 2 * (c * d + a * b), a * a - b * b - c * c + d * d],
                ]
            ) / (a * a + b * b + c * c + d * d)
            drawn[draw, own, own] = turn if side >= 0 else -turn
    yield from drawn


def errors(paths: Floats, in_space: bool) -> Iterator[Floats]:
    """Yield the errors of each draw, shape (units, periods)."""
    if not in_space:
        yield from (sign[:, None] * paths for sign in signs())
        return
    scale = (paths**2).mean(axis=1, keepdims=True) ** 0.25
    vectors = patterns()
    yield from (scale * (vectors @ turn @ vectors.T @ (paths / scale)) for turn in rotations())


def wild_p(null: Null, z_of: Callable[[Floats], float | None], in_space: bool = True) -> float:
    """Return (1 + number of |z*| >= |z|)/(1 + draws)."""
    paths, e = corrected(null), null.residuals.reshape(UNITS, PERIODS)
    inverse = np.linalg.inv(np.eye(UNITS) - null.spatial * W)
    observed = z_of(DATA["y"])
    assert observed is not None
    extreme = 0
    for drawn in errors(paths, in_space):
        z = z_of(DATA["y"] + inverse @ (drawn - e))
        extreme += z is None or abs(z) >= abs(observed) * (1 - 1e-9)
    return (1 + extreme) / (1 + DRAWS)


def by_unit(rows: Floats) -> Floats:
    """Return sums over the periods of each unit."""
    return np.asarray(rows.reshape(UNITS, PERIODS, -1).sum(axis=1))


def z_of_regression(y: Floats) -> float:
    """Return t of x in the two-way regression, clustered by unit."""
    columns = flat(DATA["x"], DATA["c"])
    y = flat(y)[:, 0]
    inverse = np.linalg.inv(columns.T @ columns)
    beta = inverse @ columns.T @ y
    scores = by_unit(columns * (y - columns @ beta)[:, None])
    covariance = inverse @ scores.T @ scores @ inverse
    return float(beta[0] / np.sqrt(covariance[0, 0]))


def z_of_total(y: Floats) -> float | None:
    """Return z of the total effect of x in the SDM, clustered by unit."""
    z, both = flat(DATA["x"], DATA["c"], lag(DATA["x"]), lag(DATA["c"])), flat(y, lag(y))
    left = residuals_of(z, both)
    rho = likeliest(lambda r: float(((left[:, 0] - r * left[:, 1]) ** 2).sum()))
    if at_end(rho):
        return None
    beta = np.linalg.lstsq(z, both[:, 0] - rho * both[:, 1], rcond=None)[0]
    e = both[:, 0] - rho * both[:, 1] - z @ beta
    sigma2 = float(e @ e) / SIZE
    centre = np.eye(UNITS) - 1 / UNITS
    g = centre @ W @ np.linalg.inv(np.eye(UNITS) - rho * W) @ centre
    pulled = np.tensordot(g, (z @ beta).reshape(UNITS, PERIODS), axes=1).ravel()
    periods, k = PERIODS - 1, z.shape[1]
    information = np.zeros((k + 2, k + 2))
    information[:k, :k] = z.T @ z / sigma2
    information[:k, k] = information[k, :k] = z.T @ pulled / sigma2
    information[k, k] = periods * (np.trace(g @ g) + np.trace(g @ g.T)) + pulled @ pulled / sigma2
    information[k, k + 1] = information[k + 1, k] = periods * np.trace(g) / sigma2
    information[k + 1, k + 1] = SIZE / (2 * sigma2**2)
    scores = np.column_stack(
        [
            by_unit(z * e[:, None]) / sigma2,
            by_unit(e * pulled)[:, 0] / sigma2 + np.diag(g) * (by_unit(e**2)[:, 0] / sigma2 - periods),
            by_unit(e**2)[:, 0] / (2 * sigma2**2),
        ]
    )
    scores = scores - scores.mean(axis=0)
    meat = scores.T @ scores
    of_units = e.reshape(UNITS, PERIODS)
    pairs = np.triu((g + g.T) * (of_units @ of_units.T), 1)
    meat[k, k] += (pairs**2).sum() / sigma2**2
    inverse = np.linalg.inv(information)
    covariance = inverse @ meat @ inverse
    total = (beta[0] + beta[2]) / (1 - rho)
    gradient = np.zeros(k + 2)
    gradient[[0, 2]] = 1 / (1 - rho)
    gradient[k] = total / (1 - rho)
    return float(total / np.sqrt(gradient @ covariance @ gradient * UNITS / (UNITS - 1)))


def z_of_error(y: Floats) -> float | None:
    """Return z of x in the SEM, clustered by unit."""
    lam, beta, left, e = error_fit(y, DATA["x"], DATA["c"])
    if at_end(lam):
        return None
    inverse = np.linalg.inv(left.T @ left)
    scores = by_unit(left * e[:, None])
    scores = scores - scores.mean(axis=0)
    covariance = inverse @ scores.T @ scores @ inverse * UNITS / (UNITS - 1)
    return float(beta[0] / np.sqrt(covariance[0, 0]))


# the product's


def product(model: type[dc.PanelRegression] | type[dc.SpatialPanel], **fields: object) -> dc.Result:
    index = pd.MultiIndex.from_product([LABELS, range(2011, 2011 + PERIODS)], names=["unit", "year"])
    frame = pd.DataFrame({name: values.ravel() for name, values in DATA.items()}, index=index).reset_index()
    panel = dc.Panel.from_frame(frame, unit="unit", time="year")
    given = {"y": "y", "x": ("x",), "controls": ("c",), "cov": "cluster", "test": "wild", "intervals": False}
    made = model.model_validate(given | {"draws": DRAWS, "seed": SEED} | fields)
    return made.fit(panel, dc.Weights.from_matrix(W, LABELS))


def test_p_of_a_two_way_regression_with_a_filter() -> None:
    expected = wild_p(lag_null(DATA["y"]), z_of_regression)
    assert 2 / (1 + DRAWS) < expected < 1
    assert product(dc.PanelRegression).estimates.loc["x", "p"] == expected


def test_p_of_a_two_way_regression_by_signs_of_units() -> None:
    expected = wild_p(lag_null(DATA["y"]), z_of_regression, in_space=False)
    assert product(dc.PanelRegression, signs="units").estimates.loc["x", "p"] == expected
    # recorded beside the other one
    assert product(dc.PanelRegression).statistics["p_units.x"] == expected


def test_p_of_a_total_effect() -> None:
    expected = wild_p(lag_null(DATA["y"]), z_of_total)
    assert 2 / (1 + DRAWS) < expected < 1
    assert product(dc.SpatialPanel, kind="sdm").effects.loc[("total", "x"), "p"] == expected


def test_p_of_a_spatial_error_model() -> None:
    lam, _, left, e = error_fit(DATA["y"], DATA["c"])
    expected = wild_p(Null(e, left, lam), z_of_error)
    assert 2 / (1 + DRAWS) < expected < 1
    assert product(dc.SpatialPanel, kind="sem").effects.loc[("direct", "x"), "p"] == expected


def test_other_signs_give_other_p() -> None:
    """Equality above is no accident of few values of p."""
    values = {product(dc.PanelRegression, seed=seed).estimates.loc["x", "p"] for seed in range(1, 6)}
    assert len(values) > 1
