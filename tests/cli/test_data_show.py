"""`digicarbon data show`: the files and choices behind a recorded run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from digicarbon.__main__ import main
from digicarbon.source import datafolder

pytestmark = pytest.mark.long

Capture = pytest.CaptureFixture[str]
RECORD = datafolder.Provenance("long", (datafolder.RawFile("raw.csv", "a" * 64, 3),), citation="Me (2024)")
UNITS = ["Beijing", "Tianjin", "Hebei", "Shanxi", "Liaoning", "Jilin"]
RUN = ("source.unit=unit", "source.time=year", "measure=none", "outcome=none", "model=pooled", "model.x=[x]")


@pytest.fixture
def recorded(project: Path, capsys: Capture) -> Path:
    """A sweep of two runs on an imported Parquet file."""
    rows = [(f"u{i}", 2000 + t, i + t**2, i * t + 1.0) for i in range(4) for t in range(5)]
    wide = pd.DataFrame(rows, columns=["unit", "year", "y", "x"])
    table = wide.melt(["unit", "year"], var_name="series")
    datafolder.write(project / "data", {"long": table}, RECORD)
    # the wide file takes the place of the imported one: the record beside it stays its record
    wide.to_parquet(project / "data" / "long.parquet")
    words = ["run", "-m", "source=table", "source.path=data/long.parquet", *RUN, "model.y=y", "model.controls=[]"]
    assert main([*words, "inference=classic,robust"]) == 0
    capsys.readouterr()
    return project


def shown(capsys: Capture, *words: str, status: int = 0) -> str:
    assert main(["data", "show", *words]) == status
    return capsys.readouterr().out


def test_by_label_by_id_and_by_its_beginning(recorded: Path, capsys: Capture) -> None:
    from mlflow import MlflowClient

    text = shown(capsys, "inference=robust")
    path = recorded / "data" / "long.parquet"
    assert f"File {path}: the same today" in text
    assert f"sha256 {datafolder.file_hash(path)}, {path.stat().st_size} bytes" in text
    assert "taken from it: y, x" in text
    assert "by long from raw.csv" in text
    assert "cite: Me (2024)" in text
    assert "Panel: 4 units x 5 years, 20 rows" in text
    assert "columns: y, x" in text
    assert "source=table: " in text
    run_id = text.split()[1].rstrip(":")
    assert shown(capsys, run_id) == text
    assert shown(capsys, run_id[:10]) == text
    assert shown(capsys, "inference=robust", "digicarbon") == text
    client = MlflowClient(tracking_uri=f"sqlite:///{(recorded / 'mlruns' / 'mlflow.db').as_posix()}")
    tags = client.get_run(run_id).data.tags
    assert f"data fingerprint {tags['digicarbon.data_fingerprint']}" in text
    parent = client.get_run(tags["mlflow.parentRunId"])
    assert parent.data.tags["digicarbon.data_fingerprint"] == tags["digicarbon.data_fingerprint"]
    assert shown(capsys, "digicarbon").startswith(f"Sweep {parent.info.run_id}: ")


def test_a_file_that_changed_since_is_told_of(recorded: Path, capsys: Capture) -> None:
    path = recorded / "data" / "long.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    assert f"File {path}: CHANGED since the run" in shown(capsys, "inference=robust", status=1)
    path.unlink()
    assert f"File {path}: no longer there" in shown(capsys, "inference=robust", status=1)


def test_only_choices_that_differ_from_their_option_are_shown(project: Path, capsys: Capture) -> None:
    rows = [("Beijing", 2010 + t, 10.0 + t**2, t) for t in range(5)] + [
        ("Hebei", 2010 + t, 7.0 + t, 1) for t in range(5)
    ]
    frame = pd.DataFrame(rows, columns=["province", "year", "gdp", "x"])
    (project / "data").mkdir()
    frame.to_csv(project / "data" / "mine.csv", index=False)
    words = [
        "source=folder",
        "source.folder=data",
        "source.further=[mine.csv]",
        "+source.series.co2_process.factor=2.0",
    ]
    words += ["measure=none", "outcome=none", "model=pooled", "model.y=gdp", "model.x=[x]", "model.controls=[]"]
    # two units are too few for clusters
    words.append("inference=classic")
    assert main(["run", *words]) == 0
    capsys.readouterr()
    text = shown(capsys, "digicarbon")
    (source,) = [line for line in text.splitlines() if line.startswith("  source=folder: ")]
    assert "folder=data, " in source
    assert "further=[mine.csv]" in source
    assert "series.co2_process.factor=2.0" in source
    assert len(source) < 200
    assert "  panel=" in text


def test_drawn_data_show_options_and_kept_files(project: Path, capsys: Capture) -> None:
    assert main(["run", "table3_baseline", "model=pooled"]) == 0
    capsys.readouterr()
    text = shown(capsys, "FE(1)")
    assert "Files: none; the numbers are drawn (SIMULATED)" in text
    assert "seed=1" in text
    kept = [line.split(": ", 1)[1] for line in text.splitlines() if "kept beside the results" in line]
    assert kept
    assert all(Path(name).is_file() for name in kept)
    assert {"data.json", "measure"} <= {path.name for path in Path(kept[0]).parents[2].iterdir()}
    whole = shown(capsys, "table3_baseline")
    assert whole.count("\nData ") == 4


@pytest.mark.parametrize("words", [[], ["a", "b", "c"]])
def test_a_wrong_command_line(folder: Path, capsys: Capture, words: list[str]) -> None:
    assert "Name one run, by its id or label" in refused(capsys, *words)


def refused(capsys: Capture, *words: str) -> str:
    assert main(["data", "show", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_without_a_store_nothing_is_made(folder: Path, capsys: Capture) -> None:
    assert "There is no store sqlite:///mlruns/mlflow.db" in refused(capsys, "abcd")
    assert list(folder.iterdir()) == []


def test_what_is_not_recorded_is_one_sentence(recorded: Path, capsys: Capture) -> None:
    assert "Did you mean 'inference=robust'?" in refused(capsys, "inference=rubost")
    assert "no experiment 'digicarbn'. Did you mean 'digicarbon'?" in refused(capsys, "x", "digicarbn")
    (record,) = (recorded / "mlruns" / "artifacts").rglob("data.json")
    record.write_text("{", encoding="utf-8")
    assert "is damaged" in refused(capsys, "inference=robust")
    record.unlink()
    assert "has no record of its data (data.json)" in refused(capsys, "inference=robust")


def test_a_record_of_another_layout_is_no_traceback(recorded: Path, capsys: Capture) -> None:
    (record,) = (recorded / "mlruns" / "artifacts").rglob("data.json")
    record.write_text('{"version": 1, "data": [{"fingerprint": "a"}]}', encoding="utf-8")
    assert "made by an earlier version" in refused(capsys, "inference=robust")


def test_weights_and_files_of_other_columns_are_shown(project: Path, capsys: Capture) -> None:
    (project / "data").mkdir()
    for name in ("y", "x", "z"):
        rows = [(u, t, (i + 1.0) * (t - 2000) ** 2 + i) for i, u in enumerate(UNITS) for t in range(2001, 2005)]
        pd.DataFrame(rows, columns=["province", "year", name]).to_csv(project / "data" / f"{name}.csv", index=False)
    edges = pd.DataFrame(zip(UNITS, [*UNITS[1:], UNITS[0]], strict=True), columns=["unit", "neighbour"])
    edges.to_csv(project / "links.csv", index=False)
    (project / "conf" / "source").mkdir(parents=True, exist_ok=True)
    (project / "conf" / "source" / "mine.yaml").write_text(
        "_target_: digicarbon.source.FolderSource\nfolder: data\nfiles: {y: y.csv, x: x.csv, z: z.csv}\n"
        "series: {y: {file: y, column: y}, x: {file: x, column: x}, z: {file: z, column: z}}\n",
        encoding="utf-8",
    )
    words = ["run", "source=mine", *RUN[2:4]]
    spatial = ["model=slx", "model.y=y", "model.x=[x]", "model.controls=[]", "model.effects=none"]
    assert main([*words, *spatial, "weights=edges", "weights.path=links.csv"]) == 0
    capsys.readouterr()
    text = shown(capsys, "slx")
    assert "also read, for other columns: z.csv" in text
    assert text.count("\nFile ") == 2
    assert f"Weights: 6 units, {2 * len(UNITS)} links, digest " in text
    path = project / "links.csv"
    assert f"  File {path}: the same today\n    sha256 {datafolder.file_hash(path)}" in text
