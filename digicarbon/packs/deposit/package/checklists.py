"""Checklists of two standards, filled with what is known: each item with a verdict and the file that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple, get_args

from digicarbon.note import Language, Note, cut, note_of
from digicarbon.packs.deposit.package.answers import Answers, answered
from digicarbon.packs.deposit.package.facts import Facts, Source
from digicarbon.packs.deposit.package.parts import Words, shipped

Verdict = Literal["yes", "no", "not_applicable", "authors"]

OPEN_FORMATS = (
    ".csv", ".tsv", ".txt", ".dta", ".xlsx", ".xls", ".parquet", ".feather", ".json", ".geojson", ".gal", ".gwt",
    ".spmat", ".shp", ".gpkg", ".gz", ".zip",
)  # fmt: skip
"""Ends of names of data files that R, Stata or Python read."""
NAMES = {"dcas": "checklists/DCAS", "top": "checklists/TOP"}
_WHERE = {"dcas": "https://datacodestandard.org", "top": "https://www.cos.io/top"}


class Item(NamedTuple):
    """An item of a checklist; the evidence says why, and names the file that shows it."""

    verdict: Verdict
    evidence: Note


def checklist(name: str, facts: Facts, answers: Answers, still_open: Sequence[str]) -> list[Item]:
    """Return the items of the checklist ``dcas`` or ``top``, given the keys of open questions."""
    outside = [source for source in facts.sources if not source.simulated]
    return [Item(*one) for one in (_dcas if name == "dcas" else _top)(facts, answers, still_open, outside)]


def as_markdown(name: str, items: Sequence[Item], language: Language) -> str:
    """Return a checklist for readers."""
    words = Words(language)
    asks = [row for row in shipped("checklists") if row["list"] == name]
    rows = [
        (
            f"{number}. {row[language]}",
            row[f"asks_{language}"],
            words(f"verdict_{item.verdict}"),
            item.evidence.text(language),
        )
        for number, (row, item) in enumerate(zip(asks, items, strict=True), start=1)
    ]
    counts = {verdict: sum(item.verdict == verdict for item in items) for verdict in get_args(Verdict)}
    lead = Note("checklist_lead", standard=_WHERE[name], every=len(items), **counts).text(language)
    return f"# {words(f'checklist_{name}')}\n\n{lead}\n\n{words.table('checklist', rows)}\n"


_Result = tuple[Verdict, Note]
_DRAWN: _Result = ("not_applicable", Note("package_only_simulated"))


def _dcas(facts: Facts, answers: Answers, still_open: Sequence[str], outside: Sequence[Source]) -> Iterator[_Result]:
    asked = [key for key in still_open if key.startswith("data.") and not key.endswith(".share")]
    if not outside:
        yield "yes", Note("package_only_simulated_in_readme")
    elif asked:
        yield "authors", _still(asked)
    else:
        yield "yes", Note("package_in_readme", section="Details on each Data Source")
    shared = _shared(outside)
    as_given = [file.place for source in outside for file in source.files if not file.imports]
    unknown_origin: _Result = ("authors", Note("package_origin_unknown", files=cut(as_given)))
    if not outside:
        yield _DRAWN
    else:
        yield unknown_origin if shared[0] == "yes" and as_given else shared
    yield shared if outside and shared[0] != "yes" else ("yes", Note("package_data_made"))
    yield _formats(outside) if outside else _DRAWN
    # a Chinese name is a word itself
    unknown = [one.name for one in facts.variables if "en" not in one.words and one.name.isascii()]
    if unknown:
        yield "no", Note("package_without_words", variables=cut(unknown), every=len(facts.variables))
    else:
        yield "yes", Note("package_codebook", every=len(facts.variables))
    own = {one.option: answers.of(one.option).citation for one in outside}
    uncited = [one.option for one in outside if (not one.cite or one.cited_in_part) and own[one.option] is None]
    without = [
        one.option for one in outside if not one.cite and own[one.option] is not None and not answered(own[one.option])
    ]
    if not outside:
        yield _DRAWN
    elif uncited:
        yield "authors", _still([f"data.{option}.citation" for option in uncited])
    elif without:
        yield "no", Note("package_answer_none", key=f"data.{without[0]}.citation")
    else:
        yield "yes", Note("package_cited")
    yield unknown_origin if as_given else ("yes", Note("package_transformed"))
    yield "yes", Note("package_analysed", experiments=len(facts.experiments))
    yield "yes", Note("package_source_text")
    yield _answer("instruments", answers.instruments) if outside else _DRAWN
    yield _answer("ethics", answers.ethics)
    yield _answer("registration", answers.registration)
    if still_open:
        yield "no", Note("package_readme_open", questions=len(still_open))
    else:
        yield "yes", Note("package_readme_whole")
    yield _answer("repository", answers.repository)
    lacking = [key for key in ("licence_of_code", "licence_of_data") if getattr(answers, key) is None]
    if lacking:
        yield "authors", _still(lacking)
    elif not answered(answers.licence_of_code):
        yield "no", Note("package_without_licence")
    elif not answered(answers.licence_of_data) and any(file.shared for one in outside for file in one.files):
        yield "no", Note("package_data_without_licence")
    else:
        yield "yes", Note("package_licence")
    omissions = [key for key in ("numbers_in_text", "all_tables", "not_included") if key in still_open]
    if omissions:
        yield "authors", _still(omissions)
    elif not (answers.all_tables and answers.numbers_in_text) and not answered(answers.not_included):
        yield "no", Note("package_omissions_unexplained")
    else:
        yield "yes", Note("package_omissions")


def _top(facts: Facts, answers: Answers, still_open: Sequence[str], outside: Sequence[Source]) -> Iterator[_Result]:
    yield _answer("registration", answers.registration, no="no")
    yield _answer("protocol", answers.protocol, no="no")
    yield _locked(facts)
    yield _answer("instruments", answers.instruments) if outside else _DRAWN
    yield _shared(outside) if outside else ("yes", Note("package_only_simulated_drawn"))
    uncertain = [key for key in ("authors", "repository", "licence_of_code") if key in still_open]
    yield ("authors", _still(uncertain)) if uncertain else ("yes", Note("package_code_shared"))
    yield _answer("reporting_guideline", answers.reporting_guideline, no="no")
    for _ in range(2):
        yield _answer("verification", answers.verification, no="no")
    many = [one for one in facts.experiments if one.report == "SpecificationCurve" and one.runs > 1]
    if many:
        runs = sum(one.runs for one in many)
        yield "yes", Note("package_multiverse", experiments=cut([one.name for one in many]), runs=runs)
    else:
        yield "no", Note("package_no_multiverse")


def _locked(facts: Facts) -> _Result:
    """Return what speaks against plans that were made before results were seen; if nothing does, only authors know."""
    locks = {one.name: one.lock for one in facts.experiments if one.lock is not None}
    if not locks:
        return "no", Note("package_not_locked")
    if len(locks) < len(facts.experiments):
        return "no", Note("package_partly_locked", locked=len(locks), every=len(facts.experiments))
    # what tables say of the first one that proves less than it seems to
    for speaks_against in ("broken", "fitted_before", "recorded_before", "outcome_read", "changes"):
        for name, lock in locks.items():
            if getattr(lock, speaks_against):
                said = [Note("package_lock_said", experiment=name), lock.said]
                if lock.recorded_before is not None and not lock.fitted_before:
                    said.append(lock.recorded_before)
                if lock.outcome_read:
                    said.append(Note("package_lock_read", names=lock.outcome_read))
                return "no", Note("sentences", said=said)
    outcomes = list(dict.fromkeys(name for lock in locks.values() for name in lock.outcomes))
    found = Note("package_locked", every=len(locks), when=min(lock.when for lock in locks.values()), outcomes=outcomes)
    withheld = [name for name, lock in locks.items() if lock.withheld]
    why = [Note("package_lock_withheld", experiments=withheld)] if withheld else []
    return "authors", Note("sentences", said=[found, *why]) if why else found


def _shared(given: Sequence[Source]) -> _Result:
    undecided = [one.option for one in given if one.shared == "open"]
    if undecided:
        return "authors", _still([f"data.{option}.share" for option in undecided])
    withheld = [one.option for one in given if one.shared == "instructions"]
    if withheld:
        return "no", Note("package_withheld", sources=withheld)
    return "yes", Note("package_all_shared", files=sum(len(one.files) for one in given))


def _formats(given: Sequence[Source]) -> _Result:
    places = [file.place for one in given for file in one.files]
    other = [place for place in places if PurePosixPath(place).suffix.lower() not in OPEN_FORMATS]
    if other:
        return "no", Note("package_other_formats", files=cut(other))
    return "yes", Note("package_formats", files=len(places))


def _answer(key: str, answer: str | None, no: Verdict = "not_applicable") -> _Result:
    """Return what an answer in words says; ``no`` is the verdict where the authors say that there is nothing."""
    if answer is None or not answer.strip():
        return "authors", _still([key])
    return ("yes", note_of(answer)) if answered(answer) else (no, Note("package_answer_none", key=key))


def _still(keys: Sequence[str]) -> Note:
    return Note("package_still_open", keys=cut(keys, 6))
