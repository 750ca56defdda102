"""The columns of all kinds of spatial models of one W, in Lee & Yu's transformed sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import Sample, star_log_determinants
from digicarbon.numeric.spatial.operator import SpatialOperator

ChoiceKind = Literal["ols", "slx", "sar", "sdm", "sem", "sdem", "sac"]
KINDS: tuple[ChoiceKind, ...] = ("ols", "slx", "sar", "sdm", "sem", "sdem", "sac")
LAG_OF_Y, LAG_OF_X, LAG_OF_ERROR = ("sar", "sdm", "sac"), ("slx", "sdm", "sdem"), ("sem", "sdem", "sac")


@dataclass(frozen=True, eq=False)
class Space:
    """Columns of the models of one W: rows are sorted by unit, effects are removed, lags are those of raw data.

    ``lags``: of W and the sample. ``level``, ``lagged``, shape (R, f + k + l): a constant where there are no effects (f
    = 1), the regressors, the spatial lags of l of them; and W times these. ``free``: f. ``short``: f + k, the columns
    of a model without lags of regressors.
    """

    lags: LagSpace
    level: FloatArray
    lagged: FloatArray
    free: int
    short: int

    @classmethod
    def of(cls, x: FloatArray, w: SpatialOperator, sample: Sample, own: Sequence[int] | None = None) -> Space:
        """Return the space of raw regressors, shape (N, T, k), of which those at ``own`` (None: all) are lagged.

        W has constant row sums where there are time effects; a sample with effects has Lee & Yu's transformation.
        """
        lags = LagSpace(w, sample)
        n, t, k = x.shape
        free = int(sample.effects == "none")
        flat = np.concatenate([np.ones((n, t, free)), x], axis=2)
        chosen = x[..., list(range(k) if own is None else own)]
        of_x = w.lag(chosen.reshape(1, n, -1)).reshape(chosen.shape)
        level, lagged = lags.transform(np.concatenate([flat, of_x], axis=2))
        return cls(lags, level, lagged, free, free + k)

    @property
    def sample(self) -> Sample:
        """The sample."""
        return self.lags.sample

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The range of a spatial parameter: that in which I - ρW of W itself is invertible."""
        return self.lags.w.bounds

    def columns(self, kind: ChoiceKind) -> list[int]:
        """Return the places of a kind's regressors among those of ``level``."""
        return list(range(self.level.shape[1] if kind in LAG_OF_X else self.short))

    def log_determinants(self, rho: FloatArray) -> FloatArray:
        """Return ln|I - ρW| of all periods at each place, shape (m,)."""
        return self.sample.periods * star_log_determinants(self.lags.w, rho, self.sample)

    def lag(self, y: FloatArray) -> FloatArray:
        """Return Wy for outcomes with effects removed, shape (R, M)."""
        n = self.lags.w.n
        lagged = self.lags.w.lag(y.reshape(1, n, -1))[0]
        return self.lags.centre(lagged).reshape(y.shape)
