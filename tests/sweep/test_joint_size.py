"""A small version of `tests/benchmark/joint_size.py`: the test keeps its size where simpler permutations do not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.long

REPLICATIONS, DRAWS = 100, 39


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    place = Path(__file__).parents[1] / "benchmark" / "joint_size.py"
    spec = importlib.util.spec_from_file_location("joint_size", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["joint_size"] = module
    spec.loader.exec_module(module)
    return module


# 100 replications of a test of size 5 % reject in more than 12 % of them once in a thousand times
@pytest.mark.parametrize("case", ["FE", "SDM, total"])
def test_it_keeps_its_size(simulation: ModuleType, case: str) -> None:
    joint, usual = simulation.rates(case, REPLICATIONS, DRAWS)
    assert joint.max() <= 0.12
    # the design is one on which the usual test of a single specification fails
    assert usual > joint.max()


def test_without_the_spatial_filter_it_would_not(simulation: ModuleType) -> None:
    joint, _ = simulation.rates("FE, units exchanged, no filter", REPLICATIONS, DRAWS)
    assert joint.max() > 0.12


def test_it_finds_an_effect(simulation: ModuleType) -> None:
    joint, _ = simulation.rates("power: FE", REPLICATIONS, DRAWS)
    assert joint[0] > 0.3
