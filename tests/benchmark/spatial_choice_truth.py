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

import numpy as np
from spatial_choice_size import errors, neighbours, outcome

from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.numeric.spatial_choice.marginal import log_marginals, probabilities
from digicarbon.numeric.spatial_choice.profile import Profile
from digicarbon.numeric.spatial_choice.space import ChoiceKind, Space

KINDS: tuple[ChoiceKind, ...] = ("slx", "sar", "sdm", "sem", "sdem")
SIZES = ((30, 6), (30, 20), (285, 15))


def main() -> None:
    """Print a line for each size and true kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--weights", type=int, default=5)
    parser.add_argument("--sigma", type=float, default=1.0)
    parser.add_argument("--prior", choices=["g", "flat"], default="g")
    given = parser.parse_args()
    heads = ("true kind", "pair", "kind", "W", "probability", "BIC")
    sys.stdout.write(f"{'N × T':10}" + "".join(f"{head:>12}" for head in heads) + "\n")
    for n, t in SIZES:
        sample = Sample(n, t, "two_way", "lee_yu")
        for place, kind in enumerate(KINDS):
            shares = np.zeros(5)
            for seed in range(given.seeds):
                rng = np.random.default_rng(seed)
                matrices = [neighbours(n, rng) for _ in range(given.weights)]
                x = rng.normal(size=(n, t, 2))
                y = outcome(kind, x, given.sigma * errors(rng, n, t, False), matrices[0])
                spaces = [Space.of(x, DenseOperator(w, 1.0), sample) for w in matrices]
                chance = probabilities(log_marginals(y, spaces, KINDS, given.prior))
                own = spaces[0].lags.transform(y[..., None])[0]
                bic = np.empty(chance.shape)
                for column, space in enumerate(spaces):
                    for row, one in enumerate(KINDS):
                        profile = Profile(space, one)
                        bic[row, column] = profile.parameters * np.log(sample.size) - 2 * profile.maximum(own).loglik[0]
                shares += (
                    chance.argmax() == place * given.weights,
                    chance.sum(axis=1).argmax() == place,
                    chance.sum(axis=0).argmax() == 0,
                    chance[place, 0],
                    bic.argmin() == place * given.weights,
                )
            cells = "".join(f"{share:12.3f}" for share in shares / given.seeds)
            sys.stdout.write(f"{f'{n} × {t}':10}{kind:>12}{cells}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
