"""Local, bivariate, permutation and residual Moran's I against spdep, esda and explicit formulae."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from conftest import reference

import digicarbon as dc
from digicarbon.diagnostic import BivariateMoran, LocalMoran, Moran, local_moran, moran_bivariate
from digicarbon.errors import DataError, EstimationError
from digicarbon.numeric.tests.residual_moran import residual_moran
from digicarbon.packs.exploratory.numeric.moran import moran

# closed forms in both programs
TOLERANCE = 1e-10
SPDEP = reference("produc_local_moran")
COLUMNS = {"Ii": "i", "E": "expected", "Var": "variance", "Z": "z", "p": "p"}


@pytest.fixture(scope="module")
def esda_w(produc: dc.Panel, usaww: dc.Weights) -> object:
    import libpysal

    w = libpysal.weights.util.full2W(usaww.align(produc).dense(), ids=list(range(48)))
    w.transform = "r"
    return w


@pytest.mark.parametrize(("moments", "record"), [("conditional", "TRUE"), ("total", "FALSE")])
def test_local_moran_equals_spdep(produc: dc.Panel, usaww: dc.Weights, moments: str, record: str) -> None:
    found = local_moran(produc, usaww, "unemp", moments=moments).loc[1986]
    values = SPDEP[f"d.localmoran.1986.conditional{record}"]
    for theirs, ours in COLUMNS.items():
        np.testing.assert_allclose(found[ours], values[theirs], rtol=TOLERANCE)


@pytest.mark.filterwarnings("ignore")  # esda's own warnings are not ours to mend
def test_local_moran_equals_esda(produc: dc.Panel, usaww: dc.Weights, esda_w: object) -> None:
    esda = pytest.importorskip("esda")
    values = produc.cube(["unemp"])[-1, :, 0]
    theirs = esda.Moran_Local(values, esda_w, permutations=9999, seed=1)
    found = local_moran(produc, usaww, "unemp", moments="permutation", ml_variance=False, draws=9999).loc[1986]
    np.testing.assert_allclose(found["i"], theirs.Is, rtol=TOLERANCE)
    words = {1: "high-high", 2: "low-high", 3: "low-low", 4: "high-low"}
    assert list(found["quadrant"]) == [words[code] for code in theirs.q]
    # permutation moments of two generators with 9,999 draws
    np.testing.assert_allclose(found["expected"], theirs.EI_sim, atol=5 * np.sqrt(theirs.VI_sim / 9999).max())
    np.testing.assert_allclose(found["variance"], theirs.VI_sim, rtol=0.1)


def test_quadrant_conventions(produc: dc.Panel, usaww: dc.Weights) -> None:
    values = produc.cube(["unemp"])[-1, :, 0]
    w = usaww.align(produc).dense()
    lagged = w @ values
    for convention, high in (("esda", w @ (values - values.mean()) > 0), ("spdep", lagged > lagged.mean())):
        found = local_moran(produc, usaww, "unemp", quadrants=convention).loc[1986, "quadrant"]
        own = np.where(values > values.mean(), "high", "low")
        assert list(found) == [f"{a}-{b}" for a, b in zip(own, np.where(high, "high", "low"), strict=True)]


def test_local_moments_are_exact_over_all_permutations() -> None:
    rng = np.random.default_rng(1)
    values, w = rng.normal(size=6), rng.random((6, 6))
    np.fill_diagonal(w, 0.0)
    units = [f"u{i}" for i in range(6)]
    weights = dc.Weights.from_matrix(w, units)
    panel = panel_of(values, units)
    z = values - values.mean()
    others = np.array(list(itertools.permutations(z[1:])))
    all_values = z[0] * others @ weights.dense()[0, 1:] / (z @ z / 6)
    found = local_moran(panel, weights, "v").iloc[0]
    assert found["expected"] == pytest.approx(all_values.mean())
    assert found["variance"] == pytest.approx(all_values.var())
    drawn = local_moran(panel, weights, "v", moments="permutation", draws=4999, seed=2).iloc[0]
    assert drawn["expected"] == pytest.approx(found["expected"], abs=4 * np.sqrt(found["variance"] / 4999))
    assert drawn["variance"] == pytest.approx(found["variance"], rel=0.1)
    share = (np.abs(all_values - all_values.mean()) >= np.abs(found["i"] - all_values.mean()) - 1e-12).mean()
    assert drawn["p"] == pytest.approx(share, abs=0.03)


def panel_of(values: np.ndarray, units: list[str]) -> dc.Panel:
    import pandas as pd

    return dc.Panel.from_frame(pd.DataFrame({"u": units, "t": 1, "v": values}), "u", "t")


def test_local_values_add_up_to_the_global_one(produc: dc.Panel, usaww: dc.Weights) -> None:
    local = local_moran(produc, usaww, "unemp")["i"].groupby(level="year").mean()
    np.testing.assert_allclose(local, dc.moran(produc, usaww, "unemp")["i"], rtol=1e-12)


@pytest.mark.long
def test_permutation_moments_come_near_the_exact_ones_and_are_seeded(produc: dc.Panel, usaww: dc.Weights) -> None:
    exact = dc.moran(produc, usaww, "unemp", moments="randomisation")
    drawn, again, other = (
        dc.moran(produc, usaww, "unemp", moments="permutation", draws=1999, seed=seed) for seed in (1, 1, 2)
    )
    assert drawn.equals(again)
    assert not drawn.equals(other)
    np.testing.assert_array_equal(drawn["i"], exact["i"])
    np.testing.assert_allclose(drawn["expected"], exact["expected"], atol=0.012)
    np.testing.assert_allclose(drawn["variance"], exact["variance"], rtol=0.15)
    assert (drawn["p"] >= 1 / 2000).all()


def test_exact_p_over_all_permutations() -> None:
    rng = np.random.default_rng(5)
    values, w = rng.normal(size=6), rng.random((6, 6))
    np.fill_diagonal(w, 0.0)
    matrix = dc.Weights.from_matrix(w, range(6)).matrix
    every = np.array([moran(np.array(order), matrix).i for order in itertools.permutations(values)])
    found = moran(values, matrix, "permutation", "greater", np.random.default_rng(0), 4999)
    assert found.p == pytest.approx((every >= found.i - 1e-12).mean(), abs=0.03)


@pytest.mark.filterwarnings("ignore")
def test_bivariate_moran_equals_esda(produc: dc.Panel, usaww: dc.Weights, esda_w: object) -> None:
    esda = pytest.importorskip("esda")
    found = moran_bivariate(produc, usaww, "unemp", "log(gsp)", draws=1999)
    cube = produc.cube(["unemp", "log(gsp)"])
    theirs = esda.Moran_BV(cube[-1, :, 0], cube[-1, :, 1], esda_w, permutations=0)
    assert found.loc[1986, "i"] == pytest.approx(theirs.I, rel=TOLERANCE)
    same = moran_bivariate(produc, usaww, "unemp", "unemp", draws=99)["i"]
    np.testing.assert_allclose(same, dc.moran(produc, usaww, "unemp")["i"], rtol=1e-12)


def test_residual_moran_of_a_constant_alone_has_the_moments_under_normality(
    produc: dc.Panel, usaww: dc.Weights
) -> None:
    y = produc.cube(["unemp"])[:1]
    matrix = usaww.align(produc).matrix
    found = residual_moran(np.concatenate([np.ones_like(y), y], axis=2), matrix, "none")
    plain = moran(y[0, :, 0], matrix)
    assert found.expected == pytest.approx(-1 / 47)
    assert found.variance == pytest.approx(plain.variance)
    assert found.p == pytest.approx(plain.p)


def test_specifications_give_the_functions_tables(produc: dc.Panel, usaww: dc.Weights) -> None:
    variables = ("unemp",)
    local = LocalMoran(variables=variables, ml_variance=False).tables(produc, usaww)["local_moran"]
    assert local.index.names == ["variable", "year", "state"]
    expected = local_moran(produc, usaww, "unemp", ml_variance=False)
    assert local.loc["unemp"].equals(expected)
    pair = BivariateMoran(variables=variables, neighbours="log(gsp)", draws=99, seed=3)
    assert pair.terms == ("unemp", "log(gsp)")
    found = pair.tables(produc, usaww)["moran"].loc["unemp"]
    assert found.equals(moran_bivariate(produc, usaww, "unemp", "log(gsp)", draws=99, seed=3))
    single = Moran(variables=variables, moments="permutation", draws=99, seed=4).tables(produc, usaww)["moran"]
    assert single.loc["unemp"].equals(dc.moran(produc, usaww, "unemp", "permutation", draws=99, seed=4))


def test_constant_variable_is_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    constant = produc.with_columns({"same": np.ones(816)})
    for call in (
        lambda: local_moran(constant, usaww, "same"),
        lambda: moran_bivariate(constant, usaww, "unemp", "same"),
    ):
        with pytest.raises(DataError, match="same is the same in every unit in 1970"):
            call()


@pytest.mark.parametrize("moments", ["conditional", "permutation"])
def test_equal_weights_between_all_units_leave_nothing_to_test(produc: dc.Panel, moments: str) -> None:
    equal = dc.Weights.from_matrix(np.ones((48, 48)) - np.eye(48), produc.units)
    with pytest.raises(EstimationError, match="the same however values are exchanged"):
        local_moran(produc, equal, "unemp", moments=moments)


def test_equal_weights_have_a_variance_over_exchanges_of_all_values(produc: dc.Panel) -> None:
    equal = dc.Weights.from_matrix(np.ones((48, 48)) - np.eye(48), produc.units)
    found = local_moran(produc, equal, "unemp", moments="total")
    assert np.isfinite(found[["i", "variance", "z", "p"]]).all(axis=None)


@pytest.mark.parametrize("moments", ["conditional", "permutation"])
def test_a_hub_of_all_has_no_variance_and_is_named(produc: dc.Panel, moments: str) -> None:
    star = np.zeros((48, 48))
    star[0, 1:] = star[1:, 0] = 1
    weights = dc.Weights.from_matrix(star, produc.units)
    diagnostic = LocalMoran(variables=("unemp",), moments=moments, draws=99)
    tables = diagnostic.tables(produc, weights)
    found, hub = tables["local_moran"], produc.units[0]
    lost = found["variance"].isna()
    assert set(found.index[lost].get_level_values(-1)) == {hub}
    assert found.loc[lost, ["z", "p"]].isna().all(axis=None)
    assert np.isfinite(found.loc[~lost, ["z", "p"]]).all(axis=None)
    assert str(diagnostic.remarks(tables)[-1]) == (
        f"Local Moran's I has no variance, z and p where it is the same however values are exchanged: {hub}."
    )


def test_without_such_units_nothing_is_said(produc: dc.Panel, usaww: dc.Weights) -> None:
    diagnostic = LocalMoran(variables=("unemp",))
    assert tuple(map(str, diagnostic.remarks(diagnostic.tables(produc, usaww)))) == tuple(map(str, diagnostic.notes))
