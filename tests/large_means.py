"""A panel whose columns are large beside their spread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.model import Model

N, T = 20, 8


UNITS = [f"u{i:02d}" for i in range(N)]


OFFSET = 2.0**20


def panel_of(offset: float, balanced: bool) -> dc.Panel:
    rng = np.random.default_rng(3)
    unit, period = rng.normal(size=(N, 1)), rng.normal(size=(1, T))
    z, shock, c = (rng.normal(size=(N, T)) for _ in range(3))
    x = 0.6 * z + 0.4 * unit + 0.3 * period + 0.5 * shock + rng.normal(size=(N, T))
    y = x + 0.5 * c + unit + period + shock + rng.normal(size=(N, T)) * (1 + abs(x))
    frame = pd.MultiIndex.from_product([UNITS, range(2000, 2000 + T)], names=["unit", "time"]).to_frame(index=False)
    for name, values in {"y": y, "x": x, "c": c, "z": z}.items():
        # multiples of 2^-20: the offset itself rounds nothing
        frame[name] = (np.round(values * 2**20) / 2**20).ravel() + offset
    return dc.Panel.from_frame(frame if balanced else frame.drop(index=[5, 17, 40, 41, 90]), "unit", "time", "keep")


def refuse_change(model: Model, balanced: bool = True, w: dc.Weights | None = None) -> None:
    near, far = (model.fit(panel_of(offset, balanced), w) for offset in (0.0, OFFSET))
    slopes = [term for term in near.terms if term != "const" and "[" not in term]
    for column in ("coef", "se"):
        np.testing.assert_allclose(far.estimates.loc[slopes, column], near.estimates.loc[slopes, column], rtol=1e-8)
    for name in ("f", "chi2", "overid", "endogeneity"):
        assert far.statistics.get(name, 0.0) == pytest.approx(near.statistics.get(name, 0.0), rel=1e-6)
