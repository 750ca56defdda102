"""The data fingerprint: what it depends on, and what it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from digicarbon.compose import Composer, loader
from digicarbon.measure import Measure
from digicarbon.plan import Plan, plan
from digicarbon.provenance import RECORD, Ledger, fingerprint, ledger, today
from digicarbon.source import Inputs

TABLE = ("source=table", "source.unit=u", "source.time=t", "measure=none", "outcome=none", "sample=full")
MODEL = ("model=pooled", "model.y=y", "model.x=[x]", "model.controls=[]")


def planned(*overrides: str) -> Plan:
    return plan(Composer(loader(), "config", overrides))


def prints(*overrides: str) -> str:
    (run,) = planned(*overrides).runs
    return fingerprint(run.specs, run.prepared.inputs)


@pytest.fixture
def file(folder: Path) -> Path:
    rows = [(f"u{i}", 2000 + t, i + t**2 + i * t % 3, i * t + 1.0) for i in range(4) for t in range(5)]
    pd.DataFrame(rows, columns=["u", "t", "y", "x"]).to_csv("data.csv", index=False)
    return folder / "data.csv"


def test_bytes_and_choices_count_but_not_places_and_models(file: Path) -> None:
    base = prints(*TABLE, *MODEL, "source.path=data.csv")
    (file.parent / "other").mkdir()
    moved = file.rename(file.parent / "other" / "renamed.csv")
    assert prints(*TABLE, *MODEL, f"source.path={moved}") == base
    assert prints(*TABLE, *MODEL, f"source.path={moved}", "model.x=[ln_x]", "inference=robust") == base
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


def test_the_record_of_a_sweep(file: Path) -> None:
    composer = Composer(loader(), "config", [*TABLE, *MODEL, "source.path=data.csv"])
    runs = planned(*TABLE, *MODEL, "source.path=data.csv").runs
    assert composer.name == "config"
    kept = ledger(runs)
    (entry,) = json.loads(kept.files[RECORD])["data"]
    assert kept.fingerprint == entry["fingerprint"] == kept.fingerprints[runs[0].label]
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
    return ledger([replace(run, label=str(k), specs=replace(run.specs, measure=one)) for k, one in enumerate(measures)])
