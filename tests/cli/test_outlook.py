"""What a plan says of runs: what the store knows of each, and how long the others take."""

from __future__ import annotations

import io
import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, redirect_stderr
from pathlib import Path

import pytest
from mlflow import MlflowClient

from digicarbon.__main__ import main
from digicarbon.cli.outlook import GUESS, Outlook, _counted, _duration, outlook
from digicarbon.config.compose import Composer, loader
from digicarbon.errors import TrackingError
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import fitted
from digicarbon.plan.runs import Plan, plan
from digicarbon.sweep import sweep
from digicarbon.tracking import history

STORE = "mlruns/mlflow.db"


def planned(*overrides: str) -> tuple[Composer, Plan]:
    config_loader = loader()
    plain, axes = read_overrides(("executor=sequential", *overrides), config_loader)
    composer = Composer(config_loader, "config", plain)
    return composer, plan(composer, axes)


def look(*overrides: str) -> dict[str, str]:
    composer, made = planned(*overrides)
    found = outlook(made, sweep.settings(composer))
    return {run.label: found.states[run.key] for run in made.runs}


def sentence(*overrides: str) -> str:
    composer, made = planned(*overrides)
    found: Outlook = outlook(made, sweep.settings(composer))
    return str(found.said)


def run(*overrides: str) -> None:
    composer, made = planned(*overrides)
    sweep.run(composer, made)


def client() -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{Path(STORE).resolve().as_posix()}")


def test_a_plan_makes_no_store(folder: Path) -> None:
    assert set(look("measure=bea,ddl").values()) == {"new"}
    assert not Path("mlruns").exists()


@pytest.mark.parametrize("content", ["empty", "foreign", "older"])
def test_a_plan_writes_into_no_database(project: Path, content: str) -> None:
    store = Path(STORE)
    if content != "older":
        store.write_bytes(b"")
    with closing(sqlite3.connect(store)) as connection:
        if content == "foreign":
            connection.execute("CREATE TABLE notes (text)")
        if content == "older":
            # MLflow's client would bring it up to date
            connection.execute("DROP TABLE secrets")
            connection.execute("UPDATE alembic_version SET version_num = 'cfd24bdc0731'")
            connection.commit()
    before = store.read_bytes()
    said = sentence("measure=bea")
    assert store.read_bytes() == before
    assert [path.name for path in Path("mlruns").iterdir()] == ["mlflow.db"]
    if content == "empty":
        assert said.startswith("1 run to fit")
    else:
        assert said.startswith("What is recorded is not known: tracking.uri: the store sqlite:///mlruns/mlflow.db")
    if content == "foreign":
        assert "it is another program's database, with the tables notes" in said
        with pytest.raises(TrackingError, match=r"with the tables notes.*Name another file"):
            run("measure=bea")
        assert store.read_bytes() == before
        assert "another program's database" in complaint()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("folder", "it is a folder where a file belongs"),
        ("text", "the file is no database, or it is damaged"),
        ("holes", "the file is damaged"),
    ],
)
def test_a_store_that_cannot_be_used_is_said_by_every_verb(project: Path, place: str, said: str) -> None:
    store = Path(STORE)
    if place == "holes":
        content = store.read_bytes()
        store.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    else:
        store.unlink()
    if place == "folder":
        store.mkdir()
    if place == "text":
        store.write_text("no database" * 500, encoding="utf-8")
    assert said in sentence("measure=bea")
    with pytest.raises(TrackingError) as caught:
        run("measure=bea")
    assert said in str(caught.value)
    assert "rights" not in str(caught.value)
    assert "Name another file" in str(caught.value)
    assert said in complaint()


def test_a_plan_says_where_nothing_can_be_recorded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot record" not in sentence("measure=bea")
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "mlflow.db")
    assert "`digicarbon run` cannot record in sqlite:///mlruns/mlflow.db: the file is read-only" in sentence()
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "mlruns")
    assert "mlruns is read-only; name another place with tracking.uri." in sentence()
    Path("notes").write_text("a file", encoding="utf-8")
    assert "notes is a file where a folder belongs" in sentence("tracking.uri=sqlite:///notes/mlflow.db")


def complaint() -> str:
    """What `digicarbon ui` says; it must not start MLflow."""
    with redirect_stderr(io.StringIO()) as err:
        assert main(["ui"]) == 2
    return err.getvalue()


@pytest.mark.long
def test_each_run_has_its_state(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look("measure=bea,ddl") == {"measure=bea": "new", "measure=ddl": "new"}
    assert "a guess of 3 ms each, as no run of these models is recorded yet" in sentence("measure=bea,ddl")
    run("measure=bea,ddl")
    assert look("measure=bea,ddl") == {"measure=bea": "done", "measure=ddl": "done"}
    assert sentence("measure=bea,ddl") == "Nothing is left to fit."
    assert look("measure=bea,ide") == {"measure=bea": "done in another sweep", "measure=ide": "new"}
    said = sentence("measure=bea,ide")
    assert said.startswith("1 run to fit, about a second after start-up (by the recorded durations of 2 runs of")
    assert "3 ms each for 1 whose model has none" in sentence("measure=ide", "model=twfe,pooled")
    store = client()
    ids = [one.experiment_id for one in store.search_experiments()]
    ddl = store.search_runs(ids, "tags.`digicarbon.label` = 'measure=ddl'")[0]
    store.set_tag(ddl.info.run_id, "digicarbon.packages", json.dumps({"numpy": "1.0"}))
    assert look("measure=bea,ddl") == {"measure=bea": "done", "measure=ddl": "done under other versions"}
    store.delete_run(ddl.info.run_id)
    assert look("measure=bea,ddl") == {"measure=bea": "done", "measure=ddl": "new"}


def test_what_intervals_cost_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choices = "measure=bea,ddl", "model=twfe,sdm"
    assert "Intervals" not in sentence(*choices)
    monkeypatch.setattr("digicarbon.cli.outlook.GUESS", 100.0)
    # 0.3 of 100 seconds are those of a regression's p values, 0.16 those of a spatial model's
    said = (
        "Intervals of 4 runs take about 5 minutes of it, their p values 92 seconds; `inference.intervals=false` leaves"
    )
    assert said in sentence(*choices)
    assert "Intervals of 2 runs take about 2 minutes of it, their p values 60 seconds" in sentence("measure=bea,ddl")
    for more in ("inference.intervals=false", "inference=cluster"):
        assert "Intervals" not in sentence(*choices, more)


def test_the_time_of_a_wild_bootstrap_grows_with_its_draws(project: Path) -> None:
    composer, made = planned("measure=bea,ddl", "model=twfe", "inference.draws=99999")
    (kind,) = {one for one in map(sweep.kind, made.runs)}

    def about(known: Mapping[int, float]) -> list[float]:
        durations = {kind: {draws: (1, seconds) for draws, seconds in known.items()}}
        return [_duration(run, durations) for run in made.runs]

    assert about({999: 0.05}) == pytest.approx([5.005, 5.005], abs=1e-3)
    # what a run without the bootstrap takes does not grow
    assert about({0: 0.01, 999: 0.05}) == pytest.approx([4.014, 4.014], abs=1e-3)
    assert about({999: 0.05, 99999: 3.0}) == [3.0, 3.0]
    assert _duration(made.runs[0], {}) == pytest.approx(100 * GUESS, rel=0.01)
    assert "a guess of 3 ms per 999 draws, as no run" in str(outlook(made, sweep.settings(composer)).said)
    # what was recorded with few draws does not stand for many
    run("measure=bea", "model=twfe", "inference.draws=19")
    (recorded,) = history(sweep.settings(composer).tracking, "", []).durations[kind]
    assert recorded == 19


def test_the_public_client_tells_the_same(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("measure=bea,ddl")
    quick = [look("measure=bea,ide"), look("measure=bea,ddl")]
    monkeypatch.setattr("digicarbon.tracking._database.HEADS", frozenset())
    assert [look("measure=bea,ide"), look("measure=bea,ddl")] == quick


def test_a_failed_run_is_said(project: Path) -> None:
    (project / "mine.py").write_text(
        "from digicarbon.model import PanelRegression\n\n\nclass Never(PanelRegression):\n"
        "    def fit(self, panel, weights=None):\n        raise ValueError('no')\n",
        encoding="utf-8",
    )
    (project / "conf" / "model").mkdir(parents=True)
    (project / "conf" / "model" / "never.yaml").write_text(
        "# fails\n_target_: mine.Never\ny: ${outcome.term}\nx: ${measure.terms}\ncontrols: []\n", encoding="utf-8"
    )
    run("model=twfe,never")
    assert look("model=twfe,never") == {"model=twfe": "done", "model=never": "failed before"}


def test_the_verb_shows_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("measure=bea,ddl")
    assert main(["plan", "-m", "executor=sequential", "measure=bea,ide"]) == 0
    shown = capsys.readouterr().out
    assert "done in another sweep" in shown
    assert "1 run to fit" in shown


@pytest.mark.long
@pytest.mark.parametrize("option", ["event_study", "imputation", "callaway_santanna"])
def test_the_guess_for_the_wild_bootstrap_of_a_policy_grows_with_its_panel(project: Path, option: str) -> None:
    words = (
        "source=simulated_policy",
        "measure=none",
        "outcome=none",
        "model.y=y",
        "inference=wild",
        f"model={option}",
    )
    guesses, seconds = [], []
    for units in (60, 200):
        composer = Composer(loader(), "config", [*words, "+panel.policy={pilot: adopted}", f"source.n={units}"])
        (one,) = plan(composer).runs
        guesses.append(_duration(one, {}))
        start = time.process_time()
        fitted(one.specs, one.prepared)
        seconds.append(time.process_time() - start)
    # the time of a machine is another one's by some factor, the growth is not
    assert 0.25 < guesses[1] / seconds[1] < 4
    assert guesses[1] / guesses[0] > 5
    assert seconds[1] / seconds[0] > 3


def test_only_runs_that_are_counted_together_are_in_the_time_of_a_joint_test(project: Path) -> None:
    composer = Composer(loader(), "robustness_kinds", ["executor=sequential"])
    made = plan(composer)
    chosen = sweep.settings_for(composer, made)
    # one of three samples is the main one
    assert _counted(made, chosen) == (len(made.runs) // 3, 180)
    _, plain = planned("measure=bea,ddl")
    assert _counted(plain, sweep.settings(composer))[0] == 2
    # of a panel of 285 units and 15 periods a draw takes several times as long
    pictures = chosen.report.seconds(0, 180)
    assert chosen.report.seconds(48, 4275) - pictures > 3 * (chosen.report.seconds(48, 180) - pictures)
