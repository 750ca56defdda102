"""Effects of policies share what they are fitted to."""

from __future__ import annotations

import itertools

import classic as dc
import numpy as np
import pytest

from digicarbon.numeric.linear.covariance import ClusterBy, SmallSample
from digicarbon.packs.policies.model.did import Estimator
from digicarbon.source import SimulatedPolicy


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    frame = SimulatedPolicy(world="heterogeneous").load().frame
    control = np.random.default_rng(1).standard_normal(len(frame))
    frame = frame.assign(c=control, adopted=frame["adopted"].fillna(0).astype(int))
    return dc.Panel.from_frame(frame, "unit", "time").with_policy("pilot", "adopted")


def fresh(panel: dc.Panel) -> dc.Panel:
    """Return the panel with columns that no model has seen."""
    return panel.with_columns({name: panel.column(name).copy() for name in panel.names})


@pytest.mark.parametrize(
    "estimator", ["twfe", "event_study", "sun_abraham", "imputation", "stacked", "callaway_santanna"]
)
def test_models_that_differ_in_errors_and_levels_share_what_they_are_fitted_to(
    panel: dc.Panel, estimator: Estimator
) -> None:
    shared = fresh(panel)
    own = estimator in ("imputation", "callaway_santanna")
    rules: list[SmallSample] = ["stata"] if own else ["stata", "none", "full"]
    clusters: list[ClusterBy] = ["unit"] if own else ["unit", "time"]
    for rule, level, by in itertools.product(rules, (0.9, 0.99), clusters):
        model = dc.DiD(
            y="y", policy="pilot", controls=("c",), estimator=estimator, small_sample=rule, level=level, cluster=by
        )
        model.check(shared)
        again, alone = model.fit(shared), model.fit(fresh(panel))
        assert (again.inference.df, again.inference.level) == (alone.inference.df, level)
        assert again.notes == alone.notes
        np.testing.assert_allclose(again.coef, alone.coef, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(again.covariance, alone.covariance, rtol=1e-9, atol=1e-16)


def test_a_table_of_cells_that_is_changed_changes_no_other(panel: dc.Panel) -> None:
    model = dc.DiD(y="y", policy="pilot", estimator="callaway_santanna")
    first = model.fit(panel)
    coef, table = first.coef.copy(), first.tables["group_time"].copy()
    first.coef[:] = 0.0
    first.tables["group_time"].loc[:, "coef"] = 0.0
    second = model.fit(panel)
    np.testing.assert_array_equal(second.coef, coef)
    assert second.tables["group_time"].equals(table)
