"""What a reader must know of a specification: few units, one unit of much weight, unit effects left out."""

from __future__ import annotations

import numpy as np

from digicarbon.errors import EstimationError
from digicarbon.model._panel_columns import rows_of
from digicarbon.note import Note
from digicarbon.numeric.linear.within import EffectsKind, absorb
from digicarbon.numeric.resampling.null_model import orthonormal, without
from digicarbon.numeric.tests.effects_f import effects_f
from digicarbon.panel import Panel

FEW_UNITS = 12
"""Number of units below which spatial models' wild tests were found to reject too rarely, see docs/inference.md."""
MUCH = 0.25
"""Share of the variation of a term that is much for one unit, if it is three times its even share, too."""
REJECTED = 0.001
"""p of the F test, which knows nothing of serial correlation, below which unit effects should not be left out."""


def few_units(panel: Panel, smallest: float) -> list[Note]:
    """Return a note on few units; ``smallest`` is the smallest p value that there is."""
    n = len(panel.units)
    return [Note("few_units_wild", units=n, smallest=smallest)] if n < FEW_UNITS else []


def leverage(panel: Panel, focal: tuple[str, ...], terms: tuple[str, ...], effects: EffectsKind) -> list[Note]:
    """Return a note for each focal term of whose variation one unit has much.

    Parameters
    ----------
    panel : Panel
        With all terms.
    focal, terms : tuple of str
        Terms, and all regressors.
    effects : {"none", "unit", "time", "two_way"}

    Notes
    -----
    Partial leverage: the share of each unit in the sum of squares of a term's residuals on the other regressors and the
    effects, by which its rows weigh in the coefficient.
    """
    rows, notes = rows_of(panel), []
    columns = absorb(panel.array(terms), rows, effects)
    if effects == "none":
        columns = columns - columns.mean(axis=0)
    for term in focal:
        place = terms.index(term)
        others = orthonormal(np.delete(columns, place, axis=1))
        squares = rows.sums(without(others, columns[:, [place]]) ** 2, "unit")[:, 0]
        share = squares / squares.sum()
        place = int(share.argmax())
        if share[place] > max(MUCH, 3 / np.count_nonzero(share > 1e-12)):
            notes.append(Note("unit_leverage", unit=panel.units[place], share=float(share[place]), term=term))
    return notes


def unit_effects_left_out(panel: Panel, y: str, terms: tuple[str, ...], effects: EffectsKind) -> list[Note]:
    """Return a note where a model with time effects alone leaves out unit effects that the data want."""
    if effects != "time":
        return []
    columns = panel.array((y, *terms))
    try:
        test = effects_f(columns[:, 0], columns[:, 1:], panel.unit_codes, panel.period_codes, "two_way", "time")
    except EstimationError:
        return []
    if not test.p < REJECTED:
        return []
    return [Note("unit_effects_rejected", statistic=test.value, p=test.p)]
