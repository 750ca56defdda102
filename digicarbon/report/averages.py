"""Tables of averages over models: the mean, what is not known, and how probable each choice is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.note import Note
from digicarbon.numeric.multiverse.averaging import Averaged, average, bic, inclusion
from digicarbon.report.base import Table
from digicarbon.report.evidence import Support
from digicarbon.report.labels import Labels
from digicarbon.report.part import Part
from digicarbon.report.signs import number

EQUAL, BIC, MARGINAL = "equal weights", "BIC", "marginal likelihood"
DILUTED = {BIC: "BIC, diluted", MARGINAL: "marginal likelihood, diluted"}
MOST_GROUPS = 3
"""How many groups of comparable specifications are shown."""


@dataclass(frozen=True, eq=False)
class Comparable:
    """Specifications that can be averaged with each other.

    Attributes
    ----------
    members : ndarray of int
        Rows of the part.
    averages : mapping of str to Averaged
        By how they are weighted.
    observations : float
        Of the likelihood; not-a-number where there is none.
    """

    members: IntArray
    averages: Mapping[str, Averaged]
    observations: float


def groups_of(part: Part, supports: Mapping[str, Support], dilution: float) -> list[Comparable]:
    """Return the groups of comparable specifications, the largest first.

    Parameters
    ----------
    part : Part
    supports : mapping of str to Support
        By the label of the run; those without one are in no group.
    dilution : float
        The power of |R| in the prior weight of a model; 0 for none.
    """
    each = [supports.get(label, Support(label)) for label in part.labels]
    weights: dict[tuple[int, ...], dict[str, FloatArray]] = {}
    diluted = dilution * np.array([one.correlation for one in each])
    for kind, key, log in (
        (BIC, "likelihood", -_bic(each) / 2),
        (MARGINAL, "marginal", np.array([one.log_marginal for one in each])),
    ):
        keys = np.array([getattr(one, key) for one in each], dtype=object)
        for name in dict.fromkeys(name for name in keys if name):
            members = np.flatnonzero((keys == name) & np.isfinite(log))
            if len(members) > 1:
                own = weights.setdefault(tuple(members.tolist()), {})
                own[kind] = log[members]
                if dilution:
                    own[DILUTED[kind]] = log[members] + diluted[members]
    found = []
    for rows, logs in weights.items():
        members = np.array(rows, dtype=np.int64)
        every = {EQUAL: np.zeros(len(members)), **logs}
        observations = {each[row].observations for row in rows} if BIC in logs else set()
        size = observations.pop() if len(observations) == 1 else float("nan")
        found.append(Comparable(members, {name: _average(part, members, log) for name, log in every.items()}, size))
    return sorted(found, key=lambda one: (-len(one.members), one.members[0]))


def all_equal(part: Part) -> Comparable:
    """Return all specifications with equal weights."""
    members = np.arange(len(part.rows))
    return Comparable(members, {EQUAL: _average(part, members, np.zeros(len(members)))}, float("nan"))


def average_tables(part: Part, groups: Sequence[Comparable], decimals: int, words: Labels) -> Iterator[Table]:
    """Yield the table of each group."""
    every = len(part.rows)
    for place, group in enumerate(groups[:MOST_GROUPS], start=1):
        lines: list[tuple[str, list[str]]] = [
            (words.word(name), [show(one, decimals) for one in group.averages.values()])
            for name, show in _LINES.items()
        ]
        rules = [1, 2]
        blocks = []
        for choice in part.choices:
            columns = choice.columns[group.members]
            varying = np.ptp(columns, axis=0) > 0
            if not varying.any():
                continue
            chances = [inclusion(one.weights, columns) for one in group.averages.values()]
            rules.append(len(lines))
            blocks.append(len(lines))
            lines.append((words.choice(choice.key), [""] * len(chances)))
            for at in np.flatnonzero(varying):
                cells = [f"{chance[at]:.3f}" for chance in chances]
                lines.append((f"  {words.option(choice.key, choice.values[at])}", cells))
        several = len(groups) > 1
        notes = [Note("averaged_group", specifications=len(group.members), every=every)]
        if np.isfinite(group.observations):
            notes = [
                Note("averaged_likelihood", specifications=len(group.members), every=every, n=int(group.observations))
            ]
        title = words.word("averages of comparable specifications")
        cells_of = pd.DataFrame(
            [cells for _, cells in lines],
            index=[name for name, _ in lines],
            columns=[words.word(name) for name in group.averages],
        )
        yield Table(
            f"{title} ({place})" if several else title,
            cells_of,
            tuple(rules),
            words.notes(notes),
            blocks=tuple(blocks),
            language=words.spoken,
        )


_LINES = {
    "effective number of models": lambda one, decimals: f"{one.effective:.1f}",
    "posterior mean": lambda one, decimals: number(one.mean, decimals),
    "posterior sd": lambda one, decimals: number(one.sd, decimals),
    "sd given the model": lambda one, decimals: number(one.within, decimals),
    "sd between models": lambda one, decimals: number(one.between, decimals),
    "probability above zero": lambda one, decimals: f"{one.positive:.3f}",
}


def _bic(each: Sequence[Support]) -> FloatArray:
    columns = ([getattr(one, name) for one in each] for name in ("loglik", "parameters", "observations"))
    return bic(*map(np.array, columns))


def _average(part: Part, members: IntArray, log: FloatArray) -> Averaged:
    coef, se = (part.rows[name].to_numpy(dtype=np.float64)[members] for name in ("coef", "se"))
    return average(coef, se, log)
