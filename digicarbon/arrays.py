"""The types of arrays that functions take and return."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Removes = Callable[[FloatArray], FloatArray]
"""Removes effects, or more, from columns of shape (rows, M)."""
