"""The data fingerprint: what it depends on, and what it does not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from omegaconf import OmegaConf

from digicarbon.config.compose import Composer, loader
from digicarbon.country import country
from digicarbon.measure import Measure
from digicarbon.note import Note
from digicarbon.plan.reach import code_digest
from digicarbon.plan.runs import Plan, plan
from digicarbon.source import Inputs, WatchedInputs
from digicarbon.sweep.engine import Fitted
from digicarbon.sweep.provenance import RECORD, Entries, Ledger, fingerprint, ledger, seeds, today

TABLE = ("source=table", "source.unit=u", "source.time=t", "measure=none", "outcome=none", "sample=full")
# the files below have too few units for clusters
MODEL = ("model=pooled", "model.y=y", "model.x=[x]", "model.controls=[]", "inference=classic")


def planned(*overrides: str) -> Plan:
    return plan(Composer(loader(), "config", overrides))


def prints(*overrides: str) -> str:
    (run,) = planned(*overrides).runs
    return fingerprint(run.specs, run.prepared)


@pytest.fixture
def file(folder: Path) -> Path:
    rows = [(f"u{i}", 2000 + t, i + t**2 + i * t % 3, i * t + 1.0) for i in range(4) for t in range(5)]
    pd.DataFrame(rows, columns=["u", "t", "y", "x"]).to_csv("data.csv", index=False)
    return folder / "data.csv"


def test_bytes_choices_and_columns_count_but_not_places_and_estimators(file: Path) -> None:
    base = prints(*TABLE, *MODEL, "source.path=data.csv")
    (file.parent / "other").mkdir()
    moved = file.rename(file.parent / "other" / "renamed.csv")
    assert prints(*TABLE, *MODEL, f"source.path={moved}") == base
    assert prints(*TABLE, *MODEL, f"source.path={moved}", "inference.cov=robust") == base
    assert prints(*TABLE, *MODEL, f"source.path={moved}", "model.x=[ln_x]") != base
    assert prints(*TABLE, *MODEL, f"source.path={moved}", "model=twfe") == base
    assert prints(*TABLE, *MODEL, f"source.path={moved}", "sample.first=2001") != base
    assert prints(*TABLE, *MODEL, f"source.path={moved}", "panel.last=2003") != base
    # one byte, though no number changes
    moved.write_bytes(moved.read_bytes() + b"\n")
    assert prints(*TABLE, *MODEL, f"source.path={moved}") != base


def test_drawn_data_have_their_seed_as_fingerprint() -> None:
    words = ("source=simulated", "measure=bea", "outcome=intensity", "model=pooled")
    assert prints(*words) == prints(*words)
    assert prints(*words, "source.seed=2") != prints(*words)
    assert prints(*words, "measure.gap_years=interpolation") != prints(*words)


CATALOGUE = """\
_target_: digicarbon.source.FolderSource
name: mine
folder: data
cite: []
geometry: null
files: {y: y.csv, x: x.csv, z: z.csv}
series: {y: {file: y, column: v}, x: {file: x, column: v}, z: {file: z, column: v}}
"""


UNITS = ("Beijing", "Hebei", "Shanxi", "Jilin")


@pytest.fixture
def catalogue(folder: Path) -> Path:
    (folder / "conf" / "source").mkdir(parents=True)
    (folder / "conf" / "source" / "mine.yaml").write_text(CATALOGUE, encoding="utf-8")
    (folder / "data").mkdir()
    for name, power, last in (("y", 1, 3.0), ("x", 2, 9.0), ("z", 3, None)):
        cells = {(u, 2010 + t): (i + 1.5 + t**2 * (i % 2)) ** power for i, u in enumerate(UNITS) for t in range(5)}
        values = pd.Series(cells | {("Hebei", 2014): last}, name="v").rename_axis([country().column, "year"])
        values.to_csv(folder / "data" / f"{name}.csv")
    (folder / "data" / "map.geojson").write_text("{}", encoding="utf-8")
    return folder / "data"


MINE = ("source=mine", "measure=none", "outcome=none", "sample=full", "panel.gaps=drop_units", *MODEL)


def test_runs_on_different_rows_have_different_fingerprints(catalogue: Path) -> None:
    # Hebei lacks z: whether it is in the panel depends on the model alone
    rows = [len(run.prepared.panel.units) for run in planned(*MINE).runs + planned(*MINE, "model.controls=[z]").runs]
    assert rows == [4, 3]
    assert prints(*MINE) != prints(*MINE, "model.controls=[z]")


def test_what_changes_no_number_changes_no_fingerprint(catalogue: Path) -> None:
    base = prints(*MINE)
    assert prints(*MINE, "source.name=other", "source.cite=[me]", "outcome.controls=[ln_y]") == base
    assert prints(*MINE, "source.geometry=map.geojson") == base
    (catalogue / "z.csv").write_bytes((catalogue / "z.csv").read_bytes() + b"\n")
    assert prints(*MINE) == base
    (catalogue / "x.csv").write_bytes((catalogue / "x.csv").read_bytes() + b"\n")
    assert prints(*MINE) != base


def test_files_count_through_logarithms_definitions_measures_and_outcomes(catalogue: Path) -> None:
    def files(*overrides: str) -> list[str]:
        runs = planned(*MINE, *overrides).runs
        (entry,) = json.loads(ledger(runs).files[RECORD])["data"]
        (own,) = entry["runs"].values()
        return [Path(name).stem for name in own["files"]]

    assert files("model.x=[ln_ratio]", "+panel.derive.ratio='x / y'") == ["y", "x"]
    assert files("model.y=co2", "model.x=[x]", "outcome=total", "outcome.account=fuels", *_factors("z")) == ["x", "z"]
    assert files("measure=column", "measure.column=z", "model.x=[z]", "model.y=y") == ["y", "z"]


def _factors(fuel: str) -> tuple[str, ...]:
    facts = "{calorific_value_kj: 20000, carbon_content_t_per_tj: 26, unit: 10kt}"
    return (f"outcome.factors={{{fuel}: {facts}}}", "outcome.controls=[]")


def test_inputs_remember_what_is_taken() -> None:
    frame = pd.DataFrame({"unit": ["A"], "time": [1], "a": [1.0], "b": [2.0]})
    watched = WatchedInputs.of(Inputs(frame, source="mine"))
    assert watched.taken == set()
    watched.series(["a"], "me")
    assert watched.taken == {"a"}
    assert watched.frame is frame
    assert watched.taken >= {"a", "b"}


def test_weights_count(folder: Path) -> None:
    words = ("source=simulated", "measure=bea", "outcome=intensity", "model=sdm", "model.x=[ln_e]")
    (first,) = planned(*words, "weights=w1_adjacency").runs
    assert prints(*words, "weights=w1_adjacency") != prints(*words, "weights=w2_nested")
    labels = list(first.prepared.panel.units)
    ring = pd.DataFrame([[float(abs(i - j) in (1, 29)) for j in range(30)] for i in range(30)], labels, labels)
    ring.to_csv("ring.csv")
    mine = (*words, "weights=matrix", "weights.path=ring.csv")
    (run,) = planned(*mine).runs
    (entry,) = json.loads(ledger([run]).files[RECORD])["data"]
    (kept,) = entry["weights"].values()
    assert run.prepared.weights is not None
    assert [own["weights"] for own in entry["runs"].values()] == [run.prepared.weights.digest]
    assert [Path(item["path"]).name for item in kept["files"]] == ["ring.csv"]
    assert (kept["option"], kept["units"], kept["links"]) == ("matrix", 30, 60)
    base = prints(*mine)
    ring.to_csv("other.csv")
    assert prints(*mine, "weights.path=other.csv") == base
    ring.iloc[0, 2] = ring.iloc[2, 0] = 1.0
    ring.to_csv("ring.csv")
    assert prints(*mine) != base


def test_the_record_of_a_sweep(file: Path) -> None:
    composer = Composer(loader(), "config", [*TABLE, *MODEL, "source.path=data.csv"])
    runs = planned(*TABLE, *MODEL, "source.path=data.csv").runs
    assert composer.name == "config"
    kept = ledger(runs)
    (entry,) = json.loads(kept.files[RECORD])["data"]
    own = entry["runs"][kept.fingerprint]
    assert kept.fingerprint == kept.fingerprints[runs[0].label]
    assert own["columns"] == ["y", "x"]
    assert own["files"] == [str(file)]
    assert own["weights"] is None
    (recorded,) = entry["files"]
    assert recorded["path"] == str(file)
    assert recorded["size"] == file.stat().st_size
    assert recorded["series"] == ["y", "x"]
    assert recorded["imports"] == []
    (panel,) = entry["panels"]
    assert (panel["rows"], panel["units"], panel["periods"][0]) == (20, ["u0", "u1", "u2", "u3"], "2000")
    assert panel["digests"] == [runs[0].prepared.panel.digest]
    assert entry["choices"]["source"]["path"] == "data.csv"
    assert list(kept.files) == [RECORD]


def test_a_file_today(file: Path) -> None:
    (run,) = planned(*TABLE, *MODEL, "source.path=data.csv").runs
    sha = run.prepared.inputs.files[0].sha256
    assert today(str(file), sha) == "same"
    file.write_bytes(file.read_bytes() + b"\n")
    assert today(str(file), sha) == "changed"
    file.unlink()
    assert today(str(file), sha) == "not there"


def test_what_measures_are_made_from_is_kept_once() -> None:
    class Kept(Measure):
        text: str = "a"

        def artifacts(self, inputs: Inputs) -> dict[str, str]:
            return {"weights.csv": self.text}

    kept = _with_measures([Kept(terms=("x",)), Kept(terms=("y",)), Kept(terms=("x",), text="b")])
    names = {name: text for name, text in kept.files.items() if name != RECORD}
    assert names == {"measure/none/weights.csv": "a", "measure/none_2/weights.csv": "b"}
    entries = json.loads(kept.files[RECORD])["data"]
    assert [entry["artifacts"] for entry in entries] == [
        ["measure/none/weights.csv"],
        ["measure/none/weights.csv"],
        ["measure/none_2/weights.csv"],
    ]
    assert kept.fingerprint not in kept.fingerprints.values()


def _with_measures(measures: list[Any]) -> Ledger:
    from dataclasses import replace

    (run,) = planned(
        "source=simulated",
        "measure=none",
        "outcome=intensity",
        "model=pooled",
        "model.x=[ln_pgdp]",
        "model.controls=[]",
    ).runs
    # a plan makes a panel for each measure
    each = [replace(run, prepared=replace(run.prepared, shared=replace(run.prepared.shared))) for _ in measures]
    made = [replace(run.specs, measure=one) for one in measures]
    return ledger([replace(one, label=str(k), specs=made[k]) for k, one in enumerate(each)])


@pytest.mark.long
def test_every_run_says_where_it_comes_from(project: Path) -> None:
    git("init", "-q")
    git("add", ".")
    git("-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "-qm", "first")
    (project / "mine.py").write_text("# not committed\n", encoding="utf-8")
    words = [
        "source=simulated",
        "source.seed=3",
        "model=sdm",
        "model.seed=5",
        "diagnostic=spatial_tests",
        "diagnostic.seed=7",
    ]
    words += ["measure=bea,ide", "executor=sequential"]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-m", "digicarbon", "run", "-m", *words], env=environment, check=False)
    assert done.returncode == 0
    client = MlflowClient(tracking_uri=f"sqlite:///{(project / 'mlruns' / 'mlflow.db').as_posix()}")
    found = client.get_experiment_by_name("digicarbon")
    assert found is not None
    runs = client.search_runs([found.experiment_id], "tags.`digicarbon.kind` = 'specification'")
    assert len(runs) == 2
    for run in runs:
        tags = run.data.tags
        assert tags["mlflow.source.git.commit"] == git("rev-parse", "HEAD")
        assert tags["digicarbon.git_dirty"] == "True"
        assert tags["digicarbon.host"] == platform.node()
        packages = json.loads(tags["digicarbon.packages"])
        assert {name: packages[name] for name in ("numpy", "mlflow")} == {
            "numpy": version("numpy"),
            "mlflow": version("mlflow"),
        }
        text = tags["digicarbon.config"]
        composed = [word for word in words if not word.startswith("measure=")]
        (own,) = planned(*composed, f"measure={run.data.params['measure']}").runs
        assert OmegaConf.to_container(OmegaConf.create(text)) == own.config
        assert tags["digicarbon.data_fingerprint"] == fingerprint(own.specs, own.prepared)
        assert tags["digicarbon.code"] == code_digest(type(own.specs.model), type(own.specs.diagnostic))
        seeds_of_models = {"model.seed": 5, "diagnostic.model.seed": 5}
        assert json.loads(tags["digicarbon.seeds"]) == {"source.seed": 3, **seeds_of_models, "diagnostic.seed": 7}
        assert tags["digicarbon.hash"] == own.key
        assert tags["digicarbon.data_digest"] == own.prepared.panel.digest
        assert own.prepared.weights is not None
        assert tags["digicarbon.weights_digest"] == own.prepared.weights.digest


def git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()


def test_seeds_are_found_wherever_a_specification_has_one() -> None:
    (run,) = planned("source=simulated", "model=twfe").runs
    assert seeds(run.specs) == {"source.seed": 1, "model.seed": 1}
    # nothing is drawn for p values from standard errors
    (run,) = planned("source=simulated", "model=twfe", "inference=cluster").runs
    assert seeds(run.specs) == {"source.seed": 1}
    (spatial,) = planned("source=simulated", "source.seed=4", "model=sdm", "model.seed=2").runs
    assert seeds(spatial.specs) == {"source.seed": 4, "model.seed": 2}


def test_the_record_of_many_runs_is_one_line_of_the_same_content(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = planned("source=simulated", "model=twfe").runs
    few = ledger(runs).files[RECORD]
    monkeypatch.setattr("digicarbon.sweep.provenance.MOST_INDENTED", 0)
    many = ledger(runs).files[RECORD]
    assert (few.count("\n") > 100, many.count("\n")) == (True, 1)
    assert json.loads(many) == json.loads(few)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["model=sdm", "inference=wild"], ["weights"]),
        (["model=sdm", "inference=wild", "diagnostic=spatial_tests"], ["weights"]),
        (["model=twfe", "inference=cluster"], []),
        (["model=twfe", "inference=wild"], ["filter_weights"]),
        (["model=twfe", "inference=cluster", "diagnostic=spatial_tests"], ["diagnostic_weights"]),
        (["model=twfe", "inference=wild", "diagnostic=spatial_tests"], ["diagnostic_weights", "filter_weights"]),
        # draws without a filter: of further absorbed effects, and of instruments
        (["model=twfe", "inference=wild", "model.trends=unit"], []),
        (["model=iv", "model.instruments=[L.${measure.terms.0}]", "inference=wild"], []),
    ],
)
def test_weights_are_recorded_under_the_name_of_what_uses_them(words: list[str], named: list[str]) -> None:
    (run,) = planned(*(["source=simulated"] if "source" not in " ".join(words) else []), *words).runs
    maker = Entries(ledger([run]))
    params = maker.params(run)
    assert [key for key in params if key.endswith("weights") and "." not in key] == named
    of_fields = {key.partition(".")[0] for key in params if "weights." in key}
    assert of_fields == set(named)
    for name in named:
        assert params[name] == run.options["weights"]
    (entry,) = maker.fitted([run], [Fitted(0, None, Note("why_not_finite"), "", 0, 0)])
    assert ("digicarbon.weights_digest" in entry.tags) == bool(named)
