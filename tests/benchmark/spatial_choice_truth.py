"""How often the true W and kind have the highest posterior probability.

    python tests/benchmark/spatial_choice_truth.py [--seeds 200] [--weights 5] [--prior g] [--sigma 1]

30 × 6, 30 × 20 and 285 × 15; five W, each of four nearest neighbours of a random map, the first one true, and five
kinds. Two regressors with β = (1, -0.5), two-way effects, ρ or λ 0.4, θ = (0.3, 0.2). Columns: the highest of all pairs
is the true pair; the highest kind, added up over W, is the true one; the highest W, added up over kinds; the mean
probability of the true pair; the lowest BIC is that of the true pair.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from log_marginals import log_marginals
from spatial_choice_size import errors, neighbours, outcome

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
    parser.add_argument("--prior", choices=["g", "flat"], default="g")
    parser.add_argument("--sizes", type=int, nargs="*", default=[0, 1, 2], help="which of the three sizes")
    given = parser.parse_args()
    heads = ("true kind", "pair", "kind", "W", "probability", "BIC")
    sys.stdout.write(f"{'N × T':10}" + "".join(f"{head:>12}" for head in heads) + "\n")
    for n, t in (SIZES[place] for place in given.sizes):
        shares = sum(sample(n, t, seed, given) for seed in range(given.seeds)) / given.seeds
        for kind, row in zip(KINDS, shares, strict=True):
            sys.stdout.write(f"{f'{n} × {t}':10}{kind:>12}{''.join(f'{share:12.3f}' for share in row)}\n")
        sys.stdout.flush()


def sample(n: int, t: int, seed: int, given: argparse.Namespace) -> Array:
    """Return what is right in the samples of one seed, of each true kind: shape (kinds, 5)."""
    rng = np.random.default_rng(seed)
    matrices = [neighbours(n, rng) for _ in range(given.weights)]
    x = rng.normal(size=(n, t, 2))
    e = given.sigma * errors(rng, n, t, False)
    size = Sample(n, t, "two_way", "lee_yu")
    spaces = [Space.of(x, DenseOperator(w, 1.0), size) for w in matrices]
    outcomes = [outcome(kind, x, e, matrices[0]) for kind in KINDS]
    own = spaces[0].lags.transform(np.stack(outcomes, axis=2))[0]
    # axes: the kind that is fitted, its W, the true kind
    bic = np.empty((len(KINDS), given.weights, len(KINDS)))
    for row, kind in enumerate(KINDS):
        for column, space in enumerate(spaces):
            profile = Profile(space, kind)
            bic[row, column] = profile.parameters * np.log(size.size) - 2 * profile.maximum(own).loglik
    right = np.empty((len(KINDS), 5))
    for place, y in enumerate(outcomes):
        chance = probabilities(log_marginals(y, spaces, KINDS, given.prior))
        right[place] = (
            chance.argmax() == place * given.weights,
            chance.sum(axis=1).argmax() == place,
            chance.sum(axis=0).argmax() == 0,
            chance[place, 0],
            bic[..., place].argmin() == place * given.weights,
        )
    return right


if __name__ == "__main__":
    main()
