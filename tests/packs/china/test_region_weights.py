"""Weights of one region: only its own links, scaled anew; provinces that lose every neighbour."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import EstimationError, WeightsError
from digicarbon.packs.china.facts import adjacency, provinces
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Run, plan

SHOP = Preparation()
SIZES = {"northeast": 3, "east": 10, "central": 6, "west": 11}


def run(*overrides: str) -> Run:
    return plan(Composer(loader(), "config", ["source=simulated_fe", *overrides]), preparation=SHOP).runs[0]


def members(region: str) -> list[str]:
    table = provinces()
    return sorted(table.loc[table["region"] == region, "province"])


@pytest.mark.long
@pytest.mark.parametrize("region", SIZES)
@pytest.mark.parametrize("weights", ["w1_adjacency", "w2_nested"])
def test_rows_of_a_region_sum_to_one_again(region: str, weights: str) -> None:
    fields = ("model=sar", "model.effects=unit", "outcome.controls=[]")
    full, part = (run(f"weights={weights}", *fields, *more).prepared.weights for more in ((), (f"sample={region}",)))
    assert full is not None
    assert part is not None
    assert list(part.labels) == members(region)
    assert part.n == SIZES[region]
    np.testing.assert_allclose(part.row_sums, 1, rtol=1e-12)
    # proportions among the region's own units are those of the whole
    index = [full.labels.index(unit) for unit in part.labels]
    own = full.dense()[np.ix_(index, index)]
    np.testing.assert_allclose(part.dense(), own / own.sum(axis=1, keepdims=True), rtol=1e-12)


def test_regions_keep_the_links_of_adjacency() -> None:
    part = run("weights=w1_adjacency", "model=sar", "sample=northeast", "outcome.controls=[]").prepared.weights
    assert part is not None
    ends = adjacency().to_numpy()
    inside = {frozenset(pair) for pair in ends.tolist() if set(pair) <= set(part.labels)}
    links = {frozenset((part.labels[i], part.labels[j])) for i, j in zip(*part.dense().nonzero(), strict=True)}
    assert links == inside == {frozenset(("Heilongjiang", "Jilin")), frozenset(("Jilin", "Liaoning"))}


def test_a_province_that_loses_its_only_neighbour_is_refused_in_a_sentence() -> None:
    left_out = ("model=sar", "sample=east", "sample.without=[Guangdong]", "outcome.controls=[]", "model.effects=unit")
    with pytest.raises(WeightsError, match=r"no neighbour for Hainan\..*islands"):
        run("weights=w1_adjacency", *left_out)
    nested = run("weights=w2_nested", *left_out).prepared.weights
    assert nested is not None
    np.testing.assert_allclose(nested.row_sums, 1, rtol=1e-12)


def test_a_two_way_durbin_model_of_the_northeast_is_refused_in_a_sentence() -> None:
    fields = ("model=sdm", "model.durbin=all", "model.effects=two_way", "sample=northeast")
    with pytest.raises(EstimationError, match=r"10 \(effective\) observations cannot identify 13 parameters"):
        run(*fields)


def test_clustered_errors_of_the_northeast_are_refused_in_a_sentence() -> None:
    fields = ("model=twfe", "sample=northeast")
    with pytest.raises(EstimationError, match=r"3 clusters by unit are too few.*inference=classic.*twfe_regions"):
        run(*fields, "inference=cluster")
    made = run(*fields, "inference=classic")
    result = made.specs.model.fit(made.prepared.panel)
    # 18 observations, 6 slopes, 3 + 6 - 1 effects
    assert result.inference.df == result.statistics["df_resid"] == 4


def test_the_pooled_model_of_regions_holds_the_northeast() -> None:
    for inference in ("classic", "cluster"):
        made = run("model=twfe_regions", f"inference={inference}")
        result = made.specs.model.fit(made.prepared.panel)
        assert result.focal == ("ln_e[northeast]", "ln_e[east]", "ln_e[central]", "ln_e[west]")
        assert np.isfinite(result.estimates.loc["ln_e[northeast]"]).all()
