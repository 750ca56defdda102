"""Flags of a plan that take a value."""

from __future__ import annotations

import shlex

import pytest

from digicarbon.cli.arguments import read
from digicarbon.errors import ConfigError


@pytest.mark.parametrize("line", ["main --draws", "main --draws --blind", "main --effect="])
def test_a_flag_that_lacks_its_value_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="needs a value"):
        read("plan", shlex.split(line))
