"""Entries for tests of the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.result import Effects, Inference, Result
from digicarbon.tracking import Data, Entry

RESULT = Result(
    kind="sdm",
    y="log(gsp)",
    focal=("log(pcap)",),
    terms=("log(pcap)", "碳强度", "W_log(pcap)", "a/b: [c] 50%", "rho"),
    coef=np.array([0.1, -1 / 3, 2e-17, 4e10, 0.5]),
    covariance=np.diag([0.01, 0.04, 0.0, np.nan, 1.0]),
    inference=Inference(df=10),
    statistics={"nobs": 180.0, "loglik": -123.456, "r2": float("nan"), "aic": float("inf")},
    spatial_effects=Effects(("log(pcap)", "碳强度"), np.arange(6.0).reshape(3, 2), np.full((3, 2), 0.5)),
    tables={"moran": pd.DataFrame({"i": [0.2, np.nan], "verdict": ["yes", "no"]}, index=pd.Index([2012, 2013]))},
)
ENTRY = Entry(
    label="SDM(1), model.x=[log(pcap)]",
    params={"model": "sdm", "column": "数字经济(1)"},
    tags={"digicarbon.hash": "0" * 64, "digicarbon.label": "SDM(1), model.x=[log(pcap)]"},
    config="model: {}\n",
    result=RESULT,
    error="",
    start=1_700_000_000_000,
    end=1_700_000_001_500,
    data=Data("simulated", "d" * 36, '{"units": 30}'),
)
FAILED: dict[str, Any] = {"result": None, "error": "It failed.\n\nTraceback …"}


def of(key: str, **fields: Any) -> Entry:
    """An entry with a content hash of its own."""
    tags = {"digicarbon.hash": key, "digicarbon.label": key}
    return replace(ENTRY, label=key, tags=tags, **fields)
