"""Weight matrices that are not symmetric: standard errors equal those of dense solves."""

from __future__ import annotations

import numpy as np
from directed_graphs import gap, graphs

REPEATED = np.array([[0, 1, 1, 1, 0], [1, 0, 0, 1, 1], [1, 0, 0, 1, 1], [0, 1, 1, 0, 1], [0, 1, 1, 1, 0]]) / 3


def test_a_repeated_root_that_comes_as_a_complex_pair() -> None:
    assert gap(REPEATED, 0) < 1e-6


def test_random_graphs() -> None:
    assert max(gap(w, seed) for seed, w in enumerate(graphs(600))) < 1e-6
