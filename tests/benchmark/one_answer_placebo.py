"""How often `one_answer` finds a control probable that has no effect, and one that has.

Two real regressors and a third one, whose paths are dealt to other units at random, explain the outcome beside two-way
effects; all eight models are averaged by BIC. Cigarette sales (R's plm, 46 states of 30 years; needs R): price and
income, and a neighbouring state's price or the share of adults. Output of the states (48 of 17 years, in
``tests/reference``): private capital and employment, and public capital or unemployment. Effects are given in standard
deviations of the outcome, both without two-way effects.

``OMP_NUM_THREADS=1 python tests/benchmark/one_answer_placebo.py [--deals 2000] [--powers 250]``
"""

from __future__ import annotations

import argparse
import io
import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.arrays import FloatArray
from digicarbon.numeric.averaging import average, bic, design_effect, inclusion

REFERENCE = Path(__file__).parents[1] / "reference"
MODELS = [chosen for size in range(1, 4) for chosen in itertools.combinations(range(3), size)]
"""Models with a regressor; that without any is computed from the outcome alone."""
EFFECTS = (0.1, 0.2, 0.3)
SURE = 0.95


def cigarettes() -> pd.DataFrame:
    """Return the panel of cigarette sales, in logarithms."""
    made = 'data(Cigar, package="plm"); write.csv(Cigar, stdout(), row.names=FALSE)'
    text = subprocess.run(["Rscript", "-e", made], check=True, capture_output=True, text=True).stdout
    raw = pd.read_csv(io.StringIO(text))
    logs = {
        "y": raw["sales"],
        "price": raw["price"] / raw["cpi"],
        "income": raw["ndi"] / raw["cpi"],
        "neighbour": raw["pimin"] / raw["cpi"],
        "adults": raw["pop16"] / raw["pop"],
    }
    return pd.DataFrame({"unit": raw["state"], "time": raw["year"]} | {name: np.log(v) for name, v in logs.items()})


def output() -> pd.DataFrame:
    """Return the panel of the states' output."""
    raw = pd.read_csv(REFERENCE / "produc.csv")
    logs = {"y": "gsp", "capital": "pc", "employment": "emp", "public": "pcap"}
    made = {name: np.log(raw[column]) for name, column in logs.items()}
    return pd.DataFrame({"unit": raw["state"], "time": raw["year"]} | made | {"unemployment": raw["unemp"]})


def demeaned(values: FloatArray) -> FloatArray:
    """Return columns of shape (N, T) without two-way effects."""
    return np.asarray(values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean())


def fit_of(panel: dc.Panel, x: Sequence[str], cov: Literal["classic", "cluster"]) -> dc.Result:
    """Return the two-way regression."""
    return dc.PanelRegression(y="y", x=tuple(x), cov=cov, test="errors").fit(panel)


def found(frame: pd.DataFrame, real: Sequence[str], effect: float, seed: int) -> tuple[float, float, float, float]:
    """Return the third regressor's inclusion probability, as it was and with the power 1/k; k; its clustered p."""
    units = frame["unit"].nunique()
    rng = np.random.default_rng(seed)
    paths = frame["dealt"].to_numpy().reshape(units, -1)[rng.permutation(units)]
    own, y = demeaned(paths), frame["y"].to_numpy().reshape(units, -1)
    y = y + effect * demeaned(y).std() / own.std() * paths
    made = dc.Panel.from_frame(frame.assign(dealt=paths.ravel(), y=y.ravel()), unit="unit", time="time")
    names = [*real, "dealt"]
    squares = [float((demeaned(y) ** 2).sum())]
    for chosen in MODELS:
        fit = fit_of(made, [names[place] for place in chosen], "classic")
        squares.append(fit.statistics["sigma2"] * fit.statistics["df_resid"])
    clustered = fit_of(made, names, "cluster")
    k = design_effect(clustered.covariance, fit.covariance)
    rows = float(y.size)
    loglik = -rows / 2 * (np.log(2 * np.pi * np.array(squares) / rows) + 1)
    parameters = np.array([0.0, *map(len, MODELS)]) + sum(y.shape) - 1
    columns = np.array([[2 in chosen] for chosen in [(), *MODELS]], dtype=np.float64)
    zero = np.zeros(len(columns))
    shares = [
        float(inclusion(average(zero, zero, zero, -bic(ln, parameters, zero + rows) / 2).weights, columns)[0])
        for ln in (loglik, loglik / k)
    ]
    return shares[0], shares[1], k, float(clustered.estimates["p"].iloc[-1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write how often the probability is above .95."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--deals", type=int, default=2000)
    parser.add_argument("--powers", type=int, default=250, help="deals with an effect")
    asked = parser.parse_args(arguments)
    panels = [
        (cigarettes(), ("price", "income"), ("neighbour", "adults")),
        (output(), ("capital", "employment"), ("public", "unemployment")),
    ]
    out = sys.stdout
    out.write("share of deals with an inclusion probability above .95, and of p <= .05\n\n")
    out.write("| control | effect | deals | as if independent | power 1/k | clustered p | median k |\n")
    out.write("|---|---|---|---|---|---|---|\n")
    for frame, real, controls in panels:
        for control in controls:
            made = frame.sort_values(["unit", "time"]).rename(columns={control: "dealt"})
            for effect in (0.0, *EFFECTS):
                deals = asked.powers if effect else asked.deals
                before, after, k, p = np.array([found(made, real, effect, seed) for seed in range(deals)]).T
                cells = [
                    f"{share:.4f}" for share in ((before > SURE).mean(), (after > SURE).mean(), (p <= 0.05).mean())
                ]
                out.write(f"| {control} | {effect} | {deals} | {' | '.join(cells)} | {np.median(k):.2f} |\n")
                out.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
