"""Input-output algebra: what final demand for each sector's product requires of others.

Leontief (1936), *Review of Economics and Statistics* 18, 105-125; Miller & Blair (2009), *Input-Output Analysis*, 2nd
edition, sections 2.2 and 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digicarbon.arrays import FloatArray


def technical_coefficients(flows: FloatArray, output: FloatArray) -> FloatArray:
    """Return A, what each sector buys per unit of its output, a_ij = z_ij / x_j, shape (..., n, n).

    z_ij is ``flows[..., i, j]``, what sector j buys from sector i. A column is 0 where a sector has neither inputs nor
    output; infinite where it has inputs but no output.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(flows == 0, 0.0, flows / output[..., None, :])


def value_added_content(
    flows: FloatArray, value_added: FloatArray, output: FloatArray, sectors: Sequence[int]
) -> FloatArray:
    """Return the value added of some sectors D in one unit of final output of each sector, Σ_i∈D v_i l_ij: (..., n).

    L = (I - A)^-1 holds the total requirements, v the value-added rates (0 of a sector without output and inputs). Over
    all sectors the content is 1 where the table balances. Imports that the flows include count as if they were made at
    home. The content is not a number for a table whose A is not finite; `numpy.linalg.LinAlgError` is raised where I -
    A has no inverse that can be computed with sixteen digits.
    """
    a = technical_coefficients(flows, output)
    finite = np.asarray(np.isfinite(a).all(axis=(-2, -1)))
    matrix = np.eye(a.shape[-1]) - np.where(finite[..., None, None], a, 0.0)
    if (np.linalg.cond(matrix) > 1 / np.finfo(np.float64).eps).any():
        raise np.linalg.LinAlgError("I - A has no inverse.")
    counted = np.isin(np.arange(a.shape[-1]), list(sectors)) & (output != 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(counted, value_added / output, 0.0)
    content = np.linalg.solve(np.swapaxes(matrix, -1, -2), rate[..., None])[..., 0]
    return np.where(finite[..., None], content, np.nan)
