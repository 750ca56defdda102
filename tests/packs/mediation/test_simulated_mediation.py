"""The simulated mediation is drawn as it says."""

from __future__ import annotations

import classic as dc
import numpy as np
import pytest

from digicarbon.errors import ConfigError
from digicarbon.source import SimulatedMediation


def effects(source: SimulatedMediation) -> dict[str, float]:
    inputs = source.load()
    panel = dc.Panel.from_frame(inputs.frame, unit=inputs.unit_name, time="time")
    mediators = tuple(f"m{place}" for place, _ in enumerate(source.a, 1))
    result = dc.Mediation(y="y", x=("x",), mediators=mediators).fit(panel)
    return {name: float(result.effects.loc[(name, "x"), "coef"]) for name in ("direct", "indirect", "total")}


def test_true_effects_are_found() -> None:
    source = SimulatedMediation(n=2000, periods=10)
    found = effects(source)
    assert (source.indirect, source.total) == (pytest.approx(0.2), pytest.approx(0.4))
    assert found == {
        "direct": pytest.approx(source.direct, abs=0.03),
        "indirect": pytest.approx(source.indirect, abs=0.03),
        "total": pytest.approx(source.total, abs=0.03),
    }


def test_a_confounder_makes_the_indirect_effect_wrong() -> None:
    source = SimulatedMediation(n=2000, a=(0.5,), b=(0.0,), confounding=1.0)
    assert source.indirect == 0
    assert effects(source)["indirect"] > 0.1


def test_a_seed_decides_and_numbers_go_together() -> None:
    one, again, other = (SimulatedMediation(n=20, seed=seed).load().frame for seed in (1, 1, 2))
    assert one.equals(again)
    assert not np.allclose(one["y"], other["y"])
    assert one.shape == (240, 6)
    with pytest.raises(ConfigError, match="for every mediator"):
        SimulatedMediation(a=(1.0,), b=(1.0, 2.0))
