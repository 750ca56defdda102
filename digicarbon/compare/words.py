"""What a comparison says: a summary in sentences, then tables of why numbers moved and of the runs that moved."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from digicarbon.compare.comparison import (
    FAILS_IN_A,
    FAILS_IN_B,
    FAILS_IN_BOTH,
    MOVED,
    ONLY_IN_A,
    ONLY_IN_B,
    Comparison,
    Side,
)
from digicarbon.compare.origins import DIRTY, Reason, commit_of, versions
from digicarbon.config.files import command_line
from digicarbon.errors import listing
from digicarbon.recorded.differences import TOLERANCE
from digicarbon.render import Table
from digicarbon.tracking import COMMIT, EXPERIMENT

UNKNOWN = "nothing that is recorded"
"""What moved a number if data, choices, code and packages are the same."""
WORDS = {"data": "data", "choice": "a choice", "code": "code", "packages": "packages"}
NAMED = 3
"""How many files or choices are named in the summary, and in a cell."""
LISTED = 5
"""How many runs of one sweep only are named."""


def summary(comparison: Comparison, overrides: Sequence[str] = ()) -> list[str]:
    """Return the result in sentences, the most important one first.

    Parameters
    ----------
    comparison : Comparison
    overrides : sequence of str
        Words of the command line that the named commands need, too.
    """
    return [*_counts(comparison), *_effects(comparison), *_further(comparison), *_separate(comparison, overrides)]


def heading(letter: str, side: Side) -> str:
    """Return what A or B is: its experiment, sweep, time, and Git commit."""
    sweep = side.sweep
    when = datetime.fromtimestamp(sweep.start / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    commits = Counter(commit_of(origin.tags) for origin in side.origins)
    commit = "several commits" if len(commits) > 1 else "".join(f"commit {name}" for name in commits if name != "none")
    run = f"run {side.run_id[:12]} of " if side.run_id else ""
    name = sweep.tags.get(EXPERIMENT, sweep.experiment)
    parts = [f"{letter}: {run}{name}, sweep {sweep.parent_id[:12]}, {when}", commit]
    if not sweep.ended:
        parts.append("not finished")
    return ", ".join(part for part in parts if part)


def _runs(number: int) -> str:
    return f"{number:,} run{'' if number == 1 else 's'}" if number else "no run"


def _counts(comparison: Comparison) -> Iterator[str]:
    states = comparison.runs["state"].value_counts()
    both, moved = len(comparison.both), len(comparison.moved)
    if not moved:
        numbers = f"{comparison.numbers:,} number{'' if comparison.numbers == 1 else 's'}"
        equal = f"all {numbers} are equal to {TOLERANCE:g}" if comparison.numbers else "no numbers to compare"
        yield f"{_runs(both)} in both, none moved: {equal}."
    else:
        yield f"{_runs(both)} in both, {moved:,} moved: {', '.join(_by_reason(comparison))}."
    for state, words in ((FAILS_IN_A, "in A only"), (FAILS_IN_B, "in B only"), (FAILS_IN_BOTH, "in both")):
        if number := int(states.get(state, 0)):
            yield f"{_runs(number)} {'fails' if number == 1 else 'fail'} {words}."
    for state in (ONLY_IN_A, ONLY_IN_B):
        names = comparison.runs.loc[comparison.runs["state"] == state, "run"]
        if len(names):
            yield f"{_runs(len(names))} {state}: {listing(names, LISTED)}."


def _by_reason(comparison: Comparison) -> Iterator[str]:
    """Yield how many runs moved by each set of reasons, and their files, choices, commits and versions."""
    whats: dict[tuple[str, ...], dict[str, Counter[str]]] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for state, reasons in zip(comparison.runs["state"], comparison.reasons, strict=True):
        if state == MOVED:
            kinds: tuple[str, ...] = tuple(reason.kind for reason in reasons)
            counts[kinds] += 1
            own = whats.setdefault(kinds, {})
            for reason in reasons:
                own.setdefault(reason.kind, Counter()).update(reason.what)
    failing = len(comparison.moved) - counts.total()
    for kinds, number in counts.most_common():
        parts = [
            f"{WORDS[kind]} ({listing((text for text, _ in whats[kinds][kind].most_common()), NAMED)})"
            for kind in kinds
        ]
        yield f"{number:,} by {' and '.join(parts) or UNKNOWN}"
    if failing:
        yield f"{failing:,} by a failure in one of the two"


def _effects(comparison: Comparison) -> Iterator[str]:
    both = comparison.both
    signs, stars = int(both["sign_changed"].sum()), int(both["significance_changed"].sum())
    with_effect = both[both["effect_comparable"] & both["effect_a"].notna() & both["effect_b"].notna()]
    moved = comparison.runs[comparison.runs["state"] == MOVED]
    if len(moved) and len(with_effect):
        yield f"The effect's sign changed in {_runs(signs)}, its significance in {_runs(stars)}."
    changed = with_effect[with_effect["state"] == MOVED]
    size = changed["effect_change"].abs()
    if size.gt(0).any():
        row = changed.iloc[int(size.to_numpy().argmax())]
        yield (
            f"Largest change of an effect: {row['effect_a']:.4g} → {row['effect_b']:.4g}, "
            f"the {_effect(row)}, in {row['run']}."
        )
    sized = moved[moved["value_a"].notna() & moved["value_b"].notna()]
    if len(sized):
        row = sized.iloc[int(sized["largest"].to_numpy().argmax())]
        yield (
            f"Largest relative difference: {row['largest']:.2g}, {row['number']} {row['value_a']:.6g} → "
            f"{row['value_b']:.6g}, in {row['run']}."
        )


def _effect(row: pd.Series) -> str:
    quantity, terms = row["quantity_a"], list(dict.fromkeys([row["term_a"], row["term_b"]]))
    name = quantity if quantity == "coefficient" else f"{quantity} effect".strip()
    return f"{name} of {' → '.join(terms)}" if any(terms) else name


def _further(comparison: Comparison) -> Iterator[str]:
    both = comparison.both
    others = both[~both["effect_comparable"].astype(bool)]
    if len(others):
        pairs = dict.fromkeys(zip(others["quantity_a"], others["quantity_b"], strict=True))
        yield (
            f"The effects of {_runs(len(others))} are not compared, since they are different numbers: "
            f"{listing(f'{one} in A, {other} in B' for one, other in pairs)}."
        )
    if comparison.other_origins:
        runs = _runs(comparison.other_origins)
        yield f"Equal numbers although data, a choice or code differ: {runs}."


def _separate(comparison: Comparison, overrides: Sequence[str]) -> Iterator[str]:
    """Yield a command for each set of several reasons, by which one of them can be told from the others."""
    known: set[tuple[str, ...]] = set()
    runs = comparison.runs
    for place, reasons in enumerate(comparison.reasons):
        kinds = tuple(reason.kind for reason in reasons)
        if len(kinds) < 2 or kinds in known or runs["state"].iat[place] != MOVED:
            continue
        known.add(kinds)
        yield _command(comparison, place, reasons, overrides)


def _command(comparison: Comparison, place: int, reasons: Sequence[Reason], overrides: Sequence[str]) -> str:
    kinds = [reason.kind for reason in reasons]
    row = comparison.runs.iloc[place]
    whole = " and ".join(WORDS[kind] for kind in kinds)
    rerun_a, rerun_b = (command_line("rerun", row[f"run_id_{letter}"][:12], overrides) for letter in "ab")
    if "choice" in kinds:
        rest = " and ".join(WORDS[kind] for kind in kinds if kind != "choice")
        return (
            f"To separate {whole}: `{rerun_a}` fits the choices of A with the {rest} of today. What it finds different "
            "is not due to the choice."
        )
    then, now = (
        next(origin.tags for origin in side.origins if origin.hash == key)
        for side, key in zip((comparison.then, comparison.now), _hashes(comparison, row), strict=True)
    )
    before = then.get(COMMIT, "")
    if "code" in kinds:
        clean = before and before != now.get(COMMIT) and then.get(DIRTY) != "True"
        back = f"`{shlex.join(['git', 'checkout', before[:10]])}`" if clean else "put the code of A back"
        return f"To separate {whole}: {back}, then `{rerun_b}`. What it finds different is due to the code."
    # only data and packages are left
    older = [f"{name}=={one}" for name, one, _ in versions(then, now) if one and name != "digicarbon"]
    install = shlex.join(["pip", "install", *older])
    return f"To separate {whole}: `{install}`, then `{rerun_b}`. What it finds different is due to the packages."


def _hashes(comparison: Comparison, row: pd.Series) -> tuple[str, str]:
    one, other = (
        str(side.sweep.rows.index[side.sweep.rows["run_id"] == row[f"run_id_{letter}"]][0])
        for letter, side in (("a", comparison.then), ("b", comparison.now))
    )
    return one, other


def tables(comparison: Comparison, most: int) -> Table | None:
    """Return the runs that moved as a table, those of the largest change first, and why; None if none moved.

    Parameters
    ----------
    comparison : Comparison
    most : int
        How many runs are shown.
    """
    moved = comparison.moved
    if moved.empty:
        return None
    reasons = pd.Series([_why(own) for own in comparison.reasons])[moved.index]
    # runs that fail come first, then the largest changes of an effect, then those of any number
    size = moved["effect_change"].abs().fillna(0.0)
    order = np.lexsort((-moved["largest"].to_numpy(), -size.to_numpy(), (moved["state"] == MOVED).to_numpy()))
    shown = moved.iloc[order[:most]]
    columns = {
        "effect in A": [_number(value) for value in shown["effect_a"]],
        "in B": [_number(value) for value in shown["effect_b"]],
        "sign": ["changed" if one else "" for one in shown["sign_changed"]],
        "significance": ["changed" if one else "" for one in shown["significance_changed"]],
        "numbers moved": [
            f"{one:.0f} of {every:.0f}" for one, every in zip(shown["differing"], shown["numbers"], strict=True)
        ],
        "by": [
            why if state == MOVED else f"{state}: {error}{f' ({why})' if why != UNKNOWN else ''}"
            for why, state, error in zip(reasons[shown.index], shown["state"], _errors(shown), strict=True)
        ],
    }
    cells = pd.DataFrame({name: texts for name, texts in columns.items() if any(texts)}, index=shown["run"])
    notes = (f"{len(moved) - most:,} more runs moved; a CSV file (--to) has all.",) if len(moved) > most else ()
    title = "Runs that moved, the largest changes first" if len(moved) > 1 else "The run that moved"
    return Table(title, cells.rename_axis(None), notes=notes)


def _errors(shown: pd.DataFrame) -> list[str]:
    return [one or other for one, other in zip(shown["error_a"], shown["error_b"], strict=True)]


def _why(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{reason.kind}: {listing(reason.what, NAMED)}" for reason in reasons) or UNKNOWN


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4g}"
