"""Lagrange multiplier tests and Moran's I after a regression without spatial terms."""

from __future__ import annotations

from digicarbon.diagnostic._rows import Row, aligned, effects_words, regression
from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.tests.residual_moran import residual_moran
from digicarbon.numeric.tests.spatial_lm import Form, lagrange_multipliers
from digicarbon.panel import Panel
from digicarbon.weights import Weights


def lm_rows(
    panel: Panel,
    weights: Weights | None,
    y: str,
    regressors: tuple[str, ...],
    effects: EffectsKind,
    form: Form = "corrected",
) -> list[Row]:
    """Return the tests for a spatial lag and a spatial error, plain and robust.

    ``panel``: balanced. ``weights``: for exactly its units, in any order. ``form``: see
    `digicarbon.numeric.tests.spatial_lm.lagrange_multipliers`. Raises DataError, WeightsError.
    """
    w = aligned(panel, weights, Note("a_lagrange_multiplier_test"))
    if form == "corrected" and effects in ("time", "two_way") and w.constant_row_sum is None:
        raise WeightsError(Note("lm_unequal_rows", weights=w.called))
    result = lagrange_multipliers(regression(panel, y, regressors, effects), w.matrix, effects, form)
    words, shape = effects_words(effects), Note("corrected_form") if form == "corrected" else form
    beside_error = Note("no_lag_beside_error", y=y, effects=words, form=shape)
    return [
        Row.of("LM lag", Note("no_lag", y=y, effects=words, form=shape), result.lag),
        Row.of("LM error", Note("no_error", effects=words, form=shape), result.error),
        Row.of("robust LM lag", beside_error, result.robust_lag),
        Row.of("robust LM error", Note("no_error_beside_lag", effects=words, form=shape), result.robust_error),
    ]


def residual_moran_row(
    panel: Panel, weights: Weights | None, y: str, regressors: tuple[str, ...], effects: EffectsKind
) -> Row:
    """Return z of Moran's I of residuals, by their moments, all periods together; arguments as in `lm_rows`."""
    w = aligned(panel, weights, Note("morans_i"))
    result = residual_moran(regression(panel, y, regressors, effects), w.matrix, effects)
    null = Note("no_autocorrelation", effects=effects_words(effects), z=result.i, expected=result.expected)
    return Row("Moran's I of residuals", null, result.z, p=result.p)
