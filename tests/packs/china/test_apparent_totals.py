"""Totals of the apparent inventory against their parts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from digicarbon.packs.china.accounts import APPARENT, apparent


def test_a_total_that_is_not_the_sum_of_its_parts_is_found() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.uniform(1, 9, size=(4, len(APPARENT))), columns=list(APPARENT))
    frame = frame.assign(province=["Anhui", "Beijing"] * 2, year=[2010, 2010, 2011, 2011])
    frame["total"] = sum(frame[name] for name in APPARENT)
    assert not list(apparent(frame, "apparent.parquet"))
    frame.loc[3, "total"] *= 1.01
    (finding,) = apparent(frame, "apparent.parquet")
    assert "Beijing" in str(finding)
    assert "2011" in str(finding)
    # a part that is missing leaves nothing to compare with
    frame.loc[3, APPARENT[0]] = np.nan
    assert not list(apparent(frame, "apparent.parquet"))
