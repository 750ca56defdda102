"""Bias and coverage of instrumental variables with strong and weak instruments, as a Markdown table.

Run: python tests/benchmark/monte_carlo_iv.py

Design: N = 30, T = 6, unit and time effects, one or three normal instruments, errors of the two equations correlated by
0.8, true coefficient 1. Errors are heteroskedastic between units and serially independent; standard errors are
clustered by unit. ``strength`` is the first-stage coefficient of each instrument. In the last rows the instrument is
the first lag of a persistent regressor, the outcome's error without or with serial correlation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

import digicarbon as dc

N, T, DRAWS, SEED, BETA = 30, 6, 1000, 20260101, 1.0


def frame(columns: dict[str, np.ndarray]) -> dc.Panel:
    periods = next(iter(columns.values())).shape[1]
    index = {"unit": np.repeat(np.arange(N), periods), "time": np.tile(np.arange(periods), N)}
    return dc.Panel.from_frame(pd.DataFrame(index | {k: v.ravel() for k, v in columns.items()}), "unit", "time")


def errors(rng: np.random.Generator, periods: int, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    scale = rng.uniform(0.5, 1.5, size=(N, 1))
    u, v = rng.normal(size=(2, N, periods))
    return scale * (correlation * v + np.sqrt(1 - correlation**2) * u), v


def excluded(rng: np.random.Generator, strength: float, count: int) -> dc.Panel:
    u, v = errors(rng, T, 0.8)
    z = rng.normal(size=(count, N, T))
    effects = rng.normal(size=(N, 1)) + rng.normal(size=(1, T))
    x = strength * z.sum(axis=0) + v + effects
    return frame({"y": BETA * x + u + effects, "x": x} | {f"z{j}": z[j] for j in range(count)})


def lagged(rng: np.random.Generator, memory: float, periods: int) -> dc.Panel:
    """Return x, an autoregression of 0.8, and y, whose error is correlated with that of x and with its own past."""
    burn = 20
    u, v = errors(rng, periods + burn, 0.8)
    x, e = np.zeros_like(v), np.zeros_like(u)
    for t in range(1, periods + burn):
        x[:, t] = 0.8 * x[:, t - 1] + v[:, t]
        e[:, t] = memory * e[:, t - 1] + u[:, t]
    effects = rng.normal(size=(N, 1)) + rng.normal(size=(1, periods))
    return frame({"y": BETA * x[:, burn:] + e[:, burn:] + effects, "x": x[:, burn:] + effects})


def row(name: str, panels: Iterator[dc.Panel], instruments: tuple[str, ...]) -> str:
    found: dict[str, list[list[float]]] = {"ols": [], "2sls": [], "liml": []}
    strengths, inside = [], []
    for panel in panels:
        ols = dc.PanelRegression(y="y", x=("x",), cov="cluster", test="errors").fit(panel).estimates.loc["x"]
        found["ols"].append([ols["coef"], ols["low"] <= BETA <= ols["high"]])
        for method in ("2sls", "liml"):
            result = dc.PanelIV(
                y="y", x=("x",), instruments=instruments, method=method, cov="cluster", test="errors"
            ).fit(panel)
            x = result.estimates.loc["x"]
            found[method].append([x["coef"], x["low"] <= BETA <= x["high"]])
        sets = result.tables["anderson_rubin"]
        inside.append(bool(((sets["low"] <= BETA) & (sets["high"] >= BETA)).any()))
        strengths.append(result.statistics["effective_f"])
    # the mean of just-identified 2SLS and of LIML does not exist: medians
    bias = {key: np.median([coef for coef, _ in values]) - BETA for key, values in found.items()}
    cover = {key: np.mean([covered for _, covered in values]) for key, values in found.items()}
    cells = [f"{np.median(strengths):.1f}"]
    cells += [f"{bias[key]:+.3f}" for key in found] + [f"{cover[key]:.3f}" for key in found]
    return f"| {name} | " + " | ".join([*cells, f"{np.mean(inside):.3f}"]) + " |"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    say("| design | median effective F | bias FE | bias 2SLS | bias LIML | FE | 2SLS | LIML | Anderson-Rubin |")
    say("|---|---|---|---|---|---|---|---|---|")
    for count in (1, 3):
        for word, strength in (("strong", 1.0), ("moderate", 0.3), ("weak", 0.1)):
            rng = np.random.default_rng(SEED)
            draws = (excluded(rng, strength, count) for _ in range(DRAWS))
            name = f"{count} instrument{'s' if count > 1 else ''}, {word}"
            say(row(name, draws, tuple(f"z{j}" for j in range(count))))
    for memory, periods in ((0.0, 6), (0.0, 30), (0.5, 30)):
        rng = np.random.default_rng(SEED)
        draws = (lagged(rng, memory, periods) for _ in range(DRAWS))
        say(row(f"first lag, T = {periods}, autocorrelation of the error {memory:g}", draws, ("L.x",)))


if __name__ == "__main__":
    main()
