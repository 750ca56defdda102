"""Random signs of units, the same for a unit in every sample and specification that holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray

Signs = Literal["patterns", "units"]
"""What draws give random weights to: patterns in space, or units."""
SignWeights = Literal["rademacher", "webb"]
"""±1; or the six points ±√½, ±1, ±√1½ of Webb (2023)."""
WEBB = np.sqrt(np.array([0.5, 1.0, 1.5]))


EVERY = 4096
"""Vectors of ±1 up to which each is taken once, however many draws are asked for."""


def enumerated(units: int, draws: int, weights: SignWeights) -> bool:
    """Return whether all 2^N vectors of signs are taken: where they are no more than `EVERY`, or than the draws."""
    return weights == "rademacher" and 2**units <= max(draws + 1, EVERY)


@lru_cache(maxsize=16)
def signs(
    labels: tuple[str, ...], draws: int, seed: int, weights: SignWeights = "rademacher", every: bool = True
) -> FloatArray:
    """Return a weight for each of N units and each draw, shape (M, N).

    M is ``draws``. With ``every``, all vectors of ±1 are taken where `enumerated` says so, one of each pair of opposite
    ones, which give the same |z| in a linear model: 2^(N - 1) - 1, those in which the first unit has +1, without the
    one in which all have, in whose place the sample itself stands. With both of each pair the opposite of the sample's
    own would count against it by a |z| of corrected residuals, which the sample's is not made of. Samples that share
    draws must not.

    The numbers of a unit are those of a Philox generator whose key is the seed and a hash of its label (BLAKE2b, eight
    bytes, little-endian). They depend on nothing else, so that runs on different samples, processes and machines draw
    the same signs, and draws of several specifications belong together. Webb's points: Webb (2023), Canadian Journal of
    Economics 56.

    Equal labels have equal signs: those of units of one cluster.
    """
    distinct = tuple(dict.fromkeys(labels))
    if len(distinct) < len(labels):
        places = {label: place for place, label in enumerate(distinct)}
        return signs(distinct, draws, seed, weights, every)[:, [places[label] for label in labels]]
    n = len(labels)
    if every and enumerated(n, draws, weights):
        numbers = np.arange(2, 2**n, 2)
        return np.asarray(1.0 - 2.0 * ((numbers[:, None] >> np.arange(n)) & 1), dtype=np.float64)
    out = np.empty((draws, n))
    for place, label in enumerate(labels):
        own = np.random.Philox(key=[seed, _key(label)])
        if weights == "rademacher":
            bits = np.unpackbits(own.random_raw(-(-draws // 64)).astype("<u8").view(np.uint8), bitorder="little")
            out[:, place] = 1.0 - 2.0 * bits[:draws]
        else:
            points = (own.random_raw(draws) % 6).astype(np.int64)
            out[:, place] = np.concatenate([-WEBB, WEBB])[points]
    return out


def signs_of(
    labels: Sequence[object], draws: int, seed: int, weights: SignWeights = "rademacher", every: bool = True
) -> FloatArray:
    """Return `signs` of units with labels of any type."""
    return signs(tuple(map(str, labels)), draws, seed, weights, every)


def _key(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "little")
