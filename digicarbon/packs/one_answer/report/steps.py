"""Tables of what changes the answer: the fewest choices that flip the sign, and the search for the extremes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from digicarbon.note import Note
from digicarbon.numeric.significance import is_significant
from digicarbon.packs.one_answer.numeric.steps import Path, nearest, search
from digicarbon.report.base import Table
from digicarbon.report.labels import Labels
from digicarbon.report.part import Part
from digicarbon.report.signs import number

MOST_SETS = 8
"""How many of the smallest sets of changes are listed."""
SearchBy = Literal["estimate", "t"]
Line = tuple[str, list[str]]
"""A label and its cells."""


ENDS = {"towards the highest": Note("highest"), "towards the lowest": Note("lowest")}
"""The directions of a search, and where each leads."""


def paths_of(part: Part, by: SearchBy) -> dict[str, Path]:
    """Return the searches from the main specification by direction."""
    coef, se = (part.rows[name].to_numpy(dtype=np.float64) for name in ("coef", "se"))
    values = coef if by == "estimate" else coef / se
    both = zip(ENDS, (values, -values), strict=True)
    return {name: search(part.codes, part.applies, part.start, heights) for name, heights in both}


def flip_table(part: Part, level: float, decimals: int, words: Labels) -> Table:
    """Return the main specification and, below it, the smallest sets of changes that take its result away."""
    coef, p = (part.rows[name].to_numpy(dtype=np.float64) for name in ("coef", "p"))
    start, codes, cells = part.start, part.codes, partial(_cells, part, decimals)
    other, low = np.sign(coef) == -np.sign(coef[start]), is_significant(p, level)
    every = len(coef)
    # what is looked for, and what is said where no specification has it
    none = Note("no_other_sign_significant", specifications=every, level=level)
    wanted = [
        ("the other sign", other, Note("no_other_sign", specifications=every)),
        ("the other sign, significant", other & low, none),
    ]
    if low[start]:
        never = Note("always_significant", specifications=every, level=level)
        wanted.append(("no longer significant", ~low, never))
    lines = [(words.word("main specification"), cells(start))]
    rules, blocks = [], []
    notes = [Note("main_specification", choices=_settings(part, words))]
    for name, target, never in wanted:
        changes, near = nearest(codes, part.applies, start, target)
        if not len(near):
            notes.append(never)
            continue
        rules.append(len(lines))
        blocks.append(len(lines))
        head = words.word("changes needed").format(what=words.word(name), changes=changes)
        lines.append((head, ["", ""]))
        # the estimates that are furthest beyond come first
        order = np.argsort(-np.abs(coef[near]), kind="stable")
        lines += [(_changed(part, start, row, words), cells(row)) for row in near[order][:MOST_SETS].tolist()]
        if len(near) > MOST_SETS:
            notes.append(Note("more_flips", shown=MOST_SETS, every=len(near), changes=changes))
    share = float(np.mean(other))
    notes.append(Note("share_of_other_sign", share=share, specifications=len(coef)))
    return _table(words.word("what takes the result away"), lines, rules, blocks, notes, words)


def search_table(part: Part, paths: Mapping[str, Path], by: SearchBy, decimals: int, words: Labels) -> Table:
    """Return the steps to the highest and to the lowest specification."""
    cells = partial(_cells, part, decimals)
    lines: list[Line] = []
    rules, blocks, notes = [], [], [Note("searched_by_t" if by == "t" else "searched_by_estimate")]
    for name, path in paths.items():
        rules += [len(lines)] if lines else []
        blocks.append(len(lines))
        lines.append((words.word(name), ["", ""]))
        lines.append((words.word("main specification"), cells(part.start)))
        taken = zip(step_words(part, path, words), path.rows[1:], strict=True)
        lines += [(f"→ {changed}", cells(row)) for changed, row in taken]
        if not path.reaches:
            rest = _changed(part, path.rows[-1], path.best, words)
            lines.append((words.word("beyond the path").format(changes=rest), cells(path.best)))
        steps = len(path.rows) - 1
        notes.append(Note("path_reaches" if path.reaches else "path_falls_short", end=ENDS[name], steps=steps))
    return _table(words.word("search for the extremes"), lines, rules, blocks, notes, words)


def _cells(part: Part, decimals: int, row: int) -> list[str]:
    """Return the cells of a specification: its estimate and its p value."""
    coef, p = (float(part.rows[name].iloc[row]) for name in ("coef", "p"))
    return [number(coef, decimals), f"{p:.3f}"]


def _table(
    title: str, lines: Sequence[Line], rules: list[int], blocks: list[int], notes: Sequence[Note], words: Labels
) -> Table:
    """Return lines of an estimate and its p value as a table."""
    cells = pd.DataFrame([cells for _, cells in lines], index=[name for name, _ in lines])
    cells.columns = pd.Index([words.word("estimate"), words.word("p value")])
    # all rows below the first heading are parts of one
    indented = tuple(row for row in range(min(blocks, default=len(lines)), len(lines)) if row not in blocks)
    return Table(
        title, cells, tuple(rules), words.notes(notes), blocks=tuple(blocks), language=words.spoken, indented=indented
    )


def _changed(part: Part, before: int, after: int, words: Labels) -> str:
    """Return the words for the choices of a specification in which it differs from another one.

    Choices that have an effect on it, and none on the other one, stand in parentheses.
    """
    comma = "；" if words.language == "zh" else "; "

    def named(places: Iterable[int]) -> str:
        return comma.join(words.row(part.choices[place].key, part.value(after, place)) for place in places)

    begun = named(np.flatnonzero(part.applies[after] & ~part.applies[before]).tolist())
    changed = named(part.changes(before, after))
    if not begun:
        return changed
    return f"{changed}（{begun}）" if words.language == "zh" else f"{changed} ({begun})"


def _settings(part: Part, words: Labels) -> tuple[str, ...]:
    """Return the words for the choices of the main specification that have an effect on it."""
    return tuple(
        words.row(choice.key, part.value(part.start, place))
        for place, choice in enumerate(part.choices)
        if part.applies[part.start, place]
    )


def step_words(part: Part, path: Path, words: Labels) -> list[str]:
    """Return the words for each step of a path."""
    return [_changed(part, before, row, words) for before, row in zip(path.rows, path.rows[1:], strict=False)]
