"""`digicarbon compare`: two recorded sweeps, which numbers moved between them, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from digicarbon.cli.arguments import name_of
from digicarbon.cli.command import show, terminal
from digicarbon.cli.stored import store_of
from digicarbon.compare import Comparison, Side, compare, summary, tables
from digicarbon.compare.words import heading
from digicarbon.config.files import find
from digicarbon.disk.cells import plain_table
from digicarbon.disk.files import put
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, cut, suggestion
from digicarbon.package.against import Source, against, frame_of, is_package, package_of, said_of, table_of
from digicarbon.package.numbers import Numbers, numbers_of
from digicarbon.recorded import at_commit, located
from digicarbon.recorded import sweep as recorded_sweep
from digicarbon.render import FORMATS, Table
from digicarbon.tracking import EXPERIMENT, Tracking, commit_named, store_results

SHOWN, MOST = 10, 500
"""How many runs are listed in the terminal, and in a file that is no CSV."""
CSV = ".csv"


def compare_(first: str, second: str, experiment: str, to: str | None, overrides: Sequence[str]) -> int:
    """Compare two recorded sweeps and print what moved; return 0 if no number differs, 1 if some do.

    Parameters
    ----------
    first, second : str
        A sweep or a run by its id or the beginning of its id, an experiment for its latest sweep, or
        ``EXPERIMENT@COMMIT`` for the latest one at a Git commit; or the folder of a package.
    experiment : str
        Where ids are searched, and whose sweep ``@COMMIT`` means; may be empty.
    to : str, optional
        A file for the result.
    overrides : sequence of str
        Of ``tracking``.

    Raises
    ------
    ConfigError
        If the file has no known suffix, or cannot be written.
    DataError
        If there is no such sweep, or the two have no run in common.
    TrackingError
        If the store cannot be read.
    """
    if to is not None:
        _refuse_format(to)
    if is_package(first) or is_package(second):
        return _against(first, second, experiment, to, overrides)
    then, now = (_side(word, experiment, overrides) for word in (first, second))
    comparison = compare(then, now)
    if comparison.both.empty:
        labels = [cut(list(one.sweep.run_ids), 3) for one in (then, now)]
        raise DataError(Note("compare_nothing_alike", one=first, other=second, labels=labels[0], others=labels[1]))
    headings = [heading(letter, side) for letter, side in zip("AB", (then, now), strict=True)]
    said = summary(comparison, overrides)
    if to is not None:
        _write(Path(to), comparison, [*headings, *said])
    console = terminal()
    for line in (*headings, "", *said):
        console.print(line, soft_wrap=not console.is_terminal)
    if (table := tables(comparison, SHOWN)) is not None:
        console.print()
        show(table, console)
    if to is not None:
        console.print(f"{to} has {'every run' if to.lower().endswith(CSV) else 'the result'}.", soft_wrap=True)
    return int(len(comparison.moved) > 0)


def _against(first: str, second: str, experiment: str, to: str | None, overrides: Sequence[str]) -> int:
    """Compare the numbers of a package with those of a sweep or of another package."""
    then, now = (
        package_of(word) if is_package(word) else _recorded_numbers(_side(word, experiment, overrides), letter)
        for letter, word in (("A", first), ("B", second))
    )
    if not set(then.experiments) & set(now.experiments):
        names = [cut(list(one.experiments), 3) for one in (then, now)]
        raise DataError(Note("compare_no_experiment_alike", one=first, other=second, names=names[0], others=names[1]))
    rows = against(then, now)
    said = list(said_of(then, now, rows))
    headings = [f"{letter}: {one.heading}" for letter, one in (("A", then), ("B", now))]
    if to is not None:
        _put(Path(to), lambda: frame_of(rows), table_of(rows, MOST), [*headings, *said])
    console = terminal()
    for line in (*headings, "", *said):
        console.print(line, soft_wrap=not console.is_terminal)
    if (table := table_of(rows, SHOWN)) is not None:
        console.print()
        show(table, console)
    if to is not None:
        console.print(f"{to} has {'every number' if to.lower().endswith(CSV) else 'the result'}.", soft_wrap=True)
    return int(any(not row.exact for row in rows))


def _recorded_numbers(side: Side, letter: str) -> Source:
    def numbers() -> Numbers:
        every = numbers_of(side.sweep)
        ids = side.sweep.run_ids
        return {run: own for run, own in every.items() if side.run_id in ("", ids.get(run))}

    return Source(heading(letter, side).partition(": ")[2], {side.sweep.tags.get(EXPERIMENT, side.name): numbers})


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
        return _recorded(tracking, word, at_commit(tracking, name, named, commit))
    run_id, parent_id = located(tracking, name, "".join(others))
    side = _recorded(tracking, word, parent_id)
    return side if run_id == parent_id else replace(side, run_id=run_id)


def _is_experiment(word: str) -> bool:
    # a label may be longer than a file name can be
    with suppress(OSError):
        return find(name_of(word)) is not None
    return False


def _recorded(tracking: Tracking, name: str, parent_id: str) -> Side:
    return Side(name, recorded_sweep(tracking, parent_id), partial(_configs, tracking, parent_id))


def _configs(tracking: Tracking, parent_id: str) -> Mapping[str, str]:
    """Return the composed configurations of a sweep's runs by run id."""
    table = store_results(tracking, parent_id, ["run_id", "config"])
    return dict(zip(table["run_id"], table["config"], strict=True))


def _refuse_format(file: str) -> None:
    suffix, known = Path(file).suffix.lower(), [CSV, *FORMATS]
    if suffix not in known:
        hint = suggestion(suffix, known) if suffix else ""
        raise ConfigError(Note("compare_to_what", file=file, formats=cut(known, 9), hint=hint))


def _write(path: Path, comparison: Comparison, said: Sequence[str]) -> None:
    _put(path, lambda: comparison.runs, tables(comparison, MOST), said)


def _put(path: Path, rows: Callable[[], pd.DataFrame], table: Table | None, said: Sequence[str]) -> None:
    """Write rows as a CSV file, or sentences with a table in another format."""
    if path.suffix.lower() == CSV:
        content = plain_table(rows()).to_csv(index=False, lineterminator="\n").encode("utf-8-sig")
    else:
        whole = Table("What moved between A and B", pd.DataFrame({"": said[2:]}, index=range(1, len(said) - 1)))
        whole = replace(whole, notes=tuple(said[:2]), below=table)
        content = FORMATS[path.suffix.lower()](whole)
    try:
        put(path, content)
    except OSError as error:
        raise ConfigError(Note("table_not_written", file=path, reason=error.strerror or str(error))) from error
