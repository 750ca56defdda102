"""Lagrange multiplier tests against splm on the Produc panel, and their properties."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import reference
from scipy import sparse

from digicarbon.errors import WeightsError
from digicarbon.numeric.tests.spatial_lm import lagrange_multipliers

# closed forms in both programs; R's pooled projection keeps ten digits
TOLERANCE = 1e-9
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
SPLM = reference("produc_slmtest")
EFFECTS = {"pooling": "none", "individual": "unit", "time": "time", "twoways": "two_way"}
TESTS = {"lml": "LM lag", "lme": "LM error", "rlml": "robust LM lag", "rlme": "robust LM error"}


def regression(effects: str) -> dc.PanelRegression:
    return dc.PanelRegression(y="log(gsp)", x=X, effects=effects)


def diagnosed(panel: dc.Panel, weights: dc.Weights, effects: str, form: str = "corrected") -> pd.DataFrame:
    return dc.diagnose(regression(effects), panel, weights, form=form).set_index("test")


@pytest.mark.parametrize("record", SPLM)
def test_classic_form_equals_splm(produc: dc.Panel, usaww: dc.Weights, record: str) -> None:
    _, _, effects, test = record.split(".")
    row = diagnosed(produc, usaww, EFFECTS[effects], "classic").loc[TESTS[test]]
    assert row["statistic"] == pytest.approx(SPLM[record]["statistic"], rel=TOLERANCE)
    # the p value's relative error is that of the statistic times the statistic
    assert row["p"] == pytest.approx(SPLM[record]["p"], rel=1e-6)
    assert row["df"] == 1


def test_forms_agree_without_effects_and_differ_with_them(produc: dc.Panel, usaww: dc.Weights) -> None:
    for effects in EFFECTS.values():
        classic, corrected = (diagnosed(produc, usaww, effects, form)["statistic"] for form in ("classic", "corrected"))
        assert np.allclose(classic[:4], corrected[:4], rtol=1e-12) == (effects == "none")


def orthonormal(size: int) -> np.ndarray:
    """Eigenvectors of I - 11'/size with eigenvalue 1, shape (size, size - 1)."""
    return np.linalg.eigh(np.eye(size) - 1 / size)[1][:, 1:]


@pytest.mark.parametrize("effects", ["unit", "time", "two_way"])
def test_corrected_form_is_the_score_test_of_the_transformed_sample(
    produc: dc.Panel, usaww: dc.Weights, effects: str
) -> None:
    """Against explicit orthonormal transformations and a numerical score and information."""
    w = usaww.align(produc).dense()
    cube = produc.cube([*X, "log(gsp)"])
    over_time = orthonormal(17) if effects in ("unit", "two_way") else np.eye(17)
    over_units = orthonormal(48) if effects in ("time", "two_way") else np.eye(48)
    star = np.einsum("ts,tnk,nm->smk", over_time, cube, over_units)
    small = over_units.T @ w @ over_units
    z, y = star[..., :-1].reshape(-1, 4), star[..., -1].ravel()
    big = np.kron(np.eye(len(star)), small)
    beta = np.linalg.lstsq(z, y, rcond=None)[0]
    e = y - z @ beta
    sigma2 = e @ e / len(e)
    score = e @ big @ y / sigma2 - np.trace(big)
    explained = big @ z @ beta
    explained = explained - z @ np.linalg.lstsq(z, explained, rcond=None)[0]
    information = np.trace(big @ big + big @ big.T) - 2 * np.trace(big) ** 2 / len(e)
    found = diagnosed(produc, usaww, effects)["statistic"]
    expected = score**2 / (explained @ explained / sigma2 + information)
    assert found["LM lag"] == pytest.approx(expected, rel=1e-9)
    score = e @ big @ e / sigma2 - np.trace(big)
    assert found["LM error"] == pytest.approx(score**2 / information, rel=1e-9)


def test_unit_order_and_scale_of_x_change_nothing(produc: dc.Panel, usaww: dc.Weights) -> None:
    order = np.random.default_rng(1).permutation(48)
    shuffled_w = dc.Weights.from_matrix(usaww.dense()[np.ix_(order, order)], [usaww.labels[i] for i in order])
    frame = produc.frame().reset_index().sample(frac=1, random_state=1).assign(unemp=lambda f: 100 * f["unemp"])
    one = diagnosed(produc, usaww, "two_way")
    two = diagnosed(dc.Panel.from_frame(frame, "state", "year"), shuffled_w, "two_way")
    names = list(one.index[:5])
    np.testing.assert_allclose(one.loc[names, "statistic"], two.loc[names, "statistic"], rtol=1e-7)


def test_adding_effects_to_y_changes_nothing_that_the_effects_remove(produc: dc.Panel, usaww: dc.Weights) -> None:
    rng = np.random.default_rng(2)
    columns = produc.cube([*X, "log(gsp)"])
    moved = columns.copy()
    moved[..., -1] += rng.normal(size=(17, 1)) + rng.normal(size=(1, 48))
    w = usaww.align(produc).matrix
    one, two = (lagrange_multipliers(cube, w, "two_way") for cube in (columns, moved))
    assert one.lag.value == pytest.approx(two.lag.value, rel=1e-9)
    assert one.robust_error.value == pytest.approx(two.robust_error.value, rel=1e-9)


def test_weights_without_neighbours_and_unequal_rows_are_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    nothing = dc.Weights.from_matrix(sparse.csr_array((48, 48)), usaww.labels, islands="keep")
    with pytest.raises(WeightsError, match="W joins no two units, so that a spatial test does not exist"):
        dc.diagnose(regression("unit"), produc, nothing)
    half = sparse.diags_array(np.linspace(0.5, 1.0, 48)) @ usaww.matrix
    uneven = dc.Weights(usaww.labels, sparse.csr_array(half), sparse.csr_array(half), False)
    told = diagnosed(produc, uneven, "two_way").loc["LM", "null"]
    assert told.startswith("Not tested: ")
    assert "choose form=classic" in told
    assert diagnosed(produc, uneven, "two_way", "classic").loc["LM lag", "p"] < 0.05
