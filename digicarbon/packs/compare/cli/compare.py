"""`digicarbon compare`: two recorded sweeps, which numbers moved between them, and by what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd

from digicarbon.cli.arguments import name_of
from digicarbon.cli.command import show, terminal
from digicarbon.cli.stored import store_of
from digicarbon.config.files import find
from digicarbon.disk.cells import plain_table
from digicarbon.disk.files import put
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, cut, labels_cut, suggestion
from digicarbon.packs.compare.comparison import Side, compare
from digicarbon.packs.compare.packages import Source, against, frame_of, is_package, package_of, said_of, table_of
from digicarbon.packs.compare.words import heading, summary, tables
from digicarbon.recorded import at_commit, located, recorded_report
from digicarbon.recorded import sweep as recorded_sweep
from digicarbon.recorded.numbers import PLAN, Numbers, numbers_of
from digicarbon.render import FORMATS, Table
from digicarbon.report.labels import Labels, Language
from digicarbon.tracking import EXPERIMENT, Tracking, commit_named

SHOWN, MOST = 10, 500
"""How many runs are listed in the terminal, and in a file that is no CSV."""
CSV = ".csv"
LANGUAGE = "report.language="
"""The only word of a report that the command takes."""


def compare_(
    first: str, second: str, experiment: str, to: str | None, language: Language | None, overrides: Sequence[str]
) -> int:
    """Compare two recorded sweeps and print what moved; return 0 if no number differs, 1 if some do.

    ``first``, ``second``: a sweep or a run by its id or the beginning of its id, an experiment for its latest sweep, or
    ``EXPERIMENT@COMMIT`` for the latest one at a Git commit; or the folder of a package. ``experiment``: where ids are
    searched, and whose sweep ``@COMMIT`` means; may be empty. ``to``: a file for the result. ``overrides``: of
    ``tracking``, and ``report.language``; without a language it is that of B's report, else of A's. Raises ConfigError
    if the file has no known suffix or cannot be written, or the language is none; DataError if there is no such sweep,
    or the two have no run in common; TrackingError if the store cannot be read.
    """
    if to is not None:
        _refuse_format(to)
    for word in (first, second):
        _refuse_word(word)
    asked = _languages(overrides) if language is None else [language]
    store = [word for word in overrides if not word.startswith(LANGUAGE)]
    if is_package(first) or is_package(second):
        return _against(first, second, experiment, to, store, asked)
    then, now = (_side(word, experiment, store) for word in (first, second))
    comparison = compare(then, now)
    if comparison.both.empty:
        labels = [labels_cut(list(one.sweep.run_ids), 3) for one in (then, now)]
        raise DataError(Note("compare_nothing_alike", one=first, other=second, labels=labels[0], others=labels[1]))
    words = _words([*asked, *_recorded_languages(now, then)])
    said = words.notes([*_headings(heading(then), heading(now)), *summary(comparison, store)])
    written = Note("compare_every_run_written", file=to)
    _give(to, said, lambda: comparison.runs, lambda most: tables(comparison, most, words), written, words)
    return int(len(comparison.moved) > 0)


def _against(
    first: str, second: str, experiment: str, to: str | None, store: Sequence[str], asked: Sequence[Language]
) -> int:
    """Compare the numbers of a package with those of a sweep or of another package."""
    sides = [None if is_package(word) else _side(word, experiment, store) for word in (first, second)]
    then, now = (
        package_of(word) if side is None else _recorded_numbers(side)
        for word, side in zip((first, second), sides, strict=True)
    )
    if not set(then.experiments) & set(now.experiments):
        names = [cut(list(one.experiments), 3) for one in (then, now)]
        raise DataError(Note("compare_no_experiment_alike", one=first, other=second, names=names[0], others=names[1]))
    result = against(then, now)
    if not result.runs and any(result.alone.values()):
        labels = [labels_cut(result.alone[letter], 3) for letter in "AB"]
        raise DataError(Note("compare_nothing_alike", one=first, other=second, labels=labels[0], others=labels[1]))
    words = _words([*asked, *_recorded_languages(*(side for side in sides if side is not None))])
    said = words.notes([*_headings(then.heading, now.heading), *said_of(then, now, result)])
    written = Note("compare_every_number_written", file=to)
    _give(to, said, lambda: frame_of(result), lambda most: table_of(result.rows, most, words), written, words)
    return int(any(not row.exact for row in result.rows))


def _headings(then: Note, now: Note) -> list[Note]:
    return [Note("compare_side", side=side, what=what) for side, what in (("A", then), ("B", now))]


def _give(
    to: str | None,
    said: Sequence[str],
    rows: Callable[[], pd.DataFrame],
    table_of_most: Callable[[int], Table | None],
    written: Note,
    words: Labels,
) -> None:
    """Write a comparison to a file, if one is named, and print it; ``written`` says that the file has all rows."""
    if to is not None:
        _put(Path(to), rows, table_of_most(MOST), said, words)
    table, console = table_of_most(SHOWN), terminal()
    for line in (*said[:2], "", *said[2:]):
        console.print(line, soft_wrap=not console.is_terminal)
    if table is not None:
        console.print()
        show(table, console)
    if to is not None:
        all_rows = to.lower().endswith(CSV)
        console.print(words.cell(written if all_rows else Note("compare_result_written", file=to)), soft_wrap=True)


def _languages(overrides: Sequence[str]) -> list[Language]:
    """Return the language that the command line asks for, if it does; a `ConfigError` if it is none."""
    asked: list[Language] = []
    for word in overrides:
        if word.startswith(LANGUAGE):
            match word.partition("=")[2]:
                case "en" | "zh" as language:
                    asked = [language]
                case given:
                    raise ConfigError(Note("compare_which_language", given=given))
    return asked


def _recorded_languages(*sides: Side) -> Iterator[Language]:
    """Yield the languages of the reports that sweeps were run with; a sweep may have recorded none."""
    for side in sides:
        with suppress(DataError):
            match recorded_report(side.sweep).get("language"):
                case "en" | "zh" as language:
                    yield language


def _words(languages: Sequence[Language]) -> Labels:
    """Return the words of the first language, of English if there is none."""
    return Labels(languages[0] if languages else "en")


def _recorded_numbers(side: Side) -> Source:
    def numbers() -> Numbers:
        every = numbers_of(side.sweep)
        ids = side.sweep.run_ids
        return {run: own for run, own in every.items() if side.run_id in ("", ids.get(run))}

    return Source(heading(side), {side.sweep.tags.get(EXPERIMENT, side.name): numbers})


def _side(word: str, experiment: str, overrides: Sequence[str]) -> Side:
    name, at, commit = word.partition("@")
    if at:
        name = name or experiment
        if not name or not commit:
            raise ConfigError(Note("compare_commit_alone", word=word))
    where = "" if at or _is_experiment(name) else experiment
    tracking, (name, *others) = store_of([one for one in (name, where) if one], overrides)
    if at:
        named = commit_named(commit) or commit
        return _recorded(tracking, word, at_commit(tracking, name, named, commit, _advice(name)))
    run_id, parent_id = located(tracking, name, "".join(others), _advice(word))
    side = _recorded(tracking, word, parent_id)
    return side if run_id == parent_id else replace(side, run_id=run_id)


def _refuse_word(word: str) -> None:
    """Raise a `ConfigError` for an empty word, and for a folder that is not there or is no package."""
    what: list[Note] = []
    if not word.strip():
        what = [Note("compare_empty_word"), Note("compare_name_what")]
    elif word.endswith(("/", "\\")) and not is_package(word):
        what = _advice(word) if Path(word).is_dir() else [Note("compare_no_folder", folder=word), *_advice(word)]
    if what:
        raise ConfigError(Note("sentences", said=what))


def _advice(word: str) -> list[Note]:
    """Return what can be named in place of a word; a folder may have been meant as a package."""
    # a label may be longer than a file name can be
    with suppress(OSError):
        if Path(word).is_dir():
            return [Note("compare_folder_is_no_package", folder=word, file=PLAN), Note("compare_name_what")]
    return [Note("compare_name_what")]


def _is_experiment(word: str) -> bool:
    # a label may be longer than a file name can be
    with suppress(OSError):
        return find(name_of(word)) is not None
    return False


def _recorded(tracking: Tracking, name: str, parent_id: str) -> Side:
    return Side(name, recorded_sweep(tracking, parent_id))


def _refuse_format(file: str) -> None:
    suffix, known = Path(file).suffix.lower(), [CSV, *FORMATS]
    if suffix not in known:
        hint = suggestion(suffix, known) if suffix else ""
        raise ConfigError(Note("compare_to_what", file=file, formats=cut(known, 9), hint=hint))


def _put(path: Path, rows: Callable[[], pd.DataFrame], table: Table | None, said: Sequence[str], words: Labels) -> None:
    """Write rows as a CSV file, or sentences with a table in another format."""
    if path.suffix.lower() == CSV:
        content = plain_table(rows()).to_csv(index=False, lineterminator="\n").encode("utf-8-sig")
    else:
        title = words.cell(Note("compare_what_moved"))
        cells = pd.DataFrame({"": said[2:]}, index=range(1, len(said) - 1))
        whole = Table(title, cells, notes=tuple(said[:2]), below=table, language=words.spoken)
        content = FORMATS[path.suffix.lower()](whole)
    try:
        put(path, content)
    except OSError as error:
        raise ConfigError(Note("table_not_written", file=path, reason=error.strerror or str(error))) from error
