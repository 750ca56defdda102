"""What only the authors of a study know: questions in ``experiments/package.yaml``, and the answers as a record."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, field_validator

from digicarbon.config.files import ANSWERS, read, shown
from digicarbon.config.settings import SCHEMAS
from digicarbon.disk.files import put
from digicarbon.errors import ConfigError
from digicarbon.note import Language, Note, suggestion
from digicarbon.note.about import at
from digicarbon.packs.deposit.package.bibtex import entries
from digicarbon.packs.deposit.package.parts import shipped
from digicarbon.spec import Names, Spec, SpecError

FOLDER = "experiments"
FILES = "files"
"""The field that says what the others are about: it asks for nothing."""
NONE = ("none", "无")
"""What an author writes where something does not exist."""
LICENCES = (
    "0BSD", "AGPL-3.0-or-later", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-NC-4.0",
    "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-SA-4.0", "CC0-1.0", "GPL-2.0-or-later",
    "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-3.0-or-later", "MIT", "MPL-2.0", "MulanPSL-2.0", "ODbL-1.0", "ODC-By-1.0",
    "PDDL-1.0", "Unlicense",
)  # fmt: skip
"""Identifiers of SPDX that are known; any other licence is a sentence of more than one word."""
_MARK = "\ufeff"
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")

Text = Annotated[str, Field(strict=True)] | None


class Author(Spec):
    """An author of the paper.

    Attributes
    ----------
    name : str
        As printed in the paper.
    orcid : str, optional
        The identifier at orcid.org, e.g. ``0000-0002-1825-0097``.
    affiliation : str, optional
    email : str, optional
    """

    name: Annotated[str, Field(min_length=1)]
    orcid: Text = None
    affiliation: Text = None
    email: Text = None

    @field_validator("orcid")
    @classmethod
    def _checked(cls, given: str | None) -> str | None:
        if given is None:
            return None
        match = _ORCID.fullmatch(given.strip())
        if match is None or not _sums(match[1]):
            raise ValueError(Note("orcid_wrong", given=given))
        return match[1]


class DataAnswers(Spec):
    """Answers about one source of data.

    Attributes
    ----------
    title, provider, citation, url, obtained, access, cost, time, licence : str, optional
        See ``questions.csv``.
    files : tuple of str
        The files that the answers are about.
    share : bool, optional
        Whether these files may be passed on in the package.
    """

    title: Text = None
    provider: Text = None
    citation: Text = None
    url: Text = None
    obtained: Text = None
    access: Text = None
    cost: Text = None
    time: Text = None
    licence: Text = None
    files: Names = ()
    share: bool | None = None

    _plain = field_validator("obtained", "cost", "time", mode="before")(lambda value: _as_text(value))
    _named = field_validator("files", mode="before")(lambda value: () if value is None else value)

    def about(self, files: Collection[str]) -> bool:
        """Return whether the answers may be about these files: they name each, or none at all."""
        return not self.files or {*files} <= {*self.files}

    def shares(self, files: Collection[str]) -> bool | None:
        """Return whether these files may be passed on; None while that is not answered for each of them."""
        return None if self.share and not {*files} <= {*self.files} else self.share


class Answers(Spec):
    """What only the authors of a study know.

    Attributes
    ----------
    title, abstract, contact, article, repository, doi, licence_of_code, licence_of_data : str, optional
        See ``questions.csv``, as for all other fields.
    authors : tuple of Author
    keywords : tuple of str
    may_use, may_share, numbers_in_text, all_tables : bool, optional
    not_included, ethics, registration, protocol, instruments, verification, reporting_guideline : str, optional
    funding, acknowledgements, bibtex : str, optional
    in_paper : mapping of str to str, optional
        The tables and figures of the paper by the names of experiments.
    data : mapping of str to DataAnswers
        By the option of the source.
    """

    title: Text = None
    authors: Annotated[tuple[Author, ...], Field(strict=False)] = ()
    abstract: Text = None
    keywords: Names = ()
    contact: Text = None
    article: Text = None
    repository: Text = None
    doi: Text = None
    licence_of_code: Text = None
    licence_of_data: Text = None
    may_use: bool | None = None
    may_share: bool | None = None
    numbers_in_text: bool | None = None
    all_tables: bool | None = None
    not_included: Text = None
    in_paper: Mapping[str, str] = {}
    ethics: Text = None
    registration: Text = None
    protocol: Text = None
    instruments: Text = None
    verification: Text = None
    reporting_guideline: Text = None
    funding: Text = None
    acknowledgements: Text = None
    bibtex: Text = None
    data: Mapping[str, DataAnswers] = {}

    @field_validator("authors", "keywords", "in_paper", "data", mode="before")
    @classmethod
    def _empty(cls, given: Any, info: Any) -> Any:
        if given is None:
            return () if info.field_name in ("authors", "keywords") else {}
        if info.field_name == "data" and isinstance(given, Mapping):
            return {name: {} if fields is None else fields for name, fields in given.items()}
        return given

    @field_validator("licence_of_code", "licence_of_data")
    @classmethod
    def _licence(cls, given: str | None) -> str | None:
        if given is None or given in NONE or given in LICENCES or " " in given.strip() or not given.isascii():
            return given
        raise ValueError(
            Note("licence_unknown", given=given, hint=suggestion(_closest(given), LICENCES), known=LICENCES)
        )

    @field_validator("doi")
    @classmethod
    def _doi(cls, given: str | None) -> str | None:
        if given is None or given in NONE:
            return given
        match = _DOI.fullmatch(given.strip())
        if match is None:
            raise ValueError(Note("doi_wrong", given=given))
        return match[1]

    @field_validator("bibtex")
    @classmethod
    def _bibtex(cls, answer: str | None) -> str | None:
        try:
            entries(answered(answer))
        except ValueError as error:
            raise ValueError(Note("bibtex_wrong", entry=str(error))) from error
        return answer

    def of(self, source: str) -> DataAnswers:
        """Return the answers about a source; empty ones if there are none."""
        return self.data.get(source, DataAnswers())


@dataclass(frozen=True)
class Question:
    """A question to the authors, its words by language; the key is e.g. ``title`` or ``data.mydata.share``."""

    key: str
    words: Mapping[str, str]


def _closest(licence: str) -> str:
    """Return the identifier that has the letters and figures of a licence, or else the licence."""
    plain = [(re.sub(r"[^a-z0-9]", "", one.lower()), one) for one in LICENCES]
    wanted = re.sub(r"[^a-z0-9]", "", licence.lower())
    return next((one for letters, one in plain if wanted and letters.startswith(wanted)), licence)


def answered(answer: str | None) -> str:
    """Return an answer in words; empty if it is open, or says that there is nothing."""
    text = (answer or "").strip()
    return "" if text in NONE else text


def path() -> Path:
    """Return the file of the answers in the working directory."""
    return Path.cwd() / FOLDER / f"{ANSWERS}.yaml"


def answers(file: Path) -> Answers:
    """Return the answers in a file, none if there is no file; a `ConfigError` for unknown ones and wrong kinds."""
    if not file.is_file():
        return Answers()
    content = read(file)
    if "defaults" in content:
        raise ConfigError(Note("answers_are_experiment", key="defaults"), shown(file))
    given = {str(key): value for key, value in content.items()}
    parts: list[tuple[str, type[Spec], Any]] = []
    if isinstance(given.get("authors"), list):
        parts += [(f"{ANSWERS}.authors.{place}", Author, author) for place, author in enumerate(given["authors"])]
    if isinstance(given.get("data"), Mapping):
        parts += [(f"{ANSWERS}.data.{source}", DataAnswers, fields) for source, fields in given["data"].items()]
    # after its parts, so that an error names the whole key
    parts.append((ANSWERS, Answers, given))
    for where, cls, fields in parts:
        if isinstance(fields, Mapping):
            try:
                cls(**{str(name): value for name, value in fields.items()})
            except SpecError as error:
                note = error.note(where)
                if note.code == "field_required":
                    # the command line gives no answers
                    note = Note("answer_required", key=note.key)
                raise at(ConfigError(note), shown(file)) from error
    return Answers(**given)


def open_questions(given: Answers, sources: Mapping[str, Collection[str]]) -> Iterator[Question]:
    """Yield the questions that are not answered; each source comes with those that its own facts answer."""
    for key, words in questions().items():
        group, _, name = key.rpartition(".")
        if not group and _empty(getattr(given, name)):
            yield Question(key, words)
    for source, known in sources.items():
        for name in DataAnswers.model_fields:
            if name not in known and name != FILES and _empty(getattr(given.of(source), name)):
                yield Question(f"data.{source}.{name}", questions()[f"data.{name}"])


def listed(still_open: Iterable[Question]) -> str:
    """Return the keys of open questions in lines: those on the paper, then those on each source of data."""
    groups: dict[str, list[str]] = {}
    for question in still_open:
        group, _, name = question.key.rpartition(".")
        groups.setdefault(group, []).append(name)
    return "".join(f"  {f'{group}: ' if group else ''}{', '.join(names)}\n" for group, names in groups.items())


def _empty(answer: object) -> bool:
    return answer is None or (isinstance(answer, str) and not answer.strip()) or answer in ((), {})


@cache
def questions() -> Mapping[str, Mapping[str, str]]:
    """Return the questions by key, then ``en`` or ``zh``; those on a source of data begin with ``data.``."""
    return {row["key"]: {"en": row["en"], "zh": row["zh"]} for row in shipped("questions")}


def ask(
    file: Path,
    sources: Mapping[str, Collection[str]],
    language: Language = "en",
    files: Mapping[str, Sequence[str]] | None = None,
) -> bool:
    """Write the questions to a file, or add those that it lacks, and change nothing else; return whether it changed.

    ``sources``: as for `open_questions`. ``language``: of the comments. ``files``: the names of each source's files.
    Raises ConfigError if the file has faults, or its ``data`` are written in braces.
    """
    answers(file)
    # as bytes, since line ends and a mark of the encoding are the author's
    whole = file.read_bytes().decode() if file.is_file() else ""
    before = whole.removeprefix(_MARK)
    try:
        after = completed(before, sources, language, files or {})
    except ConfigError as error:
        raise at(error, shown(file)) from error
    schema = file.parent.parent / SCHEMAS / f"{ANSWERS}.json"
    if not before.strip() and after != before and schema.is_file():
        after = f"# yaml-language-server: $schema=../{SCHEMAS}/{ANSWERS}.json\n{after}"
    if after != before:
        if yaml.safe_load(after) is None or not _keeps(yaml.safe_load(before) or {}, yaml.safe_load(after)):
            raise ConfigError(Note("answers_not_completed"), shown(file))
        put(file, (whole[: len(whole) - len(before)] + after).encode())
    return after != before


def completed(
    text: str,
    sources: Mapping[str, Collection[str]],
    language: Language,
    files: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Return the text of a file of answers with every question; what it holds stays as it is."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    have = _nodes(root)
    words = questions()
    named = {
        source: " " + yaml.safe_dump([*own], default_flow_style=True, allow_unicode=True, width=math.inf).strip()
        for source, own in (files or {}).items()
        if own
    }

    def fields(names: Sequence[str], at: int, files_of_source: str) -> str:
        blank = " " * at
        given = {FILES: files_of_source}
        asks = ((f"# {words[f'data.{name}'][language]}", f"{name}:{given.get(name, '')}") for name in names)
        return "".join(f"{blank}{comment}\n{blank}{key}\n" for comment, key in asks)

    end = "\r\n" if "\r\n" in text else "\n"
    parts = [] if text.strip() else [_HEAD[language]]
    parts += [f"# {word[language]}\n{key}:\n\n" for key, word in words.items() if "." not in key and key not in have]
    asked = {
        source: [name for name in DataAnswers.model_fields if name not in known] for source, known in sources.items()
    }
    data = have.get("data")
    known_sources = _nodes(data)
    indent = 2 if data is None else _indent(data, 2, "data")
    block = "".join(
        f"{' ' * indent}{_key(source)}:\n{fields(names, indent + 2, named.get(source, ''))}"
        for source, names in asked.items()
        if names and source not in known_sources
    )
    inserts: list[tuple[int, str]] = []
    if block and data is None:
        parts.append(f"# {_DATA[language]}\ndata:\n{block}")
    elif block and data is not None:
        # first, since what is put at the same place afterwards comes before it
        inserts.append((_end(text, data), block))
    for source, names in asked.items():
        node = known_sources.get(source)
        lacking = [] if node is None else [name for name in names if name not in _nodes(node)]
        if node is not None and lacking:
            depth = _indent(node, indent + 2, f"data.{source}")
            # who has said yes to other files has not said it to these
            inserts.append((_end(text, node), fields(lacking, depth, "" if _says_yes(node) else named.get(source, ""))))
    for place, added in sorted(inserts, key=lambda item: item[0], reverse=True):
        text = _joined(text[:place], [added], end) + text[place:]
    return _joined(text, parts, end)


_HEAD: Mapping[str, str] = {
    "en": "# What only the authors know. Answer below each question; write none where there is nothing.\n"
    "# `digicarbon package` reads this file, adds new questions, and never changes an answer.\n\n",
    "zh": "# 只有作者知道的内容。请在每个问题下作答；没有的写none。\n"
    "# `digicarbon package`读取本文件，补充新问题，从不改动答案。\n\n",
}
_DATA: Mapping[str, str] = {"en": "The data, by the option of their source.", "zh": "数据，按来源选项列出。"}


def _key(source: str) -> str:
    return source if re.fullmatch(r"[A-Za-z_][\w-]*", source) else f"'{source}'"


def _says_yes(node: yaml.Node) -> bool:
    share = _nodes(node).get("share")
    return share is not None and share.tag.endswith(":bool") and str(share.value).lower() in ("true", "yes", "on")


def _joined(text: str, parts: Sequence[str], end: str) -> str:
    """Return a text with parts below it, their lines ended as its own are."""
    if not parts:
        return text
    return text + ("" if not text or text.endswith("\n") else end) + "".join(parts).replace("\n", end)


def _nodes(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value}


def _indent(node: yaml.Node, otherwise: int, key: str) -> int:
    """Return how far the keys of a mapping are indented."""
    if not isinstance(node, yaml.MappingNode):
        return otherwise
    if node.flow_style:
        raise ConfigError(Note("answers_in_braces", key=f"{ANSWERS}.{key}"))
    return int(node.value[0][0].start_mark.column)


def _end(text: str, node: yaml.Node) -> int:
    """Return the place after the last line that belongs to a node, comments below it not counted."""
    last: yaml.Node = node
    while isinstance(last, yaml.MappingNode | yaml.SequenceNode) and last.value and not last.flow_style:
        item = last.value[-1]
        last = item[1] if isinstance(item, tuple) else item
    place = int(last.end_mark.index)
    while place > 0 and text[place - 1] in " \r\n" and place > int(last.start_mark.index):
        place -= 1
    stop = text.find("\n", place)
    return len(text) if stop < 0 else stop + 1


def _keeps(before: Any, after: Any) -> bool:
    """Return whether all that a file held is still there."""
    if isinstance(before, Mapping):
        return isinstance(after, Mapping) and all(key in after and _keeps(before[key], after[key]) for key in before)
    return bool(before is None or before == after or before == {})


def _as_text(value: Any) -> Any:
    """Return a date or a number as text: YAML reads ``2024-05-03`` as a date."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if plain or hasattr(value, "isoformat") else value


def _sums(orcid: str) -> bool:
    """Return whether the last letter of an ORCID fits the others (ISO 7064, MOD 11-2)."""
    total = 0
    for digit in orcid.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == orcid[-1]
