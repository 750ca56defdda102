"""What a comparison says: a summary as notes, then a table of the runs that moved."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from digicarbon.config.files import command_line
from digicarbon.note import Note, cut, labels_cut
from digicarbon.packs.compare.comparison import (
    FAILS_IN_A,
    FAILS_IN_B,
    FAILS_IN_BOTH,
    MOVED,
    ONLY_IN_A,
    ONLY_IN_B,
    Comparison,
    Side,
)
from digicarbon.packs.compare.origins import NAMED, Kind, Reason, commit_of, versions
from digicarbon.recorded import moment
from digicarbon.recorded.differences import TOLERANCE
from digicarbon.render import Table
from digicarbon.report.focal import before_effect, effect_of
from digicarbon.report.labels import Labels
from digicarbon.tracking import COMMIT, DIRTY, EXPERIMENT, OVERRIDES

LISTED = 5
"""How many runs of one sweep only are named."""


def summary(comparison: Comparison, overrides: Sequence[str] = ()) -> list[Note]:
    """Return the result as notes, the most important one first.

    ``overrides``: words of the command line that the named commands need, too.
    """
    return [*_counts(comparison), *_effects(comparison), *_further(comparison), *_separate(comparison, overrides)]


def heading(side: Side) -> Note:
    """Return what A or B is: its experiment with the words of its command, sweep, time, and Git commit."""
    sweep = side.sweep
    commits = dict.fromkeys(commit_of(origin.tags) for origin in side.origins)
    at: Note | str = "" if set(commits) <= {commit_of({})} else Note("compare_at_commit", commit=next(iter(commits)))
    if len(commits) > 1:
        at = Note("compare_several_commits")
    return Note(
        "compare_sweep",
        run=Note("compare_run_of", run=side.run_id[:12]) if side.run_id else "",
        experiment=" ".join(filter(None, (sweep.tags.get(EXPERIMENT, sweep.experiment), sweep.tags.get(OVERRIDES)))),
        sweep=sweep.parent_id[:12],
        when=moment(sweep.start),
        commit=at,
        unfinished="" if sweep.ended else Note("compare_unfinished"),
    )


def _runs(number: int) -> Note:
    return Note("compare_runs", runs=number) if number else Note("compare_no_run")


def _counts(comparison: Comparison) -> Iterator[Note]:
    states = comparison.runs["state"].value_counts()
    both, moved = _runs(len(comparison.both)), len(comparison.moved)
    if moved:
        yield Note("compare_moved", both=both, moved=moved, by=list(_by_reason(comparison)))
    elif comparison.numbers:
        yield Note("compare_none_moved", both=both, numbers=comparison.numbers, tolerance=TOLERANCE)
    else:
        yield Note("compare_no_numbers", both=both)
    for state in (FAILS_IN_A, FAILS_IN_B, FAILS_IN_BOTH):
        if number := int(states.get(state, 0)):
            in_one = Note("compare_fail_in_a" if state == FAILS_IN_A else "compare_fail_in_b", runs=number)
            yield Note("compare_fail_in_both", runs=number) if state == FAILS_IN_BOTH else in_one
    for state, side in ((ONLY_IN_A, "A"), (ONLY_IN_B, "B")):
        names = comparison.runs.loc[comparison.runs["state"] == state, "run"]
        if len(names):
            yield Note("compare_runs_only_in", runs=len(names), side=side, names=labels_cut(names, LISTED))


def _by_reason(comparison: Comparison) -> Iterator[Note]:
    """Yield how many runs moved by each set of reasons, and their files, choices, commits and versions."""
    whats: dict[tuple[Kind, ...], dict[Kind, Counter[Note | str]]] = {}
    counts: Counter[tuple[Kind, ...]] = Counter()
    for state, reasons in zip(comparison.runs["state"], comparison.reasons, strict=True):
        if state == MOVED:
            kinds = tuple(reason.kind for reason in reasons)
            counts[kinds] += 1
            own = whats.setdefault(kinds, {})
            for reason in reasons:
                own.setdefault(reason.kind, Counter()).update(reason.what)
    failing = len(comparison.moved) - counts.total()
    for kinds, number in counts.most_common():
        parts = [
            Note("compare_reason", reason=_REASONS[kind], what=cut((one for one, _ in own.most_common()), NAMED))
            for kind, own in ((kind, whats[kinds][kind]) for kind in kinds)
        ]
        yield Note("compare_moved_by", runs=number, reasons=parts or [Note("compare_unknown_reason")])
    if failing:
        yield Note("compare_moved_by_failure", runs=failing)


_REASONS: Mapping[Kind, Note] = {
    "data": Note("compare_by_data"),
    "choice": Note("compare_by_choice"),
    "code": Note("compare_by_code"),
    "packages": Note("compare_by_packages"),
}
"""A reason within a sentence."""
_HEADS: Mapping[Kind, Note] = {"choice": Note("compare_one_choice")}
"""The same as the head of a list, where it is another."""


def _effects(comparison: Comparison) -> Iterator[Note]:
    both = comparison.both
    signs, stars = int(both["sign_changed"].sum()), int(both["significance_changed"].sum())
    with_effect = both[both["effect_comparable"] & both["effect_a"].notna() & both["effect_b"].notna()]
    moved = comparison.runs[comparison.runs["state"] == MOVED]
    if len(moved) and len(with_effect):
        yield Note("compare_signs", signs=_runs(signs), stars=_runs(stars))
    changed = with_effect[with_effect["state"] == MOVED]
    size = changed["effect_change"].abs()
    if size.gt(0).any():
        row = changed.iloc[int(size.to_numpy().argmax())]
        yield Note(
            "compare_largest_effect", before=row["effect_a"], after=row["effect_b"], effect=_effect(row), run=row["run"]
        )
    sized = moved[moved["value_a"].notna() & moved["value_b"].notna()]
    if len(sized):
        row = sized.iloc[int(sized["largest"].to_numpy().argmax())]
        yield Note(
            "compare_largest_difference",
            difference=row["largest"],
            number=row["number"],
            before=row["value_a"],
            after=row["value_b"],
            run=row["run"],
        )


def _effect(row: pd.Series) -> Note:
    name = effect_of(row["quantity_a"]) if row["quantity_a"] else Note("compare_effect")
    one, other = row["term_a"], row["term_b"]
    if not (one or other):
        return name
    return Note(
        "compare_effect_of", effect=name, term=one if one == other else Note("compare_terms", one=one, other=other)
    )


def _further(comparison: Comparison) -> Iterator[Note]:
    both = comparison.both
    others = both[~both["effect_comparable"].astype(bool)]
    if len(others):
        pairs = dict.fromkeys(zip(others["quantity_a"], others["quantity_b"], strict=True))
        each = cut(
            Note("compare_effects_are", one=before_effect(one), other=before_effect(other)) for one, other in pairs
        )
        yield Note("compare_other_effects", runs=_runs(len(others)), effects=each)
    if comparison.other_origins:
        yield Note("compare_equal_although", runs=_runs(comparison.other_origins))


def _separate(comparison: Comparison, overrides: Sequence[str]) -> Iterator[Note]:
    """Yield a command for each set of several reasons, by which one of them can be told from the others."""
    known: set[tuple[str, ...]] = set()
    runs = comparison.runs
    for place, reasons in enumerate(comparison.reasons):
        kinds = tuple(reason.kind for reason in reasons)
        if len(kinds) < 2 or kinds in known or runs["state"].iat[place] != MOVED:
            continue
        known.add(kinds)
        yield _command(comparison, place, reasons, overrides)


def _command(comparison: Comparison, place: int, reasons: Sequence[Reason], overrides: Sequence[str]) -> Note:
    kinds = [reason.kind for reason in reasons]
    row = comparison.runs.iloc[place]
    whole = [_REASONS[kind] for kind in kinds]
    rerun_a, rerun_b = (command_line("rerun", row[f"run_id_{letter}"][:12], overrides) for letter in "ab")
    if "choice" in kinds:
        rest = [_REASONS[kind] for kind in kinds if kind != "choice"]
        return Note("compare_separate_choice", reasons=whole, command=rerun_a, rest=rest)
    then, now = (
        next(origin.tags for origin in side.origins if origin.hash == key)
        for side, key in zip((comparison.then, comparison.now), _hashes(comparison, row), strict=True)
    )
    before = then.get(COMMIT, "")
    if "code" in kinds:
        clean = before and before != now.get(COMMIT) and then.get(DIRTY) != "True"
        own = next(reason.files for reason in reasons if reason.kind == "code")
        # the data of that commit are not wanted
        words = ["git", "checkout", before[:10], *(["--", *own] if own else ())]
        first = Note("compare_command", command=shlex.join(words)) if clean else Note("compare_put_code_back")
        return Note("compare_separate_code", reasons=whole, first=first, command=rerun_b)
    # only data and packages are left
    older = [f"{name}=={one}" for name, one, _ in versions(then, now) if one and name != "digicarbon"]
    first = Note("compare_command", command=shlex.join(["pip", "install", *older]))
    return Note("compare_separate_packages", reasons=whole, first=first, command=rerun_b)


def _hashes(comparison: Comparison, row: pd.Series) -> tuple[str, str]:
    one, other = (
        str(side.sweep.rows.index[side.sweep.rows["run_id"] == row[f"run_id_{letter}"]][0])
        for letter, side in (("a", comparison.then), ("b", comparison.now))
    )
    return one, other


def tables(comparison: Comparison, most: int, words: Labels) -> Table | None:
    """Return the runs that moved as a table, those of the largest change first, and why; None if none moved.

    ``most``: how many are shown. ``words``: the language of heads, cells and notes.
    """
    moved = comparison.moved
    if moved.empty:
        return None
    # runs that fail come first, then the largest changes of an effect, then those of any number
    size = moved["effect_change"].abs().fillna(0.0)
    order = np.lexsort((-moved["largest"].to_numpy(), -size.to_numpy(), (moved["state"] == MOVED).to_numpy()))
    shown = moved.iloc[order[:most]]
    changed = words.word("compared: changed")
    columns = {
        "effect in A": [_number(value) for value in shown["effect_a"]],
        "in B": [_number(value) for value in shown["effect_b"]],
        "compared: sign": [changed if one else "" for one in shown["sign_changed"]],
        "compared: significance": [changed if one else "" for one in shown["significance_changed"]],
        "numbers moved": [
            words.cell(Note("compare_some_of", some=int(one), every=int(every)))
            for one, every in zip(shown["differing"], shown["numbers"], strict=True)
        ],
        "compared: by": [words.cell(_why(comparison, int(place))) for place in shown.index],
    }
    cells = pd.DataFrame({words.word(name): texts for name, texts in columns.items() if any(texts)}, index=shown["run"])
    more = [Note("compare_more_runs", runs=len(moved) - most)] if len(moved) > most else []
    title = Note("compare_runs_that_moved") if len(moved) > 1 else Note("compare_run_that_moved")
    return Table(words.cell(title), cells.rename_axis(None), notes=words.notes(more), language=words.spoken)


def _why(comparison: Comparison, place: int) -> Note:
    """Return why a run moved, in its cell."""
    reasons = [
        Note("compare_reason_in_cell", reason=_HEADS.get(one.kind, _REASONS[one.kind]), what=cut(one.what, NAMED))
        for one in comparison.reasons[place]
    ]
    failure = comparison.failures[place]
    if failure is None:
        return Note("compare_reasons_in_cell", reasons=reasons) if reasons else Note("compare_unknown_reason")
    beside = Note("compare_beside_failure", reasons=reasons) if reasons else ""
    if comparison.runs["state"].iat[place] == FAILS_IN_A:
        return Note("compare_failure_in_a", why=failure, beside=beside)
    return Note("compare_failure_in_b", why=failure, beside=beside)


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4g}"
