"""Plans of policies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Plan, plan

SHOP = Preparation()


def planned(name: str, *overrides: str, preparation: Preparation | None = None) -> Plan:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    return plan(Composer(config_loader, name, plain), axes, preparation or SHOP)


def key(*overrides: str, name: str = "config", preparation: Preparation | None = None) -> str:
    runs = planned(name, *overrides, preparation=preparation).runs
    assert len(runs) == 1
    return runs[0].key


def test_hash_changes_with_the_places_that_rings_are_made_of(folder: Path) -> None:
    rows = [
        (unit, year, (3 * i + 5 * year) % 7, 100.0 + i, 30.0) for i, unit in enumerate("abcdef") for year in range(5)
    ]
    frame = pd.DataFrame(rows, columns=["unit", "year", "out", "longitude", "latitude"])
    frame["start"] = np.where(frame["unit"] < "c", 3, 0)
    data = ("source=table", "source.path=panel.csv", "source.unit=unit", "source.time=year", "measure=none")
    policy = ("outcome=none", "+panel.policy={pilot: start}", "model=did", "model.y=out", "model.controls=[]")
    rings = (*data, *policy, "model.spillovers=rings", "model.rings=[0, 150]")

    def keys() -> tuple[str, str]:
        return key(*rings, preparation=Preparation()), key(*data, *policy, preparation=Preparation())

    frame.to_csv("panel.csv", index=False)
    before = keys()
    assert keys() == before
    frame.assign(latitude=31.0).to_csv("panel.csv", index=False)
    after = keys()
    assert after[0] != before[0]
    assert after[1] == before[1]
