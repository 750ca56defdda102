"""A new estimator is one class: the rest, from the table to R, is right without another line of code."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Hashable, Sequence
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE, skip
from mlflow import MlflowClient

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.base import Model
from digicarbon.model.batch import Batch, Estimand, Null, columns_key, under_null
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.result import Inference, Result
from digicarbon.script import RPart, StataPart

# -- the estimator: all that there is of it --------------------------------------------------------------------------


class UnitTrends(Model):
    """Least squares with an intercept and a linear trend of each unit's own, which are taken out of every column."""

    def fit(self, panel: dc.Panel, weights: dc.Weights | None = None) -> Result:
        panel = panel.with_terms(self.terms)
        names = panel.expanded(self.regressors, among=self.terms)
        x, y = without_trends(panel, panel.array(names)), without_trends(panel, panel.array([self.y]))[:, 0]
        df = len(y) - len(names) - 2 * len(panel.units)
        if df < 1:
            raise EstimationError("Trends of units take up all observations; use a longer panel.")
        bread = np.linalg.inv(x.T @ x)
        coef = bread @ x.T @ y
        residuals = y - x @ coef
        sigma2 = float(residuals @ residuals) / df
        return Result(
            kind="unit_trends",
            y=self.y,
            focal=panel.expanded(self.x, among=self.terms),
            terms=names,
            coef=coef,
            covariance=sigma2 * bread,
            inference=Inference(df),
            statistics={"nobs": float(len(y)), "n_units": float(len(panel.units)), "sigma2": sigma2},
            absorbed=("unit", "unit trend"),
            notes=("Standard errors: independent errors of one variance.",),
        )

    def null(self, panel: dc.Panel, weights: dc.Weights | None, candidates: Sequence[dc.Weights]) -> Null:
        panel = panel.with_terms(self.terms)
        names = panel.expanded(under_null(self.x, self.regressors), among=self.terms)

        def fit() -> NullModel:
            z, y = without_trends(panel, panel.array(names)), without_trends(panel, panel.array([self.y]))
            left = y - z @ np.linalg.lstsq(z, y)[0]
            basis = np.linalg.qr(z).Q
            return NullModel(panel.column(self.y), left[:, 0], rows_of(panel), basis, by_time=False)

        return Null(("unit trends", panel.columns[self.y].digest, columns_key(panel, names)), fit)

    def batch(self, panel: dc.Panel, weights: dc.Weights | None, estimand: Estimand) -> Batch:
        panel = panel.with_terms(self.terms)
        return Fits(panel, panel.expanded(self.regressors, among=self.terms), estimand.term)

    def r(self, part: RPart) -> list[str]:
        x = [part.names[name] for name in part.extract.regressors]
        called = dict(zip(part.extract.regressors, x, strict=True))
        right = " + ".join(["0", *x, "factor(unit_id)", "factor(unit_id):time_id"])
        return [
            f"fit <- lm({part.names[self.y]} ~ {right}, data = {part.data})",
            "V <- vcov(fit)",
            *part.compare("coef(fit)", "errors_of(V)", called),
        ]

    def stata(self, part: StataPart) -> list[str]:
        x = [part.names[name] for name in part.extract.regressors]
        called = dict(zip(part.extract.regressors, x, strict=True))
        command = f"regress {part.names[self.y]} {' '.join(x)} i.unit_id i.unit_id#c.time_id"
        return [command, *part.compare(called)]


class Fits:
    """The estimator for many outcomes at once."""

    key: Hashable = "unit trends"

    def __init__(self, panel: dc.Panel, names: tuple[str, ...], term: str) -> None:
        self.panel, self.names, self.term = panel, names, term
        self.x = without_trends(panel, panel.array(names))
        self.df = len(self.x) - len(names) - 2 * len(panel.units)

    def prepare(self, outcomes: FloatArray) -> FloatArray:
        return without_trends(self.panel, outcomes)

    def combine(self, prepared: FloatArray, weights: FloatArray) -> FloatArray:
        return prepared @ weights

    def fit(self, prepared: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.at(prepared, [self.names.index(self.term)])[0]

    def several(self, prepared: FloatArray, estimands: Sequence[Estimand]) -> list[tuple[FloatArray, FloatArray]]:
        return self.at(prepared, [self.names.index(estimand.term) for estimand in estimands])

    def at(self, prepared: FloatArray, places: Sequence[int]) -> list[tuple[FloatArray, FloatArray]]:
        bread = np.linalg.inv(self.x.T @ self.x)
        coef = bread @ self.x.T @ prepared
        sigma2 = ((prepared - self.x @ coef) ** 2).sum(axis=0) / self.df
        return [(coef[place], np.sqrt(sigma2 * bread[place, place])) for place in places]


def without_trends(panel: dc.Panel, columns: FloatArray) -> FloatArray:
    """Columns less the intercept and the linear trend of each unit."""
    left = columns.copy()
    for unit in range(len(panel.units)):
        rows = panel.unit_codes == unit
        trend = np.column_stack([np.ones(rows.sum()), panel.period_codes[rows]])
        left[rows] -= trend @ np.linalg.lstsq(trend, columns[rows])[0]
    return left


# -- what the house makes of it ---------------------------------------------------------------------------------------

HEAD = """
defaults: [config, {override source: table}, {override measure: none}, {override outcome: none},
  {override model: unit_trends}, {override executor: sequential}, %s_self_]
title: %s
source: {path: data.csv, unit: state, time: year}
"""
OPTION = """# a linear trend of each unit's own
_target_: test_new_estimator.UnitTrends
y: ln_gsp
x: [ln_pcap]
controls: [ln_pc, unemp]
"""
COLUMNS = "columns: {A: {}, B: {model.controls: [ln_pc]}, C: {model.x: [ln_pcap, 'ln_pcap^2']}}\n"
GRID = """grid:
  model.controls: [[], [ln_pc], [unemp], [ln_pc, unemp]]
report: {draws: 99, pictures: [svg]}
"""
TERMS = ("ln_pcap", "ln_pc", "unemp")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def states(project: Path) -> pd.DataFrame:
    """48 states in a file, an experiment with columns and one with a grid."""
    frame = pd.read_csv(REFERENCE / "produc.csv")
    logs = {f"ln_{name}": np.log(frame[name]) for name in ("gsp", "pcap", "pc")}
    table = frame[["state", "year", "unemp"]].assign(**logs)
    table.to_csv("data.csv", index=False)
    for folder in ("experiments", "conf/model"):
        Path(folder).mkdir(parents=True)
    Path("conf/model/unit_trends.yaml").write_text(OPTION, encoding="utf-8")
    Path("experiments/trends.yaml").write_text(HEAD % ("", "Unit trends") + COLUMNS, encoding="utf-8")
    curve = HEAD % ("{override report: curve}, ", "All choices") + GRID
    Path("experiments/choices.yaml").write_text(curve, encoding="utf-8")
    return table.sort_values(["state", "year"], ignore_index=True)


def by_dummies(table: pd.DataFrame, terms: Sequence[str] = TERMS) -> tuple[float, float]:
    """The first coefficient and its standard error by least squares on 96 dummies."""
    units = pd.get_dummies(table["state"], dtype=float).to_numpy()
    x = np.column_stack([table[list(terms)], units, units * (table[["year"]].to_numpy() - 1978.0)])
    y = table["ln_gsp"].to_numpy()
    coef = np.linalg.lstsq(x, y)[0]
    left = y - x @ coef
    return float(coef[0]), float(np.sqrt(left @ left / (len(y) - x.shape[1]) * np.linalg.inv(x.T @ x)[0, 0]))


def run(name: str, capsys: Capture, *words: str) -> str:
    """What a run says, without the lines of its tables."""
    assert main(["run", name, *words]) == 0
    return re.sub(r"[│┃\s]+", " ", capsys.readouterr().out)


def store() -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")


def test_table(states: pd.DataFrame, capsys: Capture) -> None:
    said = run("trends", capsys, "report.show_controls=false")
    coef, se = by_dummies(states)
    assert re.search(rf"ln_pcap +{coef:.4f}\*? ", said)
    assert f"({se:.4f})" in said
    assert "ln_pc " not in said
    assert re.search(r"[Cc]ontrols +yes +yes +yes", said)
    assert re.search(r"unit trend effects +yes +yes +yes", said)
    assert "Standard errors: independent errors of one variance." in said


def test_mlflow(states: pd.DataFrame, capsys: Capture) -> None:
    run("trends", capsys)
    client = store()
    (experiment,) = client.search_experiments(filter_string="name = 'trends'")
    runs = {
        found.data.tags["mlflow.runName"]: found.data
        for found in client.search_runs([experiment.experiment_id], "tags.`digicarbon.kind` = 'specification'")
    }
    coef, se = by_dummies(states)
    metrics, tags = runs["A"].metrics, runs["A"].tags
    assert metrics["coef.ln_pcap"] == metrics["focal.coef"] == metrics["focal.effect"] == pytest.approx(coef, rel=1e-8)
    assert metrics["se.ln_pcap"] == pytest.approx(se, rel=1e-8)
    assert tags["digicarbon.sign"] == f"{'+' if coef > 0 else '-'}{'*' if abs(coef) > 2 * se else ''}"
    # a square stands beside it: the engine knows that from the terms as they were read
    assert "digicarbon.sign" not in runs["C"].tags
    assert "focal.effect" not in runs["C"].metrics


def test_curve_and_joint_test(states: pd.DataFrame, capsys: Capture) -> None:
    said = run("choices", capsys)
    assert re.search(r"specifications +4\b", said)
    every = [by_dummies(states, ("ln_pcap", *more)) for more in ([], ["ln_pc"], ["unemp"], ["ln_pc", "unemp"])]
    coefs = [coef for coef, _ in every]
    assert re.search(rf"median +{np.median(coefs):.4f}", said)
    assert re.search(rf"smallest +{min(coefs):.4f}", said)
    assert re.search(r"joint test: median estimate, p [01]\.\d{3}", said)
    # the batch fits all outcomes at once
    assert "one by one" not in said
    assert list(Path("mlruns").rglob("*.svg"))


def test_page_and_word(states: pd.DataFrame, capsys: Capture) -> None:
    run("trends", capsys)
    assert main(["report", "trends", "--out", "page"]) == 0
    coef, se = by_dummies(states)
    (page,) = Path("page").rglob("*.html")
    (word,) = Path("page").rglob("table.docx")
    with ZipFile(word) as parts:
        texts = [page.read_text(encoding="utf-8"), parts.read("word/document.xml").decode()]
    for text in texts:
        assert "unit trend effects" in text
        assert f"{coef:.4f}" in text
        assert f"({se:.4f})" in text


def exported(capsys: Capture) -> None:
    run("trends", capsys)
    assert main(["export", "trends", "--to", "out"]) == 0
    assert "3 runs of trends exported to out: 1 data set" in capsys.readouterr().out


def test_export(states: pd.DataFrame, capsys: Capture) -> None:
    exported(capsys)
    r, do = (Path("out", name).read_text(encoding="utf-8") for name in ("check.R", "check.do"))
    assert r.count("factor(unit_id):time_id") == 3
    assert "regress ln_gsp ln_pcap ln_pc unemp i.unit_id i.unit_id#c.time_id" in do
    assert do.count('recorded "`run\'"') == 3 + 2 + 4
    assert "which this tool does not have" not in r + do


@pytest.mark.outside
def test_r_finds_the_numbers(states: pd.DataFrame, capsys: Capture) -> None:
    exported(capsys)
    if shutil.which("Rscript") is None:
        skip("R with plm is not here (Debian: apt-get install r-cran-plm r-cran-lmtest r-cran-sandwich)")
    done = subprocess.run(["Rscript", "check.R"], cwd="out", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "18 numbers compared, 0 differ" in done.stdout


@pytest.mark.long
def test_a_class_below_it_has_no_script_until_it_says_so(states: pd.DataFrame, capsys: Capture) -> None:
    Path("mine.py").write_text(
        "from dataclasses import replace\nfrom test_new_estimator import UnitTrends\n\n\nclass Halved(UnitTrends):\n"
        "    def fit(self, panel, weights=None):\n        found = super().fit(panel, weights)\n"
        "        return replace(found, coef=found.coef / 2)\n"
    )
    run("trends", capsys, "model._target_=mine.Halved")
    assert main(["export", "trends", "--to", "out"]) == 0
    assert Path("out/check.R").read_text().count("class Halved, which this tool does not have") == 3
