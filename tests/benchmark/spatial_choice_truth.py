"""How often the true W and kind have the highest posterior probability.

    python tests/benchmark/spatial_choice_truth.py [--seeds 200] [--weights 5] [--prior g] [--sigma 1] [--serial 0]

30 × 6, 30 × 20 and 285 × 15; five W, each of four nearest neighbours of a random map, the first one true, and five
kinds. Two regressors with β = (1, -0.5), two-way effects, ρ or λ 0.4, θ = (0.3, 0.2); regressors and errors have the
serial correlation of ``--serial``. Columns: the highest of all pairs is the true pair; the highest kind, added up over
W, is the true one; the highest W, added up over kinds; the mean probability of the true pair, all with likelihoods to
the power 1/k; the same four with the milder prior; pair and mean probability with likelihoods as they are; the lowest
BIC is that of the true pair; the mean of k.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from log_marginals import log_marginals
from spatial_choice_size import errors, neighbours, outcome

import digicarbon as dc
from digicarbon.model.dependence import dependence_pair, design_effect_of
from digicarbon.numeric.averaging import powered
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.packs.which_weights.numeric.marginal import probabilities
from digicarbon.packs.which_weights.numeric.profile import Profile
from digicarbon.packs.which_weights.numeric.space import ChoiceKind, Space

KINDS: tuple[ChoiceKind, ...] = ("slx", "sar", "sdm", "sem", "sdem")
Array = NDArray[np.float64]
SIZES = ((30, 6), (30, 20), (285, 15))


def main() -> None:
    """Print a line for each size and true kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--weights", type=int, default=5)
    parser.add_argument("--sigma", type=float, default=1.0)
    parser.add_argument("--serial", type=float, default=0.0)
    parser.add_argument("--prior", choices=["g", "flat"], default="g")
    parser.add_argument("--sizes", type=int, nargs="*", default=[0, 1, 2], help="which of the three sizes")
    given = parser.parse_args()
    four = ("pair", "kind", "W", "chance")
    heads = ("true kind", *four, *(f"mild {head}" for head in four), "pair as is", "chance as is", "BIC", "k")
    sys.stdout.write(f"{'N × T':10}" + "".join(f"{head:>13}" for head in heads) + "\n")
    for n, t in (SIZES[place] for place in given.sizes):
        shares = sum(sample(n, t, seed, given) for seed in range(given.seeds)) / given.seeds
        for kind, row in zip(KINDS, shares, strict=True):
            sys.stdout.write(f"{f'{n} × {t}':10}{kind:>13}{''.join(f'{share:13.3f}' for share in row)}\n")
        sys.stdout.flush()


def sample(n: int, t: int, seed: int, given: argparse.Namespace) -> Array:
    """Return what is right in the samples of one seed, of each true kind, and k: shape (kinds, 12)."""
    rng = np.random.default_rng(seed)
    matrices = [neighbours(n, rng) for _ in range(given.weights)]
    x = serial(rng.normal(size=(n, t, 2)), given.serial)
    e = given.sigma * serial(errors(rng, n, t, False), given.serial)
    size = Sample(n, t, "two_way", "lee_yu")
    spaces = [Space.of(x, DenseOperator(w, 1.0), size) for w in matrices]
    outcomes = [outcome(kind, x, e, matrices[0]) for kind in KINDS]
    own = spaces[0].lags.transform(np.stack(outcomes, axis=2))[0]
    # axes: the kind that is fitted, its W, the true kind
    bic, highest = np.empty((2, len(KINDS), given.weights, len(KINDS)))
    for row, kind in enumerate(KINDS):
        for column, space in enumerate(spaces):
            profile = Profile(space, kind)
            highest[row, column] = profile.maximum(own).loglik
            bic[row, column] = profile.parameters * np.log(size.size) - 2 * highest[row, column]
    right = np.empty((len(KINDS), 12))
    for place, y in enumerate(outcomes):
        k = dependence(x, y, matrices[0])
        logs = [log_marginals(y, spaces, KINDS, prior) for prior in (given.prior, "mild")]
        by_power = [of_truth(powered(log, highest[..., place], k), place) for log in logs]
        as_is = of_truth(logs[0], place)
        lowest = bic[..., place].argmin() == place * given.weights
        right[place] = (*by_power[0], *by_power[1], as_is[0], as_is[3], lowest, k)
    return right


def of_truth(log: Array, place: int) -> tuple[float, float, float, float]:
    """Return whether pair, kind and W of the truth are the most probable ones, and the truth's probability."""
    chance = probabilities(log)
    pair = float(chance.argmax() == place * log.shape[1])
    kind, w = chance.sum(axis=1).argmax() == place, chance.sum(axis=0).argmax() == 0
    return pair, float(kind), float(w), float(chance[place, 0])


def serial(values: Array, rho: float) -> Array:
    """Return values of (N, T, …) with serial correlation and their variance."""
    out = values.copy()
    for period in range(1, values.shape[1]):
        out[:, period] = rho * out[:, period - 1] + np.sqrt(1 - rho**2) * values[:, period]
    return out


def dependence(x: Array, y: Array, w: Array) -> float:
    """Return k of the Durbin model with the true W, errors by unit."""
    n, t = y.shape
    units = [f"{unit:04d}" for unit in range(n)]
    index = pd.MultiIndex.from_product([units, range(t)], names=["unit", "time"])
    frame = pd.DataFrame({"y": y.ravel(), "x": x[..., 0].ravel(), "z": x[..., 1].ravel()}, index)
    model = dc.SpatialPanel(y="y", x=("x",), controls=("z",), kind="sdm", bias_correction="lee_yu", test="errors")
    pair = dependence_pair(model)
    assert pair is not None
    panel = dc.Panel.from_frame(frame.reset_index(), "unit", "time")
    return design_effect_of(pair, panel, dc.Weights.from_matrix(w, units))


if __name__ == "__main__":
    main()
