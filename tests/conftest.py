"""Shared fixtures."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

# matrices here are small: threads of BLAS cost more than they give, and many times that where workers share two cores
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# a server of MLflow starts seven more processes for jobs on language models: nothing that we record needs one
os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon import secret
from digicarbon.__main__ import COLLECT
from digicarbon.cli.language import of_system
from digicarbon.config import written
from digicarbon.config.compose import Composer, loader
from digicarbon.report.picture import chinese
from digicarbon.source import Inputs, Source
from digicarbon.spec import build

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # tests that a shell runs in the background are deaf to Ctrl-C, and so is what they start
    signal.signal(signal.SIGINT, signal.default_int_handler)

# as the command does: what a session holds is searched for garbage again and again otherwise
gc.set_threshold(*COLLECT)

REPOSITORY = Path(__file__).resolve().parent.parent
COLLECTED = pytest.StashKey[list[pytest.Item]]()
"""All tests that this session has read, those of other stages too."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what was read, before the expression of marks leaves some out."""
    config.stash[COLLECTED] = list(items)


def skip(reason: str) -> None:
    if os.environ.get("DIGICARBON_REQUIRE_ALL") == "1":
        pytest.fail(f"DIGICARBON_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture
def chinese_font() -> None:
    """Skip a test whose pictures have Chinese letters where no font has them."""
    if not chinese():
        skip("no font with Chinese letters is installed (Debian: apt-get install fonts-wqy-microhei)")


@pytest.fixture(autouse=True)
def no_secrets_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what earlier tests made known as secret: a process hides it in all that it writes."""
    monkeypatch.setattr(secret, "_KNOWN", set())


@pytest.fixture(autouse=True)
def no_words_of_others() -> Iterator[None]:
    """Forget the words of a command after its test, by which errors of the next one would name their keys."""
    yield
    written.forget()


@pytest.fixture(autouse=True)
def english_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands speak English in tests, whatever the language of the system."""
    if of_system() != "en":
        monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that holds the real data (`china/`, `panels/`, …), which never ships with the package."""
    folder = Path(os.environ.get("DIGICARBON_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "china").is_dir():
        skip("the real data are not here; set DIGICARBON_DATA to the folder that holds china/")
    # tests run in other folders, from which the default place cannot be seen
    os.environ["DIGICARBON_DATA"] = str(folder.resolve())
    return folder


@cache
def _composer(here: Path, data: str | None) -> Composer:
    """What composes in a folder, with a folder of data; it keeps what is the same for all sources."""
    return Composer(loader(), "config")


def shipped_composer() -> Composer:
    """What composes the default sentence; each option is composed once, whichever tests ask for it."""
    return _composer(Path.cwd(), os.environ.get("DIGICARBON_DATA"))


def shipped_source(name: str, **fields: Any) -> Source:
    """The source of an option that ships, with some of its fields changed."""
    composer = shipped_composer()
    choices = {"source": name, **{f"source.{key}": value for key, value in fields.items()}}
    return build(composer.config(choices)["source"], Source, "source")


@pytest.fixture(scope="session")
def load_shipped() -> Callable[..., Inputs]:
    """Loads a shipped source by its option's name, with some of its fields changed."""
    return lambda name, **fields: shipped_source(name, **fields).load()


@pytest.fixture(scope="session")
def load_real(data_folder: Path, load_shipped: Callable[..., Inputs]) -> Callable[..., Inputs]:
    """Loads the real data of a shipped source, e.g. ``load_real("china", years=None)``."""
    return load_shipped


REFERENCE = Path(__file__).resolve().parent / "reference"


def reference(name: str) -> dict[str, Any]:
    """Reference numbers from R and from exact computations, by record id; each record holds the call that made it."""
    records = json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))
    return {record["id"]: record["values"] for record in records}


@pytest.fixture(scope="session")
def produc() -> dc.Panel:
    """Munnell's panel of 48 US states, 1970-86 (R package plm), with logs named as in R."""
    frame = pd.read_csv(REFERENCE / "produc.csv")
    for name in ("gsp", "pcap", "pc", "emp"):
        frame[f"log({name})"] = np.log(frame[name])
    return dc.Panel.from_frame(frame, unit="state", time="year")


@pytest.fixture(scope="session")
def usaww() -> dc.Weights:
    """Row-standardised contiguity of the 48 states (R package plm)."""
    edges = pd.read_csv(REFERENCE / "usaww_edges.csv")
    return dc.Weights.from_edges(edges, symmetric=False)


@pytest.fixture(scope="session")
def quick_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tables of a new SQLite store are a copy of those that MLflow made first; its sixty migrations take seconds.

    Processes that a test starts have MLflow make theirs.
    """
    from mlflow.store.db import utils

    made, first = utils._initialize_tables, tmp_path_factory.mktemp("tables") / "mlflow.db"

    def tables(engine: Any) -> None:
        place = engine.url.database if engine.dialect.name == "sqlite" else None
        if place is None or not Path(place).is_file() or Path(place).stat().st_size > 0:
            # in memory, on a server, or somebody's that MLflow brings up to date
            made(engine)
        elif first.exists():
            _copy_database(first, Path(place))
        else:
            made(engine)
            _copy_database(Path(place), first)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "_initialize_tables", tables)
        yield


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as write:
        read.backup(write)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_stores: None) -> Iterator[Path]:
    """An empty working directory; modules that a test writes into it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory, quick_stores: None) -> Path:
    """An MLflow database without runs; making one costs seconds, copying it nothing."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path.as_posix()}").search_experiments()
    return path


@pytest.fixture
def project(folder: Path, empty_store: Path) -> Path:
    """A working directory that holds an empty store in mlruns/."""
    (folder / "mlruns").mkdir()
    shutil.copy(empty_store, folder / "mlruns" / "mlflow.db")
    return folder


@contextmanager
def lasting(empty_store: Path, place: Path) -> Iterator[Path]:
    """Work in a project with an empty store that several tests share; the working directory is set back after."""
    (place / "mlruns").mkdir()
    shutil.copy(empty_store, place / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(sys, "path", list(sys.path))
        yield place


def copied(project: Path, folder: Path) -> None:
    """Copy a project into an empty folder, as if its sweeps had run there: the store names places in full."""
    shutil.copytree(project, folder, dirs_exist_ok=True)
    with closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as store, store:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            places = (project.as_posix(), folder.as_posix())
            store.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", places)


@pytest.fixture(scope="session")
def empluk() -> dc.Panel:
    """Arellano and Bond's 140 firms, 1976-84, unbalanced (R package plm), with logs named as in their article."""
    frame = pd.read_csv(REFERENCE / "empluk.csv")
    logs = {name: np.log(frame[column]) for name, column in EMPLUK_LOGS.items()}
    return dc.Panel.from_frame(frame.assign(**logs), unit="firm", time="year", gaps="keep")


EMPLUK_LOGS = {"n": "emp", "w": "wage", "k": "capital", "ys": "output"}


@pytest.fixture(scope="session")
def houseprices() -> dc.Panel:
    """House prices of 49 US states, 1975-2003 (R package pder)."""
    return dc.Panel.from_frame(pd.read_csv(REFERENCE / "houseprices.csv"), unit="id", time="t")
