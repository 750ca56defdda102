"""Documents of a package: every heading of the template, nothing invented, and what is open is asked in every place."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import unicodedata
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import specimen
import yaml
from classic import DiD, DynamicPanel, PanelRegression
from rocrate.rocrate import ROCrate

from digicarbon.note import note_of
from digicarbon.packs.deposit.package import checklists
from digicarbon.packs.deposit.package.answers import LICENCES, Answers, questions
from digicarbon.packs.deposit.package.bibliography import SOFTWARE, bibliography, replaced, shipped
from digicarbon.packs.deposit.package.bibtex import entries
from digicarbon.packs.deposit.package.crate import TERMS
from digicarbon.packs.deposit.package.deposit import BLANKS, licence_text
from digicarbon.packs.deposit.package.documents import documents, sources
from digicarbon.packs.deposit.package.documents import questions as still_open
from digicarbon.packs.deposit.package.facts import Facts, Lock, Program, Seed
from digicarbon.packs.deposit.package.parts import plain
from digicarbon.report.kinds import Kind, Multiverse
from digicarbon.report.specification_curve import SpecificationCurve
from digicarbon.spec import Spec

HEADINGS = (
    "Overview",
    "Data Availability and Provenance Statements",
    "Statement about Rights",
    "(Optional, but recommended) License for Data",
    "Summary of Availability",
    "Details on each Data Source",
    "Dataset list",
    "Computational requirements",
    "Software Requirements",
    "Controlled Randomness",
    "Memory, Runtime, Storage Requirements",
    "Summary",
    "Details",
    "Description of programs/code",
    "(Optional, but recommended) License for Code",
    "Instructions to Replicators",
    "Details",
    "List of tables and programs",
    "References",
    "Acknowledgements",
)
"""Headings of the template of the Social Science Data Editors, version 1.1, in their order."""
EMPTY, WHOLE = Answers(), Answers(**specimen.whole())


LICENCE_HASHES = {
    "0BSD": "8d4917987285",
    "AGPL-3.0-or-later": "0a7e77a9ebe3",
    "Apache-2.0": "0ffddef9e48f",
    "BSD-2-Clause": "67329a9b0572",
    "BSD-3-Clause": "65e7987f847f",
    "CC-BY-4.0": "50a0385d4606",
    "CC-BY-NC-4.0": "f23ccfdb0e95",
    "CC-BY-NC-ND-4.0": "8dfd1bf527b2",
    "CC-BY-NC-SA-4.0": "00e1ad1211f6",
    "CC-BY-ND-4.0": "dc3184d4580b",
    "CC-BY-SA-4.0": "d47d691d4e51",
    "CC0-1.0": "05d9f1a0af61",
    "GPL-2.0-or-later": "00d857bed089",
    "GPL-3.0-only": "1183eb50923e",
    "GPL-3.0-or-later": "1183eb50923e",
    "LGPL-3.0-or-later": "6576b2ae0357",
    "MIT": "c96387964703",
    "MPL-2.0": "e8ba82e63ba9",
    "MulanPSL-2.0": "6d1de6aeefd3",
    "ODbL-1.0": "e40832cc7af1",
    "ODC-By-1.0": "20c403f16255",
    "PDDL-1.0": "bbf2517713cd",
    "Unlicense": "2069c208cba5",
}


def written(facts: Facts, answers: Answers, language: Any = "en") -> dict[str, str]:
    return {name: content.decode() for name, content in documents(facts, answers, language).items()}


def section(text: str, heading: str) -> str:
    start = text.index(f"# {heading}\n")
    end = re.search(r"^#{1,3} ", text[start + 2 :], re.MULTILINE)
    return text[start : start + 2 + end.start()] if end else text[start:]


@pytest.mark.parametrize("answers", [EMPTY, WHOLE], ids=["open", "answered"])
def test_every_heading_of_the_template_is_there_in_order(answers: Answers) -> None:
    for language in ("en", "zh"):
        own = written(specimen.facts(), answers, language)
        lines = [line.lstrip("# ") for line in own["README.md"].splitlines() if line.startswith("##")]
        rest = iter(lines)
        assert all(heading in rest for heading in HEADINGS), lines
    chinese = re.findall(r"^#+ .*（(.*)）$", own["README.zh.md"], re.MULTILINE)
    assert len(chinese) == len(HEADINGS)
    for heading, there in zip(HEADINGS, chinese, strict=True):
        assert there in heading


def test_no_section_is_empty() -> None:
    text = written(specimen.facts(), EMPTY)["README.md"]
    for match in re.finditer(r"^(#+) (.+)\n+(?=(#*))", text, re.MULTILINE):
        below = match[3]
        # a heading is followed by words, or by a heading below it
        assert not below or len(below) > len(match[1]), match[2]


def test_open_questions_stand_in_the_readme_and_answers_replace_them() -> None:
    facts = specimen.facts("open")
    for language in ("en", "zh"):
        name = "README.md" if language == "en" else "README.zh.md"
        text = written(facts, EMPTY, language)[name]
        asked = {one.key for one in still_open(facts, EMPTY)}
        # what these ask is no part of the template
        for key in asked - {"title", "keywords", "repository", "doi", "registration", "protocol", "instruments"}:
            if key not in ("verification", "reporting_guideline", "bibtex", "data.mydata.title"):
                words = questions()[re.sub(r"^data\.\w+\.", "data.", key)][language]
                assert f"`{key}`" in text
                assert words in text
    text = written(specimen.facts(), WHOLE)["README.md"]
    assert "OPEN" not in text
    for words in ("We ask a question.", "Li Hua, li@x.cn", "Press the button.", "Figure 1 is a photograph.", "NSFC 1"):
        assert words in text


def test_nothing_is_invented() -> None:
    own = written(specimen.facts("open"), EMPTY)
    zenodo = json.loads(own[".zenodo.json"])
    assert not {"creators", "license", "keywords", "doi", "related_identifiers"} & set(zenodo)
    assert "not chosen yet" in own["LICENSE.txt"]
    crate = json.loads(own["ro-crate-metadata.json"])["@graph"]
    assert not [one for one in crate if one["@type"] in ("Person", "Organization")]
    assert "[x] I certify" not in own["README.md"]
    assert "[x] All" not in own["README.md"]


@pytest.mark.parametrize(
    ("shared", "simulated", "given", "ticked"),
    [
        ("copied", True, True, "All data **are** publicly available."),
        ("instructions", True, True, "**No data can be made** publicly available."),
        ("open", True, True, None),
        ("copied", True, False, "All data **are** publicly available."),
    ],
)
def test_summary_of_availability(shared: str, simulated: bool, given: bool, ticked: str | None) -> None:
    text = section(written(specimen.facts(shared, simulated, given), WHOLE)["README.md"], "Summary of Availability")
    assert re.findall(r"\[x\] (.*)", text) == ([] if ticked is None else [ticked])


def test_some_data_are_withheld() -> None:
    facts = specimen.facts("instructions")
    copied = specimen.facts("copied").sources[0]
    both = replace(facts, sources=(facts.sources[0], replace(copied, option="second"), *facts.sources[1:]))
    text = section(written(both, WHOLE)["README.md"], "Summary of Availability")
    assert "[x] Some data **cannot be made** publicly available." in text


def test_withheld_files_have_hashes_and_instructions() -> None:
    own = written(specimen.facts("instructions"), WHOLE)
    digest = specimen.facts().sources[0].files[0].sha256
    row = next(line for line in own["README.md"].splitlines() if line.startswith("| `data/panel.csv`"))
    assert "| No |" in row
    assert digest in row
    steps = section(own["README.md"], "Instructions to Replicators")
    assert "2. Get the data files that this package may not pass on (`data/panel.csv`)" in steps
    graph = {one["@id"]: one for one in json.loads(own["ro-crate-metadata.json"])["@graph"]}
    assert "data/panel.csv" not in graph
    assert graph["#not-included-data%2Fpanel.csv"]["sha256"] == digest
    copied = section(written(specimen.facts(), WHOLE)["README.md"], "Instructions to Replicators")
    assert "may not pass on" not in copied


def test_simulated_data_say_so_in_every_document() -> None:
    own = written(specimen.facts(), WHOLE, "zh")
    assert "SIMULATED" in own["README.md"].split("## Overview")[0]
    assert "模拟数据" in own["README.zh.md"].split("## 概述")[0]
    assert "simulated" in json.loads(own[".zenodo.json"])["description"]
    assert "simulated" in yaml.safe_load(own["CITATION.cff"])["abstract"]
    real = written(specimen.facts(simulated=False), WHOLE)
    assert not any("simulated" in text.lower() for name, text in real.items() if name != "checklists/DCAS.md")


def test_seeds_have_the_file_and_line_or_what_else_sets_them() -> None:
    facts = specimen.facts()
    seeds = (
        Seed("source.seed", 4, "main", "experiments/main.yaml", 9),
        Seed("inference.seed", 2, "main", ""),
        Seed("weights.seed", 1, "curve", "weights=permuted"),
    )
    text = section(written(replace(facts, seeds=seeds), EMPTY)["README.md"], "Controlled Randomness")
    assert "| `source.seed` | 4 | main | `experiments/main.yaml` | 9 |" in text
    assert "| `inference.seed` | 2 | main | (the command) |  |" in text
    assert "| `weights.seed` | 1 | curve | (`weights=permuted` of digicarbon) |  |" in text
    assert "e.g. `digicarbon run main source.seed=5`" in text


def test_every_table_has_its_experiment_command_file_and_line() -> None:
    text = section(written(specimen.facts(), WHOLE)["README.md"], "List of tables and programs")
    row = next(line for line in text.splitlines() if line.startswith("| Table 3"))
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    asked = specimen.ASKED.decode().splitlines()
    line = str(1 + asked.index("  - override /report: regression"))
    assert cells[1:] == ["main", "`digicarbon run main`", "`experiments/main.yaml`", line, "`expected/main/table.csv`"]
    # a title with a bar stays in its cell
    assert "Curve \\| of all" in text


@pytest.mark.parametrize(
    ("seconds", "ticked"), [(30, "<10 minutes"), (600, "10-60 minutes"), (3 * 3600, "2-8 hours"), (1e7, "> 14 days")]
)
def test_classes_of_time(seconds: float, ticked: str) -> None:
    plain = specimen.facts()
    facts = replace(plain, experiments=tuple(replace(one, elapsed=seconds / 2) for one in plain.experiments))
    measured = facts.measured
    text = written(facts, WHOLE)["README.md"]
    summary = text[text.index("Approximate time") : text.index("Approximate storage")]
    assert re.findall(r"\[x\] (.*)", summary) == [ticked]
    assert "Memory was not measured." in text
    recorded = replace(measured, peak_memory=4 * 10**8, memory_from="runs")
    text = written(replace(facts, measured=recorded), WHOLE)["README.md"]
    assert "The largest process took 400.0 MB of memory, measured during the recorded runs." in text
    rebuilt = replace(measured, rebuild_seconds=50.0, peak_memory=3 * 10**9, memory_from="rebuild")
    text = written(replace(facts, measured=rebuilt), WHOLE)["README.md"]
    assert "A whole rebuild, the software installed already, took 50 s." in text
    assert "The largest process of a rebuild took 3.0 GB of memory." in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (90, "2 minutes"), (5399, "90 minutes"), (5400, "1.5 hours")]
)
def test_a_duration_has_the_unit_of_its_size(seconds: float, words: str) -> None:
    facts = specimen.facts()
    rebuilt = replace(facts, measured=replace(facts.measured, rebuild_seconds=seconds))
    text = written(rebuilt, WHOLE)["README.md"]
    assert f"A whole rebuild, the software installed already, took {words}." in text


def test_codebook_has_every_variable() -> None:
    facts = specimen.facts()
    own = written(facts, WHOLE, "zh")
    rows = list(csv.DictReader(io.StringIO(own["codebook.csv"])))
    assert [row["variable"] for row in rows] == [one.name for one in facts.variables]
    assert [float(row["least"]) for row in rows] == [one.least for one in facts.variables]
    assert rows[1]["label_zh"] == "数字经济"
    made, *_ = rows
    assert (made["definition_en"], made["definition_zh"]) == ("CO2 over GDP.", "二氧化碳除以GDP。")
    assert (made["unit"], made["defined_in"]) == ("t", "Li 2020, Eq 3")
    assert "| `log of ci` CO2 over GDP. [Li 2020, Eq 3] |" in own["codebook.md"]
    assert "| `log of ci` 二氧化碳除以GDP。 [Li 2020, Eq 3] |" in own["codebook.zh.md"]
    for one in facts.variables:
        assert f"| `{one.name}` | {one.words['en']} |" in own["codebook.md"]
        assert f"| `{one.name}` | {one.words['zh']} |" in own["codebook.zh.md"]


def verdicts(name: str, facts: Facts, answers: Answers) -> list[str]:
    keys = [one.key for one in still_open(facts, answers)]
    return [item.verdict for item in checklists.checklist(name, facts, answers, keys)]


def test_checklists_have_every_item_and_award_nothing() -> None:
    own = written(specimen.facts(), EMPTY, "zh")
    for name, items in (("DCAS", 16), ("TOP", 10)):
        for end, words in ((".md", "It awards no badge"), (".zh.md", "不授予任何徽章")):
            text = own[f"checklists/{name}{end}"]
            assert words in text
            assert [int(number) for number in re.findall(r"^\| (\d+)\. ", text, re.MULTILINE)] == [*range(1, items + 1)]


def test_verdicts_of_the_standard_on_data_and_code() -> None:
    yes, no, none, authors = "yes", "no", "not_applicable", "authors"
    assert verdicts("dcas", specimen.facts(), WHOLE) == [
        # how a file came to be, which no importer made, only the authors know
        *(yes, authors, yes, yes, yes, yes, authors, yes, yes),
        *(none, none, none, yes, yes, yes, yes),
    ]
    facts = specimen.facts()
    source = facts.sources[0]
    imported = replace(source, files=tuple(replace(one, imports=({"kind": "wide"},)) for one in source.files))
    made = verdicts("dcas", replace(facts, sources=(imported, *facts.sources[1:])), WHOLE)
    assert (made[1], made[6]) == (yes, yes)

    def changed(**given: object) -> list[str]:
        return verdicts("dcas", facts, Answers(**{**specimen.whole(), **given}))

    assert changed(licence_of_data="none")[14] == no
    assert changed(not_included="none")[15] == no
    assert changed(not_included="none", all_tables=True)[15] == yes
    of_source: dict[str, object] = dict(specimen.whole()["data"]["mydata"])
    assert changed(data={"mydata": {**of_source, "citation": "none"}})[5] == no
    in_part = replace(source, cite=("A (2020)",), cited_in_part=True)
    partly = replace(facts, sources=(in_part, *facts.sources[1:]))
    assert "data.mydata.citation" in [one.key for one in still_open(partly, EMPTY)]
    assert verdicts("dcas", partly, EMPTY)[5] == authors
    assert "- Citation: A (2020) **OPEN" in written(partly, EMPTY)["README.md"]
    hidden = verdicts("dcas", specimen.facts("instructions"), WHOLE)
    assert hidden[1:3] == [no, no]
    undecided = verdicts("dcas", specimen.facts("open"), EMPTY)
    assert undecided[:3] == [authors] * 3
    assert undecided[12:] == [no, authors, authors, authors]
    drawn = verdicts("dcas", specimen.facts(given=False), EMPTY)
    assert drawn[:6] == [yes, none, yes, none, yes, none]


def test_verdicts_of_the_guidelines_on_openness() -> None:
    facts = specimen.facts()
    assert verdicts("top", facts, WHOLE) == ["no", "no", "no", "not_applicable", "yes", "yes", "no", "no", "no", "yes"]
    assert verdicts("top", facts, EMPTY)[:3] == ["authors", "authors", "no"]
    said = note_of("Locked in May.")
    lock = Lock("2026-05-01T00:00:00Z", said, (), "expected/main/lock.json")
    one, two = (replace(experiment, lock=lock) for experiment in facts.experiments)
    # a date that anybody can write is no proof
    assert verdicts("top", replace(facts, experiments=(one, two)), WHOLE)[2] == "authors"
    assert verdicts("top", replace(facts, experiments=(one, replace(two, lock=None))), WHOLE)[2] == "no"
    weaker: list[dict[str, Any]] = [
        {"changes": (note_of("seed: 1 became 2"),)},
        {"broken": (1,)},
        {"fitted_before": 3},
        {"recorded_before": note_of("Three were recorded.")},
        {"outcome_read": ("ln_ci",)},
    ]
    for fields in weaker:
        other = replace(lock, **fields, said=note_of("This speaks against it."))
        own = replace(facts, experiments=(one, replace(two, lock=other)))
        assert verdicts("top", own, WHOLE)[2] == "no"
        documents_of = written(own, WHOLE)
        for name in ("README.md", "checklists/TOP.md", "ro-crate-metadata.json"):
            assert "This speaks against it." in documents_of[name]
        read = "The lock has read values of the outcome, since other parts of the plan depend on them: ln_ci."
        assert (read in documents_of["checklists/TOP.md"]) == ("outcome_read" in fields)


def test_bibliography_has_the_recorded_methods_and_no_others() -> None:
    facts = specimen.facts()
    cited = bibliography(facts, WHOLE)
    assert [one.key for one in cited.methods] == ["baltagi2021", "cliff1981", "moran1950"]
    assert [one.key for one in cited.software] == ["digicarbon", "harris2020"]
    assert [one.key for one in cited.data] == ["data_mydata"]
    again = entries(cited.bibtex)
    assert [(one.key, dict(one.fields)) for one in again] == [(one.key, dict(one.fields)) for one in cited.every]
    own = replace(facts, references=("mine2020",))
    assert bibliography(own, WHOLE).unknown == ("mine2020",)
    assert "`mine2020`" in written(own, WHOLE)["README.md"]
    entry = "@article{mine2020, author = {Li, Hua}, title = {Mine}, journal = {J}, year = 2020}"
    answered = Answers(**{**specimen.whole(), "bibtex": entry})
    assert bibliography(own, answered).unknown == ()
    assert "Li, Hua. 2020. “Mine.” *J*." in written(own, answered)["README.md"]


def classes(cls: type[Spec]) -> set[type[Spec]]:
    return {cls, *(one for below in cls.__subclasses__() for one in classes(below))}


def test_every_key_that_a_class_names_has_an_entry_and_every_entry_is_named() -> None:
    import digicarbon.diagnostic
    import digicarbon.measure
    import digicarbon.packs.china.weights
    import digicarbon.packs.one_answer.report.one_answer
    import digicarbon.packs.policies.sample.matching
    import digicarbon.weights

    for module in (digicarbon.diagnostic, digicarbon.measure, digicarbon.weights, digicarbon.model):
        for name in dir(module):
            getattr(module, name)
    own = {one for one in classes(Spec) if one.__module__.startswith("digicarbon.")}
    keys = {key for one in own for key in one.references}
    keys |= {key for one in own for by in one.references_by.values() for many in by.values() for key in many}
    assert keys | {*Multiverse.references, *SOFTWARE.values()} == set(shipped())


def test_entries_are_whole() -> None:
    needed = {
        "article": {"author", "title", "journal", "year", "volume", "pages"},
        "book": {"author", "title", "publisher", "year"},
        "incollection": {"author", "title", "booktitle", "publisher", "year", "pages"},
        "inproceedings": {"author", "title", "booktitle", "year", "pages"},
        "misc": {"author", "title", "year", "url"},
    }
    # two ranges of pages are in use
    unsure = {"geary1954": {"pages"}}
    assert list(shipped()) == sorted(shipped())
    for entry in shipped().values():
        assert needed[entry.kind] - set(entry.fields) == unsure.get(entry.key, set()), entry.key
        assert re.fullmatch(r"(1[89]|20)\d\d", entry.fields["year"])
        assert entry.fields["year"] in entry.key, entry.key
        plain = unicodedata.normalize("NFD", entry.fields["author"].split(",")[0].lower())
        family = re.sub(r"[^a-z]", "", plain)
        assert entry.key.startswith((family, family[:9])), entry.key
        assert not re.search(r"[{}\\$]|--", str(entry))


def test_what_is_cited_depends_on_the_choices() -> None:
    regression = PanelRegression(y="y", x=("a",), cov="driscoll_kraay", effects="two_way")
    assert regression.cited == ("baltagi2021", "driscoll1998")
    assert PanelRegression(y="y", x=("a",)).cited == ("baltagi2021",)
    assert "sun2021" in DiD(y="y", policy="p", estimator="sun_abraham").cited
    assert "sun2021" not in DiD(y="y", policy="p", estimator="imputation").cited
    assert "blundell1998" in DynamicPanel(y="y", x=("a",), kind="system").cited
    assert "blundell1998" not in DynamicPanel(y="y", x=("a",)).cited
    curve = SpecificationCurve()
    kinds = Multiverse({"weights": Kind("equivalent", ("queen", "knn"))}, ())
    assert set(curve.with_multiverse(kinds).cited) - set(curve.cited) == {"delgiudice2021"}


def test_metadata_of_repositories() -> None:
    own = written(specimen.facts(), WHOLE)
    zenodo = json.loads(own[".zenodo.json"])
    assert zenodo["creators"][0] == {
        "name": "Li Hua",
        "affiliation": "Nankai University",
        "orcid": "0000-0002-1825-0097",
    }
    assert zenodo["license"] == "cc-by-4.0"
    assert [one["relation"] for one in zenodo["related_identifiers"]] == ["isSupplementTo", "isDerivedFrom"]
    citation = yaml.safe_load(own["CITATION.cff"])
    assert citation["cff-version"] == "1.2.0"
    assert citation["authors"][0]["orcid"] == "https://orcid.org/0000-0002-1825-0097"
    assert citation["title"] == zenodo["title"] == "Replication package for: Does the Digital Economy Clean the Air?"


def test_a_repository_is_given_no_licence_that_nobody_chose() -> None:
    def metadata(**given: object) -> dict[str, object]:
        own = documents(specimen.facts(), Answers(**{**specimen.whole(), **given}))
        return dict(json.loads(own[".zenodo.json"]))

    chosen = metadata()
    assert (chosen["access_right"], chosen["license"]) == ("open", "cc-by-4.0")
    assert chosen["notes"] == "Licence of the code: MIT. Licence of the data: CC-BY-4.0."
    # Zenodo gives a DOI itself where it reads this file
    assert "doi" not in chosen
    none = metadata(licence_of_code=None, licence_of_data=None)
    assert none["access_right"] == "closed"
    assert "license" not in none
    citation = yaml.safe_load(documents(specimen.facts(), WHOLE)["CITATION.cff"])
    assert citation["license"] == ["MIT", "CC-BY-4.0"]
    authors = [{"name": "Li, Hua", "affiliation": "Nankai University"}]
    named = documents(specimen.facts(), Answers(**{**specimen.whole(), "authors": authors}))
    person = {"family-names": "Li", "given-names": "Hua", "affiliation": "Nankai University"}
    assert yaml.safe_load(named["CITATION.cff"])["authors"] == [person]
    assert "Copyright (c) 2026 Li, Hua" in named["LICENSE.txt"].decode()


def test_licences_have_their_whole_texts() -> None:
    """The hashes are those of the texts in the SPDX License List, word by word."""
    hashes = {}
    for licence in LICENCES:
        text = licence_text(licence, "2026 Xyz")
        blank = BLANKS.get(licence)
        assert (text.count("2026 Xyz"), blank in text if blank else False) == (int(blank is not None), False)
        plain = text.replace("2026 Xyz", blank or "2026 Xyz").split()
        hashes[licence] = hashlib.sha256(" ".join(plain).encode()).hexdigest()[:12]
    assert hashes == {licence: LICENCE_HASHES[licence] for licence in LICENCES}
    whole = documents(specimen.facts(), WHOLE)["LICENSE.txt"].decode()
    assert "Copyright (c) 2026 Li Hua, Ann Lee\n\nPermission is hereby granted" in whole
    assert whole.count("=" * 78) == 2
    assert "Creative Commons Attribution 4.0 International" in whole
    same = Answers(**{**specimen.whole(), "licence_of_data": "MIT"})
    assert documents(specimen.facts(), same)["LICENSE.txt"].decode().count("Permission is hereby granted") == 1
    none = Answers(**{**specimen.whole(), "licence_of_code": "none", "licence_of_data": "As the office says."})
    assert "=" * 78 not in documents(specimen.facts(), none)["LICENSE.txt"].decode()


def test_sources_that_a_computer_draws_are_not_asked_about() -> None:
    facts = specimen.facts()
    assert set(sources(facts)) == {"mydata"}
    known = replace(facts.sources[0], cite=("A (2020)",))
    assert sources(replace(facts, sources=(known,)))["mydata"] == {"citation"}


def test_crate_names_every_file_run_and_person() -> None:
    facts = specimen.facts()
    own = documents(facts, WHOLE)
    graph = {one["@id"]: one for one in json.loads(own["ro-crate-metadata.json"])["@graph"]}
    parts = {one["@id"] for one in graph["./"]["hasPart"]}
    assert parts == {*facts.files, *own} - {"ro-crate-metadata.json"}
    for name, content in {**facts.files, **own}.items():
        if name != "ro-crate-metadata.json":
            assert graph[name]["contentSize"] == str(len(content))
    for experiment in facts.experiments:
        action = graph[f"#run-{experiment.name}"]
        assert {"@id": "run_all.py"} in action["instrument"]
        assert action["agent"] == {"@id": "https://orcid.org/0000-0002-1825-0097"}
        assert action["startTime"] < action["endTime"]
    assert {"@id": "data/panel.csv"} in graph["#run-main"]["object"]
    # everything that is pointed to is there
    pointed = set(re.findall(r'\{"@id": "([^"]+)"\}', json.dumps(list(graph.values()))))
    assert not {one for one in pointed if not one.startswith("https://w3id.org/ro/crate/")} - set(graph)


def test_crate_quotes_names_of_files_once() -> None:
    facts = specimen.facts()
    odd = "expected/main/表 N(1).csv"
    shown = replace(facts.displays[0], files=(odd,))
    facts = replace(facts, displays=(shown, *facts.displays[1:]), files={**facts.files, odd: b"a\n1\n"})
    graph = {one["@id"]: one for one in json.loads(documents(facts, WHOLE)["ro-crate-metadata.json"])["@graph"]}
    assert quote(odd) in graph
    assert {"@id": quote(odd)} in graph["./"]["hasPart"]
    assert {"@id": quote(odd)} in graph["#run-main"]["result"]
    pointed = set(re.findall(r'\{"@id": "([^"]+)"\}', json.dumps(list(graph.values()))))
    assert not {one for one in pointed if not one.startswith("https://w3id.org/ro/crate/")} - set(graph)


def test_packages_are_listed_that_are_required_and_the_others_counted() -> None:
    text = section(written(specimen.facts(), WHOLE)["README.md"], "Software Requirements")
    assert "installs 2 packages from `software/requirements.lock`, and digicarbon itself from" in text
    assert "| numpy | 2.2.0 |" in text
    assert "| six |" not in text
    assert "These packages need 1 more" in text
    assert "另需1个软件包" in written(specimen.facts(), WHOLE, "zh")["README.zh.md"]


@pytest.mark.parametrize(("stated", "shown"), [("BSD", "BSD"), ("", "BSD-3-Clause")])
def test_the_licence_of_digicarbon_is_named(stated: str, shown: str) -> None:
    facts = specimen.facts()
    own, *others = facts.software.packages
    packages = (replace(own, licence=stated), *(replace(one, licence="GPL") for one in others))
    text = written(replace(facts, software=replace(facts.software, packages=packages)), WHOLE)["README.md"]
    assert f"digicarbon itself, in `software/`, has the licence {shown}." in text


def test_programs_are_described_in_both_languages() -> None:
    own = written(specimen.facts(), WHOLE, "zh")
    assert (
        "| `run_all.py` | main program | Rebuilds every table and figure and compares every number" in own["README.md"]
    )
    assert "| `run_all.py` | 主程序 | 重建所有表和图并比较每个数字" in own["README.zh.md"]


def test_files_that_modules_open_are_spoken_of_where_there_are_modules() -> None:
    plain = specimen.facts()
    assert "open by themselves" not in written(plain, WHOLE)["README.md"]
    own = (Program("mine.py", "module", "main", "A model"), Program("helper.py", "module", "main", "More"))
    text = written(replace(plain, programs=(*plain.programs, *own)), WHOLE)["README.md"]
    assert "Files that the authors' own modules (`mine.py`, `helper.py`) open by themselves are in" in text


def test_an_entry_of_the_authors_stands_in_place_of_a_shipped_one() -> None:
    entry = "@article{moran1950, author = {Moran, P.}, title = {Mine}, journal = {J}, year = 1950}"
    cited = bibliography(specimen.facts(), Answers(**{**specimen.whole(), "bibtex": entry}))
    assert next(one for one in cited.methods if one.key == "moran1950").fields["title"] == "Mine"
    assert cited.further == ()


def test_documents_do_not_depend_on_the_time_or_the_machine() -> None:
    facts = specimen.facts()
    assert documents(facts, WHOLE, "zh") == documents(facts, WHOLE, "zh")
    later = replace(facts, made=facts.made + timedelta(days=1))
    assert documents(later, WHOLE)["codebook.csv"] == documents(facts, WHOLE)["codebook.csv"]


@pytest.mark.parametrize("shared", ["copied", "instructions", "open"])
def test_the_library_of_ro_crate_reads_the_crate_and_would_write_the_same(tmp_path: Path, shared: str) -> None:
    facts = specimen.facts(shared)
    for name, content in {**facts.files, **documents(facts, WHOLE), "run_all.py": b""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    written = json.loads((tmp_path / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    read = ROCrate(tmp_path)
    assert {one.id for one in read.data_entities} == {quote(name) for name in _files(tmp_path)}
    # reading keeps no word that a crate adds to the vocabulary
    read.metadata.extra_terms.update(TERMS)
    again = read.metadata.generate()
    assert written["@context"] == again["@context"]
    graphs = [sorted(one["@graph"], key=lambda entity: entity["@id"]) for one in (written, again)]
    assert graphs[0] == graphs[1]


def _files(folder: Path) -> list[str]:
    """Return the files of a package that its crate describes."""
    names = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
    return [name for name in names if name != "ro-crate-metadata.json"]


def test_titles_and_labels_are_shown_as_they_are_in_markdown() -> None:
    facts = specimen.facts()
    one = replace(facts.variables[0], words={"en": "Pipe *x* <b>"})
    odd = replace(facts, title="A <clean> *title*", variables=(one, *facts.variables[1:]))
    own = written(odd, EMPTY)
    assert own["README.md"].startswith("# Replication package for: A \\<clean> \\*title\\*\n")
    assert "| Pipe \\*x\\* \\<b> |" in own["codebook.md"]
    # a sign that begins no tag stays
    assert plain("p < 0.1 & a_b") == "p < 0.1 & a_b"


def test_a_chinese_name_is_its_own_word_and_another_needs_one() -> None:
    facts = specimen.facts()
    named = tuple(
        replace(one, words={}, name=name) for one, name in zip(facts.variables, ("碳强度", "gdp"), strict=True)
    )
    assert verdicts("dcas", replace(facts, variables=named[:1]), WHOLE)[4] == "yes"
    assert verdicts("dcas", replace(facts, variables=named), WHOLE)[4] == "no"


def test_experiments_that_the_answer_on_the_paper_lacks_are_asked_for() -> None:
    facts = specimen.facts()
    in_part = Answers(**{**specimen.whole(), "in_paper": {"main": "Table 3"}})
    assert [one.key for one in still_open(facts, in_part)] == ["in_paper.curve"]
    assert "(`in_paper.curve`)" in written(facts, in_part)["README.md"]
    # none is an answer, and no place
    assert still_open(facts, WHOLE) == []
    assert "none — " not in written(facts, WHOLE)["README.md"]


def test_an_entry_that_replaces_a_shipped_one_is_known() -> None:
    entry = "@book{baltagi2021,\n  author = {A}, title = {T}, year = 2020, publisher = {P}}\n"
    own = entry.replace("baltagi2021", "mine2020")
    assert replaced(Answers(bibtex=entry + own)) == ["baltagi2021"]
    assert replaced(WHOLE) == []
