"""`digicarbon report` writes one self-contained page, and the files beside it, from what MLflow holds."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import copied, lasting
from mlflow import MlflowClient

import digicarbon as dc
from digicarbon import page, recorded
from digicarbon.__main__ import main
from digicarbon.note import Note
from digicarbon.page import again, counts, runs
from digicarbon.page import configuration as asked
from digicarbon.page.words import Words
from digicarbon.result import Result
from digicarbon.tracking import OVERRIDES, Tracking

Capture = pytest.CaptureFixture[str]
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

SMALL = """
defaults: [config, {override source: simulated_w1}, {override weights: w1_adjacency}, {override model: sdm}, _self_]
title: 小的 <b>& small</b>
model: {effects: time, durbin: x}
columns:
  SDM(1): {measure: ddl}
  "SDM(2) </script>": {measure: bea}
"""
GRID = """
defaults: [config, {override source: simulated_fe}, {override inference: classic}, {override report: signs}, _self_]
title: A grid
grid:
  measure: [ddl, bea, ide]
  outcome: [intensity, per_capita]
  inference.cov: [classic, robust]
"""
ROBUST = """
defaults: [config, {override source: simulated_fe}, {override diagnostic: oster}, _self_]
title: Robust
report: {statistics: [nobs, delta, rv]}
diagnostic: {draws: 99}
grid: {model.effects: [two_way, unit]}
"""
PAPER = "defaults: [config, _self_]\ntitle: A paper\nexperiments: [small, grid]\n"


class Read(HTMLParser):
    """Elements of a page with their attributes, and the texts of cells of tables with their links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._cell: list[str] | None = None
        self._link = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self._cell, self._link = [], ""
        if tag == "a" and self._cell is not None:
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.cells.append(("".join(self._cell), self._link))
            self._cell = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._cell is not None:
            self._cell.append(data)


@pytest.fixture(scope="module")
def fitted_once(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A project in which two experiments were run, which tests copy."""
    with lasting(empty_store, tmp_path_factory.mktemp("fitted")) as project:
        folder = project / "experiments"
        folder.mkdir()
        for name, text in (("small", SMALL), ("grid", GRID), ("paper", PAPER)):
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        for name in ("small", "grid"):
            with redirect_stdout(io.StringIO()) as out:
                assert main(["run", name, "executor=sequential"]) == 0
            assert f"Make a page of it with: digicarbon report {name} --out out/\n" in out.getvalue()
    return project


@pytest.fixture
def fitted(folder: Path, fitted_once: Path) -> Path:
    copied(fitted_once, folder)
    return folder


def read(file: Path) -> Read:
    return Read(file.read_text(encoding="utf-8"))


def payload(text: str) -> Any:
    """Return the table of runs that a page's script reads."""
    found = re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def unpacked(text: str) -> list[Any]:
    kind, _, content = text.partition(":")
    values: list[Any] = np.frombuffer(base64.b64decode(content), f"<{kind}").tolist()
    return values


def test_the_command_of_a_run_has_each_word_of_the_sweep_that_the_run_does_not_choose(fitted: Path) -> None:
    sweep = recorded.sweep(Tracking(), "grid")
    known = {**sweep.tags, OVERRIDES: "source.seed=3 inference.cov=robust +sample.periods=[2011, 2012]"}
    commands = again.commands(replace(sweep, tags=known))
    assert shlex.split(commands["run"])[-2:] == ["source.seed=3", "+sample.periods=[2011, 2012]"]
    assert commands["fixed"] == ["source.seed: 3", "sample.periods: [2011, 2012]"]


def complaint(capsys: Capture, *arguments: str) -> str:
    capsys.readouterr()
    assert main(["report", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_a_page_is_one_file_that_asks_for_nothing(fitted: Path) -> None:
    assert main(["report", "small", "--out", "page"]) == 0
    found = read(fitted / "page" / "index.html")
    assert not [tag for tag, has in found.elements if tag in ("link", "iframe", "object") and has.get("rel") != "icon"]
    sources = [has.get("src") for tag, has in found.elements if tag in ("script", "img")]
    assert all(source is None or source.startswith("data:") for source in sources)
    text = (fitted / "page" / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert not re.search(r"url\((?!data:)", text)
    said = "".join(found.text)
    assert "SIMULATED data: these numbers were drawn from a known process" in said
    assert "小的 <b>& small</b>" in said
    assert str(fitted) not in text


def test_a_page_with_its_files_within_is_the_only_file(
    fitted: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["report", "grid", "--out", "beside"]) == 0
    assert main(["report", "grid", "--out", "alone", "--one-file"]) == 0
    file = fitted / "alone" / "grid.html"
    size = file.stat().st_size
    assert f"in one file of {size / 1e6:.1f} MB, which needs no other." in capsys.readouterr().out
    assert [path.name for path in file.parent.iterdir()] == ["grid.html"]
    links = {has["download"]: str(has["href"]) for tag, has in read(file).elements if has.get("download")}
    beside = {path.name: path.read_bytes() for path in (fitted / "beside").iterdir() if path.is_file()}
    assert links.keys() == beside.keys() - {"index.html", "manifest.json"}
    for name, address in links.items():
        within = base64.b64decode(address.partition(";base64,")[2])
        if name.endswith((".docx", ".xlsx")):
            # their archives hold the time
            assert within[:4] == b"PK\x03\x04"
        else:
            assert within == beside[name], name
    addresses = [has.get("href") or has.get("src") or "" for _, has in read(file).elements]
    assert {address[:1] for address in addresses if address and not address.startswith("data:")} == {"#"}
    # a name that ends so is one file, too; it is replaced, and nothing else is
    assert main(["report", "grid", "--out", "alone/grid.html"]) == 0
    Path("mine.html").write_text("mine", encoding="utf-8")
    assert "mine.html is no page that a report wrote" in complaint(capsys, "grid", "--out", "mine.html")
    assert Path("mine.html").read_text(encoding="utf-8") == "mine"
    monkeypatch.setattr("digicarbon.page.site.LARGEST", len(beside["runs.csv"]) - 1)
    assert main(["report", "grid", "--out", "alone/grid.html"]) == 0
    text = file.read_text(encoding="utf-8")
    assert "Too large for one file, and left out: runs.csv" in text
    assert 'download="runs.csv"' not in text
    assert 'download="table.md"' in text


def test_every_number_of_the_table_links_to_its_run(fitted: Path) -> None:
    assert main(["report", "small"]) == 0
    sweep = recorded.sweep(Tracking(), "small")
    client = MlflowClient(tracking_uri=f"sqlite:///{(fitted / 'mlruns' / 'mlflow.db').as_posix()}")
    cells = read(fitted / "out" / "small" / "index.html").cells
    numbers = [(text, link) for text, link in cells if re.match(r"-?\d\.\d{4}\**$", text)]
    assert len(numbers) > 20
    assert {link for _, link in numbers} == {"#small-run-1", "#small-run-2"}
    # no server is known: links lead to runs within the page
    for place, (label, run_id) in enumerate(sweep.run_ids.items(), 1):
        run = client.get_run(run_id)
        own = {text.rstrip("*") for text, link in numbers if link == f"#small-run-{place}"}
        assert f"{run.data.metrics['focal.coef']:.4f}" in own, label
        assert f"{run.data.metrics['focal.indirect']:.4f}" in own, label


def test_the_table_of_runs_has_the_numbers_that_mlflow_has(fitted: Path) -> None:
    assert main(["report", "grid"]) == 0
    text = (fitted / "out" / "grid" / "index.html").read_text(encoding="utf-8")
    content = payload(text)
    sweep = recorded.sweep(Tracking(), "grid")
    columns = {column.get("key") or column["head"]: column for column in content["columns"]}
    ids = re.findall(".{32}", content["ids"])
    assert ids == list(sweep.run_ids.values())
    measure = columns["measure"]
    lines = [measure["lines"][code] for code in unpacked(measure["codes"])]
    assert lines == [f'measure: "{one.varied["measure"]}"' for one in sweep.records]
    for number, record in zip(unpacked(columns["Coefficient"]["numbers"]), sweep.records, strict=True):
        coef = record.result.coef[record.result.terms.index(record.result.focal[0])]
        assert number == pytest.approx(coef, rel=1e-8)
    rows = list(csv.DictReader(io.StringIO((fitted / "out/grid/runs.csv").read_text(encoding="utf-8-sig"))))
    assert [row["run_id"] for row in rows] == ids
    exact = sweep.rows["metrics.focal.p"].tolist()
    assert sorted(float(row["metrics.focal.p"]) for row in rows) == sorted(exact)


TOGETHER = """
defaults: [config, {override source: simulated_w1}, {override inference: classic}, {override report: curve}, _self_]
grid:
  model: [twfe, sar]
  weights: [w1_adjacency, economic]
report: {quantity: direct, pictures: []}
"""


def test_the_table_of_runs_has_the_number_of_a_regression_that_counts_as_effect(project: Path) -> None:
    (project / "experiments").mkdir()
    (project / "experiments" / "together.yaml").write_text(TOGETHER, encoding="utf-8")
    assert main(["run", "together", "executor=sequential"]) == 0
    assert main(["report", "together", "--out", "page"]) == 0
    content = payload((project / "page" / "index.html").read_text(encoding="utf-8"))
    columns = {column["head"]: unpacked(column["numbers"]) for column in content["columns"] if "numbers" in column}
    models = [one["model"] for one in (record.options for record in recorded.sweep(Tracking(), "together").records)]
    assert set(models) == {"twfe", "sar"}
    for place, model in enumerate(models):
        number, p = columns["Direct"][place], columns["Direct, p"][place]
        assert np.isfinite([number, p]).all()
        assert (number == columns["Coefficient"][place]) == (model == "twfe")
        assert (p == columns["p"][place]) == (model == "twfe")


def test_a_word_that_cannot_be_read_names_the_quotes_that_it_needs(fitted: Path, capsys: Capture) -> None:
    said = complaint(capsys, "grid", "report.main={model.controls: [三产]}")
    assert """'report.main={model.controls: ["产业", "a b"]}'""" in said
    assert "cannot be read" in said


LOCAL = """
defaults:
  - config
  - {override source: simulated_w1}
  - {override weights: w1_adjacency}
  - {override model: sdm}
  - {override diagnostic: local_effects}
  - {override report: local_effects}
  - _self_
"""


def test_a_page_has_only_the_pictures_of_its_report(project: Path) -> None:
    (project / "experiments").mkdir()
    (project / "experiments" / "local.yaml").write_text(LOCAL, encoding="utf-8")
    kept = "diagnostic.shocks=[Beijing,Hebei]"

    def drawn(*asked: str) -> set[str]:
        assert main(["report", "local", *asked]) == 0
        return {path.stem for path in (project / "out" / "local" / "pictures").iterdir()}

    for place in ("Beijing", "Hebei"):
        assert main(["run", "local", "executor=sequential", kept, f"report.shock={place}"]) == 0
    assert {name.split("_")[1] for name in drawn() if name.startswith("shock")} == {"Hebei"}
    assert {name.split("_")[1] for name in drawn("report.shock=Beijing") if name.startswith("shock")} == {"Beijing"}
    assert main(["run", "local", "executor=sequential", kept]) == 0
    names = drawn()
    assert names
    assert not [name for name in names if name.startswith("shock")]
    # a look at runs whose report stays the experiment's own
    assert main(["run", "local", "executor=sequential", kept, "report.shock=Hebei"]) == 0
    assert not [name for name in drawn() if name.startswith("shock")]


def test_a_label_cannot_end_the_script_that_it_stands_in(fitted: Path) -> None:
    assert main(["report", "small"]) == 0
    text = (fitted / "out" / "small" / "index.html").read_text(encoding="utf-8")
    assert text.count("</script>") == text.count("<script")
    assert "SDM(2) &lt;/script&gt;" in text


def test_tables_lie_beside_the_page_in_every_format(fitted: Path) -> None:
    assert main(["report", "grid"]) == 0
    folder = fitted / "out" / "grid"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tables = {f"table.{kind}" for kind in ("docx", "xlsx", "tex", "md", "txt", "csv")}
    assert {*tables, "table_below.csv", "runs.csv", "index.html", "manifest.json", "pictures/curve.svg"} == names
    linked = {has.get("href") for tag, has in read(folder / "index.html").elements if tag == "a"}
    assert names - {"index.html", "manifest.json"} <= linked


def test_a_package_that_is_missing_costs_its_format_only(
    fitted: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    assert main(["report", "small"]) == 0
    assert "python-docx" in capsys.readouterr().err
    names = {path.name for path in (fitted / "out" / "small").iterdir()}
    assert "table.docx" not in names
    assert {"table.xlsx", "table.tex"} <= names


def test_the_report_can_be_another_and_its_decimals_too(fitted: Path) -> None:
    assert main(["report", "small", "report=signs", "report.decimals=2"]) == 0
    text = (fitted / "out" / "small" / "table.md").read_text(encoding="utf-8")
    assert "significant" in text
    assert re.search(r"\| -?\d\.\d{2} \|", text)
    assert not re.search(r"\d\.\d{3}", text.partition("SIMULATED data:")[0])
    assert main(["report", "small", "report.decimals=1"]) == 0
    assert "Direct effect" in (fitted / "out" / "small" / "table.md").read_text(encoding="utf-8")


def test_a_page_speaks_chinese(fitted: Path) -> None:
    assert main(["report", "small", "report.language=zh"]) == 0
    found = read(fitted / "out" / "small" / "index.html")
    said = "".join(found.text)
    assert dict(found.elements)["html"]["lang"] == "zh-CN"
    assert all(words in said for words in ("模拟数据", "数据与来源", "观测值", "数字经济"))
    assert "What was asked" not in said


def test_a_paper_is_one_page_with_a_section_for_each_experiment(fitted: Path) -> None:
    assert main(["report", "paper", "--out=paper"]) == 0
    found = read(fitted / "paper" / "index.html")
    ids = [has["id"] for _, has in found.elements if "id" in has]
    assert len(ids) == len(set(ids))
    targets = [
        (has.get("href") or "")[1:] for tag, has in found.elements if tag == "a" if (has.get("href") or "")[:1] == "#"
    ]
    runs = {target for target in targets if re.fullmatch(r"(small|grid)-run-\d+", target)}
    assert {"small", "grid"} <= set(targets) - runs <= set(ids)
    assert (fitted / "paper" / "small" / "table.docx").is_file()
    assert (fitted / "paper" / "grid" / "runs.csv").is_file()
    assert "A paper" in "".join(found.text)


def test_failures_are_told_with_their_sentences(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from digicarbon.errors import EstimationError
    from digicarbon.model import PanelRegression

    fits = PanelRegression.fit

    def fit(self: PanelRegression, panel: dc.Panel, weights: dc.Weights | None = None) -> Result:
        if self.x == ("ln_ide",):
            raise EstimationError("It <cannot> be.")
        return fits(self, panel, weights)

    monkeypatch.setattr(PanelRegression, "fit", fit)
    assert main(["run", "-m", "executor=sequential", "measure=ddl,ide"]) == 1
    assert main(["report"]) == 0
    found = read(project / "out" / "digicarbon" / "index.html")
    assert ("It <cannot> be.", "") in found.cells
    assert "2 runs planned = 1 fitted + 1 failed" in "".join(found.text)
    text = (project / "out" / "digicarbon" / "table.txt").read_text(encoding="utf-8")
    shown = " ".join(capsys.readouterr().out.split())
    for note in (
        "1 run failed and is not shown: digital industrialization.",
        "is not shown: It <cannot> be.",
    ):
        assert note in text
        assert note in shown
    monkeypatch.setattr(PanelRegression, "fit", lambda *_: (_ for _ in ()).throw(EstimationError("No.")))
    assert main(["run", "--force", "executor=sequential", "measure=ddl"]) == 1
    assert main(["report"]) == 0
    assert "No run has a result." in "".join(read(project / "out" / "digicarbon" / "index.html").text)


def test_failures_are_told_in_the_reader_s_language(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from digicarbon.errors import EstimationError
    from digicarbon.model import PanelRegression

    fits = PanelRegression.fit

    def fit(self: PanelRegression, panel: dc.Panel, weights: dc.Weights | None = None) -> Result:
        if self.x == ("ln_ide",):
            raise EstimationError(Note("nothing_after_the_effects", y="ln_ci"))
        return fits(self, panel, weights)

    monkeypatch.setattr(PanelRegression, "fit", fit)
    assert main(["run", "-m", "executor=sequential", "measure=ddl,ide", "report.language=zh"]) == 1
    assert main(["report"]) == 0
    found = read(project / "out" / "digicarbon" / "index.html")
    sentence = "ln_ci在控制效应后不变；没有可解释的内容。"
    assert (sentence, "") in found.cells
    assert f"数字产业化未列出的原因：{sentence}" in "".join(found.text)
    recorded_table = recorded.sweep(Tracking(), "digicarbon").file("table.md").decode()
    assert f"数字产业化未列出的原因：{sentence}" in recorded_table
    assert "does not vary after" not in "".join(found.text)
    assert main(["report", "report.language=en"]) == 0
    found = read(project / "out" / "digicarbon" / "index.html")
    assert ("ln_ci does not vary after the effects; there is nothing to explain.", "") in found.cells


def test_another_report_on_the_command_line_leaves_the_experiment_its_own(fitted: Path, capsys: Capture) -> None:
    assert main(["report", "small"]) == 0
    own = (fitted / "out" / "small" / "table.txt").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["run", "small", "executor=sequential", "report=signs"]) == 0
    assert "with: digicarbon report small report=signs --out out/\n" in capsys.readouterr().out
    assert main(["report", "small"]) == 0
    assert (fitted / "out" / "small" / "table.txt").read_text(encoding="utf-8") == own
    # a new report of the experiment is its own one
    file = fitted / "experiments" / "small.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("title:", "report: {decimals: 2}\ntitle:"), encoding="utf-8")
    assert main(["run", "small", "executor=sequential"]) == 0
    assert main(["report", "small"]) == 0
    changed = (fitted / "out" / "small" / "table.txt").read_text(encoding="utf-8")
    assert changed != own


def test_a_variation_does_not_take_the_experiment_s_place(fitted: Path, capsys: Capture) -> None:
    plain = recorded.sweep(Tracking(), "small")
    assert main(["run", "small", "executor=sequential", "model.effects=unit"]) == 0
    assert "(Fixed effects: unit)" in capsys.readouterr().out
    found = recorded.sweep(Tracking(), "small")
    assert found.parent_id == plain.parent_id
    varied = found.others["model.effects=unit"]
    assert main(["report", "small"]) == 0
    shown = capsys.readouterr()
    assert f"Another sweep of the experiment is recorded: model.effects=unit (digicarbon report {varied})." in shown.err
    assert "model.effects=unit" not in (fitted / "out" / "small" / "table.txt").read_text(encoding="utf-8")
    assert main(["report", varied, "--out", "varied"]) == 0
    assert f"{plain.title} (Fixed effects: unit)" in "".join(read(fitted / "varied" / "index.html").text)
    assert "(Fixed effects: unit)" in (fitted / "varied" / "table.txt").read_text(encoding="utf-8")
    assert recorded.sweep(Tracking(), varied).tags["digicarbon.title"] == f"{plain.title} (model.effects=unit)"
    # a choice that changes no number is another sweep, too, and what concerns the table or the store is none
    assert main(["run", "small", "executor=sequential", "report.decimals=2"]) == 0
    assert recorded.sweep(Tracking(), "small").parent_id == plain.parent_id
    assert recorded.sweep(Tracking(), "small").title == plain.title


def test_only_a_variation_is_shown_with_what_was_varied(fitted: Path, capsys: Capture) -> None:
    (fitted / "experiments" / "third.yaml").write_text(SMALL, encoding="utf-8")
    assert main(["run", "third", "executor=sequential", "model.effects=unit"]) == 0
    assert main(["report", "third"]) == 0
    assert "(Fixed effects: unit)" in "".join(read(fitted / "out" / "third" / "index.html").text)


def test_a_sweep_that_has_not_ended_is_said_to_be_so(fitted: Path) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{(fitted / 'mlruns' / 'mlflow.db').as_posix()}")
    first = recorded.sweep(Tracking(), "grid")
    client.set_terminated(first.parent_id, "KILLED")
    for label in list(first.run_ids)[:2]:
        client.delete_run(first.run_ids[label])
    assert main(["report", "grid"]) == 0
    said = "".join(read(fitted / "out" / "grid" / "index.html").text)
    assert "This sweep has not ended (KILLED)" in said
    assert "12 runs planned = 10 fitted + 2 not fitted yet" in said
    assert next(iter(first.run_ids)) in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("small", "model.effects=unit"), "only report=… (how it is shown) and tracking=… (where it is recorded)"),
        (("small", "grid"), "Name one experiment"),
        (("small", "--pdf"), "has no flag --pdf. Flags: --out, --one-file, --notes, --help."),
        (
            ("small", "--out"),
            "--out needs a value. Name one experiment, and the folder of the page after --out",
        ),
        (("small", "report=courve"), "Did you mean 'curve'?"),
        (("small", "report.decimal=2"), "Did you mean 'decimals'?"),
        (("small", "report=signs,curve"), "a page has one report"),
        (("never",), "No sweep of 'never' is recorded in"),
        (("table3_baseline",), "run it first: `digicarbon run table3_baseline`."),
    ],
)
def test_a_mistake_is_a_sentence_and_writes_nothing(
    fitted: Path, capsys: Capture, arguments: tuple[str, ...], words: str
) -> None:
    assert words in complaint(capsys, *arguments)
    assert not (fitted / "out").exists()


def test_a_folder_with_other_files_is_left_alone(fitted: Path, capsys: Capture) -> None:
    (fitted / "out").mkdir()
    (fitted / "out" / "thesis.docx").write_text("mine")
    assert "out holds files that digicarbon did not write (thesis.docx)" in complaint(capsys, "small", "--out", "out")
    assert [path.name for path in (fitted / "out").iterdir()] == ["thesis.docx"]
    assert main(["report", "small", "--out", "out/small"]) == 0
    assert main(["report", "grid", "--out", "out/small"]) == 0
    assert "A grid" in (fitted / "out" / "small" / "index.html").read_text(encoding="utf-8")
    (fitted / "out" / "small" / "table.md").write_text("my own words")
    assert "table.md" in complaint(capsys, "grid", "--out", "out/small")
    assert sorted(path.name for path in (fitted / "out").iterdir()) == ["small", "thesis.docx"]
    assert "cannot be written" in complaint(capsys, "grid", "--out", "out/thesis.docx/page")


def test_a_report_that_does_not_fit_writes_nothing(fitted: Path, capsys: Capture) -> None:
    said = complaint(capsys, "small", "--out", "none", "report=vif")
    assert "report=vif does not fit. report.name: this report shows the table 'vif' of a diagnostic" in said
    assert "have no diagnostic. Add diagnostic=" in said
    assert "turning points" in complaint(capsys, "small", "--out", "none", "report=turning_points")
    assert not (fitted / "none").exists()


def test_a_page_of_a_sweep_whose_own_report_refuses_is_made_and_says_so(fitted: Path, capsys: Capture) -> None:
    spec = SMALL.replace("_self_]", "{override report: vif}, _self_]")
    (fitted / "experiments" / "refusing.yaml").write_text(spec, encoding="utf-8")
    assert main(["run", "refusing", "executor=sequential"]) == 2
    capsys.readouterr()
    assert main(["report", "refusing", "--out", "page"]) == 1
    assert "have no diagnostic. Add diagnostic=" in capsys.readouterr().err
    assert "have no diagnostic. Add diagnostic=" in "".join(read(fitted / "page" / "index.html").text)
    # the page and the terminal in the reader's language
    (fitted / "experiments" / "refusing.yaml").write_text(f"{spec}report: {{language: zh}}\n", encoding="utf-8")
    assert main(["run", "refusing", "executor=sequential"]) == 2
    capsys.readouterr()
    assert main(["report", "refusing", "--out", "page"]) == 1
    assert "没有诊断" in capsys.readouterr().err
    text = "".join(read(fitted / "page" / "index.html").text)
    assert "没有诊断" in text
    assert "have no diagnostic" not in text
    # a report on the command line leaves the experiment's page its own
    assert main(["run", "small", "executor=sequential", "report=vif"]) == 2
    assert main(["report", "small", "--out", "page"]) == 0


def test_weights_that_no_run_takes_are_not_among_what_was_asked(fitted: Path) -> None:
    small, grid = (dict(asked.choices(recorded.sweep(Tracking(), name))) for name in ("small", "grid"))
    assert small["weights"] == "w1_adjacency"
    assert "weights" not in grid
    assert "model" in grid


def test_a_page_shows_which_specifications_survive(fitted: Path) -> None:
    spec = GRID.replace("report: signs", "report: curve").replace("A grid", "A curve")
    (fitted / "experiments" / "survivors.yaml").write_text(f"{spec}report: {{draws: 19}}\n", encoding="utf-8")
    assert main(["run", "survivors"]) == 0
    for language, words in (
        ("en", ("Which specifications survive", "significant: step-down p", "draws of a wild bootstrap")),
        ("zh", ("哪些设定仍然显著", "显著：逐步向下p值", "以野自助法抽样")),
    ):
        assert main(["report", "survivors", f"report.language={language}"]) == 0
        said = "".join(read(fitted / "out" / "survivors" / "index.html").text)
        assert all(word in said for word in words)
    sweep = recorded.sweep(Tracking(), "survivors")
    assert sweep.joint is not None
    rows = list(csv.DictReader((fitted / "out/survivors/specifications.csv").read_text(encoding="utf-8").splitlines()))
    # other standard errors are no other specifications
    assert [row["specification"] for row in rows] == sweep.joint.each["specification"].tolist()
    assert len(rows) == 6
    assert [float(row["step_down"]) for row in rows] == sweep.joint.each["step_down"].tolist()


def test_a_page_begins_with_the_answer_and_one_count(fitted: Path) -> None:
    assert main(["report", "grid", "report.language=en"]) == 0
    text = (fitted / "out" / "grid" / "index.html").read_text(encoding="utf-8")
    said = "".join(read(fitted / "out" / "grid" / "index.html").text)
    sweep = recorded.sweep(Tracking(), "grid")
    effects = sweep.rows["metrics.focal.effect"]
    low = sweep.rows["metrics.focal.effect.p"] < 0.05
    down = effects < 0 if (effects < 0).sum() >= (effects > 0).sum() else effects > 0
    answer = re.search(r'<div class="answer">\s*<p>(.*?)</p>', text)
    assert answer is not None
    assert "12 estimates of the coefficient of" in answer[1]
    shares = re.findall(r"(\d+(?:\.\d+)?)%", answer[1])
    expected = [100 * float(part.mean()) for part in (down, down & low)]
    if down.all():
        assert answer[1].startswith("All 12")
        expected = expected[1:]
    assert [float(share) for share in shares] == pytest.approx(expected, abs=0.5)
    assert "standard errors" in answer[1]
    assert said.count("12 runs planned = 12 fitted") == 1
    # the answer stands before all else
    assert text.index('class="answer"') < text.index('id="grid-runs"') < text.index('id="grid-table"')


def test_the_answer_of_a_few_columns_is_their_range(fitted: Path) -> None:
    sweep = recorded.sweep(Tracking(), "small")
    effects = sorted(sweep.rows["metrics.focal.effect"])
    for language, words in (("en", "in 2 estimates"), ("zh", "有2个估计值，介于")):
        assert main(["report", "small", f"report.language={language}"]) == 0
        text = (fitted / "out" / "small" / "index.html").read_text(encoding="utf-8")
        answer = re.search(r'<div class="answer">\s*<p>(.*?)</p>', text)
        assert answer is not None
        assert words in answer[1]
        assert all(f"{effect:.3g}".replace("-", "−") in answer[1] for effect in effects)
    assert "总效应" in answer[1]
    assert "野自助法" in answer[1]


def test_the_commands_and_the_file_of_a_run_lead_to_the_same_fit(fitted: Path, capsys: Capture) -> None:
    assert main(["run", "grid", "executor=sequential", "source.seed=7"]) == 0
    varied = recorded.sweep(Tracking(), "grid").others["source.seed=7"]
    for name, place in (("grid", 7), ("small", 1), (varied, 3)):
        assert main(["report", name, "--out", "page"]) == 0
        content = payload((fitted / "page" / "index.html").read_text(encoding="utf-8"))
        again = content["again"]
        choices = [column for column in content["columns"] if "key" in column]
        codes = [unpacked(column["codes"])[place] for column in choices]
        words = [column["set"][code] for column, code in zip(choices, codes, strict=True)]
        lines = [column["lines"][code] for column, code in zip(choices, codes, strict=True)]
        run_id = content["ids"][32 * place : 32 * place + 32]
        hash_of = recorded.sweep(Tracking(), name).rows.reset_index().set_index("run_id")["hash"]
        command = shlex.split(" ".join([again["run"], *words]))
        assert command[0] == "digicarbon"
        assert main(command[1:]) == 0
        experiment = command[2]
        others = recorded.sweep(Tracking(), experiment).others
        newest = recorded.sweep(Tracking(), next(id for key, id in others.items() if key.startswith("replace=")))
        assert list(newest.rows.index) == [hash_of[run_id]]
        body = "".join(f"    {line}\n" for line in (*again["fixed"], *lines))
        (fitted / "experiments" / "one.yaml").write_text(f"{again['yaml']}columns:\n  one:\n{body}", encoding="utf-8")
        assert main(["run", "one"]) == 0
        assert list(recorded.sweep(Tracking(), "one").rows.index) == [hash_of[run_id]]
        assert main([*shlex.split(again["rerun"])[1:], run_id]) == 0
        MlflowClient(tracking_uri=f"sqlite:///{(fitted / 'mlruns' / 'mlflow.db').as_posix()}").delete_run(
            newest.parent_id
        )


def test_runs_copied_from_another_sweep_are_counted_as_such(fitted: Path) -> None:
    (fitted / "experiments" / "more.yaml").write_text(
        GRID.replace("[ddl, bea, ide]", "[ddl, bea, ide, sector1]"), encoding="utf-8"
    )
    assert main(["run", "more", "executor=sequential"]) == 0
    for language, words in (("en", "= 4 fitted + 12 copied"), ("zh", "= 4个已估计 + 12个复制")):
        assert main(["report", "more", f"report.language={language}"]) == 0
        assert words in "".join(read(fitted / "out" / "more" / "index.html").text)


def test_numbers_of_a_diagnostic_are_statistics_of_its_runs(project: Path, capsys: Capture) -> None:
    (project / "experiments").mkdir()
    (project / "experiments" / "robust.yaml").write_text(ROBUST, encoding="utf-8")
    assert main(["run", "robust", "executor=sequential"]) == 0
    assert "Delta" in capsys.readouterr().out
    assert main(["report", "robust", "--out", "page"]) == 0
    table = payload((project / "page" / "index.html").read_text(encoding="utf-8"))
    columns = {column["head"]: column for column in table["columns"]}
    sweep = recorded.sweep(Tracking(), "robust")
    shown = [record.result.tables["oster"].loc["delta", "value"] for record in sweep.records]
    assert unpacked(columns["Delta"]["numbers"]) == pytest.approx(shown, rel=1e-12)
    assert "Robustness value" not in columns
    run_id = sweep.rows["run_id"].iloc[0]
    assert main(["rerun", run_id]) == 0


def test_every_word_that_a_page_asks_for_is_there() -> None:
    folder = Path(page.__file__).parent
    words = Words("zh")
    asked_for = set(
        re.findall(r'(?:say|words)\("(\w+)"', "".join(f.read_text("utf-8") for f in folder.glob("*.[pj]*")))
    )
    asked_for |= {word for _, name in runs.NUMBERS for word in name.split()}
    asked_for |= {f"{kind}_{state}" for kind in ("count", "state") for state in counts.STATES}
    assert set(words.listed(*asked_for, *runs.SCRIPT)) >= asked_for
    in_script = re.findall(r"words\.(\w+)", "".join(file.read_text("utf-8") for file in folder.glob("*.js")))
    assert set(in_script) <= set(runs.SCRIPT)
