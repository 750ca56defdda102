"""How often a result is positive, negative and significant, by what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.numeric.significance import is_significant
from digicarbon.report.base import (
    MOST_RUNS,
    Decimals,
    MostRuns,
    Record,
    Report,
    Table,
    counted_notes,
    counted_once,
    heads,
    summarised,
)
from digicarbon.report.focal import COLUMN, Focal, Quantity, focal, heads_of, one_of, refuse_other
from digicarbon.report.kinds import Multiverse
from digicarbon.report.labels import Labels
from digicarbon.report.regimes import with_regimes
from digicarbon.result import RunEffect
from digicarbon.spec import Names


class SignTable(Report):
    """Counts of signs over all runs and by each choice; the coefficient and p value of each run below.

    Attributes
    ----------
    quantity : {"coefficient", "direct", "indirect", "total"}
        The focal terms' coefficients, or their effects; see `digicarbon.result.RunEffect`.
    level : float
        The largest p value that counts as significant.
    by : tuple of str
        Keys to count by, e.g. ``outcome``, or ``column`` for the columns of the experiment; empty takes all that differ
        between runs.
    decimals : int
        Digits after the decimal point; coefficients and standard errors that would be 0 have four significant digits.
    most_runs : int
        Up to how many runs the table lists each run below the counts.
    """

    quantity: Quantity = "coefficient"
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    by: Names = ()
    decimals: Decimals = 4
    most_runs: MostRuns = MOST_RUNS

    @property
    def run_effect(self) -> RunEffect:
        """The number that is counted."""
        return RunEffect(self.quantity, level=self.level)

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the counts with the runs below."""
        focal_runs = focal(records, self.quantity, by_column=True)
        if focal_runs.rows.empty:
            raise ConfigError(Note("signs_without_quantity", key="report.quantity", quantity=one_of(self.quantity)))
        called = with_regimes(self.words, focal_runs.regimes)
        cells, rules = counts_by_part(
            focal_runs, self._keys(focal_runs), self.level, self.decimals, called, self.multiverse
        )
        cells.insert(list(cells.columns).index("smallest"), "% significant", _shares(cells))
        terms = cut(map(called, focal_runs.rows["term"].unique()), 12)
        words = Note("significant_of", level=self.level, what=heads_of(self.quantity), terms=terms)
        exclusions = (*focal_runs.boundary_notes(), *focal_runs.pieces_notes())
        notes = [words, *exclusions, *counted_notes(focal_runs.notes, focal_runs.runs), *counted_once(focal_runs.again)]
        below = None
        if focal_runs.runs > self.most_runs:
            notes.append(summarised(focal_runs.runs, Note("listed_below")))
        else:
            below = self._runs(focal_runs.rows, heads(records, self.words), called)
        shown = in_words(cells, self.words)
        return Table(title, shown, rules, self.words.notes(notes), below, language=self.words.spoken)

    def _keys(self, focal_runs: Focal) -> list[str]:
        for key in self.by:
            refuse_other("report.by", key, focal_runs.varied)
        return list(self.by) or [key for key, values in focal_runs.varied.items() if len(values) > 1]

    def _runs(self, rows: pd.DataFrame, labels: Sequence[str], called: Labels) -> Table:
        cells = pd.DataFrame(
            {
                "term": [called(term) for term in rows["term"]],
                "sign": ["+" if coef > 0 else "-" if coef < 0 else "0" for coef in rows["coef"]],
                **{name: [number(value, self.decimals) for value in rows[name]] for name in ("coef", "se")},
                "p": [f"{p:.{self.decimals}f}" for p in rows["p"]],
            }
        )
        cells = cells.set_axis([labels[position] for position in rows["record"]], axis=0)
        return Table(self.words.word("Each run"), in_words(cells, self.words))


def counts(
    rows: pd.DataFrame, pieces: pd.DataFrame, keys: Sequence[str], level: float, decimals: int, words: Labels
) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """Return counts of signs over all rows and by each value of each key, and which rows have a line above them.

    Rows and pieces are as `Focal.whole` returns them; pieces of effects are only counted by term.
    """
    groups = [("all", rows)] if len(rows) else []
    rules = []
    for name, key, some in (*((key, key, rows) for key in keys), ("piece", "term", pieces)):
        if len(some):
            rules += [len(groups)] if groups else []
            groups += [
                (_head(name, key, str(value), words), part)
                for value, part in some.groupby(key, sort=False, observed=True)
            ]
    cells = pd.DataFrame([_counts(part, level, decimals) for _, part in groups], index=[label for label, _ in groups])
    return cells, tuple(rules)


def counts_by_part(
    focal_runs: Focal, keys: Sequence[str], level: float, decimals: int, words: Labels, multiverse: Multiverse | None
) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """Return the same for each main part of a multiverse by itself, and a row for each part that is shown apart."""
    rows, pieces = focal_runs.whole()
    if multiverse is None or multiverse.whole:
        return counts(rows, pieces, keys, level, decimals, words)
    labels, of_pieces = ([focal_runs.labels[place] for place in some["record"]] for some in (rows, pieces))
    tables: list[pd.DataFrame] = []
    rules: list[int] = []
    for part in multiverse.parts:
        own, own_pieces = rows[part.of(labels)], pieces[part.of(of_pieces)]
        # what is the same in a part needs no rows
        differing = [key for key in keys if own[key].nunique() > 1] if part.main else []
        cells, lines = counts(own, own_pieces, differing, level, decimals, words)
        if cells.empty:
            continue
        above = sum(map(len, tables))
        rules += [above] * (above > 0) + [above + line for line in lines]
        name = words.head(part.name) or words.word("all")
        head = name if part.main else f"{words.word('shown apart')}{words.colon}{name}"
        several = len(multiverse.main) > 1
        first = [head] if len(own) else []
        rest = list(cells.index[len(first) :])
        tables.append(
            cells.set_axis([*first, *(f"{head}, {row}" if several or not part.main else row for row in rest)])
        )
    cells = pd.concat(tables) if tables else counts(rows.iloc[:0], pieces, keys, level, decimals, words)[0]
    return cells, tuple(dict.fromkeys(rules))


def _head(name: str, key: str, value: str, words: Labels) -> str:
    """Return the head of the row for the runs with a value of a key."""
    if key == COLUMN:
        return words.column(value)
    if key != "term":
        return words.row(name, value)
    return f"{name}={value}" if words.language is None else f"{words.word(name)}{words.colon}{words(value)}"


def in_words(cells: pd.DataFrame, words: Labels) -> pd.DataFrame:
    """Return a table with its columns and the row of all runs named in the language of the report."""
    return cells if words.language is None else cells.rename(index={"all": words.word("all")}, columns=words.word)


def number(value: float, decimals: int) -> str:
    """Return a number with some decimals, or with four significant digits where it would be 0."""
    text = f"{value:.{decimals}f}"
    # a reader could not see why -0.0000 is counted as negative
    return f"{value:.4g}" if value and not float(text) else text


def _counts(part: pd.DataFrame, level: float, decimals: int) -> dict[str, str]:
    low = is_significant(part["p"], level)
    positive, negative = part["coef"] > 0, part["coef"] < 0
    return {
        "runs": str(len(part)),
        "positive": str(int(positive.sum())),
        "significant +": str(int((positive & low).sum())),
        "negative": str(int(negative.sum())),
        "significant -": str(int((negative & low).sum())),
        "smallest": number(part["coef"].min(), decimals),
        "median": number(part["coef"].median(), decimals),
        "largest": number(part["coef"].max(), decimals),
    }


def _shares(cells: pd.DataFrame) -> list[str]:
    """Return the percentage of runs in each row that are significant, with either sign."""
    low = cells["significant +"].astype(int) + cells["significant -"].astype(int)
    return [f"{100 * share:.1f}" for share in low / cells["runs"].astype(int)]
