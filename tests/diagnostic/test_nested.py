"""Likelihood-ratio, Wald and Hausman tests against exact maximum likelihood and splm on the Produc panel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import reference
from roles import spatial_roles

from digicarbon.diagnostic.nested import durbin_rows, effects_rows, hausman_row
from digicarbon.errors import EstimationError
from digicarbon.numeric.tests.effects_test import effects_test
from digicarbon.numeric.tests.nested import common_factor, hausman, wald
from digicarbon.result import Result

# the references solve the same likelihoods by another route
TOLERANCE = 1e-9
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
EXACT = {name: values for name, values in reference("produc_nested").items() if name.startswith("tests.")}
FIRST = {name: values for name, values in reference("produc_nested").items() if name.startswith("c.LR.")}
SPLM = reference("produc_hausman")
NAMES = {
    "lr_sdm_sar": "LR SDM to SAR",
    "lr_sdm_sem": "LR SDM to SEM",
    "wald_sdm_sar": "Wald SDM to SAR",
    "wald_sdm_sem": "Wald SDM to SEM",
}


def model(**fields: object) -> dc.SpatialPanel:
    return dc.SpatialPanel(**{"y": "log(gsp)", "x": X, "kind": "sdm", **fields})


@pytest.mark.parametrize("record", EXACT)
def test_equals_exact_likelihood(produc: dc.Panel, usaww: dc.Weights, record: str) -> None:
    _, effects, correction = record.split(".")
    spec = model(effects=effects, bias_correction=correction)
    found = dc.diagnose(spec, produc, usaww, draws=0).set_index("test")
    for theirs, ours in NAMES.items():
        values, row = EXACT[record][theirs], found.loc[ours]
        assert row["statistic"] == pytest.approx(values["statistic"], rel=TOLERANCE)
        assert row["df"] == values["df"]
        assert row["p"] == pytest.approx(values["p"], rel=1e-6)


@pytest.mark.parametrize("record", FIRST)
def test_demeaning_first_equals_r(produc: dc.Panel, usaww: dc.Weights, record: str) -> None:
    effects = {"individual": "unit", "time": "time", "twoways": "two_way"}[record.rpartition(".")[2]]
    spec = model(effects=effects, bias_correction="none", demeaning="first")
    found = dc.diagnose(spec, produc, usaww, draws=0).set_index("test")["statistic"]
    assert found["LR SDM to SAR"] == pytest.approx(FIRST[record]["sdm_vs_sar"]["statistic"], rel=1e-8)
    assert found["LR SDM to SEM"] == pytest.approx(FIRST[record]["sdm_vs_sem"]["statistic"], rel=1e-8)


def test_error_model_is_not_nested_with_some_lags_only(produc: dc.Panel, usaww: dc.Weights) -> None:
    spec = model(x=X[:1], controls=X[1:], durbin="x")
    found = dc.diagnose(spec, produc, usaww, draws=0).set_index("test")
    assert found.loc["LR SDM to SAR", "df"] == 1
    for name in ("LR SDM to SEM", "Wald SDM to SEM"):
        assert np.isnan(found.loc[name, "statistic"])
        assert found.loc[name, "null"].startswith("Not tested: the spatial error model is not nested")


def test_clusters_of_a_column_stop_no_likelihood_ratio(produc: dc.Panel, usaww: dc.Weights) -> None:
    panel = produc.with_text({"region": np.array([f"r{code % 9}" for code in produc.unit_codes], dtype=object)})
    plain = dc.diagnose(model(x=X), panel, usaww, draws=9)
    by_region = dc.diagnose(model(x=X, cov="cluster", cluster="region"), panel, usaww, draws=9)
    ratios = plain["test"].str.startswith("LR")
    pd.testing.assert_frame_equal(by_region[ratios], plain[ratios])


def test_common_factor_is_the_numerical_delta_method() -> None:
    rng = np.random.default_rng(3)
    root = rng.normal(size=(5, 5))
    covariance, at = root @ root.T, rng.normal(size=5)

    def restriction(point: np.ndarray) -> np.ndarray:
        return point[2:4] + point[4] * point[:2]

    step = 1e-6
    gradient = np.stack(
        [(restriction(at + step * unit) - restriction(at - step * unit)) / (2 * step) for unit in np.eye(5)], axis=1
    )
    expected = wald(restriction(at), gradient @ covariance @ gradient.T)
    found = common_factor(at[:2], at[2:4], at[4], covariance)
    assert found.value == pytest.approx(expected.value, rel=1e-8)
    assert found.df == 2


def test_effects_statistics_are_differences_of_uncorrected_likelihoods(produc: dc.Panel, usaww: dc.Weights) -> None:
    for kind in ("sar", "sdm", "sem", "sdem"):
        fits = {
            effects: model(kind=kind, effects=effects, bias_correction="none").fit(produc, usaww).statistics["loglik"]
            for effects in ("unit", "time", "two_way")
        }
        # the model's own effects and correction do not matter
        rows = {row.test: row for row in effects_rows(model(kind=kind, effects="none"), produc, usaww, draws=0)}
        assert set(rows) == {"LR unit effects", "LR time effects"}
        for tested, kept, df in (("unit", "time", 47), ("time", "unit", 16)):
            row = rows[f"LR {tested} effects"]
            assert row.statistic == pytest.approx(2 * (fits["two_way"] - fits[kept]), rel=1e-9)
            assert row.df == df
            assert "too small" in str(row.null)


def test_bootstrap_is_seeded_and_rejects_what_is_there(produc: dc.Panel, usaww: dc.Weights) -> None:
    rows = [{row.test: row for row in effects_rows(model(), produc, usaww, draws=39, seed=seed)} for seed in (5, 5, 6)]
    assert rows[0] == rows[1]
    name = "LR unit effects, bootstrap"
    # Produc has unit effects beyond doubt: no draw of 39 comes near
    assert rows[0][name].p == rows[2][name].p == 1 / 40


def test_bootstrap_p_is_moderate_where_there_are_no_effects(usaww: dc.Weights) -> None:
    rng = np.random.default_rng(8)
    z = rng.normal(size=(6, 48, 2))
    inverse = np.linalg.inv(np.eye(48) - 0.4 * usaww.dense())
    y = (z @ np.array([1.0, -1.0]) + rng.normal(size=(6, 48))) @ inverse.T
    for dependence in ("lag", "error"):
        for tested in ("unit", "time"):
            found = effects_test(z, y, usaww.operator, tested, dependence, rng, draws=39)
            assert found.bootstrap > 0.05
            assert found.statistic.value > 0


@pytest.mark.parametrize("record", SPLM)
def test_hausman_equals_splm(produc: dc.Panel, usaww: dc.Weights, record: str) -> None:
    """splm compares slopes of KKP random effects with uncorrected fixed ones."""
    kind = "sdem" if record.endswith("durbinTRUE") else "sem"
    fixed = model(kind=kind, effects="unit", bias_correction="none").fit(produc, usaww)
    random = model(kind=kind, effects="random", error_structure="kkp").fit(produc, usaww)
    row = hausman_row(fixed, random, spatial=False)
    # R's optimiser stops at about eight digits of lambda
    assert row.statistic == pytest.approx(SPLM[record]["statistic"], rel=1e-6)
    assert row.df == SPLM[record]["df"]
    assert "not positive definite" in str(row.null)
    assert not row.reliable


def result(coef: list[float], variances: list[float], terms: tuple[str, ...]) -> dc.Result:
    return dc.Result(
        kind="sar",
        y="y",
        terms=terms,
        coef=np.array(coef),
        covariance=np.diag(variances),
        roles=spatial_roles(terms),
    )


def test_hausman_compares_common_terms_and_reports_a_negative_statistic() -> None:
    fixed = result([1.0, 0.5, 2.0], [0.05, 0.02, 9.0], ("x", "rho", "sigma2"))
    random = result([9.0, 0.8, 0.4, 7.0, 2.0], [1.0, 0.01, 0.01, 3.0, 9.0], ("const", "x", "rho", "phi", "sigma2"))
    row = hausman_row(fixed, random)
    assert row.statistic == pytest.approx(0.2**2 / 0.04 + 0.1**2 / 0.01)
    assert row.df == 2
    assert "compared: x, rho" in str(row.null)
    assert row.reliable
    swapped = hausman_row(random, fixed)
    assert swapped.statistic == pytest.approx(-row.statistic)
    assert np.isnan(swapped.p)
    assert "The statistic is negative" in str(swapped.null)
    with pytest.raises(EstimationError, match="no coefficient in common"):
        hausman_row(fixed, result([1.0], [1.0], ("z",)))


def test_hausman_does_not_depend_on_units_of_measurement() -> None:
    rng = np.random.default_rng(4)
    root, d = rng.normal(size=(3, 3)), rng.normal(size=3)
    v, scale = root @ root.T, np.array([1e-6, 1.0, 1e5])
    one, two = hausman(d, v), hausman(d * scale, v * np.outer(scale, scale))
    assert one.definite
    assert two.definite
    assert one.statistic.value == pytest.approx(two.statistic.value, rel=1e-9)


class Worded(dc.SpatialPanel):
    """A model whose notes speak of boundaries."""

    def fit(self, *arguments: Any, **further: Any) -> Result:
        found = super().fit(*arguments, **further)
        return replace(found, notes=(*found.notes, "Units share a boundary."))


def test_a_boundary_is_a_fact_and_no_word(produc: dc.Panel, usaww: dc.Weights) -> None:
    model = Worded(y="log(gsp)", x=X[:2], kind="sdm", effects="two_way")
    assert all(row.reliable for row in durbin_rows(model, produc, usaww))


def test_at_a_boundary_no_test_is_reliable(usaww: dc.Weights) -> None:
    n, t, w = 48, 2, usaww.dense()
    rng = np.random.default_rng(0)
    y = np.linalg.solve(np.eye(n) - (1 - 1e-3) * w, rng.normal(size=(n, t)))
    units = np.repeat(usaww.labels, t)
    columns = {"unit": units, "year": np.tile(np.arange(t), n), "y": y.ravel(), "x": rng.normal(size=n * t)}
    panel = dc.Panel.from_frame(pd.DataFrame(columns), "unit", "year")
    model = dc.SpatialPanel(y="y", x=("x",), kind="sdm", effects="unit")
    assert model.fit(panel, usaww).boundary == ("rho",)
    assert not any(row.reliable for row in durbin_rows(model, panel, usaww))
