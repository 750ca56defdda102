"""Series that are right, for tests that break one thing in them."""

from __future__ import annotations

import numpy as np
import pandas as pd

UNITS = ("Beijing", "Tianjin", "Hebei", "Shanxi", "Liaoning", "Jilin", "Shanghai", "Jiangsu")
YEARS = tuple(range(2010, 2018))


def grid(*more: tuple[str, ...]) -> pd.DataFrame:
    """Every unit and year (and member of further lists)."""
    return (
        pd.MultiIndex.from_product([UNITS, YEARS, *more]).to_frame(index=False).rename(columns={0: "unit", 1: "year"})
    )


def growing(rows: int, seed: int = 0) -> np.ndarray:
    """Positive numbers that differ by unit and grow smoothly over the years."""
    rng = np.random.default_rng(seed)
    years = len(YEARS)
    start = rng.uniform(50, 150, rows // years)[:, None]
    return (start * 1.05 ** np.arange(years) * np.exp(0.01 * rng.standard_normal((rows // years, years)))).ravel()
