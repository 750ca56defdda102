"""The documents of a package, written from facts and the authors' answers; one function for the whole folder."""

from __future__ import annotations

from collections.abc import Mapping, Set

from digicarbon.note import Language
from digicarbon.packs.deposit.package import checklists, codebook, deposit
from digicarbon.packs.deposit.package.answers import Answers, Question, open_questions
from digicarbon.packs.deposit.package.answers import questions as asked
from digicarbon.packs.deposit.package.bibliography import bibliography
from digicarbon.packs.deposit.package.crate import NAME as CRATE
from digicarbon.packs.deposit.package.crate import crate
from digicarbon.packs.deposit.package.facts import Facts
from digicarbon.packs.deposit.package.readme import readme


def documents(facts: Facts, answers: Answers, language: Language = "en") -> dict[str, bytes]:
    """Return the documents by name: README, codebook, checklists, references, licences, RO-Crate and metadata.

    What is open in ``answers`` is asked in the documents. With Chinese, those for readers are in both languages:
    editors read English.
    """
    still_open = questions(facts, answers)
    keys = [question.key for question in still_open]
    cited = bibliography(facts, answers)
    texts: dict[str, str] = {}
    languages: tuple[Language, ...] = ("en",) if language == "en" else ("en", "zh")
    for each in languages:
        end = ".md" if each == "en" else f".{each}.md"
        texts[f"README{end}"] = readme(facts, answers, still_open, cited, each)
        texts[f"codebook{end}"] = codebook.as_markdown(facts, each)
        for name, file in checklists.NAMES.items():
            items = checklists.checklist(name, facts, answers, keys)
            texts[f"{file}{end}"] = checklists.as_markdown(name, items, each)
    texts["references.bib"] = cited.bibtex
    written = {name: text.encode() for name, text in texts.items()}
    written["codebook.csv"] = codebook.for_programs(facts)
    written["LICENSE.txt"] = deposit.licences(facts, answers)
    written["CITATION.cff"] = deposit.citation(facts, answers)
    written[".zenodo.json"] = deposit.zenodo(facts, answers)
    written[CRATE] = crate(facts, answers, written)
    return written


def sources(facts: Facts) -> Mapping[str, Set[str]]:
    """Return the sources, each with the questions that its own facts answer; drawn ones need no answers."""
    return {
        source.option: {
            name
            for name, known in (
                ("citation", source.cite and not source.cited_in_part),
                ("share", source.shared == "nothing"),
            )
            if known
        }
        for source in facts.sources
        if not source.simulated
    }


def questions(facts: Facts, answers: Answers) -> list[Question]:
    """Return the questions to the authors that are still open."""
    still_open = list(open_questions(answers, sources(facts)))
    shown = dict.fromkeys(one.experiment for one in facts.displays)
    lacking = [name for name in shown if name not in answers.in_paper] if answers.in_paper else []
    words = asked()["in_paper"]
    keys = {question.key for question in still_open}
    unnamed = [f"data.{one.option}.share" for one in facts.sources if one.shared == "open"]
    still_open += [Question(key, asked()["data.share"]) for key in unnamed if key not in keys]
    return [*still_open, *(Question(f"in_paper.{name}", words) for name in lacking)]
