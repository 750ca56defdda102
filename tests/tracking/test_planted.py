"""Passwords that are planted in every way are found nowhere: not in a store, its files, exports, pages or messages."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
import sqlalchemy as sa
from services import Postgresql, postgresql

from digicarbon import secret
from digicarbon.__main__ import main
from digicarbon.cli import ui

Capture = pytest.CaptureFixture[str]
PLANTED = "pLaNtEd7"
"""In each secret; a part that stands anywhere is one too many."""
SLASHED = f"{PLANTED}a/{PLANTED}b"
TOKEN = f"{PLANTED}t"
FIT = ("executor=sequential", "source=simulated_fe")
NODE = "_target_: digicarbon.tracking.Tracking\nuri: {uri}\nartifacts: mlruns/artifacts\nexperiment: ''\n"

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each case learns its own secrets."""
    monkeypatch.setattr(secret, "_KNOWN", set())


def way(name: str, host: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Plant a secret in one way; return the overrides that choose the store."""
    scheme = "postgresql+psycopg"
    plain = f"{scheme}://digicarbon:{PLANTED}@{host}/postgres"
    if name == "environment":
        # as docs/team.md shows it
        monkeypatch.setenv("DIGICARBON_DB_PASSWORD", PLANTED)
        option(f"{scheme}://digicarbon:${{oc.env:DIGICARBON_DB_PASSWORD}}@{host}/postgres")
        return ["tracking=team"]
    if name == "file":
        option(plain)
        return ["tracking=team"]
    if name == "experiment":
        Path("experiments").mkdir()
        text = f"defaults: [config, _self_]\ntitle: Mine\ntracking:\n  uri: {plain}\n"
        Path("experiments/mine.yaml").write_text(text, encoding="utf-8")
        return ["mine"]
    address = {
        "command": plain,
        "token": f"{scheme}://{TOKEN}@{host}/postgres",
        "query": f"{scheme}://{host}/postgres?user=digicarbon&password={PLANTED}",
        "slash": f"{scheme}://digicarbon:{SLASHED}@{host}/postgres",
        "quoted": f"{scheme}://digicarbon:{quote(f'{SLASHED}@{PLANTED}c', safe='')}@{host}/postgres",
    }[name]
    return [f'tracking.uri="{address}"' if "?" in address or "%" in address else f"tracking.uri={address}"]


def option(uri: str) -> None:
    Path("conf/tracking").mkdir(parents=True)
    Path("conf/tracking/team.yaml").write_text(NODE.format(uri=uri), encoding="utf-8")


def words(verb: str, store: list[str], *others: str) -> list[str]:
    """A command line; an experiment stands before all else."""
    names = [word for word in store if "=" not in word]
    return [verb, *names, *others, *(word for word in store if word not in names)]


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file but those that the user wrote, unpacked, by name."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in ("conf", "experiments"):
            content = path.read_bytes()
            yield str(name), content.decode("latin-1")
            if path.suffix == ".parquet":
                yield f"{name} unpacked", pd.read_parquet(path).astype(str).to_json()
            if zipfile.is_zipfile(path):
                archive = zipfile.ZipFile(BytesIO(content))
                yield from ((f"{name} {one}", archive.read(one).decode("latin-1")) for one in archive.namelist())


def rows(address: str) -> Iterator[tuple[str, str]]:
    """Every row of every table of a database."""
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for row in connection.execute(sa.text(f'SELECT * FROM "{table}"')):
                yield table, str(row)
    engine.dispose()


def assert_nowhere(places: Iterator[tuple[str, str]]) -> int:
    """How many places there were."""
    seen = 0
    for place, text in places:
        seen += 1
        at = text.find(PLANTED)
        assert at < 0, f"{place}: …{text[max(0, at - 60) : at]}<<{PLANTED}>>{text[at + len(PLANTED) : at + 60]}…"
    return seen


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgresql]:
    with postgresql() as cluster:
        engine = sa.create_engine(cluster.uri)
        with engine.begin() as connection:
            connection.execute(sa.text(f'CREATE ROLE "{TOKEN}" LOGIN SUPERUSER'))
        engine.dispose()
        yield cluster


WAYS = ("environment", "file", "experiment", "command", "token", "query", "slash", "quoted")


@pytest.mark.outside
@pytest.mark.parametrize("name", WAYS)
def test_a_secret_is_nowhere_in_a_shared_store(
    cluster: Postgresql, name: str, folder: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = way(name, f"127.0.0.1:{cluster.port}", monkeypatch)
    started: list[str] = []
    monkeypatch.setattr(ui, "_served", lambda command, **variables: started.append(" ".join(command)) or 0)
    # reading verbs take a store by overrides alone
    named = [word for word in store if "=" in word]
    reading = named or [f"tracking.uri=postgresql+psycopg://digicarbon:{PLANTED}@127.0.0.1:{cluster.port}/postgres"]
    fit = [*FIT, "measure=ddl,bea", f"tracking.experiment={name}"]
    said = []
    for command in (
        words("check", store, *FIT),
        words("plan", store, "-m", *fit),
        words("run", store, "-m", *fit),
        words("run", store, "-m", *fit),
        ["rerun", "measure=ddl", name, *reading],
        ["export", name, "--to", "sent", *reading],
        words("report", store, f"tracking.experiment={name}", "--out", "page"),
        words("ui", store, "--port", "0", f"tracking.experiment={name}"),
        words("deliver", store, f"tracking.experiment={name}"),
    ):
        status = main(command)
        shown = capfd.readouterr()
        said.append((" ".join([command[0], *command[-1:]]), shown.out + shown.err))
        assert status == 0, said[-1]
    assert "all are equal" in said[4][1]
    assert assert_nowhere((str(number), text) for number, (_, text) in enumerate(said)) == 9
    assert assert_nowhere(texts(folder)) > 20
    assert assert_nowhere(rows(cluster.uri)) > 100
    assert assert_nowhere(("process", command) for command in started) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", [*WAYS, "two signs"])
def test_a_store_that_does_not_answer_says_no_secret(
    name: str, folder: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "two signs":
        # SQLAlchemy takes the host to begin after the first of them
        store = [f"tracking.uri=postgresql+psycopg://u:{PLANTED}a@{PLANTED}b/c@127.0.0.1:1/postgres"]
    else:
        store = way(name, "127.0.0.1:1", monkeypatch)
    for command in (words("plan", store, *FIT), words("run", store, *FIT)):
        status = main(command)
        shown = capfd.readouterr()
        assert status == (0 if command[0] == "plan" else 2), shown.err
        assert "Traceback" not in shown.err
        assert assert_nowhere(iter([(command[0], shown.out + shown.err)])) == 1
    assert_nowhere(texts(folder))


def test_a_hint_is_a_command_that_works(project: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui, "_served", lambda command, **variables: 0)
    assert main(["run", *FIT, "tracking.uri=sqlite:///mlruns/mlflow.db"]) == 0
    shown = capfd.readouterr().out
    hint = next(line for line in shown.splitlines() if line.startswith("Look at it with: digicarbon "))
    assert hint.endswith("ui tracking.uri=sqlite:///mlruns/mlflow.db")
    assert "Give tracking.uri" not in shown
    assert main([*hint.partition("digicarbon ")[2].split(), "--port", "0"]) == 0


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["title=the ${oc.env:A_WORD}"], "title"),
        (["+labels={x: the ${oc.env:A_WORD}}"], "labels.x"),
        (["report.labels={x: the ${oc.env:A_WORD}}"], "report.labels.x"),
        (["report.rows={Source: [a, '${oc.env:A_WORD}']}"], "report.rows.Source"),
        (["report.caption=of ${source.path}", "source.path=${oc.env:A_WORD}.csv"], "report.caption"),
    ],
)
def test_words_of_tables_are_not_those_of_the_environment(
    project: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch, words: list[str], key: str
) -> None:
    monkeypatch.setenv("A_WORD", PLANTED)
    frame = pd.DataFrame([(u, t, u * t + t % 3, u + t * t) for u in range(4) for t in range(5)], columns=list("utyx"))
    frame.to_csv(f"{PLANTED}.csv", index=False)
    own = ["source=table", f"source.path={PLANTED}.csv", "source.unit=u", "source.time=t", "executor=sequential"]
    own += ["measure=none", "outcome=none", "model=pooled", "model.y=y", "model.x=[x]", "model.controls=[]"]
    quoted = [f"{name}='{text}'" if name in ("title", "report.caption") else f"{name}={text}"
              for name, _, text in (word.partition("=") for word in words)]  # fmt: skip
    assert main(["run", *own, *quoted]) == 2
    said = capfd.readouterr().err
    assert f"{key} has ${{oc.env:A_WORD}}: tables and pictures are recorded" in said
    assert PLANTED not in said
