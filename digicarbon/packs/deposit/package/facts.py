"""What the documents of a package are written from: facts on experiments, data, software and files; words come last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from digicarbon.note import Note


@dataclass(frozen=True)
class Lock:
    """A plan that was locked."""

    when: str
    """The time stamp of the version that counts, ISO 8601."""
    said: Note
    """What tables say of it."""
    changes: tuple[Note, ...]
    """What differs from the locked plan; empty if nothing does."""
    file: str
    """The record of it in the package; empty if it is withheld."""
    broken: tuple[int, ...] = ()
    """Versions of the lock's file that were edited after they were sealed: such a lock proves nothing."""
    fitted_before: int = 0
    """Runs of the experiment or of its outcome that were recorded when the plan was locked."""
    recorded_before: Note | None = None
    """Of runs of the outcome that are recorded in this store before the lock's date."""
    outcomes: tuple[str, ...] = ()
    outcome_read: tuple[str, ...] = ()
    """Series of the outcome that the lock has read, and samples and weights that depend on the outcome."""
    sealed: str = ""
    """The place of the lock's own file in the package; empty if it names folders of the authors' computer."""
    holds: bool = True
    """Whether the package has all that is locked as it was, so that rebuilt tables say the same of it."""
    withheld: bool = False
    """Whether it is of data that may not be passed on, whose values its hashes would give away."""


@dataclass(frozen=True)
class Experiment:
    """An experiment of the package and its recorded sweep."""

    name: str
    """E.g. ``table3_baseline``."""
    title: str
    command: tuple[str, ...]
    """The words that run it, e.g. ``("digicarbon", "run", "table3_baseline")``."""
    overrides: tuple[str, ...]
    """The words of the command that change it."""
    runs: int
    """Recorded runs with numbers."""
    failed: int
    """Runs without numbers, and columns that cannot run."""
    report: str
    """The class of its report, e.g. ``RegressionTable``."""
    choices: Mapping[str, tuple[str, ...]]
    """The values that vary between its runs, by key."""
    start: datetime
    end: datetime
    """Of the first and of the last run, in UTC."""
    seconds: float
    """The time of all fits together, from the start and the end of each recorded run."""
    elapsed: float
    """The time in which at least one run was being fitted."""
    asked: str
    """The file in the package that was asked for, e.g. ``experiments/table3_baseline.yaml``."""
    composed: str
    """The file in the package with all options filled in."""
    lock: Lock | None
    recorded_versions: Mapping[str, str]
    """Versions of packages at the time of the runs, ``digicarbon`` among them."""


@dataclass(frozen=True)
class Display:
    """A table or a figure of the package.

    ``command``: the words that make it. ``files``: its files in the package, below ``expected/``. ``numbers``: the file
    with its numbers to full precision; empty for a figure.
    """

    title: str
    kind: str
    experiment: str
    command: tuple[str, ...]
    files: tuple[str, ...]
    numbers: str


@dataclass(frozen=True)
class DataFile:
    """A file that numbers come from.

    ``name``: the file's own name. ``place``: where the package has it, or where it has to be put, e.g.
    ``data/panel.csv``. ``rows``: None where it is no table. ``variables``: the series that are taken from it.
    ``shared``: whether the package has a copy. ``imports``: records of the importer: kind, imported (time), files (raw
    downloads with name and sha256), citation. ``asked``: its name in the authors' answers.
    """

    name: str
    place: str
    sha256: str
    bytes: int
    rows: int | None
    variables: tuple[str, ...]
    shared: bool
    imports: tuple[Mapping[str, Any], ...]
    asked: str = ""


@dataclass(frozen=True)
class Source:
    """A source of data, or of weights that are read from files, or a module of the authors that reads files itself."""

    option: str
    """E.g. ``china`` or ``simulated_w1``; the key of the author's answers."""
    group: str
    """``source``, ``weights`` or ``module``."""
    kind: str
    """Its class, e.g. ``TableSource``."""
    simulated: bool
    """Whether a computer draws the numbers."""
    title: str
    """The comment in the first line of the option's file."""
    cite: tuple[str, ...]
    """Citations that the option or the import names."""
    rows: int | None
    """Of the panel."""
    units: int
    unit: str
    """What a unit is called, e.g. ``firm``."""
    periods: tuple[str, ...]
    """The first and the last one."""
    variables: tuple[str, ...]
    """Names of the variables that come from it, as in `Variable.name`."""
    files: tuple[DataFile, ...]
    shared: str
    """``nothing`` to pass on (simulated), ``copied``, ``instructions`` in their place, or ``open``: not yet answered,
    which counts as not passed on."""
    experiments: tuple[str, ...]
    """Names of the experiments that use it."""
    chosen: str = ""
    """The option that the experiments choose; empty if it is `option`. Several data sets of one option have names of
    their own."""
    cited_in_part: bool = False
    """Whether ``cite`` covers some of its files only."""


@dataclass(frozen=True)
class Variable:
    """A variable of the models, or one that they are made of."""

    name: str
    """E.g. ``ln_pgdp`` or ``gdp``."""
    words: Mapping[str, str]
    """By language, ``en`` and ``zh``; none where nothing is known."""
    unit: str
    source: str
    """Option of the source."""
    role: str
    """``outcome``, ``regressor`` or ``other``."""
    formula: str
    """How it is made, e.g. ``log of gdp / population``; empty for a column that is read."""
    file: str
    """The place of the file that it is read from; empty if it is made or drawn."""
    least: float | None
    greatest: float | None
    """Over all rows of the panels; None where it has no numbers, or its data are not passed on."""
    rows: int
    missing: int
    column: str = ""
    """Its name in the file; empty if it is the same."""
    over: str = "data"
    """Whether range, rows and missing are over the rows that ``models`` use, or over all rows of the ``data``."""
    definition: Mapping[str, str] = field(default_factory=dict)
    """What its class says of it, by language; empty for what no measure or outcome makes."""
    defined_in: str = ""
    """The work and the equation that define it."""


@dataclass(frozen=True)
class Matrix:
    """Spatial weights.

    ``option``, ``kind``: e.g. ``w1_adjacency`` and ``AdjacencyWeights``. ``digest``: empty where its files are not
    passed on. ``normalised``: e.g. ``row``. ``files``: places of the files that they are read from.
    """

    option: str
    kind: str
    digest: str
    units: int
    links: int
    normalised: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Seed:
    """A seed of random numbers."""

    key: str
    """The key that sets it, e.g. ``source.seed``."""
    value: int
    experiment: str
    place: str
    """The file of the package that sets it; empty where the command does, and an option such as ``inference=wild``
    where no file of the package does."""
    line: int = 0
    """Of the file; 0 where it is none."""


@dataclass(frozen=True)
class Package:
    """An installed Python package.

    ``direct``: whether digicarbon itself or a module of the authors requires it; the others are needed by these.
    """

    name: str
    version: str
    licence: str
    summary: str
    url: str
    direct: bool


@dataclass(frozen=True)
class Software:
    """The computer and the software on the day of packaging."""

    python: str
    """The version."""
    system: str
    """E.g. ``Linux 6.1 x86_64``."""
    packages: tuple[Package, ...]
    """The closure of digicarbon's requirements, digicarbon first."""
    blas: str
    """The library of linear algebra and its version."""
    cpu: str
    cores: int
    memory: int | None
    """Bytes; None where the system does not tell."""
    wheel: str
    lock_file: str
    licences: str
    """Files of the package."""
    least_python: str
    """The earliest version of Python, of those with the same two first numbers, that all locked packages accept."""
    pack_wheels: Mapping[str, str] = field(default_factory=dict)
    """Files of the package with the code of packs from elsewhere, by the names of their distributions."""


@dataclass(frozen=True)
class Measured:
    """What the computation needed."""

    rebuild_seconds: float | None
    """A whole rebuild; None if none was made."""
    peak_memory: int | None
    """Bytes of the largest process of a rebuild, or of the recorded runs; None if it was not measured."""
    memory_from: str
    """Where the number comes from: ``rebuild``, ``runs`` or ``none``."""
    storage: int
    """Bytes of the package."""
    data_storage: int
    """Bytes of all data files, those that are not passed on among them."""


@dataclass(frozen=True)
class Program:
    """A file of the package that is no data."""

    file: str
    kind: str
    """``driver``, ``experiment``, ``composed``, ``plan``, ``option``, ``module``, ``software``, ``lock``, ``licences``
    (of packages), ``pack``, ``container`` or ``workflow``. ``plan`` is a locked plan, ``lock`` the exact versions of
    packages. Words for it are the documents' part."""
    of: str = ""
    """The experiment, group or package that it belongs to."""
    headline: str = ""
    """The first comment or the docstring's first line; what the package itself adds has words by its kind."""


@dataclass(frozen=True)
class Facts:
    """All that is known of a package before its documents are written.

    ``made``: in UTC. ``version``: of digicarbon. ``simulated``: whether any data are drawn by a computer.
    ``experiments``: in the order of the study. ``references``: keys of the bibliography that the classes name that
    computed numbers. ``numbers``: how many numbers ``run_all.py`` compares. ``files``: the contents of the package
    without the documents; names have ``/`` between folders.
    """

    title: str
    made: datetime
    version: str
    simulated: bool
    experiments: tuple[Experiment, ...]
    displays: tuple[Display, ...]
    sources: tuple[Source, ...]
    variables: tuple[Variable, ...]
    weights: tuple[Matrix, ...]
    seeds: tuple[Seed, ...]
    software: Software
    measured: Measured
    programs: tuple[Program, ...]
    references: tuple[str, ...]
    numbers: int
    files: Mapping[str, bytes]
