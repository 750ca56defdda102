"""The package as an RO-Crate of the profile Workflow Run Crate: files, runs, software and people as linked data."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from digicarbon.note import Note
from digicarbon.packs.deposit.package.answers import Answers, answered
from digicarbon.packs.deposit.package.deposit import description, licence_url, title
from digicarbon.packs.deposit.package.facts import Experiment, Facts
from digicarbon.packs.deposit.package.parts import as_json, filled

NAME = "ro-crate-metadata.json"
WORKFLOW = "run_all.py"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
"""Profiles that the crate follows: name and version by address."""
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
"""Words that the vocabulary of RO-Crate 1.1 lacks."""
_TYPES = {
    ".bib": "application/x-bibtex",
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".lock": "text/plain",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".toml": "application/toml",
    ".whl": "application/zip",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
_PRONOM = {
    "text/csv": ("x-fmt/18", "Comma Separated Values"),
    "text/plain": ("x-fmt/111", "Plain Text File"),
    "text/markdown": ("fmt/1149", "Markdown"),
    "text/html": ("fmt/471", "Hypertext Markup Language 5"),
    "application/json": ("fmt/817", "JSON Data Interchange Format"),
    "application/yaml": ("fmt/818", "YAML"),
    "text/x-python": ("fmt/938", "Python Script File"),
    "image/png": ("fmt/11", "Portable Network Graphics"),
    "image/svg+xml": ("fmt/92", "Scalable Vector Graphics"),
    "application/pdf": ("fmt/18", "Acrobat PDF 1.4"),
    "application/zip": ("x-fmt/263", "ZIP Format"),
}
"""Formats in the registry of the British National Archives, by media type."""


def crate(facts: Facts, answers: Answers, documents: Mapping[str, bytes]) -> bytes:
    """Return ``ro-crate-metadata.json`` of the files among the facts and of the documents beside them."""
    one = _Crate(facts, answers)
    contents = {**facts.files, **documents}
    files = one.files(contents)
    described = [_at("https://w3id.org/ro/crate/1.1"), _at(list(PROFILES)[-1])]
    entities = [
        one.root(files),
        _entity(NAME, "CreativeWork", conformsTo=described, about=_at("./")),
        *(*one.context(), *one.formats(contents), *files, *one.actions()),
    ]
    # a licence of data and code is one entity
    by_id = {entity["@id"]: entity for entity in entities}
    return as_json({"@context": ["https://w3id.org/ro/crate/1.1/context", TERMS], "@graph": list(by_id.values())})


_Entity = dict[str, Any]
"""The properties of an entity, ``@id`` among them."""


def _entity(key: str, kind: str | list[str], **properties: Any) -> _Entity:
    """Return an entity of the properties that have a value."""
    return {"@id": key, "@type": kind, **filled(properties)}


class _Crate:
    """The entities of a crate."""

    def __init__(self, facts: Facts, answers: Answers) -> None:
        self.facts, self.answers = facts, answers
        self.people = [
            _entity(
                f"https://orcid.org/{one.orcid}" if one.orcid else f"#author-{number}",
                "Person",
                name=one.name,
                affiliation=_at(f"#organisation-{number}") if one.affiliation else None,
                email=one.email or None,
            )
            for number, one in enumerate(answers.authors, start=1)
        ]
        self.software = f"https://pypi.org/project/digicarbon/{facts.version}/"
        self.shown = {name for display in facts.displays for name in (*display.files, display.numbers)}
        self.hidden = [file for source in facts.sources for file in source.files if file.place not in facts.files]
        places = [one.place for source in facts.sources for one in source.files if one.place in facts.files]
        self.inputs = {place: f"#input-{number}" for number, place in enumerate(dict.fromkeys(places), start=1)}

        self.authors = _one([_at(person["@id"]) for person in self.people]) or None

    def root(self, files: Sequence[_Entity]) -> _Entity:
        """Return the whole package."""
        doi = answered(self.answers.doi)
        return _entity(
            "./",
            "Dataset",
            name=title(self.facts, self.answers),
            description=description(self.facts, self.answers),
            datePublished=self.facts.made.isoformat(timespec="seconds"),
            license=_licence(self.answers.licence_of_data, self.answers.licence_of_code),
            conformsTo=[_at(profile) for profile in PROFILES],
            mainEntity=_at(WORKFLOW),
            mentions=_one([_at(_action(one)) for one in self.facts.experiments]),
            author=self.authors,
            keywords=", ".join(self.answers.keywords) or None,
            identifier=f"https://doi.org/{doi}" if doi else None,
            hasPart=_one([_at(file["@id"]) for file in files]),
        )

    def context(self) -> list[_Entity]:
        """Return people, organisations, licences, profiles, formats and software."""
        licences = (self.answers.licence_of_data, self.answers.licence_of_code)
        python = "https://www.python.org/"
        return [
            *self.people,
            *(
                _entity(f"#organisation-{number}", "Organization", name=one.affiliation)
                for number, one in enumerate(self.answers.authors, start=1)
                if one.affiliation
            ),
            *(
                _entity(url, "CreativeWork", name=licence, identifier=url)
                for licence in licences
                if (url := licence_url(licence))
            ),
            *(_entity(key, "CreativeWork", name=name, version=version) for key, (name, version) in PROFILES.items()),
            _entity(
                "#python",
                "ComputerLanguage",
                name="Python",
                version=self.facts.software.python,
                identifier=python,
                url=python,
            ),
            _entity(
                self.software,
                "SoftwareApplication",
                name="digicarbon",
                softwareVersion=self.facts.version,
                url=self.software,
                softwareRequirements=_at(self.facts.software.lock_file),
            ),
        ]

    def files(self, contents: Mapping[str, bytes]) -> list[_Entity]:
        """Return the files of the package."""
        entities = []
        for name, content in sorted(contents.items()):
            example = self.inputs.get(name, "#tables" if name in self.shown else None)
            file = _entity(
                quote(name),
                "File",
                name=PurePosixPath(name).name,
                encodingFormat=_format(media_type(name)),
                contentSize=str(len(content)),
                sha256=hashlib.sha256(content).hexdigest(),
                exampleOfWork=example and _at(example),
                about=_at("./") if name == "README.md" else None,
            )
            entities.append(file | self._workflow() if name == WORKFLOW else file)
        return entities

    def formats(self, contents: Mapping[str, bytes]) -> list[_Entity]:
        """Return the formats of the files."""
        kinds = sorted({media_type(name) for name in contents} & _PRONOM.keys())
        return [_entity(_pronom(number), "WebSite", name=name) for number, name in map(_PRONOM.__getitem__, kinds)]

    def _workflow(self) -> dict[str, Any]:
        workflow = {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": title(self.facts, self.answers),
            "description": "Installs the software, runs every experiment, and compares all numbers with expected ones.",
            "conformsTo": _at(BIOSCHEMAS),
            "programmingLanguage": _at("#python"),
            "version": self.facts.version,
            "url": self.software,
            "dateCreated": self.facts.made.isoformat(timespec="seconds"),
            "license": _licence(self.answers.licence_of_code),
            "input": _one([_at("#experiment"), *(_at(one) for one in self.inputs.values())]),
            "output": _at("#tables"),
            "creator": self.authors,
        }
        return filled(workflow)

    def actions(self) -> list[_Entity]:
        """Return the parameters of the workflow, the data that are not in the package, and the recorded runs."""
        first = self.facts.experiments[0]
        results = self._results(first)
        entities = [
            _parameter("#experiment", "only", "Text", "An experiment of the package", f"{_action(first)}-name"),
            _parameter("#tables", "tables", "File", "Tables and figures of the experiments", *results[:1]),
        ]
        for place, key in self.inputs.items():
            entities.append(_parameter(key, place, "File", "A file of data", quote(place)))
        for file in self.hidden:
            absent = _entity(
                _hidden(file.place),
                "CreativeWork",
                name=file.name,
                description=str(Note("package_not_passed_on", file=file.place)),
                sha256=file.sha256,
                contentSize=str(file.bytes),
                conditionsOfAccess=str(Note("package_in_readme", section="Details on each Data Source")),
            )
            entities.append(absent)
        for key, name in ((BIOSCHEMAS, "ComputationalWorkflow"), (PARAMETER, "FormalParameter")):
            entities.append(_entity(key, "CreativeWork", name=name, version="1.0"))
        for experiment in self.facts.experiments:
            entities += self._action(experiment)
        return entities

    def _action(self, experiment: Experiment) -> list[_Entity]:
        key = _action(experiment)
        values = {"name": _value("only", experiment.name) | {"exampleOfWork": _at("#experiment")}}
        for seed in self.facts.seeds:
            if seed.experiment == experiment.name:
                values[f"seed-{quote(seed.key)}"] = _value(seed.key, str(seed.value))
        for number, (name, chosen) in enumerate(experiment.choices.items(), start=1):
            values[f"choice-{number}"] = _value(name, chosen[0] if len(chosen) == 1 else list(chosen))
        used = [source for source in self.facts.sources if experiment.name in source.experiments]
        objects = [
            quote(file.place) if file.place in self.facts.files else _hidden(file.place)
            for source in used
            for file in source.files
        ]
        asked = [quote(name) for name in (experiment.asked, experiment.composed) if name in self.facts.files]
        said = [Note("package_run", command=" ".join(experiment.command), runs=experiment.runs)]
        said += [] if experiment.lock is None else [experiment.lock.said]
        parts = dict.fromkeys([*asked, *objects, *(f"{key}-{name}" for name in values)])
        action = _entity(
            key,
            "CreateAction",
            name=experiment.title,
            description=" ".join(map(str, said)),
            instrument=[_at(WORKFLOW), _at(self.software)],
            startTime=experiment.start.isoformat(timespec="seconds"),
            endTime=experiment.end.isoformat(timespec="seconds"),
            actionStatus="http://schema.org/CompletedActionStatus",
            object=_one([_at(one) for one in parts]),
            result=_one([_at(one) for one in self._results(experiment)]),
            agent=_at(self.people[0]["@id"]) if self.people else None,
        )
        return [action, *({"@id": f"{key}-{name}", **value} for name, value in values.items())]

    def _results(self, experiment: Experiment) -> list[str]:
        shown = [one for one in self.facts.displays if one.experiment == experiment.name]
        names = [name for one in shown for name in (*one.files, one.numbers) if name in self.facts.files]
        return [quote(name) for name in dict.fromkeys(names)]


def _one(values: list[dict[str, str]]) -> Any:
    """Return the only value of a list, as JSON-LD writes it; several stay a list."""
    return values[0] if len(values) == 1 else values


def _at(key: str) -> dict[str, str]:
    return {"@id": key}


def _action(experiment: Experiment) -> str:
    return f"#run-{quote(experiment.name)}"


def _hidden(place: str) -> str:
    return f"#not-included-{quote(place, safe='')}"


def _value(name: str, value: str | list[str]) -> dict[str, Any]:
    return {"@type": "PropertyValue", "name": name, "value": value}


def _parameter(key: str, name: str, kind: str, about: str, *examples: str) -> _Entity:
    facts = {"name": name, "description": about, "additionalType": kind, "conformsTo": _at(PARAMETER)}
    return _entity(key, "FormalParameter", **facts, workExample=_at(examples[0]) if examples else None)


def _licence(*licences: str | None) -> Any:
    """Return the first licence that the authors chose, linked where its text is known."""
    for licence in filter(None, map(answered, licences)):
        url = licence_url(licence)
        return _at(url) if url else licence
    return "Not chosen yet; until the authors choose one, all rights are reserved."


def media_type(name: str) -> str:
    """Return the media type of a file by the end of its name."""
    suffix = PurePosixPath(name).suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "text/plain"


def _pronom(number: str) -> str:
    return f"https://www.nationalarchives.gov.uk/PRONOM/{number}"


def _format(kind: str) -> Sequence[Any] | str:
    return [kind, _at(_pronom(_PRONOM[kind][0]))] if kind in _PRONOM else kind
