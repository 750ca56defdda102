"""The answer of a sweep in a sentence, for its page in MLflow: a few facts about the effects of its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from digicarbon.note import Note, cut
from digicarbon.report import Labels, Report
from digicarbon.result import EFFECT, together
from digicarbon.secret import masked

if TYPE_CHECKING:
    from digicarbon.plan.runs import Plan, Run
    from digicarbon.report.kinds import Multiverse, Part
    from digicarbon.result import Result
    from digicarbon.sweep.tables import Records

MOST_NAMES = 3
"""Largest number of effects or data sets that are named."""


class Signs:
    """Counts the signs of the runs' effects while a report reads them; each fit once, in order.

    Parameters
    ----------
    report : Report
        It says which number of a run is its effect, and what it is called.
    part : Part, optional
        The part of a multiverse whose runs are counted; None for all runs.
    """

    def __init__(self, report: Report, part: Part | None = None) -> None:
        self._asked, self._words = report.run_effect, report.words
        self._part = part
        self._counted = 0
        self._next = 0
        self._quantities: dict[str, None] = {}
        self._terms: dict[str, None] = {}
        self._signs: Counter[tuple[bool, bool]] = Counter()
        self._levels: set[float] = set()
        self._last = (0.0, 0.0, 0.0)

    def take(self, place: int, run: Run, result: Result) -> None:
        """Count the fit at a place if it is the next one."""
        if place != self._next:
            return
        self._next += 1
        if self._part is not None and run.label not in self._part.labels:
            return
        self._counted += 1
        effect = result.effect_numbers(self._asked)
        if effect is None:
            return
        term, coef, se, p = effect
        level = 1 - result.inference.level if self._asked.level is None else self._asked.level
        self._levels.add(round(level, 12))
        self._quantities[result.called(self._asked)] = None
        self._terms[term] = None
        self._signs[coef > 0, p < level] += 1
        self._last = coef, se, p

    def complete(self, records: Records) -> None:
        """Count the fits that the report did not read."""
        for run, result in records.results(self._next):
            self.take(self._next, run, result)

    @property
    def lacking(self) -> int:
        """The number of runs without a single number that is their effect."""
        return self._counted - self._signs.total()

    @property
    def answer(self) -> Note | None:
        """The effect of a single run, or how many of several have the usual sign; None where no run has an effect."""
        runs = self._signs.total()
        if not runs:
            return None
        terms = cut(map(self._words, self._terms), MOST_NAMES)
        names = Note(
            "sweep_effect", effect=cut(map(self._quantity, together(self._quantities)), MOST_NAMES), term=terms
        )
        if runs == 1:
            coef, se, p = self._last
            return Note("sweep_one", effect=names, coef=f"{coef:.4g}", se=f"{se:.4g}", p=f"{p:.3g}")
        positive = self._signs[True, True] + self._signs[True, False]
        up = positive > runs - positive
        share, significant = (positive if up else runs - positive) / runs, self._signs[up, True] / runs
        level = max(self._levels)
        more = Note("sweep_lacking", runs=self.lacking) if self.lacking else ""
        facts = {
            "effect": names,
            "runs": runs,
            "share": share,
            "significant": significant,
            "level": level,
            "more": more,
        }
        return Note("sweep_positive", **facts) if up else Note("sweep_negative", **facts)

    def _quantity(self, quantity: str) -> str:
        word = self._words.word(quantity if quantity in ("coefficient", EFFECT) else f"{quantity} effect")
        return word.lower() if word.isascii() else word


def of_parts(report: Report, multiverse: Multiverse | None) -> dict[str, Signs]:
    """Return what counts the signs of each main part, by its name; of all runs where they are counted together."""
    if multiverse is None:
        return {"": Signs(report)}
    return {part.name: Signs(report, part) for part in multiverse.main}


def together_of(signs: Mapping[str, Signs]) -> Note | None:
    """Return the answers of parts as one note."""
    answers = {name: one.answer for name, one in signs.items()}
    said = [
        Note("of_labels", labels=(name,), note=note) if name else note
        for name, note in answers.items()
        if note is not None
    ]
    return said[0] if len(said) == 1 else Note("sentences", said=said) if said else None


def description(
    planned: Plan, words: Labels, answer: Note | None, done: int, failed: int, judged: Sequence[Note] = ()
) -> str:
    """Return the Markdown of a sweep's page in MLflow: title, answer, counts, data and the command.

    Parameters
    ----------
    planned : Plan
    words : Labels
        The report's.
    answer : Note or None
    done, failed : int
        Numbers of runs.
    judged : sequence of Note
        The experiment's claim, and whether it holds.
    """
    from digicarbon.config.files import command_line
    from digicarbon.sweep.provenance import data_name

    data = cut(dict.fromkeys(map(data_name, planned.runs)), MOST_NAMES)
    notes = [
        *judged,
        *([] if answer is None else [answer]),
        Note("sweep_counts", done=done, failed=failed),
        Note("sweep_data", data=data),
        Note("sweep_files"),
    ]
    command = masked(command_line("run", planned.name, planned.overrides))
    title = words.title(planned.title or planned.name, any(run.prepared.simulated for run in planned.runs))
    return "\n\n".join([f"**{title}**", *words.notes(notes), f"`{command}`"])
