"""Mediation has no arrangements of x."""

from __future__ import annotations

import pytest
from arrangements import law, panel

import digicarbon as dc
from digicarbon.errors import ConfigError


def test_mediators_would_have_other_values() -> None:
    data = panel(law(0, 4))
    model = dc.Mediation(y="y", x=("x",), mediators=("c",), test="randomisation")
    with pytest.raises(ConfigError, match="which nobody knows"):
        model.fit(data)
