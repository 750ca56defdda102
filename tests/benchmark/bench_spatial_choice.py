"""Speed of marginal likelihoods: 20 W × 5 kinds, and tests against a rival.

    python tests/benchmark/bench_spatial_choice.py

CPU seconds of one thread, the best of three, six regressors, two-way effects; eigenvalues of W are part of it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from log_marginals import log_marginals
from spatial_choice_size import neighbours

from digicarbon.numeric.resampling.signs import signs
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.packs.which_weights.numeric.profile import Profile
from digicarbon.packs.which_weights.numeric.rivals import against
from digicarbon.packs.which_weights.numeric.space import ChoiceKind, Space

KINDS: tuple[ChoiceKind, ...] = ("slx", "sar", "sdm", "sem", "sdem")


def cpu(run: Callable[[], object]) -> float:
    """The CPU seconds of the fastest of three runs."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return min(taken)


def measure(n: int, t: int) -> str:
    """Return the line of one size."""
    rng = np.random.default_rng(1)
    matrices = [neighbours(n, rng) for _ in range(20)]
    x = rng.normal(size=(n, t, 6))
    y = np.linalg.solve(np.eye(n) - 0.4 * matrices[0], x.sum(axis=2) + rng.normal(size=(n, t)))
    sample = Sample(n, t, "two_way", "lee_yu")

    def spaces(count: int = 20) -> list[Space]:
        return [Space.of(x, DenseOperator(w, 1.0), sample) for w in matrices[:count]]

    first, second = spaces(2)
    own = first.lags.transform(y[..., None])[0][:, 0]
    drawn = signs(tuple(map(str, range(n))), 199, 0)
    marginals = cpu(lambda: log_marginals(y, spaces(), KINDS))
    rival = cpu(lambda: against(Profile(first, "sar"), Profile(second, "sar"), own, drawn))
    return f"{n} × {t}: 20 W × 5 kinds {marginals:.3f} s, one rival with 199 draws {rival:.3f} s"


def main() -> None:
    """Print a line for each size."""
    for n, t in ((30, 6), (30, 20), (285, 15)):
        sys.stdout.write(measure(n, t) + "\n")


if __name__ == "__main__":
    main()
