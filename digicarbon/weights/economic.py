"""Weights from the size of economies, and from size and distance together."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
import scipy
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import WeightsError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.numeric.spatial.operator import Normalise
from digicarbon.numeric.spatial.proximity import inverse_distance, inverse_gap
from digicarbon.panel import Panel
from digicarbon.spec import Pair
from digicarbon.weights.base import Weights, WeightsSpec
from digicarbon.weights.places import FromPlaces, Places


class SizedWeights(WeightsSpec):
    """Weights that are built from the mean of a column of the panel.

    Attributes
    ----------
    economy : str
        The panel's column that measures the size of an economy.
    window : pair of int or None
        First and last period of the mean (years, where periods are quarters, months or dates); None takes all periods
        of the panel. GDP is also part of the outcome, so a window before the sample is the safer choice where data
        exist.
    """

    economy: str = "gdp"
    window: Pair | None = None

    @model_validator(mode="after")
    def _check_window(self) -> Self:
        if self.window is not None and self.window[0] > self.window[1]:
            raise ValueError(Note("weights_window_back", key="window", first=self.window[0], last=self.window[1]))
        return self

    @property
    def made_of(self) -> tuple[tuple[str, Pair | None], ...]:
        """The column of the size, and the window of its mean."""
        return ((self.economy, self.window),)

    def sizes(self, panel: Panel) -> FloatArray:
        """Return each unit's mean over the window, shape (N,).

        Raises WeightsError if ``economy`` is not a column of the panel, or the window lacks a period or a unit;
        DataError if a value of ``economy`` in the window is missing or text.
        """
        known = (*panel.names, *panel.text)
        if self.economy not in known:
            raise WeightsError(
                Note(
                    "weights_panel_column",
                    key="weights.economy",
                    column=self.economy,
                    hint=suggestion(self.economy, known),
                    columns=columns_there(panel.names, panel.text),
                )
            )
        chosen = self._in_window(panel)
        values = chosen.array([self.economy])[:, 0]
        count = np.bincount(chosen.unit_codes, minlength=len(chosen.units))
        return np.asarray(np.bincount(chosen.unit_codes, weights=values, minlength=len(chosen.units)) / count)

    def gaps(self, panel: Panel) -> FloatArray:
        """Return the inverse absolute differences between means, shape (N, N), zero on the diagonal.

        Raises WeightsError if two means are equal to twelve digits, or as `sizes`; DataError as `sizes`.
        """
        size = self.sizes(panel)
        # of two means that are equal but for rounding the inverse gap would be noise
        order = np.argsort(size, kind="stable")
        equal = np.flatnonzero(np.diff(size[order]) <= 1e-12 * np.abs(size).max())
        if len(equal):
            start, end = (panel.units[i] for i in sorted(order[equal[0] : equal[0] + 2]))
            raise WeightsError(
                Note(
                    "weights_same_mean",
                    key="weights.economy",
                    start=start,
                    end=end,
                    column=self.economy,
                    value=size[order[equal[0]]],
                )
            )
        return inverse_gap(size)

    def _in_window(self, panel: Panel) -> Panel:
        if self.window is None:
            return panel
        first, last = self.window
        inside = panel.index.calendar.within(first, last, "weights.window")
        periods = [period for period, one in zip(panel.periods, inside, strict=True) if one]
        span = Note("span", low=panel.periods[0], high=panel.periods[-1])
        if not periods:
            raise WeightsError(Note("weights_window_empty", key="weights.window", first=first, last=last, panel=span))
        chosen = panel.select(periods=periods)
        absent = sorted(set(panel.units) - set(chosen.units))
        if absent:
            raise WeightsError(
                Note(
                    "weights_window_lacks", key="weights.window", units=cut(absent), first=first, last=last, panel=span
                )
            )
        return chosen


class EconomicWeights(SizedWeights):
    r"""Economic distance, :math:`w_{ij} = 1/|\bar Y_i - \bar Y_j|`.

    Case, Rosen & Hines (1993), Journal of Public Economics 52, 285-307. Two units with almost equal means are nearly
    each other's only neighbour: check the weights before using them.

    Attributes
    ----------
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    """

    references: ClassVar[tuple[str, ...]] = ("case1993",)

    normalise: Normalise = "row"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError or WeightsError if the means do not exist or two are equal, see `SizedWeights.gaps`.
        """
        return Weights.from_matrix(
            self.gaps(panel), panel.units, name=Note("economic_weights"), normalise=self.normalise
        )


class ProductWeights(FromPlaces, SizedWeights):
    r"""Inverse distance times economic distance, :math:`w_{ij} = d_{ij}^{-p} / |\bar Y_i - \bar Y_j|`.

    Attributes
    ----------
    power : float
        The exponent p of the distance.
    """

    title: ClassVar[Note] = Note("product_weights")

    power: Annotated[float, Field(gt=0)] = 1.0

    def matrix(self, places: Places, panel: Panel) -> scipy.sparse.csr_array:
        """Return the weights of units on different places, whose means differ."""
        places.refuse_same()
        pairs = places.within()
        gaps = self.gaps(panel)[pairs.origin, pairs.destination]
        return pairs.matrix(inverse_distance(pairs.distance, self.power) * gaps)
