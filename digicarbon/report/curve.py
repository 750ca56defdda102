"""The estimates of a specification curve: one quantity of all runs, which of them are counted together, their tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.report.base import Record
from digicarbon.report.choices import choices_of
from digicarbon.report.focal import IN_PIECES, Focal, effect_of, focal, in_levels, refuse_other
from digicarbon.report.joint import FACETS, Joint
from digicarbon.report.kinds import Multiverse, Part
from digicarbon.report.regimes import MEANS
from digicarbon.result import RATIOS, RunEffect

MOST_NAMED = 12
"""Largest number of variables that a note names."""
TESTS = {"p": "p of the draws", "step_down": "step-down p", "holm": "Holm", "bh": "Benjamini-Hochberg"}
"""p values of each specification from the draws of the joint test, and what they are called."""


@dataclass(frozen=True, eq=False)
class CurvePart:
    """Estimates that are counted together."""

    name: str
    head: str
    rows: pd.DataFrame
    columns: Mapping[str, pd.DataFrame]
    """The columns of the table: all of them, and those of each facet."""
    joint: Joint | None
    tests: Mapping[str, pd.Series[float]]
    """p values from the draws of the joint test by name, by the index of rows; not-a-number for what is not in it."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The specifications of a curve, and by what they differ."""

    focal_runs: Focal
    rows: pd.DataFrame
    """Of all main parts."""
    parts: Sequence[CurvePart]
    apart: Sequence[tuple[Part, pd.DataFrame]]
    names: Mapping[str, str]
    """What the picture calls main parts, as the label of a run; empty where there is a single part."""
    keys: Sequence[str]
    estimate_keys: Sequence[str]
    notes: tuple[Note, ...]


class MixtureError(ConfigError):
    """Estimates that cannot be on one curve."""


def curve_of(
    records: Sequence[Record],
    run_effect: RunEffect,
    by: Sequence[str],
    facet: str | None,
    multiverse: Multiverse | None,
    joints: Mapping[str, Joint],
) -> Curve:
    """Return the estimates of one quantity, by the parts of the multiverse and by the values of a facet.

    ``records``: read once. ``run_effect``: the quantity and its term. ``by``: choices that are shown; empty takes all
    that differ. ``facet``: the choice that has a curve for each value. ``joints``: the joint test of each main part, by
    its name. Raises ConfigError if no run has the quantity or the term, or a choice is unknown; `MixtureError` if
    estimates measure different things.
    """
    focal_runs = focal(records, run_effect.quantity)
    for name, key in (("facet", facet), *(("by", key) for key in by)):
        if key is not None:
            refuse_other(f"report.{name}", key, focal_runs.varied)
    rows, notes = _one_each(focal_runs, run_effect)
    main, apart, names = [("", rows)], [], {"": ""}
    if multiverse is not None and not multiverse.whole:
        labels = [focal_runs.labels[record] for record in rows["record"]]
        rows_by_part = [(part, rows[part.of(labels)]) for part in multiverse.parts]
        empty = [part.name for part, those in rows_by_part if those.empty and part.name]
        notes = (*notes, *(Note("kinds_empty", part=name) for name in empty))
        rows = rows[multiverse.counted(labels)]
        if rows.empty:
            raise ConfigError(Note("kinds_no_estimate", key="kinds", quantity=effect_of(run_effect.quantity)))
        main = [(part.name, those) for part, those in rows_by_part if part.main and len(those)]
        apart = [(part, those) for part, those in rows_by_part if not part.main and len(those)]
        names = {part.name: part.name or _label(part.choices) for part in multiverse.main}
    several = len(main) > 1
    parts = [_part(name, those, several, facet, focal_runs, joints.get(name)) for name, those in main]
    keys = list(by) or [key for key in focal_runs.varied if key in rows and rows[key].nunique() > 1]
    # for the influence on the estimate, a facet is a choice like others
    first = [] if facet is None or rows[facet].nunique() < 2 else [facet]
    keys = list(dict.fromkeys([*first, *keys]))
    many = choices_of(rows, keys, focal_runs.absent)[1]
    # rows of equal estimates that are equal in these have the same data, too: samples may come to the same rows
    estimate_keys = [key for key in focal_runs.varied if key in rows and _decides_estimates(key)]
    return Curve(focal_runs, rows, parts, apart, names, keys, estimate_keys, (*notes, *many))


def _part(
    name: str, rows: pd.DataFrame, several: bool, facet: str | None, focal_runs: Focal, joint: Joint | None
) -> CurvePart:
    """Return a main part, with a column for each value of the facet; ``several``: there are other main parts."""
    facets = {} if facet is None else dict(by_facet(rows, facet))
    for values in facets.values() or [rows]:
        _refuse_mixture(values, focal_runs)
    head, above = (name, f"{name}, ") if several else ("all", "")
    named = {f"{above}{facet}={value}": values for value, values in facets.items()} if len(facets) > 1 else {}
    tests = {} if joint is None else _tests(joint, rows["record"].map(focal_runs.labels.__getitem__))
    return CurvePart(name, head, rows, {head: rows, **named}, joint, tests)


def _one_each(focal_runs: Focal, run_effect: RunEffect) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """Return a row per run, and notes on runs that have none or several."""
    rows = focal_runs.rows
    if run_effect.term is not None and not rows.empty:
        terms = rows["term"].unique().tolist()
        if run_effect.term not in terms:
            known = {"hint": suggestion(run_effect.term, terms), "terms": cut(terms, MOST_NAMED)}
            raise ConfigError(Note("no_such_focal_term", key="report.term", term=run_effect.term, **known))
        rows = rows[rows["term"] == run_effect.term]
    repeated = set(rows.loc[rows["record"].duplicated(), "record"])
    rows = rows.drop_duplicates("record")
    with_powers = rows["record"].isin(focal_runs.powers)
    # a term that the user names is shown, even if it is a piece of an effect
    pieces = rows["record"].isin(focal_runs.pieces if run_effect.term is None else ()) & ~with_powers
    apart = with_powers | pieces
    finite = np.isfinite(rows["coef"]) & np.isfinite(rows["p"])
    estimates = rows[finite & ~apart].reset_index(drop=True)
    if estimates.empty and pieces.any():
        known = {"pieces": IN_PIECES, "terms": cut(focal_runs.rows["term"].unique().tolist(), MOST_NAMED)}
        raise ConfigError(Note("only_pieces", key="report.term", runs=int(pieces.sum()), **known))
    if estimates.empty:
        about = {"key": "report.quantity", "quantity": effect_of(run_effect.quantity)}
        if run_effect.quantity in RATIOS:
            raise ConfigError(Note("curve_without_long_run", **about))
        raise ConfigError(Note("curve_without_quantity", **about))
    without = focal_runs.runs - len(focal_runs.boundary) - len(rows)
    notes = (
        Note("without_quantity", runs=without, estimand=effect_of(run_effect.quantity)),
        Note("with_powers", runs=int(with_powers.sum())),
        Note("with_pieces", runs=int(pieces.sum()), pieces=IN_PIECES),
        Note("without_error", runs=int((~finite & ~apart).sum())),
        *focal_runs.boundary_notes(),
        Note("several_focal", runs=int(estimates["record"].isin(repeated).sum())),
    )
    return estimates, tuple(note for note in notes if note["runs"])


def _refuse_mixture(rows: pd.DataFrame, focal_runs: Focal) -> None:
    """Raise if estimates do not measure the same thing: some per 1 %, some per unit, or logs and levels of outcomes."""
    outcomes = dict.fromkeys(focal_runs.outcome_of[record] for record in rows["record"])
    for names, terms in ((rows["term"].unique().tolist(), True), (list(outcomes), False)):
        logs = [name for name in names if name in focal_runs.logarithms]
        others = [name for name in names if name not in logs]
        if logs and others:
            shown = {"logs": cut(logs, 3), "others": cut(others, 3)}
            raise MixtureError(Note("mixed_terms" if terms else "mixed_outcomes", key="report", **shown))


def _tests(joint: Joint, labels: pd.Series[str]) -> dict[str, pd.Series[float]]:
    """Return the p values of each row from the draws of a joint test; empty if it has none."""
    each = joint.each.drop_duplicates("specification").set_index("specification")
    return {name: labels.map(each[name]).astype(np.float64) for name in TESTS} if len(each) else {}


def _decides_estimates(key: str) -> bool:
    """Return whether a key of model or weights can change estimates, not only standard errors."""
    group, _, name = key.partition(".")
    return group == "weights" or (group == "model" and name not in FACETS)


def _label(choices: Mapping[str, str]) -> str:
    """Return choices as the label of a run."""
    return ", ".join(f"{key}={value}" for key, value in choices.items())


def by_facet(rows: pd.DataFrame, facet: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the values of a facet with their rows, in the order of the rows."""
    for value, part in rows.groupby(facet, sort=False, observed=True):
        yield str(value), part


def units_notes(curve: Curve) -> list[Note]:
    """Return notes on parts that take estimates of several variables, outcomes in levels, or means together.

    They name what differs, and the choice by which kinds keep it apart.
    """
    focal_runs = curve.focal_runs
    terms: dict[str, None] = {}
    outcomes: dict[str, None] = {}
    means: dict[str, None] = {}
    for part in curve.parts:
        kinds = dict.fromkeys(mean for mean in (focal_runs.mean_of[record] for record in part.rows["record"]) if mean)
        means |= kinds if len(kinds) > 1 else {}
        names = list(dict.fromkeys(part.rows["term"]))
        terms |= dict.fromkeys(names if len(names) > 1 and not focal_runs.logarithms.issuperset(names) else ())
        levels = in_levels(dict.fromkeys(focal_runs.outcome_of[record] for record in part.rows["record"]))
        outcomes |= dict.fromkeys(levels if len(levels) > 1 else ())
    notes = []
    if terms:
        notes.append(Note("terms_in_levels", terms=cut(terms, MOST_NAMED), apart=_apart_by(curve, curve.rows["term"])))
    if outcomes:
        of = curve.rows["record"].map(lambda record: focal_runs.outcome_of[record])
        notes.append(Note("outcomes_in_levels", outcomes=cut(outcomes, MOST_NAMED), apart=_apart_by(curve, of)))
    if means:
        of = curve.rows["record"].map(lambda record: focal_runs.mean_of[record])
        named = cut([MEANS[mean] for mean in means], len(MEANS))
        notes.append(Note("means_together", means=named, apart=_apart_by(curve, of)))
    return notes


def _apart_by(curve: Curve, names: pd.Series[str]) -> Note | str:
    """Return how kinds keep the runs of different variables or outcomes apart, if each value of a choice has one."""
    texts = names.astype(str)
    varied = [key for key in curve.focal_runs.varied if key in curve.rows and curve.rows[key].nunique() > 1]
    keys = [key for key in varied if texts.groupby(curve.rows[key].astype(str)).nunique().max() == 1]
    return Note("apart_by_kinds", key=keys[0]) if keys else ""
