"""Weight matrices that are not symmetric: standard errors equal those of dense solves."""

from __future__ import annotations

import numpy as np
from directed_graphs import gap, graphs

from digicarbon.numeric.spatial.operator import DenseOperator

REPEATED = np.array([[0, 1, 1, 1, 0], [1, 0, 0, 1, 1], [1, 0, 0, 1, 1], [0, 1, 1, 0, 1], [0, 1, 1, 1, 0]]) / 3


def test_a_repeated_root_that_comes_as_a_complex_pair() -> None:
    assert gap(REPEATED, 0) < 1e-6


def test_random_graphs() -> None:
    assert max(gap(w, seed) for seed, w in enumerate(graphs(600))) < 1e-6


def test_the_range_is_no_rounding_noise_and_does_not_depend_on_the_order_of_units() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        n, degree = int(rng.integers(5, 40)), int(rng.integers(1, 5))
        w = np.zeros((n, n))
        for unit in range(n):
            w[unit, rng.choice(np.delete(np.arange(n), unit), degree, replace=False)] = 1 / degree
        order = rng.permutation(n)
        bounds = [DenseOperator(one, 1.0).transformed.bounds for one in (w, w[np.ix_(order, order)])]
        assert np.abs(bounds[0]).max() <= 100
        np.testing.assert_allclose(bounds[0], bounds[1], rtol=1e-2)
