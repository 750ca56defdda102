"""The works that a package cites, as BibTeX and as a list: those of its methods, of its software and of its data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from digicarbon.packs.deposit.package.answers import Answers, answered
from digicarbon.packs.deposit.package.bibtex import Entry, entries
from digicarbon.packs.deposit.package.facts import Facts

SOFTWARE = {
    "hydra-core": "yadan2019",
    "mlflow": "zaharia2018",
    "numpy": "harris2020",
    "pandas": "mckinney2010",
    "scipy": "virtanen2020",
}
"""Keys of the works to cite for packages of Python."""


@cache
def shipped() -> Mapping[str, Entry]:
    """Return the shipped entries by key."""
    text = files(__package__).joinpath("references.bib").read_text(encoding="utf-8")
    return {entry.key: entry for entry in entries(text)}


def replaced(answers: Answers) -> list[str]:
    """Return the keys of shipped entries that the authors write otherwise."""
    return [entry.key for entry in entries(answered(answers.bibtex)) if entry.key in shipped()]


@dataclass(frozen=True)
class Bibliography:
    """The works that a package cites.

    ``methods``, ``software``, ``data``, ``further``: of the models and tests; of the packages; of the sources of data;
    of the authors' own. ``unknown``: keys that classes name and that no entry has.
    """

    methods: tuple[Entry, ...]
    software: tuple[Entry, ...]
    data: tuple[Entry, ...]
    further: tuple[Entry, ...]
    unknown: tuple[str, ...]

    @property
    def every(self) -> tuple[Entry, ...]:
        """All entries, each key once."""
        return tuple({one.key: one for one in (*self.methods, *self.software, *self.data, *self.further)}.values())

    @property
    def bibtex(self) -> str:
        """The file of BibTeX."""
        return "\n".join(entry.bibtex for entry in self.every)


def bibliography(facts: Facts, answers: Answers) -> Bibliography:
    """Return the works that the recorded runs used, and no others."""
    known = dict(shipped())
    further = entries(answered(answers.bibtex))
    own = {entry.key: entry for entry in further}
    # an entry of the authors stands in place of the one that is shipped
    known |= own
    keys = facts.references
    installed = [SOFTWARE[one.name.lower()] for one in facts.software.packages if one.name.lower() in SOFTWARE]
    return Bibliography(
        tuple(known[key] for key in keys if key in known),
        (_itself(facts), *(known[key] for key in sorted(installed))),
        tuple(_data(facts, answers)),
        tuple(entry for entry in further if entry.key not in {*keys, *installed}),
        tuple(key for key in keys if key not in known),
    )


def _itself(facts: Facts) -> Entry:
    fields = {
        "author": "{The digicarbon developers}",
        "title": "digicarbon: Declarative Experiments for Spatial-Panel Econometrics",
        "year": str(facts.made.year),
        "version": facts.version,
    }
    return Entry("digicarbon", "misc", fields)


def _data(facts: Facts, answers: Answers) -> Iterator[Entry]:
    """Yield an entry for each source of data that is not drawn, from its citation, which stays as it was written."""
    for source in facts.sources:
        own = answers.of(source.option)
        cited = answered(own.citation) or "; ".join(source.cite)
        if source.simulated or not cited:
            continue
        fields = {"title": answered(own.title) or source.title or source.option, "note": cited}
        if url := answered(own.url):
            fields["url"] = url
        yield Entry(f"data_{re.sub(r'[^A-Za-z0-9]+', '_', source.option)}", "misc", fields)


def listed(entries: Sequence[Entry]) -> list[str]:
    """Return the entries as lines of Markdown, in the order of their authors."""
    return sorted((str(entry) for entry in entries), key=str.casefold)
