"""A package's facts, with a file that is passed on or not, a simulated source, weights, seeds and a lock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from digicarbon.packs.deposit.package.facts import (
    DataFile,
    Display,
    Experiment,
    Facts,
    Matrix,
    Measured,
    Package,
    Program,
    Seed,
    Software,
    Source,
    Variable,
)

ASKED = b"""# The main table
defaults:
  - config
  - override /model: twfe
  - override /report: regression
title: Digital economy and carbon
source:
  seed: 4
"""
COMPOSED = b"model:\n  _target_: x\n  seed: 1\nsource:\n  _target_: y\n  noise:\n    seed: 3\n  seed: 4\n"
PANEL = b"unit,year,e,ci\na,2001,1,2\na,2002,3,4\n"
START = datetime(2026, 5, 3, 8, 0, tzinfo=UTC)


def facts(shared: str = "copied", simulated: bool = True, given: bool = True) -> Facts:
    """Return facts with a user's file, whose ``shared`` is one of `Source`, and with simulated data."""
    place = "data/panel.csv"
    copied = shared == "copied"
    file = DataFile("panel.csv", place, sha256(PANEL).hexdigest(), len(PANEL), 2, ("e", "ci"), copied, ())
    source = Source(
        "mydata",
        "source",
        "TableSource",
        False,
        "My panel",
        (),
        2,
        1,
        "province",
        ("2001", "2002"),
        ("e", "ci"),
        (file,),
        shared,
        ("main",),
    )
    drawn = Source(
        "simulated",
        "source",
        "SimulatedSource",
        True,
        "Drawn",
        (),
        300,
        30,
        "province",
        ("2001", "2010"),
        ("z",),
        (),
        "nothing",
        ("curve",),
    )
    main = Experiment(
        "main",
        "Digital economy and carbon",
        ("digicarbon", "run", "main"),
        (),
        2,
        0,
        "RegressionTable",
        {"model.controls": ("[]", "[a, b]")},
        START,
        START + timedelta(seconds=12),
        9.5,
        12.0,
        "experiments/main.yaml",
        "experiments/composed/main.yaml",
        None,
        {"numpy": "2.1.0"},
    )
    curve = replace(
        main,
        name="curve",
        title="Curve | of all",
        command=("digicarbon", "run", "curve"),
        runs=40,
        failed=1,
        report="SpecificationCurve",
        asked="experiments/curve.yaml",
        composed="experiments/composed/curve.yaml",
    )
    displays = (
        Display(
            main.title,
            "table",
            "main",
            main.command,
            ("expected/main/table.csv",),
            "expected/main/numbers.csv",
        ),
        Display(curve.title, "figure", "curve", curve.command, ("expected/curve/curve.png",), ""),
    )
    variables = (
        Variable(
            "ln_ci",
            {"en": "ln carbon intensity", "zh": "碳强度对数"},
            "t",
            "mydata",
            "outcome",
            "log of ci",
            "",
            -1.5,
            2.0,
            2,
            0,
            definition={"en": "CO2 over GDP.", "zh": "二氧化碳除以GDP。"},
            defined_in="Li 2020, Eq 3",
        ),
        Variable(
            "e", {"en": "Digital economy", "zh": "数字经济"}, "index", "mydata", "regressor", "", place, 1.0, 3.0, 2, 1
        ),
    )
    files: dict[str, bytes] = {
        "run_all.py": b"# Rebuilds everything\n",
        "experiments/main.yaml": ASKED,
        "experiments/curve.yaml": ASKED,
        "experiments/composed/main.yaml": COMPOSED,
        "experiments/composed/curve.yaml": COMPOSED,
        "expected/main/table.csv": b"a,b\n1,2\n",
        "expected/main/numbers.csv": b"a,b\n1,2\n",
        "expected/curve/curve.png": b"\x89PNG",
        "software/requirements.lock": b"numpy==2.2.0\n",
        "software/licences.csv": b"package,version,licence,needed_by,url\n",
        "software/digicarbon-1.0-py3-none-any.whl": b"PK",
        "Dockerfile": b"FROM python:3.11-slim\n",
    }
    if copied and given:
        files[place] = PANEL
    return Facts(
        title="Digital economy and carbon",
        made=datetime(2026, 6, 1, 12, 0, tzinfo=UTC),
        version="1.0",
        simulated=simulated,
        experiments=(main, curve),
        displays=displays,
        sources=(*((source,) if given else ()), *((drawn,) if simulated else ())),
        variables=variables,
        weights=(Matrix("w1", "AdjacencyWeights", "d" * 64, 30, 120, "row", ()),),
        seeds=(Seed("source.seed", 4, "main", "experiments/composed/main.yaml"),),
        software=Software(
            "3.11.9",
            "Linux 6.1 x86_64",
            (
                Package("digicarbon", "1.0", "BSD-3-Clause", "Experiments", "", True),
                Package("numpy", "2.2.0", "BSD", "Arrays", "", True),
                Package("six", "1.17.0", "MIT", "Two Pythons", "", False),
            ),
            "OpenBLAS 0.3",
            "A processor",
            4,
            16 * 10**9,
            "software/digicarbon-1.0-py3-none-any.whl",
            "software/requirements.lock",
            "software/licences.csv",
            "3.11.5",
        ),
        measured=Measured(None, None, "none", 5 * 10**6, len(PANEL)),
        programs=(
            Program("run_all.py", "driver", "main", "Rebuilds everything"),
            Program("experiments/main.yaml", "experiment", "main", "The main table"),
        ),
        references=("baltagi2021", "cliff1981", "moran1950"),
        numbers=84,
        files=files,
    )


def whole() -> dict[str, Any]:
    """Return answers to every question."""
    return {
        "title": "Does the Digital Economy Clean the Air?",
        "authors": [
            {"name": "Li Hua", "orcid": "0000-0002-1825-0097", "affiliation": "Nankai University", "email": "li@x.cn"},
            {"name": "Ann Lee"},
        ],
        "abstract": "We ask a question.",
        "keywords": ["digital economy", "carbon"],
        "contact": "Li Hua, li@x.cn",
        "article": "https://doi.org/10.1016/j.x.2026.1",
        "repository": "Zenodo",
        "doi": "10.5281/zenodo.1",
        "licence_of_code": "MIT",
        "licence_of_data": "CC-BY-4.0",
        "may_use": True,
        "may_share": True,
        "numbers_in_text": True,
        "all_tables": False,
        "not_included": "Figure 1 is a photograph.",
        "in_paper": {"main": "Table 3", "curve": "none"},
        "ethics": "none",
        "registration": "none",
        "protocol": "none",
        "instruments": "none",
        "verification": "none",
        "reporting_guideline": "none",
        "funding": "NSFC 1",
        "acknowledgements": "none",
        "bibtex": "none",
        "data": {
            "mydata": {
                "title": "Panel of provinces",
                "provider": "A bureau",
                "citation": "A bureau (2020), Panel of provinces.",
                "url": "https://example.org/panel",
                "obtained": "downloaded on 2024-05-03",
                "access": "Press the button.",
                "cost": "none",
                "time": "one day",
                "licence": "open",
                "share": True,
            }
        },
    }
