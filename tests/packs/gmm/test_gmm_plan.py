"""Plans of GMM."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Plan, plan
from digicarbon.spec import as_default

SHOP = Preparation()


def planned(name: str, *overrides: str, preparation: Preparation | None = None) -> Plan:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    return plan(Composer(config_loader, name, plain), axes, preparation or SHOP)


def test_ignored_fields_at_their_defaults_leave_the_hash_as_it_was(folder: Path) -> None:
    for choice in ("sar", "slx", "sdm", "twfe", "gmm_system"):
        specs = planned("config", f"model={choice}").runs[0].specs
        assert specs.ignored
        assert as_default(specs.model, specs.ignored) is specs.model
    # only what is written otherwise is put back
    specs = planned("config", "model=sar", "model.durbin=x", "model.effects=unit").runs[0].specs
    put_back = as_default(specs.model, specs.ignored)
    assert {name for name, value in put_back if value != getattr(specs.model, name)} == {"durbin"}
    assert planned("config", "model=sar", "model.durbin=x").runs[0].key == planned("config", "model=sar").runs[0].key


def test_strata_of_a_model_that_does_not_read_them_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model=gmm_system does not read inference\.strata=region; of inference it"):
        planned("config", "model=gmm_system", "inference.strata=region")
