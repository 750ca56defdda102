"""Dependence between units in a model's residuals."""

from __future__ import annotations

import numpy as np

from digicarbon.diagnostic._rows import Row
from digicarbon.numeric.tests.cross_section import pesaran_cd, weighted_cd
from digicarbon.result import Result


def cross_section_row(result: Result, seed: int = 0, draws: int = 1) -> Row:
    """Return Pesaran's CD test, or Juodis & Reese's where time effects are in the model.

    Parameters
    ----------
    result : Result
        With residuals.
    seed : int
        Of the random weights of the latter.
    draws : int
        Sets of random weights.
    """
    residuals = result.residuals
    if residuals is None:
        return Row("CD", "Not tested: the model keeps no residuals of a balanced panel.")
    if len(residuals) < 2 or residuals.shape[1] < 2:
        return Row("CD", "Not tested: correlations between units need two units and two periods.")
    if "time" not in result.absorbed:
        return Row.of("CD", "Residuals of different units are not correlated (Pesaran).", pesaran_cd(residuals))
    null = (
        f"Residuals of different units are not correlated (Juodis & Reese, random weights of seed {seed}; Pesaran's CD "
        "says nothing after time effects)."
    )
    return Row.of("CDw", null, weighted_cd(residuals, np.random.default_rng(seed), draws))
