"""Dependence between units in a model's residuals."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._rows import Row, not_tested, where_possible
from digicarbon.note import Note
from digicarbon.numeric.tests.cross_section import pesaran_cd, weighted_cd
from digicarbon.result import Result


def cross_section_row(result: Result, seed: int = 0) -> Row:
    """Return `cd_row` of a model's result, which may have kept no residuals."""
    if result.residuals is None:
        return Row("CD", not_tested(Note("keeps_no_residuals")))
    return cd_row(result.residuals, "time" in result.absorbed, seed)


def cd_row(residuals: FloatArray, time: bool, seed: int = 0) -> Row:
    """Return Pesaran's CD test of residuals (T, N), or Juodis & Reese's CDw where time effects are in the model.

    ``seed``: of the random weights of the latter.
    """
    if min(residuals.shape) < 2:
        return Row("CD", not_tested(Note("correlations_need_two")))
    if not time:
        return where_possible("CD", lambda: [Row.of("CD", Note("units_pesaran"), pesaran_cd(residuals))])[0]
    return Row.of("CDw", Note("units_juodis", seed=seed), weighted_cd(residuals, np.random.default_rng(seed)))
