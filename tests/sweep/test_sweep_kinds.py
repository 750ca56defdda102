"""Kinds of choices and a claim in a whole sweep: its parts, its record, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from browser import opened
from mlflow import MlflowClient

import digicarbon as dc
from digicarbon import recorded
from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model import PanelRegression
from digicarbon.plan.runs import plan
from digicarbon.recorded import RecordedSweep
from digicarbon.report import Table
from digicarbon.result import Result
from digicarbon.sweep import sweep
from digicarbon.sweep.sweep import settings_for
from digicarbon.tracking import Tracking

pytestmark = pytest.mark.long

DEFAULTS = [
    "config",
    *({f"override {key}": value} for key, value in (("inference", "classic"), ("report", "curve"))),
    {"override executor": "sequential"},
    "_self_",
]
GRID: dict[str, Any] = {
    "outcome": ["intensity", "intensity_apparent"],
    "sample": ["full", "east"],
    "model": ["twfe", "sar"],
    "weights": ["w1_adjacency", "k_nearest"],
    "outcome.controls": [["ln_pgdp"], ["ln_pgdp", "ln_population"]],
}
REPORT = {"quantity": "direct", "draws": 19, "pictures": []}
CLAIM = {"quantity": "direct", "sign": "negative", "share": 0.75, "joint": 0.2}


def written(name: str, **spec: Any) -> None:
    Path("experiments").mkdir(exist_ok=True)
    content = {"defaults": DEFAULTS, "grid": GRID, "report": REPORT, **spec}
    Path(f"experiments/{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def ran(name: str, *words: str, **spec: Any) -> tuple[Table, RecordedSweep]:
    written(name, **spec)
    composer = Composer(loader(), name, list(words))
    found = sweep.run(composer, plan(composer))
    assert found.table is not None
    return found.table, recorded.sweep(Tracking(), name)


def refused(**spec: Any) -> str:
    written("mine", **spec)
    with pytest.raises(ConfigError) as error:
        settings_for(composer := Composer(loader(), "mine"), plan(composer))
    return str(error.value)


def tables(table: Table | None) -> list[Table]:
    return [] if table is None else [table, *tables(table.below)]


def test_each_part_has_the_shares_and_the_joint_test_of_an_experiment_of_its_own(project: Path) -> None:
    # weights have no effect on two-way effects, which are in both parts of them
    kinds = {"weights": "uncertain", "sample": {"kind": "nonequivalent", "main": "east"}, "model": "equivalent"}
    table, whole = ran("all", kinds=kinds, claim=CLAIM)
    multiverse = whole.multiverse
    assert multiverse is not None
    assert [part.name for part in multiverse.main] == ["weights=w1_adjacency", "weights=k_nearest"]
    assert multiverse.unnamed == ("outcome", "outcome.controls")
    judged = whole.judged
    assert judged is not None
    moves = [one for one in tables(table) if one.title.startswith("What moves the result")]
    for number, part in enumerate(multiverse.main):
        choices = {key: [value] for key, value in part.choices.items()}
        alone, own = ran(f"part{number}", grid={**GRID, **choices}, claim=CLAIM)
        assert table.cells.iloc[:, number].tolist() == alone.cells.iloc[:, 0].tolist()
        ours, theirs = whole.joints[part.name], own.joints[""]
        assert ours.to_json() == theirs.to_json()
        pd.testing.assert_frame_equal(ours.null_band, theirs.null_band)
        (moved,) = (one for one in tables(alone) if one.title.startswith("What moves the result"))
        assert moves[number].cells.equals(moved.cells)
        assert own.judged is not None
        assert judged.verdicts[number].count == own.judged.verdicts[0].count
        assert judged.verdicts[number].p == own.judged.verdicts[0].p
        assert judged.verdicts[number].outcome == own.judged.verdicts[0].outcome
    # what a page is made of is what the command showed
    again = dc.report.SpecificationCurve(quantity="direct", pictures=())
    shown = again.with_multiverse(multiverse, judged).with_joints(whole.joints).table("t", whole.records)
    assert shown.cells.equals(table.cells)
    assert whole.tags["digicarbon.claim"] in ("holds", "does not hold")
    rows = pd.read_csv(Path(whole_file(whole, "specifications.csv")))
    assert rows["part"].unique().tolist() == [part.name for part in multiverse.main]


def whole_file(found: RecordedSweep, name: str) -> Path:
    return next(Path("mlruns/artifacts").glob(f"*/{found.parent_id}/artifacts/joint/*/{name}"))


SMALL = {"model": ["twfe", "sar"], "weights": ["w1_adjacency", "k_nearest"]}


def beside(name: str, *words: str) -> tuple[pd.DataFrame | None, str]:
    """Return the file of each specification's p values beside a page, and the page."""
    assert main(["report", name, *words]) == 0
    path = Path(f"out/{name}/specifications.csv")
    rows = pd.read_csv(path) if path.is_file() else None
    return rows, Path(f"out/{name}/index.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_another_joint_test_does_not_replace_that_of_the_file(project: Path) -> None:
    _, before = ran("mine", grid=SMALL)
    composer = Composer(loader(), "mine", ["report.quantity=indirect", "report.draws=29"])
    assert sweep.run(composer, plan(composer)).parent_id == before.parent_id
    after = recorded.sweep(Tracking(), "mine")
    assert before.joint is not None
    assert after.joint is not None
    assert after.joint.to_json() == before.joint.to_json()
    name = "metrics.joint.median.p"
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    metrics = client.get_run(after.parent_id).data.metrics
    assert metrics[name.removeprefix("metrics.")] == before.joint.metrics["joint.median.p"]
    # each page has the file of its own number
    rows, _ = beside("mine")
    assert rows is not None
    assert rows["quantity"].unique().tolist() == ["direct"]
    assert rows["term"].nunique() == 1
    assert rows["estimate"].tolist() == before.joint.each["estimate"].tolist()
    other, _ = beside("mine", "report.quantity=indirect", "report.draws=29")
    assert other is not None
    assert other["quantity"].unique().tolist() == ["indirect"]
    assert len(other) == 2
    none, page = beside("mine", "report.quantity=total", "report.draws=29")
    assert none is None
    assert "report=curve report.quantity=total report.draws=29" in page
    # another report of the same number has the test of the file beside it; one of another number does not
    same, _ = beside("mine", "report=signs", "report.quantity=direct")
    assert same is not None
    assert beside("mine", "report=signs", "report.quantity=total")[0] is None


def test_what_an_earlier_version_recorded_of_a_test_is_read_if_it_is_the_same(project: Path) -> None:
    _, found = ran("mine", grid=SMALL)
    assert found.joint is not None
    file = whole_file(found, "joint.json")
    file.rename(file.parents[2] / "joint.json")
    whole_file(found, "specifications.csv").unlink()
    again = recorded.sweep(Tracking(), "mine")
    assert again.joint is not None
    assert again.joint.to_json() == found.joint.to_json()
    request = again.joint_request
    assert request is not None
    assert not again.joints_of(replace(request, draws=29))
    assert not again.joints_of(replace(request, quantity="total"))


@pytest.mark.long
def test_a_claim_rests_on_the_joint_test_of_its_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = {**CLAIM, "joint": 0.35}
    _, first = ran("mine", grid=SMALL, claim=claim)
    for words in (["report.seed=3"], ["report.draws=49"], ["report.method=permutation"], ["report.level=0.1"]):
        assert main(["run", "mine", *words]) == 2
        said = capsys.readouterr().err
        assert "claim.joint: the claim rests on the joint test that the experiment's file asks for" in said
        assert words[0] in said
    # words that leave the test as it is, and a look without the claim
    assert main(["run", "mine", "report.decimals=2", "report.seed=1"]) == 0
    assert main(["run", "mine", "replace=claim", "report.seed=3"]) == 0
    assert recorded.sweep(Tracking(), "mine").parent_id == first.parent_id
    # a test that changes in the file is judged in a sweep of its own
    _, second = ran("mine", grid=SMALL, claim=claim, report={**REPORT, "seed": 3})
    assert second.parent_id != first.parent_id
    before = recorded.sweep(Tracking(), first.parent_id)
    assert before.judged is not None
    assert first.judged is not None
    assert before.judged.verdicts[0].p == first.judged.verdicts[0].p
    assert before.tags["digicarbon.claim_count"] == first.tags["digicarbon.claim_count"]
    # a claim without a joint test does not depend on one
    _, third = ran("mine", grid=SMALL, claim={**CLAIM, "joint": None})
    assert main(["run", "mine", "report.seed=3"]) == 0
    assert recorded.sweep(Tracking(), "mine").parent_id == third.parent_id


def test_kinds_that_are_all_equivalent_leave_a_sweep_as_it_is(project: Path) -> None:
    plain, before = ran("plain")
    kinds, after = ran("kinds", kinds=dict.fromkeys(GRID, "equivalent"))
    assert plain.cells.equals(kinds.cells)
    assert before.joint is not None
    assert after.joint is not None
    assert before.joint.to_json() == after.joint.to_json()
    assert [one.cells.to_csv() for one in tables(plain)] == [one.cells.to_csv() for one in tables(kinds)]
    own = set(kinds.notes) - set(plain.notes)
    assert [note.split(":")[0] for note in own] == ["Kinds of choices (Del Giudice and Gangestad 2021)"]


def test_a_claim_that_changes_is_another_sweep(project: Path) -> None:
    _, first = ran("mine", claim=CLAIM)
    table, second = ran("mine", claim={**CLAIM, "share": 1.0})
    assert first.parent_id != second.parent_id
    assert first.roster.claim["share"] == 0.75
    assert second.roster.claim["share"] == 1.0
    assert any(
        note.startswith("Claim of the experiment: the direct effect is negative in at least 100%")
        for note in table.notes
    )


def test_a_failed_run_counts_against_a_claim(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = PanelRegression.fit

    def fit(self: PanelRegression, panel: dc.Panel, weights: dc.Weights | None = None) -> Result:
        if "ln_population" not in self.controls:
            raise EstimationError("It cannot be.")
        return fits(self, panel, weights)

    monkeypatch.setattr(PanelRegression, "fit", fit)
    grid = {"model": ["twfe"], "outcome.controls": [*GRID["outcome.controls"], ["ln_population"]]}
    table, found = ran("mine", grid=grid, claim={"quantity": "direct", "sign": "negative", "share": 0.7})
    assert found.judged is not None
    (verdict,) = found.judged.verdicts
    assert (verdict.agree, verdict.estimates, verdict.unknown, verdict.outcome) == (2, 2, 1, "open")
    assert found.tags["digicarbon.claim"] == "cannot be judged"
    assert table.cells.loc["claim"].tolist() == ["cannot be judged"]
    sentence = "2 of 3 specifications (66.7%); 1 of them failed or has no estimate, and counts as not having the sign."
    assert any(note.endswith(sentence) for note in table.notes)


def test_a_column_that_the_command_line_holds_fixed_needs_no_kind(project: Path) -> None:
    written("mine", kinds={"sample": "uncertain", "outcome": "uncertain"})
    composer = Composer(loader(), "mine", ["sample=east"])
    assert list(settings_for(composer, plan(composer)).kinds["named"]) == ["outcome"]


def test_a_claim_that_no_bootstrap_can_meet_is_refused(project: Path) -> None:
    claim = {"quantity": "coefficient", "sign": "negative", "share": 0.5, "significant": 0.01}
    grid = {"model": ["twfe"], "outcome.controls": [["ln_pgdp"], ["ln_population"]]}
    spec = {"grid": grid, "claim": claim, "report": {}, "defaults": ["config", "_self_"]}
    text = refused(**spec, inference={"test": "wild", "draws": 98})
    assert "with 98 draws no p value of the wild bootstrap is below 0.010101" in text
    # a p value of exactly 0.01 is significant at 0.01
    written("mine", **spec, inference={"test": "wild", "draws": 99})
    settings_for(composer := Composer(loader(), "mine"), plan(composer))


def test_a_claim_counts_the_fits_of_a_column_that_cannot_run_once(project: Path) -> None:
    columns = {"FE": {"model": "twfe"}, "late": {"model": "twfe", "sample.first": 2017, "sample.last": 2017}}
    grid = {"weights": ["w1_adjacency", "k_nearest"], "outcome.controls": [["ln_pgdp"], ["ln_population"]]}
    claim = {"quantity": "coefficient", "sign": "negative", "share": 0.5}
    report = {"quantity": "coefficient", "draws": 0, "pictures": []}
    table, found = ran("mine", columns=columns, grid=grid, claim=claim, report=report)
    # weights have no effect on these models
    assert (len(found.rows), found.roster.lost) == (2, 2)
    (verdict,) = found.judged.verdicts if found.judged else ()
    assert (verdict.estimates, verdict.unknown) == (2, 2)
    assert "of 4" in " ".join(table.notes)


def test_columns_may_have_a_kind(project: Path) -> None:
    columns = {"FE": {"model": "twfe"}, "FE again": {"model": "twfe"}, "SAR": {"model": "sar"}}
    kinds = {"column": "uncertain"}
    grid = {"outcome": GRID["outcome"]}
    table, found = ran("mine", columns=columns, grid=grid, kinds=kinds)
    assert found.multiverse is not None
    assert {part.name: len(part.labels) for part in found.multiverse.main} == {"FE": 2, "FE again": 2, "SAR": 2}
    # one fit of two columns is in the part of each
    assert table.cells["FE"].tolist() == table.cells["FE again"].tolist()


@pytest.mark.long
@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"kinds": {"weights": "equivalant"}}, "kinds.weights: 'equivalant' is no kind of choice. Did you mean 'equi"),
        (
            {"kinds": {"weight": "equivalent"}},
            "kinds.weight: no run varies 'weight', so that it needs no kind. Did you",
        ),
        ({"kinds": {"source": "equivalent"}}, "Varied: outcome, sample, model, weights, outcome.controls."),
        (
            {"kinds": {"sample": {"kind": "nonequivalent", "main": "ful"}}},
            "kinds.sample.main: 'ful' is no value of sample in this sweep. Did you mean 'full'? Values: full, east.",
        ),
        ({"kinds": {"sample": {"kind": "uncertain", "main": "full"}}}, "only a nonequivalent choice has a main value"),
        ({"kinds": {"sample": {"kind": "nonequivalent", "man": "full"}}}, "Did you mean 'main'?"),
        (
            {
                "kinds": {"sample": "nonequivalent", "model": "nonequivalent"},
                "exclude": [{"sample": "full", "model": "twfe"}],
            },
            "no run has the main values of all nonequivalent choices at once",
        ),
        ({"claim": {**CLAIM, "sign": "negativ"}}, "Did you mean 'negative'?"),
        ({"claim": {**CLAIM, "share": 80}}, "claim.share is a share above 0 and up to 1; got 80. For 80 % write 0.8."),
        ({"claim": [CLAIM]}, "a further claim needs an experiment of its own"),
        (
            {"claim": {**CLAIM, "quantity": "dirct"}},
            "claim.quantity: no model has a number 'dirct'. Did you mean 'direct'",
        ),
        ({"claim": {**CLAIM, "quantity": "total"}}, "the joint test of the report is of the direct effect, and the"),
        ({"claim": CLAIM, "report": {"quantity": "direct"}}, "claim.joint: the report makes no joint test"),
    ],
)
def test_mistakes_are_sentences_with_a_place(spec: dict[str, Any], sentence: str, project: Path) -> None:
    said = refused(**spec)
    assert sentence in said
    assert said.startswith("experiments/mine.yaml")


def test_plan_and_check_list_kinds_and_claim(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written("mine", kinds={"outcome": "uncertain", "sample": "nonequivalent", "model": "equivalent"}, claim=CLAIM)
    for verb in ("plan", "check"):
        assert main([verb, "mine"]) == 0
        out = capsys.readouterr().out
        assert "  outcome: uncertain, each value by itself: intensity, intensity_apparent" in out
        assert "  sample: nonequivalent, main value full; shown apart: east" in out
        assert "  weights, outcome.controls: no kind, so counted as equivalent" in out
        assert "Counted together, outcome=intensity_apparent: 6 runs." in out
        assert "Shown apart: 12 runs in 2 parts." in out
        assert "Claim of the experiment: the direct effect is negative in at least 75% of the specifications" in out


@pytest.mark.long
def test_a_page_shows_the_parts_and_the_claim(project: Path) -> None:
    kinds = {"outcome": "uncertain", "sample": "nonequivalent"}
    ran("mine", kinds=kinds, claim={"quantity": "direct", "sign": "negative", "share": 0.5})
    assert main(["report", "mine", "--out", "out"]) == 0
    page = Path("out/index.html").read_text(encoding="utf-8")
    assert "Claim of the experiment: the direct effect is negative in at least 50% of the specifications." in page
    assert "The claim holds. It must hold in each of the 2 parts: it holds in 2, does not hold in 0, and" in page
    assert "12 runs with other values of choices that are not equivalent are shown apart and not counted" in page
    rows = pd.read_csv("out/runs.csv")
    assert rows["part"].value_counts().to_dict() == {
        "outcome=intensity": 6,
        "outcome=intensity_apparent": 6,
        "outcome=intensity, sample=east": 6,
        "outcome=intensity_apparent, sample=east": 6,
    }
    assert rows["counted"].sum() == 12
    # a single run has neither kinds nor a claim
    assert "replace=[columns,grid,zip,exclude,draw,kinds,claim]" in page
    with opened(Path("out/index.html").resolve()) as shown:
        shares = shown.inner_text(".explorer .shares").replace("\n", " ")
        assert shares.count("Median") == 4
        assert shares.count("(Shown apart)") == 2
        for name in ("East", "apparent"):
            shown.locator(".choices label", has_text=name).first.locator("input").click()
        shares = shown.inner_text(".explorer .shares").replace("\n", " ")
        assert "Counted together carbon intensity" in shares
        assert shares.count("Median") == 1
        assert shown.said == []


def test_the_main_value_is_a_list_in_any_order(project: Path) -> None:
    lists = {"outcome.controls": [["ln_pgdp"], ["ln_pgdp", "ln_population"]]}
    kinds = {"outcome.controls": {"kind": "nonequivalent", "main": ["ln_population", "ln_pgdp"]}}
    written("mine", grid=lists, kinds=kinds)
    chosen = settings_for(composer := Composer(loader(), "mine"), plan(composer))
    assert chosen.kinds["named"]["outcome.controls"]["values"] == ["[ln_pgdp, ln_population]", "[ln_pgdp]"]


def test_a_claim_is_of_a_focal_term(project: Path) -> None:
    said = refused(grid=SMALL, claim={**CLAIM, "joint": None, "term": "ln_pgdp"})
    assert "claim.term: ln_pgdp is in the models, but not as a focal term" in said
    assert "no model has the term" in refused(grid=SMALL, claim={**CLAIM, "joint": None, "term": "nosuch"})
