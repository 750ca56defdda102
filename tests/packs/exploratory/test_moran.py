"""Moran's I against spdep on the Produc panel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.diagnostic import BivariateMoran, LocalMoran, Moran
from digicarbon.errors import DataError, DigicarbonError, WeightsError
from digicarbon.packs.exploratory.diagnostic.moran import moran_bivariate

# closed forms in both programs
TOLERANCE = 1e-10
RECORDS = json.loads((REFERENCE / "produc_moran.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("moments", "short"), [("normal", "norm"), ("randomisation", "rand")])
def test_equals_spdep(produc: dc.Panel, usaww: dc.Weights, moments: str, short: str) -> None:
    found = dc.moran(produc, usaww, "log(gsp)", moments=moments)
    assert len(RECORDS) == len(found) == 17
    for record, (period, row) in zip(RECORDS, found.iterrows(), strict=True):
        assert record["id"] == f"d.moran.{period}"
        values = record["values"]
        expected = [values["I"], values["EI"], values[f"var_{short}"], values[f"z_{short}"], values[f"p_{short}"]]
        np.testing.assert_allclose(row[["i", "expected", "variance", "z", "p"]], expected, rtol=TOLERANCE)


def test_notes_say_under_what_the_moments_are() -> None:
    (normal,) = tuple(map(str, Moran(variables=("x",)).notes))
    assert normal == (
        "Moran's I: expectation, variance and z under the assumption of normality; two-sided p from the normal "
        "distribution. diagnostic.moments=randomisation assumes randomisation, and diagnostic.moments=permutation "
        "uses drawn permutations."
    )
    (random,) = tuple(map(str, Moran(variables=("x",), moments="randomisation", sides="greater").notes))
    assert "z under the assumption of randomisation; one-sided (greater) p from" in random
    assert "diagnostic.moments=normal assumes normality" in random
    (drawn,) = tuple(map(str, Moran(variables=("x",), moments="permutation", draws=99, seed=3).notes))
    assert drawn == "Moran's I: expectation, variance and p over 99 drawn permutations (seed 3); p two-sided."
    (local,) = tuple(map(str, LocalMoran(variables=("x",), moments="total").notes))
    assert "z under permutation of all values" in local
    (held,) = tuple(map(str, LocalMoran(variables=("x",), moments="permutation", draws=99).notes))
    assert held.startswith("Local Moran's I: expectation, variance and p over 99 drawn permutations of the other units")
    (two,) = tuple(map(str, BivariateMoran(variables=("x",), neighbours="y").notes))
    assert two.startswith("Bivariate Moran's I: expectation, variance and p over 999 drawn permutations (seed 0)")


def test_one_sided_p_is_half_of_the_two_sided_one_for_positive_z(produc: dc.Panel, usaww: dc.Weights) -> None:
    two, greater = (dc.moran(produc, usaww, "log(gsp)", sides=sides) for sides in ("two", "greater"))
    np.testing.assert_allclose(greater["p"], two["p"] / 2)


def test_constant_variable_and_missing_weights_are_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    constant = produc.with_columns({"same": np.ones(816)})
    with pytest.raises(DataError, match="same is the same in every unit in 1970"):
        dc.moran(constant, usaww, "same")
    with pytest.raises(WeightsError, match="no row for"):
        dc.moran(produc, usaww.restrict(usaww.labels[:10], islands="keep"), "unemp")


def test_terms_are_taken_as_models_take_them(produc: dc.Panel, usaww: dc.Weights) -> None:
    made = produc.with_columns({"log": np.log(produc.column("pcap")), "square": produc.column("unemp") ** 2})
    for function in (dc.moran, dc.local_moran):
        pd.testing.assert_frame_equal(function(produc, usaww, "ln_pcap"), function(made, usaww, "log"))
    pd.testing.assert_frame_equal(
        moran_bivariate(produc, usaww, "ln_pcap", "unemp^2", draws=9),
        moran_bivariate(made, usaww, "log", "square", draws=9),
    )
    lagged = dc.moran(produc, usaww, "L.pcap")
    np.testing.assert_allclose(lagged["i"], dc.moran(produc, usaww, "pcap")["i"].iloc[:-1], rtol=1e-12)
    with pytest.raises(DataError, match=r"no column 'ln_wealth'"):
        dc.moran(produc, usaww, "ln_wealth")


@pytest.mark.parametrize(
    ("choices", "wrong"),
    [("model: twfe\ncluster: time", ""), ("model: none", ""), ("model: fe\ndiagnostic: getis_ord", "variables=[ci]")],
)
def test_a_short_file_tests_its_y_and_notes_nothing_on_estimates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], choices: str, wrong: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("panel.csv", "neighbours.csv"):
        (tmp_path / name).write_bytes((Path(__file__).parents[3] / "docs/example" / name).read_bytes())
    (tmp_path / "experiments").mkdir()
    known = "" if "diagnostic" in choices else "diagnostic: moran\nreport: moran\n"
    text = f"data: panel.csv\ny: ln_ci\nx: ln_digital\nweights: neighbours.csv\n{known}{choices}\n"
    (tmp_path / "experiments/mine.yaml").write_text(text)
    assert main(["run", "mine"]) == (1 if wrong else 0)
    shown = capsys.readouterr()
    if wrong:
        assert wrong in shown.err
    else:
        assert "ln_ci, 2012" in shown.out
        assert "assumption of normality" in shown.out
        assert "clustered" not in shown.out
        assert "wild bootstrap, 999" not in shown.out


def test_tables_instead_of_a_panel_and_weights_are_answered_with_the_call_to_write() -> None:
    example = Path(__file__).parents[3] / "docs/example"
    frame: Any = pd.read_csv(example / "panel.csv")
    weights: Any = dc.Weights.from_edges(pd.read_csv(example / "neighbours.csv"))
    call = (
        r'dc\.moran\(dc\.Panel\.from_frame\(df, unit="city", time="year"\), dc\.Weights\.from_edges\(pairs\), "ln_ci"\)'
    )
    moran: Any = dc.moran
    for given in ((frame, "ln_ci"), (frame, weights, "ln_ci")):
        with pytest.raises(DigicarbonError, match=call):
            moran(*given)
