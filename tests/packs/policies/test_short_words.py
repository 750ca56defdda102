"""Policies in short files and in formulas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import REPOSITORY
from jsonschema import Draft7Validator

from digicarbon.cli.schema import schemas
from digicarbon.sweep.front import experiment


def test_dates_of_a_policy_are_a_short_word() -> None:
    validator = Draft7Validator(schemas(print)["experiment"])
    right = {"data": "panel.csv", "y": "ln_ci", "model": "did", "policy": {"pilot": "first_year"}}
    assert list(validator.iter_errors(json.loads(json.dumps(right)))) == []
    assert list(validator.iter_errors({**right, "policy": 3})) != []


def test_a_policy_has_two_way_effects_without_a_field_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(REPOSITORY, "docs/example"))
    formula = "ln_ci ~ urban | city + year"
    assert "effects" not in experiment("panel.csv", [formula], {"model": "did"})
    assert experiment("panel.csv", [formula], {"model": "sdm"})["effects"] == "two_way"
