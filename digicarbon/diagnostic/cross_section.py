"""Dependence between units in a model's residuals."""

from __future__ import annotations

import numpy as np

from digicarbon.diagnostic._rows import Row, not_tested
from digicarbon.note import Note
from digicarbon.numeric.tests.cross_section import pesaran_cd, weighted_cd
from digicarbon.result import Result


def cross_section_row(result: Result, seed: int = 0) -> Row:
    """Return Pesaran's CD test, or Juodis & Reese's where time effects are in the model.

    ``result``: with residuals. ``seed``: of the random weights of the latter.
    """
    residuals = result.residuals
    if residuals is None:
        return Row("CD", not_tested(Note("keeps_no_residuals")))
    if len(residuals) < 2 or residuals.shape[1] < 2:
        return Row("CD", not_tested(Note("correlations_need_two")))
    if "time" not in result.absorbed:
        return Row.of("CD", Note("units_pesaran"), pesaran_cd(residuals))
    null = Note("units_juodis", seed=seed)
    return Row.of("CDw", null, weighted_cd(residuals, np.random.default_rng(seed)))
