"""Tables of averages over models: the mean, what is not known, and how probable each choice is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.note import Note
from digicarbon.numeric.averaging import Averaged, average, bic, inclusion, powered
from digicarbon.packs.one_answer.report.evidence import Support
from digicarbon.report.base import Table
from digicarbon.report.labels import Labels
from digicarbon.report.part import Part
from digicarbon.report.pictured import chance
from digicarbon.report.signs import number

EQUAL, BIC, MARGINAL = "equal weights", "BIC", "marginal likelihood"
DILUTED = {BIC: "BIC, diluted", MARGINAL: "marginal likelihood, diluted"}
HEADS = ("", "within_")
"""What names of the fields of a run's two likelihoods begin with."""
ROUNDING = 1e-12
"""A standard deviation of estimates that is smaller than this, relative to their mean, is zero."""
MOST_GROUPS = 6
"""How many groups of comparable specifications are shown."""


@dataclass(frozen=True, eq=False)
class Comparable:
    """Specifications that can be averaged with each other.

    ``members``: rows of the part. ``averages``: by how they are weighted. ``design_effect``: k, their likelihoods have
    the power 1/k; not-a-number where it is not known.
    """

    members: IntArray
    averages: Mapping[str, Averaged]
    design_effect: float = float("nan")


def groups_of(part: Part, supports: Mapping[str, Support], dilution: float) -> list[Comparable]:
    """Return the groups of comparable specifications, the largest first; those without a support are in none.

    Supports are by label; the dilution is the power of |R| in the prior weight of a model, 0 for none.
    """
    each = [supports.get(label, Support(label)) for label in part.labels]
    diluted = dilution * np.array([one.correlation for one in each])
    weights: dict[tuple[int, ...], dict[str, FloatArray]] = {}
    for kind, log in _logs(each):
        members = np.flatnonzero(np.isfinite(log))
        if len(members) > 1:
            logs = weights.setdefault(tuple(members.tolist()), {})
            logs[kind] = log[members]
            if dilution:
                logs[DILUTED[kind]] = log[members] + diluted[members]
    groups = [
        _comparable(part, np.array(rows, dtype=np.int64), logs, _design_effect([each[row] for row in rows]))
        for rows, logs in weights.items()
        if not any(set(rows) < set(more) and set(logs) <= set(others) for more, others in weights.items())
    ]
    return sorted(groups, key=lambda one: (-len(one.members), one.members[0]))


def all_equal(part: Part) -> Comparable:
    """Return all specifications with equal weights."""
    members = np.arange(len(part.rows))
    return Comparable(members, {EQUAL: _average(part, members, np.zeros(len(members)))})


def average_tables(part: Part, groups: Sequence[Comparable], decimals: int, words: Labels) -> Iterator[Table]:
    """Yield the table of each group."""
    every = len(part.rows)
    for place, group in enumerate(groups[:MOST_GROUPS], start=1):
        columns_of = [_cells(one, decimals) for one in group.averages.values()]
        lines = [(words.word(name), list(cells)) for name, *cells in zip(_LINES, *columns_of, strict=True)]
        rules = [1, 2]
        blocks: list[int] = []
        indented = [_LINES.index(name) for name in _PARTS]
        common: list[str] = []
        for at_choice, choice in enumerate(part.choices):
            columns = choice.columns[group.members]
            rows = group.members[part.applies[group.members, at_choice]]
            values = part.rows[choice.key].iloc[rows].astype(str).unique()
            varying = np.ptp(columns, axis=0) > 0
            if not varying.any():
                if len(values) == 1 and part.rows[choice.key].nunique() > 1:
                    common.append(words.row(choice.key, str(values[0])))
                continue
            chances = [inclusion(one.weights, columns) for one in group.averages.values()]
            rules.append(len(lines))
            blocks.append(len(lines))
            lines.append((words.choice(choice.key), [""] * len(chances)))
            for at in np.flatnonzero(varying):
                cells = [chance(included[at], 3) for included in chances]
                indented.append(len(lines))
                lines.append((words.option(choice.key, choice.values[at]), cells))
        several = len(groups) > 1
        alone = set(group.averages) == {EQUAL}
        notes = [
            Note("averaged_equally", every=every)
            if alone
            else Note("averaged_group", specifications=len(group.members), every=every)
        ]
        if place == 1:
            notes.append(Note("probability_above"))
        if np.isfinite(group.design_effect):
            notes.append(Note("design_effect", k=group.design_effect))
        elif not alone:
            notes.append(Note("no_design_effect"))
        if common:
            notes.append(Note("averaged_all_have", choices=tuple(common)))
        if place == min(len(groups), MOST_GROUPS) and len(groups) > MOST_GROUPS:
            notes.append(Note("further_groups", groups=len(groups) - MOST_GROUPS))
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
            indented=tuple(indented),
            language=words.spoken,
        )


_LINES = (
    *("effective number of models", "posterior mean", "posterior sd"),
    *("sd given the model", "sd between models", "probability above zero"),
)

_PARTS = ("sd given the model", "sd between models")
"""Those of `_LINES` that are parts of the line above them."""


def _cells(one: Averaged, decimals: int) -> list[str]:
    """Return the cells of an average, in the order of `_LINES`."""
    # of a single model with all the weight there is rounding
    between = one.between if one.between > ROUNDING * max(abs(one.mean), one.sd) else 0.0
    numbers = [number(value, decimals) for value in (one.mean, one.sd, one.within, between)]
    return [f"{one.effective:.1f}", *numbers, chance(one.positive, 3)]


def _logs(each: Sequence[Support]) -> Iterator[tuple[str, FloatArray]]:
    """Yield each kind of weights with the log weights of comparable models, not-a-number for others.

    A regression has two likelihoods, of all rows and of those that a spatial model's transformation leaves. Their
    maxima have the power 1/k; what a criterion or a prior takes off for each parameter stays.
    """
    names = ("loglik", "parameters", "observations")
    whole, within = (np.array([[getattr(one, head + name) for name in names] for one in each]).T for head in HEADS)
    keys = np.array([[one.likelihood, one.within] for one in each], dtype=object).reshape(-1, 2)
    for name in dict.fromkeys(name for name in keys.ravel() if name):
        loglik, *rest = np.where(keys[:, 0] == name, whole, np.where(keys[:, 1] == name, within, np.nan))
        yield BIC, -bic(loglik / _power(each, (keys == name).any(axis=1)), *rest) / 2
    marginal = np.array([one.marginal for one in each], dtype=object)
    log, highest = (np.array([getattr(one, name) for one in each]) for name in ("log_marginal", "marginal_loglik"))
    for name in dict.fromkeys(name for name in marginal if name):
        yield MARGINAL, np.where(marginal == name, powered(log, highest, _power(each, marginal == name)), np.nan)


def _power(each: Sequence[Support], among: NDArray[np.bool_]) -> float:
    """Return k of some runs, 1 where it is not known."""
    k = _design_effect([one for one, member in zip(each, among, strict=True) if member])
    return k if np.isfinite(k) else 1.0


def _design_effect(each: Sequence[Support]) -> float:
    """Return k of the largest model, of equally large ones the largest k; not-a-number where none has one.

    The largest model leaves least in the errors that belongs to a variable which smaller ones lack.
    """
    known = [(one.size, one.design_effect) for one in each if np.isfinite(one.design_effect)]
    return max(known, default=(0.0, float("nan")))[1]


def _comparable(part: Part, members: IntArray, logs: Mapping[str, FloatArray], k: float) -> Comparable:
    every = {EQUAL: np.zeros(len(members)), **logs}
    averages = {name: _average(part, members, log) for name, log in every.items()}
    return Comparable(members, averages, k)


def _average(part: Part, members: IntArray, log: FloatArray) -> Averaged:
    coef, se, p = (part.rows[name].to_numpy(dtype=np.float64)[members] for name in ("coef", "se", "p"))
    return average(coef, se, p, log)
