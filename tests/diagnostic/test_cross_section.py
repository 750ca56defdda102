"""Cross-section dependence of residuals against plm on the Produc panel, and residuals themselves."""

from __future__ import annotations

import classic as dc
import numpy as np
import pytest
from conftest import reference

from digicarbon.diagnostic.cross_section import cross_section_row
from digicarbon.numeric.tests.cross_section import pesaran_cd, weighted_cd

# R prints 17 digits; residuals of a design with condition 1e5
TOLERANCE = 1e-9
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
PLM = reference("produc_cross_section")
EFFECTS = {"pooling": "none", "fe_ind": "unit", "fe_two": "two_way"}


def fit(panel: dc.Panel, effects: str) -> dc.Result:
    return dc.PanelRegression(y="log(gsp)", x=X, effects=effects).fit(panel)


@pytest.mark.parametrize("record", PLM)
def test_cd_equals_plm(produc: dc.Panel, record: str) -> None:
    residuals = fit(produc, EFFECTS[record.split(".")[2]]).residuals
    assert residuals is not None
    found = pesaran_cd(residuals)
    assert found.value == pytest.approx(PLM[record]["statistic"], rel=TOLERANCE)
    assert found.p == pytest.approx(PLM[record]["p"], rel=1e-6)


def test_residuals_are_those_of_the_model(produc: dc.Panel, usaww: dc.Weights) -> None:
    cube = produc.cube([*X, "log(gsp)"])
    for effects, axes in (("none", ()), ("unit", (0,)), ("time", (1,)), ("two_way", (0, 1))):
        found = fit(produc, effects)
        assert found.residuals is not None
        assert found.residuals.shape == (17, 48)
        for axis in axes:
            assert np.abs(found.residuals.mean(axis=axis)).max() < 1e-10
        centred = cube[..., :-1] - cube[..., :-1].mean(axis=(0, 1))
        np.testing.assert_allclose(np.einsum("tn,tnk->k", found.residuals, centred), 0, atol=1e-6)
        assert (found.residuals**2).sum() == pytest.approx(found.statistics["sigma2"] * found.statistics["df_resid"])
    spatial = dc.SpatialPanel(y="log(gsp)", x=X, kind="sar", effects="none").fit(produc, usaww)
    coef = spatial.estimates["coef"]
    y = cube[..., -1]
    expected = (
        y - coef["rho"] * y @ usaww.align(produc).dense().T - coef["const"] - cube[..., :-1] @ coef[list(X)].to_numpy()
    )
    np.testing.assert_allclose(spatial.residuals, expected, atol=1e-9)


def test_unbalanced_panels_keep_no_residuals(produc: dc.Panel) -> None:
    short = produc.rows(np.arange(816) != 5)
    found = fit(short, "two_way")
    assert found.residuals is None
    assert "no residuals" in str(cross_section_row(found).null)


def test_row_by_the_effects_of_the_model(produc: dc.Panel) -> None:
    for effects, name in (("none", "CD"), ("unit", "CD"), ("time", "CDw"), ("two_way", "CDw")):
        assert cross_section_row(fit(produc, effects)).test == name


def test_weights_of_one_give_the_plain_test() -> None:
    class Ones(np.random.Generator):
        def integers(self, *args: object, **kwargs: object) -> np.ndarray:
            return np.ones(kwargs["size"], dtype=int)

    residuals = np.random.default_rng(1).normal(size=(8, 20))
    found = weighted_cd(residuals, Ones(np.random.PCG64(0)), draws=1)
    assert found.value == pytest.approx(pesaran_cd(residuals).value)


def test_weighted_test_is_seeded_and_finds_a_common_factor() -> None:
    rng = np.random.default_rng(2)
    loadings, factor = rng.normal(size=200), rng.normal(size=(30, 1))
    residuals = factor * loadings + 0.3 * rng.normal(size=(30, 200))
    residuals = residuals - residuals.mean(axis=1, keepdims=True)
    one, two = (weighted_cd(residuals, np.random.default_rng(7), 30) for _ in range(2))
    assert one == two
    values = [weighted_cd(residuals, np.random.default_rng(seed), 1).value for seed in range(200)]
    # the variance of the statistic grows with the dependence that is there
    assert np.std(values) > 3


def test_unit_order_changes_nothing() -> None:
    residuals = np.random.default_rng(3).normal(size=(6, 30))
    shuffled = residuals[:, np.random.default_rng(4).permutation(30)]
    assert pesaran_cd(residuals).value == pytest.approx(pesaran_cd(shuffled).value)
