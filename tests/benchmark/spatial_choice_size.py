"""Size of tests between spatial models that do not contain each other: Cox's gain, J and Vuong.

    python tests/benchmark/spatial_choice_size.py [--units 30] [--periods 6] [--samples 1000] [--draws 199]
        [--part both|rivals|vuong]

Share of samples in which a test at 5 % rejects the true model for a rival. Two regressors with β = (1, -0.5), two-way
effects, ρ or λ 0.4, θ = (0.3, 0.2); W and its rival are four nearest neighbours of two random maps. Errors are normal,
or have a standard deviation of each unit between 0.5 and 2. Vuong's null is another one: both models are equally far
from the truth, here a model with the mean of two W of which each is the other with units renamed.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric.resampling.signs import signs
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.packs.which_weights.numeric.profile import Profile
from digicarbon.packs.which_weights.numeric.rivals import against, vuong
from digicarbon.packs.which_weights.numeric.space import LAG_OF_ERROR, LAG_OF_X, LAG_OF_Y, ChoiceKind, Space

Array = NDArray[np.float64]
PAIRS: tuple[tuple[ChoiceKind, ChoiceKind, int], ...] = (
    ("sar", "sar", 1),
    ("sdm", "sdm", 1),
    ("sem", "sem", 1),
    ("sar", "sem", 0),
    ("sem", "sar", 0),
    ("sar", "slx", 0),
    ("slx", "sar", 0),
    ("sdem", "sdm", 0),
)
BETA, THETA, SPATIAL = np.array([1.0, -0.5]), np.array([0.3, 0.2]), 0.4


def neighbours(n: int, rng: np.random.Generator, most: int = 4) -> Array:
    """Row-standardised nearest neighbours of random places."""
    place = rng.random((n, 2))
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    w = np.zeros((n, n))
    np.put_along_axis(w, np.argsort(distance, axis=1)[:, :most], 1 / most, axis=1)
    return w


def outcome(kind: ChoiceKind, x: Array, e: Array, w: Array) -> Array:
    """Return y of a kind, shape (N, T)."""
    mean = x @ BETA + (np.einsum("ij,jt->it", w, x @ THETA) if kind in LAG_OF_X else 0.0)
    solve = np.eye(len(w)) - SPATIAL * w
    if kind in LAG_OF_ERROR:
        return np.asarray(mean + np.linalg.solve(solve, e))
    return np.asarray(np.linalg.solve(solve, mean + e) if kind in LAG_OF_Y else mean + e)


def errors(rng: np.random.Generator, n: int, t: int, spread: bool) -> Array:
    """Return normal errors, shape (N, T)."""
    scale = rng.uniform(0.5, 2.0, (n, 1)) if spread else np.ones((n, 1))
    return np.asarray(scale * rng.normal(size=(n, t)))


def main() -> None:
    """Print a line for each pair and kind of errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("units", 30), ("periods", 6), ("samples", 1000), ("draws", 199)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--part", choices=["both", "rivals", "vuong"], default="both")
    given = parser.parse_args()
    n, t = given.units + given.units % 2, given.periods
    sys.stdout.write(f"N = {n}, T = {t}, {given.samples} samples, {given.draws} draws\n")
    if given.part != "vuong":
        rejections(n, t, given.samples, given.draws)
    if given.part != "rivals":
        of_vuong(n, t, given.samples)


def rejections(n: int, t: int, samples: int, draws: int) -> None:
    """Print how often the gain and J reject the true model, a line for each pair and kind of errors."""
    rng = np.random.default_rng(1)
    sample = Sample(n, t, "two_way", "lee_yu")
    names = tuple(map(str, range(n)))
    heads = f"{'gain, bootstrap':>17}{'J, normal':>12}{'J, bootstrap':>14}"
    sys.stdout.write(f"{'errors':16}{'model':7}{'rival':14}{heads}\n")
    for spread in (False, True):
        for kind, rival, other in PAIRS:
            rejected = np.zeros(3)
            for number in range(samples):
                matrices = [neighbours(n, rng), neighbours(n, rng)]
                x = rng.normal(size=(n, t, 2))
                y = outcome(kind, x, errors(rng, n, t, spread), matrices[0])
                first, second = (Space.of(x, DenseOperator(w, 1.0), sample) for w in (matrices[0], matrices[other]))
                own = first.lags.transform(y[..., None])[0][:, 0]
                drawn = signs(names, draws, number)
                result = against(Profile(first, kind), Profile(second, rival), own, drawn)
                rejected += np.array([result.gain_p, result.j_normal, result.j_p]) <= 0.05
            shares = [f"{share:.3f}" for share in rejected / samples]
            if rival in LAG_OF_ERROR:
                shares[1:] = "", ""
            words = "heteroskedastic" if spread else "normal"
            called = f"{rival}{', other W' if other else ''}"
            sys.stdout.write(f"{words:16}{kind:7}{called:14}{shares[0]:>17}{shares[1]:>12}{shares[2]:>14}\n")
            sys.stdout.flush()


def of_vuong(n: int, t: int, samples: int) -> None:
    """Print how often Vuong's test rejects that two W are equally wrong, which they are."""
    rng = np.random.default_rng(2)
    sample = Sample(n, t, "two_way", "lee_yu")
    for kind in ("sar", "sem", "sdm"):
        rejected = 0
        for _ in range(samples):
            w = neighbours(n, rng)
            # pairs of units exchange their names: this twice is nothing
            order = rng.permutation(n).reshape(-1, 2)
            swapped = np.arange(n)
            swapped[order.ravel()] = order[:, ::-1].ravel()
            mirror = w[np.ix_(swapped, swapped)]
            x = rng.normal(size=(n, t, 2))
            y = outcome(kind, x, errors(rng, n, t, False), (w + mirror) / 2)
            fits = []
            for matrix in (w, mirror):
                space = Space.of(x, DenseOperator(matrix, 1.0), sample)
                fits.append(Profile(space, kind).fit(space.lags.transform(y[..., None])[0][:, 0]))
            rejected += vuong(fits[0].by_unit, fits[1].by_unit)[1] <= 0.05
        sys.stdout.write(f"Vuong, {kind} with two equally wrong W: {rejected / samples:.3f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
