"""A model fitted again to a law in other units: what its p values by arrangements are, by plain loops."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digicarbon.model.tested import Tested
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights

UNITS, YEARS = 9, 5
RING = (np.roll(np.eye(UNITS), 1, axis=1) + np.roll(np.eye(UNITS), -1, axis=1)) / 2


def law(*treated: int, units: int = UNITS) -> np.ndarray:
    """Return a policy of 0 and 1 that starts in the third year, shape (N, T)."""
    out = np.zeros((units, YEARS))
    out[list(treated), 2:] = 1
    return out


def laws(number: int, among: Iterable[int] = range(UNITS)) -> list[np.ndarray]:
    """Return the law in each set of so many units."""
    return [law(*units) for units in combinations(among, number)]


def panel(x: np.ndarray, effect: float = 0.0, seed: int = 1) -> Panel:
    """Return a panel of errors without dependence, with the effect of x, a control, and a zone of three units each."""
    rng = np.random.default_rng(seed)
    units = len(x)
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"u{place}" if units < 10 else f"u{place:02d}" for place in range(units)], YEARS),
            "year": np.tile(np.arange(2001, 2001 + YEARS), units),
            "y": (effect * x + rng.normal(size=x.shape)).ravel(),
            "x": x.ravel(),
            "c": rng.normal(size=x.size),
            "province": np.repeat([f"P{place // 3}" for place in range(units)], YEARS),
        }
    )
    return Panel.from_frame(frame, "unit", "year")


def ring() -> Weights:
    """Return the W in which each unit has two neighbours."""
    return Weights.from_matrix(RING, [f"u{place}" for place in range(UNITS)], name="ring")


def note(result: Result, code: str) -> Any:
    """Return the only note of a kind."""
    (found,) = [note for note in result.notes if note.code == code]
    return found


def assert_of_refits(
    model: Tested, data: Panel, weights: Weights | None, others: Iterable[np.ndarray], *terms: str, bare: bool = False
) -> Result:
    """Assert that p of terms, and of their effects, are shares of fits to other x; return the model's result.

    ``bare``: estimates are compared, and not over errors of one variance.
    """
    result, plain = model.fit(data, weights), model.by_errors
    plain = plain if bare else plain.model_copy(update={"cov": "classic"})
    code = "z_of_estimate" if bare else "z_of_one_variance"
    assert [note["errors"].code for note in result.notes if note.code.startswith("randomised_every")] == [code]

    def sizes(fitted: Result) -> pd.Series:
        frames = [fitted.estimates.loc[list(terms)]]
        if fitted.spatial_effects is not None:
            effects = fitted.effects
            frames.append(effects[effects.index.get_level_values("term").isin(terms)])
        return pd.concat([frame["coef" if bare else "stat"].abs() for frame in frames])

    cells = data.unit_codes, data.period_codes
    drawn = pd.concat([sizes(plain.fit(data.with_columns({"x": x[cells]}), weights)) for x in others], axis=1)
    own = sizes(plain.fit(data, weights))
    # without an estimate an arrangement counts as extreme
    wanted = (drawn.ge(own * (1 - 1e-9), axis=0) | drawn.isna()).mean(axis=1).where(own > 0)
    frames = [result.estimates, *([] if result.spatial_effects is None else [result.effects])]
    p = pd.concat([frame["p"] for frame in frames])[own.index]
    np.testing.assert_allclose(p, wanted)
    return result


def assert_refused(model: Tested, data: Panel, weights: Weights | None, words: str) -> None:
    """Assert that a model refuses arrangements, and says why in a note where few units carry x."""
    found = [note for note in model.fit(data, weights).notes if note.code == "few_carry_signs"]
    assert len(found) == 1
    assert words in str(found[0])
    asked = type(model)(**{**model.model_dump(exclude_unset=True), "test": "randomisation"})
    with pytest.raises(Exception, match=words):
        asked.fit(data, weights)
