"""GMM in a joint test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from joint_fits import experiment, fitted

from digicarbon.errors import ConfigError
from digicarbon.sweep.joint import joint_test


def without_wild(grid: dict[str, Any]) -> dict[str, Any]:
    """An experiment whose models keep their standard errors: a dynamic panel has no classic ones of ours."""
    return {"defaults": ["config", "_self_"], "grid": grid, "inference": {"test": "errors"}}


def test_what_cannot_be_in_it_is_named_and_counted(project: Path) -> None:
    spec = without_wild({"model": ["twfe", "gmm_difference", "random", "pooled"]})
    found = joint_test(fitted("gmm", spec), draws=9)
    assert found.specifications == 3
    assert str(found.notes[0]) == (
        "1 of 4 runs is not in the joint test, since each is a DynamicPanel, which has no fit under the null: "
        "model=gmm_difference."
    )
    assert any(
        "has no spatial lag, since no weights for its units are in the sweep" in note
        for note in tuple(map(str, found.notes))
    )
    assert "1 specification fitted to one draw after the other." in tuple(map(str, found.notes))


def test_nothing_to_test_and_too_much_are_sentences(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = fitted("only", without_wild({"model": ["gmm_difference"]}))
    with pytest.raises(ConfigError, match=r"No run can be in a joint test\. 1 of 1 run is not"):
        joint_test(fits, draws=9)
    with pytest.raises(ConfigError, match="at least one draw"):
        joint_test(fits, draws=0)
    monkeypatch.setattr("digicarbon.sweep.joint.MOST_ESTIMATES", 10)
    with pytest.raises(ConfigError, match="take at most 10 draws"):
        joint_test(fitted("one", experiment({"model": ["twfe"]})), draws=11)
