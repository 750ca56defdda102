"""Plans of dynamic spatial panels."""

from __future__ import annotations

from pathlib import Path

import pytest
from planning import experiment, planned

from digicarbon.errors import ConfigError


def test_errors_that_a_model_does_not_have_are_refused(folder: Path) -> None:
    name = experiment("title: T\ngrid: {model: [dynamic_sdm, sdm]}")
    sentence = (
        r"model=dynamic_sdm does not read inference\.cov=cluster: it has model\.cov=classic\. Choose model\.cov itself"
    )
    with pytest.raises(ConfigError, match=sentence):
        planned(name, "inference=cluster")
    with pytest.raises(
        ConfigError, match=r"does not read inference\.cluster=time; of inference it reads inference\.level, "
    ):
        planned(name, "inference.cluster=time")
    # the bootstrap is there, and so are errors that it names itself
    assert planned(name, "inference.test=wild").remarks == []
    assert planned(name, "inference=classic").remarks == []
    robust = planned(name, "model.cov=robust", "inference=cluster", "grid.model=[dynamic_sdm]")
    assert [run.specs.model.cov for run in robust.runs] == ["robust"]
    # nobody asks for what the default sentence has
    assert planned(name).remarks == []
