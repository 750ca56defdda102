"""Geary's c and Getis and Ord's G against esda and explicit sums."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.diagnostic import Geary, GetisOrd, HotSpots, Moran
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.report import HotSpotMap
from digicarbon.report.base import Record
from digicarbon.report.picture import spots_of

TOLERANCE = 1e-10


@pytest.fixture(scope="module")
def weights_of_esda(produc: dc.Panel, usaww: dc.Weights) -> object:
    import libpysal

    w = libpysal.weights.util.full2W(usaww.align(produc).dense(), ids=list(range(48)))
    w.transform = "r"
    return w


@pytest.mark.filterwarnings("ignore")  # esda's own warnings are not ours to mend
@pytest.mark.parametrize(("moments", "suffix"), [("normal", "norm"), ("randomisation", "rand")])
def test_geary_equals_esda(
    produc: dc.Panel, usaww: dc.Weights, weights_of_esda: object, moments: str, suffix: str
) -> None:
    esda = pytest.importorskip("esda")
    theirs = esda.Geary(produc.cube(["unemp"])[-1, :, 0], weights_of_esda, permutations=0)
    ours = dc.geary(produc, usaww, "unemp", moments=moments, sides="greater").loc[1986]
    assert ours["c"] == pytest.approx(theirs.C, rel=TOLERANCE)
    assert ours["variance"] == pytest.approx(getattr(theirs, f"VC_{suffix}"), rel=TOLERANCE)
    assert ours["z"] == pytest.approx(getattr(theirs, f"z_{suffix}"), rel=TOLERANCE)
    assert ours["p"] == pytest.approx(getattr(theirs, f"p_{suffix}"), rel=1e-8)


@pytest.mark.filterwarnings("ignore")
def test_global_g_equals_esda(produc: dc.Panel, usaww: dc.Weights, weights_of_esda: object) -> None:
    esda = pytest.importorskip("esda")
    theirs = esda.G(produc.cube(["unemp"])[-1, :, 0], weights_of_esda, permutations=0)
    ours = dc.getis_ord(produc, usaww, "unemp").loc[1986]
    for name, value in (("g", theirs.G), ("expected", theirs.EG), ("variance", theirs.VG), ("z", theirs.z_norm)):
        assert ours[name] == pytest.approx(value, rel=TOLERANCE), name
    assert dc.getis_ord(produc, usaww, "unemp", sides="greater").loc[1986, "p"] == pytest.approx(theirs.p_norm)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("star", [True, False])
def test_local_g_equals_esda(produc: dc.Panel, usaww: dc.Weights, weights_of_esda: object, star: bool) -> None:
    esda = pytest.importorskip("esda")
    values = produc.cube(["unemp"])[-1, :, 0]
    theirs = esda.G_Local(values, weights_of_esda, transform="B", permutations=0, star=star)
    ours = dc.local_getis_ord(produc, usaww, "unemp", star=star).loc[1986]
    np.testing.assert_allclose(ours["g"], theirs.Gs, rtol=TOLERANCE)
    np.testing.assert_allclose(ours["z"], theirs.Zs, rtol=TOLERANCE)
    # weights that are equal within a row have the z of links
    weighted = dc.local_getis_ord(produc, usaww, "unemp", star=star, links="weights").loc[1986]
    np.testing.assert_allclose(weighted["z"], theirs.Zs, rtol=1e-8)
    assert set(ours["spot"]) == {"hot", "cold"}


def test_permutations_agree_with_exact_moments(produc: dc.Panel, usaww: dc.Weights) -> None:
    exact = dc.geary(produc, usaww, "unemp", moments="randomisation").loc[1970]
    drawn = dc.geary(produc, usaww, "unemp", moments="permutation", draws=4999, seed=3).loc[1970]
    assert drawn["c"] == pytest.approx(exact["c"])
    assert drawn["expected"] == pytest.approx(1, abs=5 * np.sqrt(exact["variance"] / 4999))
    assert drawn["variance"] == pytest.approx(exact["variance"], rel=0.12)
    assert drawn["z"] * exact["z"] > 0
    exact = dc.getis_ord(produc, usaww, "unemp").loc[1970]
    drawn = dc.getis_ord(produc, usaww, "unemp", moments="permutation", draws=4999, seed=3).loc[1970]
    assert drawn["expected"] == pytest.approx(exact["expected"], abs=5 * np.sqrt(exact["variance"] / 4999))
    assert drawn["variance"] == pytest.approx(exact["variance"], rel=0.12)


def test_permuted_local_p_is_the_share_of_draws_as_extreme(produc: dc.Panel, usaww: dc.Weights) -> None:
    normal = dc.local_getis_ord(produc, usaww, "unemp", star=False).loc[1986]
    drawn = dc.local_getis_ord(produc, usaww, "unemp", star=False, permute=True, draws=1999, seed=1).loc[1986]
    again = dc.local_getis_ord(produc, usaww, "unemp", star=False, permute=True, draws=1999, seed=1).loc[1986]
    assert drawn.equals(again)
    assert np.corrcoef(normal["p"], drawn["p"])[0, 1] > 0.97
    assert drawn["p"].min() >= 1 / 2000


def test_what_has_no_statistic_is_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    units = produc.units
    everyone = dc.Weights.from_matrix(np.ones((48, 48)) - np.eye(48), units)
    with pytest.raises(EstimationError, match="nothing to test"):
        dc.geary(produc, everyone, "unemp")
    with pytest.raises(EstimationError, match="nothing to test"):
        dc.getis_ord(produc, everyone, "unemp")
    for star in (True, False):
        with pytest.raises(EstimationError, match="however values are exchanged"):
            dc.local_getis_ord(produc, everyone, "unemp", star=star)
    negative = produc.with_terms(["D.unemp"])
    with pytest.raises(DataError, match="is negative for"):
        dc.getis_ord(negative, usaww, "D.unemp")
    flat = dc.Panel.from_frame(
        produc.frame().reset_index().assign(flat=1.0), unit=produc.unit_name, time=produc.time_name
    )
    with pytest.raises(DataError, match="Geary's c does not exist"):
        dc.geary(flat, usaww, "flat")


def test_diagnostics_stack_variables_and_say_how_p_comes_about(produc: dc.Panel, usaww: dc.Weights) -> None:
    for spec, table, code in (
        (Geary(variables=("unemp", "gsp")), "geary", "geary_moments"),
        (Geary(variables=("unemp",), moments="permutation", draws=19), "geary", "geary_permuted"),
        (GetisOrd(variables=("unemp",)), "getis_ord", "getis_ord_moments"),
        (GetisOrd(variables=("unemp",), moments="permutation", draws=19), "getis_ord", "getis_ord_permuted"),
        (HotSpots(variables=("unemp",)), "hot_spots", "hot_spots_normal"),
        (HotSpots(variables=("unemp",), permute=True, draws=19), "hot_spots", "hot_spots_permuted"),
    ):
        spec.check(produc, usaww)
        frame = spec.tables(produc, usaww)[table]
        assert list(dict.fromkeys(frame.index.get_level_values(0))) == list(spec.variables)
        assert [note.code for note in spec.notes] == [code]


def test_report_counts_hot_and_cold_spots(produc: dc.Panel, usaww: dc.Weights) -> None:
    tables = HotSpots(variables=("unemp",)).tables(produc, usaww)
    record = Record("W", {}, {}, dc.Result(kind="none", y="", tables=tables))
    report = HotSpotMap(name="hot_spots", columns=("z", "spot"), language="en", pictures=())
    table = report.table("t", [record])
    frame = tables["hot_spots"].loc[("unemp", 1986)]
    hot = int(((frame["p"] < 0.05) & (frame["spot"] == "hot")).sum())
    assert hot > 0
    assert table.cells["hot spot"][f"{report.words('unemp')}, 1986"] == str(hot)
    # a spot is named where p is below the level alone, though the file is without p
    rows = pd.read_csv(io.BytesIO(report.files("t", [record])["hot_spots.csv"]), keep_default_na=False)
    assert (rows["spot"] != "").sum() == (tables["hot_spots"]["p"] < 0.05).sum()
    assert set(rows["spot"]) == {"", "hot", "cold"}
    clusters = spots_of(tables["hot_spots"], 0.05)
    assert set(clusters) <= {"hot spot", "cold spot", "insignificant"}
    with pytest.raises(ConfigError, match=r"digicarbon\.local_getis_ord"):
        spots_of(frame[["p"]], 0.05)


@pytest.mark.parametrize("kind", [Geary, GetisOrd, Moran])
def test_an_empty_name_of_a_variable_is_refused(kind: type[Geary | GetisOrd | Moran]) -> None:
    with pytest.raises(ConfigError, match="variables has no name of a variable"):
        kind(variables=("",), moments="permutation")
