"""Panels with a policy for tests of difference-in-differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE

from digicarbon.packs.policies.panel.policy import policy_columns

NAMES = policy_columns("pilot")


def with_policy(frame: pd.DataFrame, time: str, first: str = "first") -> pd.DataFrame:
    """Return a frame with the columns of a policy ``pilot`` whose first periods a column has, 0 for never."""
    start = frame[first].where(frame[first] > 0)
    columns = {
        NAMES.treated: (frame[time] >= start).astype(float),
        NAMES.event: frame[time] - start,
        NAMES.cohort: start,
    }
    return frame.assign(**columns)


def states() -> pd.DataFrame:
    """Munnell's states with a policy that never was, as tests/reference/produc_did.json has it."""
    frame = pd.read_csv(REFERENCE / "produc.csv")
    number = {state: place for place, state in enumerate(sorted(frame["state"].unique()))}
    first = frame["state"].map(lambda state: {0: 1975, 1: 1978, 2: 1982}.get(number[state] % 4, 0))
    logs = {f"log_{name}": np.log(frame[name]) for name in ("gsp", "emp", "pc")}
    return with_policy(frame.assign(first=first, **logs), "year")


def counties(folder: Path) -> pd.DataFrame:
    """Callaway and Sant'Anna's counties (mpdta of R's did)."""
    frame = pd.read_csv(folder / "panels" / "did_mpdta.csv").rename(columns={"first.treat": "first"})
    return with_policy(frame.drop(columns="treat"), "year")


def panel_of(frame: pd.DataFrame, unit: str = "state") -> dc.Panel:
    """Return a frame of `states` as a panel; of `counties` with their unit."""
    return dc.Panel.from_frame(frame, unit=unit, time="year", gaps="keep")


def world(
    seed: int,
    effect: Callable[[np.ndarray, np.ndarray], np.ndarray],
    units: int = 60,
    periods: int = 10,
    starts: tuple[int, ...] = (3, 5, 7, 0),
    noise: float = 1.0,
    drawn: bool = False,
) -> pd.DataFrame:
    """Return a simulated panel whose effects are a function of the first period and of event times from 0 on.

    Cohorts have equal sizes, or units draw their cohorts.
    """
    rng = np.random.default_rng(seed)
    unit, year = np.repeat(np.arange(units), periods), np.tile(np.arange(1, periods + 1), units)
    cohort = rng.integers(len(starts), size=units) if drawn else np.arange(units) % len(starts)
    first = np.array(starts)[cohort[unit]]
    event = year - first
    treated = (first > 0) & (event >= 0)
    common = rng.standard_normal(units)[unit] + first / 5 + np.linspace(0, 2, periods)[year - 1] ** 2
    y = common + np.where(treated, effect(first, event), 0.0) + noise * rng.standard_normal(len(unit))
    return with_policy(
        pd.DataFrame({"state": [f"u{i:03d}" for i in unit], "year": year, "first": first, "y": y}), "year"
    )


def fit(panel: dc.Panel, **fields: Any) -> dc.Result:
    """Return the effects of the policy on the logarithm of gsp, unless another outcome is named."""
    return dc.DiD(**{"y": "log_gsp", "policy": "pilot", **fields}).fit(panel)


def pair(result: dc.Result, term: str = "pilot") -> tuple[float, float]:
    """Return an estimate and its standard error."""
    coef, se = result.estimates.loc[term, ["coef", "se"]]
    return float(coef), float(se)


def close(found: object, expected: object, rel: float = 1e-8) -> None:
    """Assert that numbers are equal."""
    assert found == pytest.approx(expected, rel=rel, abs=1e-12)
