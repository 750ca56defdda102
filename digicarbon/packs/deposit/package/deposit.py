"""Files for a repository: metadata of Zenodo, CITATION.cff, and the licences.

The texts of licences are those of the SPDX License List 3.28.0, as in the npm package spdx-license-list 6.12.0.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files

import yaml

from digicarbon.note import Note
from digicarbon.packs.deposit.package.answers import LICENCES, Answers, answered
from digicarbon.packs.deposit.package.facts import Facts
from digicarbon.packs.deposit.package.parts import filled

BLANKS = {
    "0BSD": "YEAR by AUTHOR EMAIL",
    "BSD-2-Clause": "<year> <owner>",
    "BSD-3-Clause": "<year> <owner>",
    "MIT": "<year> <copyright holders>",
}
"""What the texts of licences leave to the author: the year and the holder. Other texts are taken word by word."""


RELATED = ("identifier", "relation", "resource_type")
"""Keys of what Zenodo relates to a package."""


def title(facts: Facts, answers: Answers) -> str:
    """Return the title of the package."""
    return f"Replication package for: {answered(answers.title) or facts.title}"


def description(facts: Facts, answers: Answers) -> str:
    """Return what the package is, in a few sentences."""
    parts = [answered(answers.abstract)]
    if facts.simulated:
        parts.append(str(Note("package_simulated")))
    runs = sum(experiment.runs for experiment in facts.experiments)
    parts.append(str(Note("package_content", experiments=len(facts.experiments), runs=runs, numbers=facts.numbers)))
    return " ".join(filter(None, parts))


def licence_url(licence: str | None) -> str:
    """Return the address of a licence at SPDX; empty if it is not one of `LICENCES`."""
    return f"https://spdx.org/licenses/{licence}" if licence in LICENCES else ""


def zenodo(facts: Facts, answers: Answers) -> bytes:
    """Return ``.zenodo.json``; what the authors have not answered is not in it.

    A DOI is not in it either: where Zenodo reads the file, it gives a new one.
    """
    licence = answered(answers.licence_of_data) or answered(answers.licence_of_code)
    known = licence in LICENCES
    other = known and answers.licence_of_code in LICENCES and answers.licence_of_code != licence
    places = [(answers.article, "isSupplementTo", "publication-article")]
    outside = (source.option for source in facts.sources if not source.simulated)
    places += [(answers.of(option).url, "isDerivedFrom", "dataset") for option in outside]
    related = [dict(zip(RELATED, one, strict=True)) for one in dict.fromkeys(places) if _found(one[0])]
    creators = [
        filled({"name": one.name, "affiliation": one.affiliation or None, "orcid": one.orcid})
        for one in answers.authors
    ]
    fields = {
        "title": title(facts, answers),
        "upload_type": "dataset",
        # Zenodo gives what is open, and has no licence, a licence of its own choice
        "access_right": "open" if known else "closed",
        "description": description(facts, answers),
        "publication_date": facts.made.date().isoformat(),
        "language": "eng",
        "creators": creators or None,
        "keywords": list(answers.keywords) or None,
        "license": licence.lower() if known else None,
        "notes": f"Licence of the code: {answers.licence_of_code}. Licence of the data: {licence}." if other else None,
        "related_identifiers": related or None,
    }
    content = filled(fields)
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _found(place: str | None) -> bool:
    """Return whether a place is an address or a DOI, not a sentence."""
    return place is not None and re.fullmatch(r"(https?://|doi:|10\.\d{4,9}/)\S+", place.strip()) is not None


def citation(facts: Facts, answers: Answers) -> bytes:
    """Return ``CITATION.cff``, version 1.2.0."""
    authors: list[dict[str, str]] = []
    for one in answers.authors:
        family, comma, first = one.name.partition(",")
        named = {"family-names": family.strip(), "given-names": first.strip()} if comma else {"name": one.name}
        about = {
            "affiliation": (comma and one.affiliation) or None,
            "orcid": one.orcid and f"https://orcid.org/{one.orcid}",
            "email": one.email or None,
        }
        authors.append({**named, **filled(about)})
    chosen = [one for one in (answers.licence_of_code, answers.licence_of_data) if one in LICENCES]
    content = {
        "cff-version": "1.2.0",
        "message": "If you use this replication package, please cite it as below.",
        "type": "dataset",
        "title": title(facts, answers),
        # the standard asks for one at least
        "authors": authors or [{"name": "The authors are not named yet"}],
        "date-released": facts.made.date().isoformat(),
        "abstract": description(facts, answers),
        "keywords": list(answers.keywords) or None,
        "license": chosen[0] if len(set(chosen)) == 1 else chosen or None,
        "doi": answered(answers.doi) or None,
    }
    text: str = yaml.safe_dump(filled(content), allow_unicode=True, sort_keys=False, width=100)
    return text.encode()


def licences(facts: Facts, answers: Answers) -> bytes:
    """Return ``LICENSE.txt``: which licence covers what and whose it is, and their texts."""
    lines = ["Licences of this replication package", ""]
    if answers.authors:
        lines += [f"Copyright (c) {facts.made.year} {', '.join(one.name for one in answers.authors)}", ""]
    for what, licence in (("Code", answers.licence_of_code), ("Data", answers.licence_of_data)):
        if licence is None:
            words = "not chosen yet; until the authors choose one, all rights are reserved."
        else:
            words = " ".join(filter(None, (answered(licence) or "none.", licence_url(licence))))
        lines.append(f"{what}: {words}")
    lines += [
        "",
        "Code is run_all.py, Dockerfile, and the files in experiments/, conf/ and modules of the authors.",
        "Data are the files in data/ and expected/.",
        "The packages of Python that run_all.py installs, and digicarbon, keep their own licences; see README.md.",
        "",
    ]
    holders = ", ".join(one.name for one in answers.authors) or "the authors of this package"
    for licence in dict.fromkeys((answers.licence_of_code, answers.licence_of_data)):
        if licence in LICENCES:
            lines += ["=" * 78, str(licence), "", licence_text(str(licence), f"{facts.made.year} {holders}")]
    return "\n".join(lines).encode()


def licence_text(licence: str, holder: str) -> str:
    """Return the text of one of `LICENCES`, with year and holder where it names them."""
    text = files(__package__).joinpath(f"licences/{licence}.txt").read_text(encoding="utf-8")
    return text.replace(BLANKS[licence], holder, 1) if licence in BLANKS else text
