"""Each estimator of a policy's effects is a class of its own, which says what it reads and takes."""

from __future__ import annotations

from typing import get_args

import classic as dc
import pytest
from policies import panel_of, states

from digicarbon.packs.policies.model._effects import Restricted
from digicarbon.packs.policies.model._estimators import class_of
from digicarbon.packs.policies.model.did import OF_SOME, Estimator
from digicarbon.packs.policies.script import did_r, did_stata

NAMES: tuple[Estimator, ...] = get_args(Estimator)
PANEL = panel_of(states())


def model(estimator: Estimator, **fields: str) -> dc.DiD:
    return dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, **fields)


def test_each_estimator_has_a_class_of_its_own_and_scripts() -> None:
    classes = {class_of(name) for name in NAMES}
    assert len(classes) == len(NAMES)
    assert set(did_r._SCRIPTS) == set(did_stata._SCRIPTS) == set(NAMES)


def test_every_field_of_some_estimators_is_read_by_one_and_not_by_all() -> None:
    read = [set(model(name).how.reads) for name in NAMES]
    assert set.union(*read) - {"seed"} == OF_SOME
    assert not set.intersection(*read)


@pytest.mark.parametrize("name", NAMES)
def test_what_an_estimator_does_not_read_is_ignored(name: Estimator) -> None:
    one = model(name)
    assert OF_SOME & one.ignored == OF_SOME - set(one.how.reads)
    assert ("seed" in one.ignored) == ("seed" not in one.how.reads)


@pytest.mark.parametrize("name", NAMES)
def test_a_design_has_restrictions_if_the_estimator_has_a_wild_bootstrap(name: Estimator) -> None:
    one = model(name)
    design = one.design(PANEL)
    assert isinstance(design, Restricted) == one.how.has_wild == (one.no_wild is None)
    assert design.effects(None).coef.tolist() == one.fit(PANEL).coef.tolist()
