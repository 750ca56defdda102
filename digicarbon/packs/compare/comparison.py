"""Two recorded sweeps, run by run and number by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.config.former import composed
from digicarbon.note import Note
from digicarbon.packs.compare.match import Place, matched, places
from digicarbon.packs.compare.origins import OPTIONS, TAGS, DataRecord, Origin, Origins, Reason
from digicarbon.recorded import RecordedSweep
from digicarbon.recorded.differences import REPEATED, TOLERANCE, relative
from digicarbon.tracking import QUANTITY, SIGN, TERM

METRICS, EFFECT = "metrics.", "focal.effect"
FINISHED = "FINISHED"
EQUAL, MOVED, FAILS_IN_A, FAILS_IN_B, FAILS_IN_BOTH = "equal", "moved", "fails in A", "fails in B", "fails in both"
ONLY_IN_A, ONLY_IN_B = "only in A", "only in B"


@dataclass(frozen=True, eq=False)
class Side:
    """One of two sweeps that are compared.

    ``name``: what the user calls it. ``run_id``: the only run that is compared; empty for all.
    """

    name: str
    sweep: RecordedSweep
    run_id: str = ""

    @cached_property
    def origins(self) -> list[Origin]:
        """What each recorded run was made from, in the order of the table of runs."""
        rows = self.sweep.rows
        tags, options = _texts(rows, "tags.", TAGS), _texts(rows, "params.", OPTIONS)
        fields = [name for name in rows.columns if name.startswith("params.model.")]
        given = rows[fields].notna().to_numpy()
        names = np.array([name.removeprefix("params.model.") for name in fields], dtype=object)
        known: dict[bytes, frozenset[str]] = {}
        used = [known.setdefault(row.tobytes(), frozenset(names[row])) for row in given]
        return [Origin(*parts) for parts in zip(rows.index, tags, options, used, strict=True)]


def _texts(rows: pd.DataFrame, family: str, names: Sequence[str]) -> list[dict[str, str]]:
    """Return the texts that each run has under some names."""
    there = [name for name in names if f"{family}{name}" in rows]
    columns = [rows[f"{family}{name}"].to_list() for name in there]
    if not there:
        return [{} for _ in range(len(rows))]
    return [
        {name: text for name, text in zip(there, row, strict=True) if isinstance(text, str)}
        for row in zip(*columns, strict=True)
    ]


class _Numbers(NamedTuple):
    """The numbers of runs that are in both sweeps: names, both values, and how far they are apart."""

    names: Sequence[str]
    then: FloatArray
    now: FloatArray
    apart: FloatArray


@dataclass(frozen=True, eq=False)
class Comparison:
    """What moved between two sweeps."""

    then: Side
    now: Side
    """A and B."""
    runs: pd.DataFrame
    """A row for each run: columns as in the file of `digicarbon compare --to`."""
    reasons: Sequence[tuple[Reason, ...]]
    """Why each of these runs moved; empty where none differs or nothing that is recorded does."""
    failures: Sequence[Note | None]
    """Why each of these runs that fails in one of the sweeps fails there; None for all others."""
    numbers: int
    """How many numbers were compared."""
    other_origins: int
    """How many runs have equal numbers although they have another content hash."""

    @property
    def moved(self) -> pd.DataFrame:
        """The runs in both sweeps whose numbers differ, and those that fail in one."""
        return self.runs[self.runs["state"].isin((MOVED, FAILS_IN_A, FAILS_IN_B))]

    @property
    def both(self) -> pd.DataFrame:
        """The runs that are in both sweeps."""
        return self.runs[~self.runs["state"].isin((ONLY_IN_A, ONLY_IN_B))]


def compare(then: Side, now: Side) -> Comparison:
    """Compare two recorded sweeps, which are called A and B."""
    pairs, only_then, only_now = matched(places(then.sweep, then.run_id), places(now.sweep, now.run_id))
    rows = (then.sweep.rows.iloc[[one.row for one, _ in pairs]], now.sweep.rows.iloc[[other.row for _, other in pairs]])
    same_effect = _comparable(*rows)
    numbers = _numbers(*rows, same_effect)
    finished = [(one["status"] == FINISHED).to_numpy() for one in rows]
    unequal = numbers.apart > TOLERANCE
    state = np.where(unequal.any(axis=1), MOVED, EQUAL).astype(object)
    for ends, word in (((True, False), FAILS_IN_B), ((False, True), FAILS_IN_A), ((False, False), FAILS_IN_BOTH)):
        state[(finished[0] == ends[0]) & (finished[1] == ends[1])] = word
    frame = pd.DataFrame({"run": [one.label for one, _ in pairs], "state": state})
    frame["label_in_b"] = [other.label for _, other in pairs]
    frame = pd.concat([frame, _sizes(numbers, unequal), _effects(*rows, same_effect)], axis="columns")
    for letter, side in zip("ab", rows, strict=True):
        frame[f"run_id_{letter}"] = side["run_id"].to_numpy()
        frame[f"error_{letter}"] = [_first_line(text) for text in side["error"]]
    reasons = _reasons(then, now, pairs, frame["state"])
    others = sum(
        one.run.hash != other.run.hash for (one, other), word in zip(pairs, state, strict=True) if word == EQUAL
    )
    alone = [
        _alone(side, left, other, letters, words)
        for side, left, other, letters, words in (
            (then, only_then, now, ("a", "b"), (ONLY_IN_A, FAILS_IN_B)),
            (now, only_now, then, ("b", "a"), (ONLY_IN_B, FAILS_IN_A)),
        )
        if left
    ]
    failures = _failures(then, now, pairs, frame["state"])
    failures += [*_cannot(only_then, now), *_cannot(only_now, then)]
    frame = pd.concat([frame, *alone], ignore_index=True).reindex(columns=frame.columns) if alone else frame
    reasons += [()] * (len(frame) - len(reasons))
    for kind in ("data", "choice", "code", "packages"):
        texts = ["; ".join(str(text) for one in own if one.kind == kind for text in one.what) for own in reasons]
        frame[kind] = texts
    frame.insert(2, "reason", [" and ".join(one.kind for one in own) for own in reasons])
    compared = int((~np.isnan(numbers.then) | ~np.isnan(numbers.now)).sum())
    return Comparison(then, now, frame, reasons, failures, compared, others)


def _first_line(text: object) -> str:
    return text.partition("\n")[0] if isinstance(text, str) else ""


def _column(rows: pd.DataFrame, name: str) -> Any:
    """Return a column's values; nothing for each run where no run has it."""
    return rows[name].to_numpy() if name in rows else np.full(len(rows), None, dtype=object)


def _comparable(then: pd.DataFrame, now: pd.DataFrame) -> Any:
    """Return which runs have the same kind of number as their effect; where it is not recorded, no two are alike."""
    one, other = (_column(rows, f"tags.{QUANTITY}") for rows in (then, now))
    return np.array(
        [a == b or not (isinstance(a, str) and isinstance(b, str)) for a, b in zip(one, other, strict=True)], dtype=bool
    )


def _numbers(then: pd.DataFrame, now: pd.DataFrame, same_effect: Any) -> _Numbers:
    every = dict.fromkeys(name for rows in (then, now) for name in rows.columns if name.startswith(METRICS))
    names = [name.removeprefix(METRICS) for name in every]
    one, other = (rows.reindex(columns=list(every)).to_numpy(dtype=np.float64, copy=True) for rows in (then, now))
    effects = [place for place, name in enumerate(names) if name == EFFECT or name.startswith(f"{EFFECT}.")]
    for values in (one, other):
        values[np.ix_(~same_effect, effects)] = np.nan
    return _Numbers(names, one, other, relative(one, other))


def _sizes(numbers: _Numbers, unequal: Any) -> pd.DataFrame:
    """Return how many numbers of each run differ, and which one most; one on one side only comes last."""
    count = len(numbers.apart)
    there = (~np.isnan(numbers.then) | ~np.isnan(numbers.now)).sum(axis=1)
    frame = pd.DataFrame({"numbers": there, "differing": unequal.sum(axis=1)})
    if not numbers.names:
        return frame.assign(number="", value_a=np.nan, value_b=np.nan, largest=0.0)
    own = np.array([not name.startswith(REPEATED) for name in numbers.names])
    in_both = ~np.isnan(numbers.then) & ~np.isnan(numbers.now)
    # numbers of the focal term are named as its own; a number without a partner has no size of a change
    ranked = np.where(unequal, numbers.apart + 2.0 * in_both, -1.0)
    ranked = np.where(own, ranked, np.minimum(ranked, -0.5))
    place = ranked.argmax(axis=1)
    row = np.arange(count)
    differs = unequal[row, place]
    names = np.array(numbers.names, dtype=object)
    frame["number"] = np.where(differs, names[place], "")
    for letter, values in (("a", numbers.then), ("b", numbers.now)):
        frame[f"value_{letter}"] = np.where(differs, values[row, place], np.nan)
    frame["largest"] = np.where(differs, numbers.apart[row, place], 0.0)
    return frame


def _effects(then: pd.DataFrame, now: pd.DataFrame, same: Any) -> pd.DataFrame:
    """Return the focal effect of each run in both sweeps, and whether its sign or its significance changed."""
    frame = pd.DataFrame(index=range(len(then)))
    for letter, rows in (("a", then), ("b", now)):
        frame[f"quantity_{letter}"] = pd.Series(_column(rows, f"tags.{QUANTITY}"), dtype=object).fillna("")
        frame[f"term_{letter}"] = pd.Series(_column(rows, f"tags.{TERM}"), dtype=object).fillna("")
        for part, name in (("effect", EFFECT), ("p", f"{EFFECT}.p")):
            frame[f"{part}_{letter}"] = pd.to_numeric(pd.Series(_column(rows, f"{METRICS}{name}"))).to_numpy(np.float64)
    frame["effect_change"] = np.where(same, frame["effect_b"] - frame["effect_a"], np.nan)
    signs = [[text if isinstance(text, str) else "" for text in _column(rows, f"tags.{SIGN}")] for rows in (then, now)]
    known = [bool(one and other) and bool(alike) for one, other, alike in zip(*signs, same, strict=True)]
    pairs = list(zip(*signs, known, strict=True))
    frame["sign_changed"] = [both and one[0] != other[0] for one, other, both in pairs]
    frame["significance_changed"] = [both and one.endswith("*") != other.endswith("*") for one, other, both in pairs]
    frame["effect_comparable"] = same
    return frame


def _reasons(
    then: Side, now: Side, pairs: Sequence[tuple[Place, Place]], state: pd.Series[Any]
) -> list[tuple[Reason, ...]]:
    origins = Origins(DataRecord(then.sweep.data), DataRecord(now.sweep.data))
    ids = [side.sweep.rows["run_id"].to_list() for side in (then, now)]
    found: list[tuple[Reason, ...]] = []
    for (one, other), word in zip(pairs, state, strict=True):
        if word not in (MOVED, FAILS_IN_A, FAILS_IN_B):
            found.append(())
            continue

        def configs(one: int = one.row, other: int = other.row) -> tuple[str, str]:
            return composed(then.sweep.configs.get(ids[0][one], "")), composed(now.sweep.configs.get(ids[1][other], ""))

        found.append(origins.reasons(then.origins[one.row], now.origins[other.row], configs))
    return found


def _failures(then: Side, now: Side, pairs: Sequence[tuple[Place, Place]], state: pd.Series[Any]) -> list[Note | None]:
    """Return why each run of both sweeps that fails in one of them fails there."""
    sides = {FAILS_IN_A: then, FAILS_IN_B: now}
    known = {word: dict(side.sweep.failures) for word, side in sides.items() if (state == word).any()}
    return [
        known[word].get((one if word == FAILS_IN_A else other).run.label) if word in known else None
        for (one, other), word in zip(pairs, state, strict=True)
    ]


def _cannot(left: Sequence[Place], other: Side) -> list[Note | None]:
    """Return why the other sweep cannot run what is recorded in one sweep only; None where it says nothing."""
    roster = other.sweep.roster
    whys = dict([*roster.failed, *roster.skipped])
    return [whys.get(place.label) or whys.get(place.run.column or "") for place in left]


def _alone(
    side: Side, left: Sequence[Place], other: Side, letters: tuple[str, str], words: tuple[str, str]
) -> pd.DataFrame:
    """Return rows for runs that are recorded in one sweep only; the other one may say why it cannot run them."""
    letter, beside = letters
    rows = side.sweep.rows.iloc[[place.row for place in left]]
    whys = _cannot(left, other)
    frame = pd.DataFrame({"run": [place.label for place in left], "numbers": 0, "differing": 0})
    frame["state"] = [words[why is not None] for why in whys]
    frame[f"error_{beside}"] = ["" if why is None else _first_line(str(why)) for why in whys]
    own = _effects(rows, rows, np.ones(len(rows), dtype=bool))
    for part in ("quantity", "term", "effect", "p"):
        frame[f"{part}_{letter}"] = own[f"{part}_{letter}"]
    for name in ("sign_changed", "significance_changed"):
        frame[name] = False
    frame["effect_comparable"] = True
    frame[f"run_id_{letter}"] = rows["run_id"].to_numpy()
    frame[f"error_{letter}"] = [_first_line(text) for text in rows["error"]]
    return frame
