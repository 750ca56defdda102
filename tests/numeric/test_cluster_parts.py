"""Paths of parts of clusters in other clusters: all of them by brute force, and random ones equally often."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from digicarbon.numeric.resampling.arrangements import Arranging

Codes = tuple[int, ...]


def parts(codes: Codes, clusters: Codes) -> Counter[Codes]:
    """Return the paths other than 0 of each cluster that has some."""
    held: dict[int, list[int]] = {}
    for code, cluster in zip(codes, clusters, strict=True):
        if code:
            held.setdefault(cluster, []).append(code)
    return Counter(tuple(sorted(own)) for own in held.values())


@pytest.mark.parametrize(
    ("codes", "clusters"),
    [
        # alike and not, in clusters of different sizes, some too small
        ((1, 0, 0, 1, 0, 0, 0, 0), (0, 0, 0, 1, 1, 2, 2, 2)),
        ((1, 2, 0, 1, 0, 0, 0, 0), (0, 0, 0, 1, 1, 2, 2, 2)),
        ((1, 1, 0, 2, 0, 0, 0, 0), (0, 0, 0, 1, 1, 2, 2, 3)),
        ((1, 0, 0, 2, 1, 0, 0, 0), (0, 0, 0, 1, 1, 2, 2, 2)),
        # a set in each cluster
        ((1, 0, 0, 1, 0, 2, 1, 0), (0, 0, 0, 1, 1, 2, 2, 2)),
    ],
)
def test_sets_go_to_different_clusters_in_all_ways_or_in_each_equally_often(codes: Codes, clusters: Codes) -> None:
    wanted = {other for other in set(permutations(codes)) if parts(other, clusters) == parts(codes, clusters)}
    arranging = Arranging(np.array(codes), np.zeros(len(codes), dtype=np.int64), clusters=np.array(clusters))
    every = arranging.every(len(wanted))
    assert every is not None
    found = [codes, *(tuple(arranging.codes[deal].tolist()) for deal in every)]
    assert len(found) == len(wanted)
    assert set(found) == wanted
    assert arranging.every(len(wanted) - 1) is None
    draws = 4000
    drawn = Counter(tuple(arranging.codes[deal].tolist()) for deal in arranging.some(draws, (1,)))
    assert set(drawn) <= wanted
    usual = draws / len(wanted)
    distance = sum((drawn[one] - usual) ** 2 / usual for one in wanted)
    # of chi squared, whose mean is its degrees of freedom and whose variance is twice these
    freedom = len(wanted) - 1
    assert distance < freedom + 4 * np.sqrt(2 * freedom)
