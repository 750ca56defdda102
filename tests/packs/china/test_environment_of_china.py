"""The folder of the real data is read when its option is composed."""

from __future__ import annotations

import pytest

from digicarbon.config.compose import Composer, loader


def test_an_environment_variable_is_read_when_its_option_is_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("one", "two"):
        monkeypatch.setenv("DIGICARBON_DATA", place)
        assert Composer(loader(), "config").config({"source": "china"})["source"]["folder"] == f"{place}/china"
