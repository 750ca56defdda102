"""Why the numbers of a run moved between two records: by data, choices, code or packages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Literal, TypeAlias

import yaml

from digicarbon.config.assemble import dotted
from digicarbon.config.files import GROUPS as EVERY_GROUP
from digicarbon.note import Note, cut
from digicarbon.secret import hidden
from digicarbon.sweep.provenance import CODE, COMPUTING, DATA_DIGEST, FINGERPRINT, SETTINGS, WEIGHTS_DIGEST
from digicarbon.sweep.provenance import GROUPS as OF_PANEL
from digicarbon.tracking import COMMIT, DIRTY, VERSION, VERSIONS, recorded_versions

Kind: TypeAlias = Literal["data", "choice", "code", "packages"]
What: TypeAlias = tuple[Note | str, ...]
Tags: TypeAlias = Mapping[str, str]
Change: TypeAlias = tuple[str, str, str]
"""A key and its text in both records."""
Changes: TypeAlias = Mapping[str, Sequence[Change]]
"""What differs, by group."""
OwnCode: TypeAlias = Mapping[tuple[str, str], Mapping[str, str]]
"""Digests of files by group and class."""
WEIGHTED = ("weights",)
TAGS = (FINGERPRINT, CODE, COMMIT, DIRTY, VERSION, VERSIONS, DATA_DIGEST, WEIGHTS_DIGEST)
"""Tags of a run that are read here."""
OPTIONS = tuple(group for group in EVERY_GROUP if group not in SETTINGS)
"""Groups whose option and fields can change a number."""
STUDIED = ("y", "x", "controls")
"""Fields of every model that no option decides."""
CLASS = "_target_"
NONE = "none"
DIGITS = 10
"""How many digits of a commit are shown."""
NAMED = 3
"""How many files or choices are named in the summary, and in a cell."""
_GROUP = re.compile(r"^(?=[^\s#-])", re.MULTILINE)
_LINE = re.compile(r"  [^\s:#-][^:]*: \S")
_FIELD = re.compile(r"^  (?=[^\s-])", re.MULTILINE)


def commit_of(tags: Tags) -> Note | str:
    """Return the Git commit of a record, shortened, with a word on changes that are not in it."""
    commit = tags[COMMIT][:DIGITS] if COMMIT in tags else Note("compare_none")
    return Note("compare_commit_with_changes", commit=commit) if tags.get(DIRTY) == "True" else commit


def versions(then: Tags, now: Tags) -> list[tuple[str, str, str]]:
    """Return the packages whose versions differ, with both versions; an empty text where one is not recorded."""
    one, other = recorded_versions(then), recorded_versions(now)
    names = dict.fromkeys([*one, *other])
    return [(name, one.get(name, ""), other.get(name, "")) for name in names if one.get(name) != other.get(name)]


@dataclass(frozen=True)
class Reason:
    """One of the reasons why numbers moved.

    ``what``: the files, keys with both values, commits, or versions; a text where every language writes the same.
    ``files``: the files of the user's own code that differ.
    """

    kind: Kind
    what: What
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """What a recorded run was made from.

    ``hash``: the run's content hash. ``tags``: those of `TAGS` that it has. ``options``: the option of each group that
    it uses. ``used``: the fields of the model that it does not ignore.
    """

    hash: str
    tags: Tags
    options: Mapping[str, str]
    used: frozenset[str]


@dataclass(eq=False)
class DataRecord:
    """The record of a sweep's data, as `digicarbon.recorded.RecordedSweep.data` has it, by fingerprint."""

    data: Sequence[Mapping[str, Any]]
    _places: dict[str, Mapping[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {print_: entry for entry in self.data for print_ in entry["runs"]}

    def _run(self, fingerprint: str) -> Mapping[str, Any]:
        """Return what is recorded of a run's columns; nothing of an unknown one."""
        return self._places[fingerprint]["runs"][fingerprint] if fingerprint in self._places else {}

    def files(self, fingerprint: str) -> dict[str, tuple[str, str]]:
        """Return path and SHA-256 of the files behind a run's columns, by name."""
        paths = set(self._run(fingerprint).get("files", ()))
        return _by_name([file for file in self._places.get(fingerprint, {}).get("files", ()) if file["path"] in paths])

    def columns(self, fingerprint: str) -> Sequence[str]:
        """Return the columns that a run reads."""
        return sorted(set(self._run(fingerprint).get("columns", ())))

    def digest(self, fingerprint: str) -> str:
        """Return the digest of the columns that a run reads; empty where it is not recorded."""
        return str(self._run(fingerprint).get("columns_digest", ""))

    def weights(self, fingerprint: str, digest: str) -> dict[str, tuple[str, str]]:
        """Return path and SHA-256 of the files behind a run's weights, by name."""
        return _by_name(self._places.get(fingerprint, {}).get("weights", {}).get(digest, {}).get("files", []))

    def series(self, fingerprint: str) -> dict[str, str]:
        """Return the digest of each input behind a run's columns; none where they are not recorded."""
        names = self._run(fingerprint).get("series", ())
        return {name: self._places[fingerprint]["series"][name] for name in names}

    def own_code(self, fingerprint: str, groups: Sequence[str], of: str = "") -> OwnCode:
        """Return the files of the user's own classes in some groups, by group and class.

        ``of``: the digest of the weights, or of the code that computes a run, if it is asked for these.
        """
        entry = self._places.get(fingerprint, {})
        every = entry.get("weights", {}).get(of, {}) if groups == WEIGHTED else entry
        return {
            (item["group"], item["class"]): item["files"]
            for item in every.get("code", ())
            if item["group"] in groups and of in ("", *item.get("runs", (of,)))
        }


def _by_name(files: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return files by name: another machine has them in another place. Files of one name go by their paths."""
    names = [file["path"].replace("\\", "/").rpartition("/")[2] for file in files]
    return {
        (name if names.count(name) == 1 else file["path"]): (file["path"], file["sha256"])
        for name, file in zip(names, files, strict=True)
    }


class Origins:
    """Compares what runs of two sweeps were made from; what many runs share is compared once."""

    def __init__(self, then: DataRecord, now: DataRecord) -> None:
        self._then, self._now = then, now
        self._known: dict[Any, What] = {}
        self._own: dict[Any, tuple[str, ...]] = {}

    def reasons(self, then: Origin, now: Origin, configs: Callable[[], tuple[str, str]]) -> tuple[Reason, ...]:
        """Return the reasons why numbers of a run moved; none if nothing that is recorded differs.

        ``configs``: returns the two composed configurations; called where the content hash differs.
        """
        packages = self._packages(then.tags, now.tags)
        found: list[Reason] = []
        # of equal hashes models, columns, weights and code are equal
        if then.hash != now.hash:
            one, other = configs()
            changes = {} if one == other else _changes(one, other)
            found = list(self._origins(then, now, changes))
        found.append(Reason("packages", packages))
        return tuple(reason for reason in found if reason.what)

    def _origins(self, then: Origin, now: Origin, changes: Changes) -> Iterator[Reason]:
        prints = (then.tags.get(FINGERPRINT, ""), now.tags.get(FINGERPRINT, ""))
        digests = (then.tags.get(WEIGHTS_DIGEST, ""), now.tags.get(WEIGHTS_DIGEST, ""))
        panels = (then.tags.get(DATA_DIGEST, ""), now.tags.get(DATA_DIGEST, ""))
        other_weights = digests[0] != digests[1]
        # where one side has no weights, its model or its errors take none
        both_weights = other_weights and all(digests)
        # the fingerprint also covers weights, and bytes that change no column of the run
        columns = self._then.digest(prints[0]), self._now.digest(prints[1])
        same = any(one and one == other for one, other in (panels, columns))
        other_panel = prints[0] != prints[1] and not same
        of_panel = _told(then, now, changes, OF_PANEL) if other_panel else ()
        of_model = _told(then, now, changes, [group for group in OPTIONS if group not in (*OF_PANEL, *WEIGHTED)])
        of_weights = _told(then, now, changes, WEIGHTED) if both_weights or (other_weights and not of_model) else ()
        own_of_panel = self._own_code(prints, OF_PANEL) if other_panel else ()
        own_of_weights = self._own_code(prints, WEIGHTED, digests) if both_weights else ()
        moved = bool(changes.get("source")) or then.options.get("source") != now.options.get("source")
        other_series = self._other_series(prints) if other_panel or both_weights else None
        # a file that changed elsewhere explains nothing where a choice or the user's own code does
        explained = other_series is False and bool(of_panel or own_of_panel)
        concerned = not explained if other_panel else other_series
        files = self._files(prints, moved) if concerned else ()
        weights = self._weights_files(prints, digests, bool(of_weights)) if both_weights else ()
        yield Reason("data", (*files, *weights))
        yield Reason("choice", (*of_panel, *of_weights, *of_model))
        other_class = any(key == CLASS for group in ("model", "diagnostic") for key, _, _ in changes.get(group, ()))
        codes = then.tags.get(CODE, ""), now.tags.get(CODE, "")
        other_code = all(codes) and not other_class and codes[0] != codes[1]
        own_of_estimates = self._own_code(prints, COMPUTING, codes) if other_code else ()
        own = tuple(dict.fromkeys((*own_of_panel, *own_of_weights, *own_of_estimates)))
        commits = partial(_commits, then.tags, now.tags)
        code: What = ()
        if own:
            code = (Note("compare_own_code", files=cut(own, NAMED), commits=commits()),)
        elif other_code:
            code = (commits(),)
        elif other_panel and not (files or of_panel) and self._same_columns(prints):
            code = (Note("compare_code_of_panel", commits=commits()),)
        elif both_weights and not (weights or of_weights or files or of_panel):
            code = (Note("compare_code_of_weights", commits=commits()),)
        yield Reason("code", code, own)

    def _own_code(
        self, prints: tuple[str, str], groups: Sequence[str], of: tuple[str, str] = ("", "")
    ) -> tuple[str, ...]:
        """Return the files that differ of the user's own classes that both records have."""
        key = (*prints, *groups, *of)
        if key not in self._own:
            sides = (self._then, self._now)
            then, now = (
                side.own_code(print_, groups, one) for side, print_, one in zip(sides, prints, of, strict=True)
            )
            both = [(then[name], now[name]) for name in then if name in now]
            files = [file for one, other in both for file in {**one, **other} if one.get(file) != other.get(file)]
            self._own[key] = tuple(dict.fromkeys(files))
        return self._own[key]

    def _other_series(self, prints: tuple[str, str]) -> bool | None:
        """Return whether an input that both runs read has other numbers; None where they are not recorded."""
        then, now = self._then.series(prints[0]), self._now.series(prints[1])
        both = then.keys() & now.keys()
        return any(then[name] != now[name] for name in both) if both else None

    def _same_columns(self, prints: tuple[str, str]) -> bool:
        return self._then.columns(prints[0]) == self._now.columns(prints[1])

    def _files(self, prints: tuple[str, str], moved: bool) -> What:
        key = ("files", *prints, moved)
        if key not in self._known:
            self._known[key] = tuple(_changed(self._then.files(prints[0]), self._now.files(prints[1]), moved))
        return self._known[key]

    def _weights_files(self, prints: tuple[str, str], digests: tuple[str, str], moved: bool) -> What:
        files = self._then.weights(prints[0], digests[0]), self._now.weights(prints[1], digests[1])
        return tuple(Note("compare_weights_file", file=name) for name in _changed(*files, moved))

    def _packages(self, then: Tags, now: Tags) -> What:
        key = ("packages", then.get(VERSIONS), now.get(VERSIONS))
        if key not in self._known:
            # the version of digicarbon itself is a matter of its code, which has a digest
            differ = [one for one in versions(then, now) if one[0] != "digicarbon"]
            self._known[key] = tuple(
                Note("compare_version", package=name, before=_version(one), after=_version(other))
                for name, one, other in differ
            )
        return self._known[key]


def _version(version: str) -> Note | str:
    return version or Note("compare_none")


def _commits(then: Tags, now: Tags) -> Note:
    """Return the commits of two records; without Git, what is known instead."""
    one, other = commit_of(then), commit_of(now)
    known = Note("compare_commits", before=one, after=other) if one != other else Note("compare_one_commit", commit=one)
    if COMMIT not in then and COMMIT not in now:
        known = Note("compare_without_git")
    before, after = then.get(VERSION, ""), now.get(VERSION, "")
    if before == after:
        return known
    version = Note("compare_version", package="digicarbon", before=_version(before), after=_version(after))
    return Note("compare_commits_and_version", commits=known, version=version)


def _changed(
    then: Mapping[str, tuple[str, str]], now: Mapping[str, tuple[str, str]], moved: bool
) -> Iterator[Note | str]:
    """Yield the files with other bytes, and those on one side only, by path and SHA-256.

    Where a choice of theirs changed (``moved``), other files are what was chosen, and none of them has changed.
    """
    for name in dict.fromkeys([*then, *now]):
        if name in then and name in now:
            (one, sha), (other, sha_now) = then[name], now[name]
            if sha != sha_now and not (moved and one != other):
                yield name
        elif not moved:
            yield Note("compare_only_in", what=name, side="A" if name in then else "B")


def _told(then: Origin, now: Origin, changes: Changes, groups: Sequence[str]) -> tuple[str, ...]:
    """Return the changed options of groups, then the changed fields of other groups, a text each.

    Fields that a run ignores are left out. With another option, most fields are other ones: only those are named that
    both options leave to the study.
    """
    mirrored = {change for group in OPTIONS if group != "model" for change in changes.get(group, ())}
    used = then.used | now.used
    options: list[str] = []
    fields: list[str] = []
    for group in groups:
        one, other = then.options.get(group, NONE), now.options.get(group, NONE)
        # options of models that do not use a group are not recorded
        chosen = one != other and (group != "inference" or NONE not in (one, other))
        options += [f"{group}: {one} → {other}"] * chosen
        for key, before, after in changes.get(group, ()):
            first = key.partition(".")[0]
            if group == "model" and key != CLASS and (first not in used or (key, before, after) in mirrored):
                continue
            if group == "inference" and first not in used:
                continue
            if not chosen or (group == "model" and first in STUDIED):
                fields.append(f"{group}.{key}: {before} → {after}")
    return tuple(hidden(text) for text in dict.fromkeys((*options, *fields)))


def _changes(one: str, other: str) -> Changes:
    """Return what differs between two composed configurations, by group."""
    if (simple := _lines(one, other)) is not None:
        return simple
    then, now = _pieces(one), _pieces(other)
    found: dict[str, Sequence[Change]] = {}
    for group in dict.fromkeys([*then, *now]):
        if group not in SETTINGS and then.get(group) != now.get(group):
            found[group] = _of_group(then.get(group, ""), now.get(group, ""))
    return found


def _lines(one: str, other: str) -> Changes | None:
    """Return what differs if it is fields of one line each, as in nearly all runs; else None."""
    then, now = one.split("\n"), other.split("\n")
    if len(then) != len(now):
        return None
    found: dict[str, list[Change]] = {}
    for place in [place for place, (before, after) in enumerate(zip(then, now, strict=True)) if before != after]:
        before, after = then[place], now[place]
        if not (_LINE.match(before) and _LINE.match(after)) or then[place + 1 :][:1] != now[place + 1 :][:1]:
            return None
        group = next(line for line in reversed(then[:place]) if line[:1].strip())
        name = group.rstrip(":")
        if name not in SETTINGS:
            found.setdefault(name, []).extend(_of_field(before, after))
    return found


def _pieces(text: str) -> dict[str, str]:
    """Return the text of each group."""
    return {piece.partition(":")[0]: piece for piece in _GROUP.split(text) if piece.strip()}


@lru_cache(100_000)
def _of_group(one: str, other: str) -> Sequence[Change]:
    then, now = _fields(one), _fields(other)
    return [
        change
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
        for change in _of_field(then.get(name, ""), now.get(name, ""))
    ]


@lru_cache(100_000)
def _fields(group: str) -> Mapping[str, str]:
    """Return the text of each field of a group, without reading it: a sweep has a million."""
    _, _, content = group.partition("\n")
    return {piece.partition(":")[0].strip("'\""): piece for piece in _FIELD.split(content) if piece.strip()}


@lru_cache(100_000)
def _of_field(one: str, other: str) -> Sequence[Change]:
    then, now = ({key: _as_text(value) for key, value in dotted(yaml.safe_load(text or "{}"))} for text in (one, other))
    return [
        (key, then.get(key, NONE), now.get(key, NONE))
        for key in dict.fromkeys([*then, *now])
        if then.get(key) != now.get(key)
    ]


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str).strip('"')
