"""Models of an estimated decay as a joint test takes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model.batch import Estimand, OneByOne
from digicarbon.packs.distance.numeric.decay import fit_decay, heights_of, places_of
from digicarbon.panel import Panel
from digicarbon.result import Result

if TYPE_CHECKING:
    from digicarbon.packs.distance.model.base import DecayPanel


class DecayFits(OneByOne):
    """Fits a model to many outcomes: the first search of γ for all at once, then each in turn, without interval of γ.

    ``panel``: with every term of the model.
    """

    def __init__(self, model: DecayPanel, panel: Panel, estimand: Estimand) -> None:
        super().__init__(model, panel, None, estimand)
        self._decay = model

    def _results(self, prepared: FloatArray) -> Iterator[tuple[int, Result]]:
        """Yield the number of each outcome that can be fitted, and its result."""
        model = self._decay
        data, names, (low, high) = model.data(self.panel)
        t, n = data.y.shape[:2]
        cube = prepared.reshape(n, t, -1)
        heights: FloatArray | None = None
        # one outcome without a maximum would stop all of them
        with suppress(EstimationError):
            heights = heights_of(data, cube, places_of(low, high))
        for draw in range(cube.shape[2]):
            one = replace(data, y=cube[..., draw].T[..., None])
            with suppress(EstimationError):
                height = None if heights is None else heights[:, draw]
                found = fit_decay(one, low, high, model.level, model.cov, heights=height)
                yield draw, model.result_of(found, names, one, (low, high))
