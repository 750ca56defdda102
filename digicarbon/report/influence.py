"""What moves the estimates of a specification curve: each choice's share of the variance, and each value's effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.numeric.shape.influence import concentration, influence, shares, without_ends
from digicarbon.numeric.significance import is_significant
from digicarbon.render import Table
from digicarbon.report.choices import Choice, choices_of
from digicarbon.report.curve import Curve, CurvePart
from digicarbon.report.labels import Labels
from digicarbon.report.signs import number

FEW = 100
"""From so many specifications on, a note says if one in a hundred of them makes most of a variance."""
_HEADS = ["variance, alone", "variance, unique", "specifications", "mean", "moves it by", "of the mean", "points"]


def influence_table(
    curve: Curve, part: CurvePart, title: str, level: float, decimals: int, words: Labels
) -> Table | None:
    """Return what moves the estimates of a part; if a few of them make most of the variance, below it without them.

    None where nothing differs.
    """
    absent = curve.focal_runs.absent
    # a choice without an effect on the curve has a single value in its part
    keys = [key for key in curve.keys if len(curve.parts) == 1 or part.rows[key].nunique() > 1]
    choices = choices_of(part.rows, keys, absent)[0]
    if not choices or len(part.rows) < 2:
        return None
    table = _influence(title, part.rows, choices, level, decimals, words)
    ends = -(-len(part.rows) // 100)
    if not _few_carry(_deviations(part.rows)):
        return table
    inner = part.rows[without_ends(part.rows["coef"].to_numpy(), ends)].reset_index(drop=True)
    choices = [one for one in choices_of(inner, [choice.key for choice in choices], absent)[0] if one.columns.size]
    title = f"{title} ({words.word('without the ends of the curve')})"
    without = Note("without_ends", smallest=ends, largest=ends, every=len(part.rows))
    below = _influence(title, inner, choices, level, decimals, words)
    return replace(table, below=replace(below, notes=words.notes([without])))


def _influence(
    title: str, rows: pd.DataFrame, choices: Sequence[Choice], level: float, decimals: int, words: Labels
) -> Table:
    """Return each choice's share of the variance, and by how much each of its values moves the estimate."""
    coef = rows["coef"].to_numpy()
    low: FloatArray = is_significant(rows["p"], level).astype(np.float64)
    columns = [choice.columns for choice in choices]
    parts = shares(coef, columns)
    apart = columns, [choice.base for choice in choices], [choice.absent for choice in choices]
    moves, significant = influence(coef, *apart), influence(low, *apart)
    mean = coef.mean()
    lines: list[tuple[str, list[str]]] = []
    rules, indented = [], []
    for place, choice in enumerate(choices):
        rules.append(len(lines))
        head = [f"{parts.alone[place]:.1%}", f"{parts.unique[place]:.1%}", "", "", "", "", ""]
        lines.append((words.choice(choice.key), head))
        for position, value in enumerate(choice.values):
            chosen = choice.columns[:, position] > 0
            line = [str(int(chosen.sum())), number(float(coef[chosen].mean()), decimals)]
            move, share = moves[place][position], significant[place][position]
            if position == choice.base:
                line += [words.word("base"), "", ""]
            elif np.isfinite(move):
                percent = f"{_signed(100 * move / mean, 0)}%" if mean else ""
                line += [_signed(move, decimals), percent, _signed(100 * share, 1)]
            else:
                line += [words.word("not told apart"), "", ""]
            indented.append(len(lines))
            lines.append((words.option(choice.key, value), ["", "", *line]))
    rules.append(len(lines))
    lines.append((words.word("all choices, additive"), [f"{parts.additive:.1%}", "", "", "", "", "", ""]))
    cells = pd.DataFrame(
        [cells for _, cells in lines], index=[name for name, _ in lines], columns=[words.word(head) for head in _HEADS]
    )
    most = choices[int(np.argmax(parts.alone))]
    notes = (
        Note("largest_part", key=most.key, share=parts.alone.max(), left=max(1 - parts.additive, 0.0)),
        Note("moves_by"),
        *(
            (Note("points_beyond"),)
            if any((np.abs(part[np.isfinite(part)]) > 1.0005).any() for part in significant)
            else ()
        ),
    )
    note_texts = words.notes(notes)
    return Table(title, cells, tuple(rules), note_texts, language=words.spoken, indented=tuple(indented))


def _signed(value: float, decimals: int) -> str:
    text = f"{value:z.{decimals}f}"
    return f"+{text}" if float(text) > 0 else text


def _deviations(rows: pd.DataFrame) -> FloatArray:
    """Return the squared deviation of each estimate from the mean."""
    coef = rows["coef"].to_numpy(dtype=np.float64)
    squares: FloatArray = (coef - coef.mean()) ** 2
    return squares


def _few_carry(parts: FloatArray) -> float:
    """Return the share of a sum that its largest 1 % of parts make, if it is more than half; else 0."""
    share = concentration(parts, len(parts) // 100) if len(parts) >= FEW else 0.0
    return share if share > 0.5 else 0.0


def few_notes(rows: pd.DataFrame) -> list[Note]:
    """Return notes if a few runs determine what the table says about all."""
    notes = []
    counts = {"few": len(rows) // 100, "every": len(rows)}
    if share := _few_carry(rows["se"].to_numpy(dtype=np.float64) ** 2):
        notes.append(Note("few_errors", share=share, **counts))
    if share := _few_carry(_deviations(rows)):
        notes.append(Note("few_estimates", share=share, **counts))
    return notes
