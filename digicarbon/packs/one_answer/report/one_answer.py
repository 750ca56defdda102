"""One answer from many specifications: averages, what moves the result, what flips it, and who carries it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, PrivateAttr

from digicarbon.note import Note
from digicarbon.numeric.shape.influence import shares
from digicarbon.packs.one_answer.numeric.shapley import Shapley, shapley
from digicarbon.packs.one_answer.picture.one_answer import plot_averages, plot_left_out, plot_paths
from digicarbon.packs.one_answer.report.averages import DILUTED, EQUAL, Comparable, all_equal, average_tables, groups_of
from digicarbon.packs.one_answer.report.evidence import Evidence, EvidenceRequest, LeftOut
from digicarbon.packs.one_answer.report.steps import SearchBy, flip_table, paths_of, search_table, step_words
from digicarbon.packs.one_answer.report.without_units import UnitsLeftOut, units_of, units_table
from digicarbon.render import stacked
from digicarbon.report.base import Decimals, Record, Table, counted_notes, counted_once
from digicarbon.report.curve import Curve, units_notes
from digicarbon.report.focal import head_of
from digicarbon.report.jointly import JointlyTested
from digicarbon.report.part import MOST_VALUES, Part, part_of
from digicarbon.report.pictured import Formats, files_of
from digicarbon.report.regimes import with_regimes
from digicarbon.report.specification_curve import SpecificationCurve, drawn_words
from digicarbon.report.supplement import Supplement

FIT = 3e-3
"""Seconds of a fit without a unit, at 30 units and 6 periods."""
UNITS = 30
"""Units that plans suppose."""


class OneAnswer(JointlyTested):
    """What many specifications say together.

    Attributes
    ----------
    quantity : {"coefficient", "direct", "indirect", "total"}
        The estimand, as on a curve.
    term : str or None
        The focal term; None takes the first of each run.
    level : float
        The largest p value that counts as significant.
    draws : int
        Draws of the joint test at the end of a sweep, whose p stand under the averages; 0 for no test.
    seed : int
        Seed of the draws.
    method : {"wild", "permutation"}
        How they are drawn, as on a curve.
    main : mapping of str to object, or None
        Choices of the main specification, e.g. ``{model: sdm, weights: w1_adjacency}``; the first specification of the
        experiment that has them. Empty or None takes the first one.
    dilution : float
        The power h of George's prior |R|ʰ, which gives models with near-equal regressors less weight; 0 for none.
    search : {"estimate", "t"}
        Whether the search for the extremes goes by the estimate or by the estimate over its standard error.
    leave_out : bool
        Whether each specification is fitted again without each unit, at the end of a sweep.
    most_units : int
        How many units are listed, at most.
    decimals : int
        Digits after the decimal point.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats of the pictures; empty for none.
    """

    references: ClassVar[tuple[str, ...]] = ("george2010", "lesage2014", "lindeman1980", "owen2017", "raftery1995")

    draws: Annotated[int, Field(ge=0, le=1_000_000)] = 999
    main: Mapping[str, Any] | None = {}
    dilution: Annotated[float, Field(ge=0, le=10, strict=False)] = 1.0
    search: SearchBy = "estimate"
    leave_out: bool = False
    most_units: Annotated[int, Field(ge=1)] = 15
    decimals: Decimals = 4
    pictures: Formats = ("png", "svg")

    _evidence: Evidence | None = PrivateAttr(default=None)

    @property
    def supplement_request(self) -> EvidenceRequest:
        """What can be compared, and the fits without each unit."""
        return EvidenceRequest(self.quantity, self.term, self.leave_out)

    def with_supplement(self, supplement: Supplement | None) -> OneAnswer:
        """Return the report with the evidence of its quantity."""
        report = self.model_copy()
        report._evidence = (
            supplement if isinstance(supplement, Evidence) and self.supplement_request.fits(supplement) else None
        )
        if report._evidence is not None and not self.leave_out:
            report._evidence = replace(report._evidence, left_out=None)
        return report

    def seconds(self, runs: int, rows: int) -> float:
        """Return the seconds for the joint test and the fits without each unit."""
        return super().seconds(runs, rows) + (FIT * UNITS * runs if self.leave_out else 0.0)

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the averages, and below them the other parts.

        Raises
        ------
        ConfigError
            As `SpecificationCurve.table`, or if there is no such main specification.
        """
        curve, parts = self._parts(records)
        tables: list[Table] = []
        for place, (part, of_curve) in enumerate(zip(parts, curve.parts, strict=True)):
            part_tables = self._tables(part)
            notes = [*self.joint_remark(of_curve, self.words), *self.words.notes(self.joint_notes(of_curve))]
            notes += () if place else self._notes(curve, parts)
            part_tables[0] = replace(part_tables[0], title=title, notes=(*part_tables[0].notes, *notes))
            name = f"{self.words.colon}{self.words.head(part.name)}" if part.name else ""
            tables += [replace(one, title=f"{one.title}{name}") for one in part_tables]
        return stacked(tables)

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return pictures of the averages and shares, of the search, and of the curve without each unit."""
        if not self.pictures:
            return {}
        curve, parts = self._parts(records)
        words = drawn_words(self.words)
        files: dict[str, bytes] = {}
        for part in parts:
            end = f"_{part.name}" if part.name else ""
            head = f"{title}{words.colon}{words.head(part.name)}" if part.name else title
            files |= self._pictures(part, end, head, curve.focal_runs.simulated)
        return files

    def _pictures(self, part: Part, end: str, title: str, simulated: bool) -> dict[str, bytes]:
        words = drawn_words(self.words)
        shown: dict[str, Any] = {"title": title, "simulated": simulated, "language": words.spoken}
        groups = self._groups(part)
        worth = self._shapley(part)
        names = [words.choice(choice.key) for choice in part.choices]
        rows = pd.DataFrame({"coef": part.rows["coef"], "se": part.rows["se"]}).to_numpy(dtype=np.float64)
        figure = plot_averages(
            {words.word(name): (one.mean, one.sd) for name, one in groups[0].averages.items()},
            rows[groups[0].members, 0],
            dict(zip(names, worth.shares, strict=True)),
            1 - worth.additive,
            **shown,
        )
        files = files_of(f"one_answer{end}", figure, self.pictures)
        if part.choices:
            paths = paths_of(part, self.search)
            steps = {name: (rows[list(path.rows), 0], step_words(part, path, words)) for name, path in paths.items()}
            beyond = {name: float(rows[path.best, 0]) for name, path in paths.items() if not path.reaches}
            files |= files_of(f"search{end}", plot_paths(rows[:, 0], steps, beyond, **shown), self.pictures)
        _, units = self._units(part)
        if units is not None:
            figure = plot_left_out(units.shown(self.most_units, words), units.median, **shown)
            files |= files_of(f"without_units{end}", figure, self.pictures)
        return files

    def _parts(self, records: Sequence[Record]) -> tuple[Curve, list[Part]]:
        """Return the specifications of the curve, and those of them that are counted together."""
        report = SpecificationCurve(
            quantity=self.quantity, term=self.term, level=self.level, labels=self.labels, language=self.language
        )
        curve = report.with_multiverse(self.multiverse).with_joints(self._joints).curve(records)
        return curve, [part_of(curve, one.rows, one.name, self.main or {}) for one in curve.parts]

    def _groups(self, part: Part) -> list[Comparable]:
        each = () if self._evidence is None else self._evidence.each
        return groups_of(part, {one.label: one for one in each}, self.dilution) or [all_equal(part)]

    def _units(self, part: Part) -> tuple[LeftOut | None, UnitsLeftOut | None]:
        """Return the fits without each unit, and the curve of a part without each; None where there are none."""
        left = self._evidence.left_out if self._evidence is not None else None
        return left, None if left is None else units_of(part, left, self.level)

    @staticmethod
    def _shapley(part: Part) -> Shapley:
        return shapley(part.rows["coef"].to_numpy(dtype=np.float64), [choice.columns for choice in part.choices])

    def _tables(self, part: Part) -> list[Table]:
        tables = list(average_tables(part, self._groups(part), self.decimals, self.words))
        if part.choices:
            paths = paths_of(part, self.search)
            tables += [
                self._share_table(part),
                flip_table(part, self.level, self.decimals, self.words),
                search_table(part, paths, self.search, self.decimals, self.words),
            ]
        left, units = self._units(part)
        if left is not None and units is not None:
            tables.append(units_table(units, left, self.most_units, self.level, self.decimals, self.words))
        return tables

    def _share_table(self, part: Part) -> Table:
        """Return the Shapley share of each choice, beside what it explains alone and beyond all others."""
        coef, columns = part.rows["coef"].to_numpy(dtype=np.float64), [choice.columns for choice in part.choices]
        worth, other = self._shapley(part), shares(coef, columns)
        drawn = bool(worth.errors.any())
        lines: dict[str, list[str]] = {}
        for place in np.argsort(-worth.shares, kind="stable"):
            cells = [f"{worth.shares[place]:.1%}", f"{other.alone[place]:.1%}", f"{other.unique[place]:.1%}"]
            if drawn:
                cells[0] += f" (± {worth.errors[place]:.1%})"
            lines[self.words.choice(part.choices[place].key)] = cells
        lines[self.words.word("all choices, additive")] = [f"{worth.additive:.1%}", "", ""]
        lines[self.words.word("combinations of choices")] = [f"{max(1 - worth.additive, 0.0):.1%}", "", ""]
        heads = [self.words.word(head) for head in ("Shapley share", "variance, alone", "variance, unique")]
        notes = [Note("shapley_shares")]
        if part.countless:
            notes.append(Note("shapley_countless", keys=part.countless, most=MOST_VALUES))
        if drawn:
            notes.append(Note("shapley_drawn", choices=len(columns)))
        return Table(
            self.words.word("shares of the choices"),
            pd.DataFrame.from_dict(lines, orient="index", columns=heads),
            (len(lines) - 2,),
            self.words.notes(notes),
            language=self.words.spoken,
        )

    def _notes(self, curve: Curve, parts: Sequence[Part]) -> tuple[str, ...]:
        called = with_regimes(self.words, curve.focal_runs.regimes)
        terms = tuple(called(term) for term in curve.rows["term"].unique())
        notes = [Note("one_answer", estimand=head_of(self.quantity), terms=terms[:12])]
        if repeated := sum(part.repeated for part in parts):
            notes.append(Note("counted_without_errors", specifications=repeated))
        if self._evidence is None:
            notes.append(Note("no_evidence_recorded", words=self._asking()))
        else:
            notes += [*self.unrecorded("one_answer"), *self._without(parts)]
            if any(set(DILUTED.values()) & set(group.averages) for part in parts for group in self._groups(part)):
                notes.append(Note("diluted_by", power=self.dilution))
            if self.leave_out and self._evidence.left_out is None:
                notes.append(Note("no_left_out_recorded", words=self._asking()))
        notes += [*units_notes(curve), *curve.notes]
        notes += [*counted_notes(curve.focal_runs.notes, curve.focal_runs.runs), *counted_once(curve.focal_runs.again)]
        return self.words.notes(notes)

    def _asking(self) -> str:
        return self.request_words("one_answer", "quantity", "term", "draws", "seed", "level", "method", "leave_out")

    def _without(self, parts: Sequence[Part]) -> list[Note]:
        """Return notes on specifications without a likelihood, by reason, and on those that compare with none."""
        assert self._evidence is not None
        labels = {label for part in parts for label in part.labels}
        supports = [one for one in self._evidence.each if one.label in labels]
        reasons = Counter(one.why for one in supports if one.why is not None)
        notes = [Note("without_likelihood", runs=runs, every=len(supports), why=why) for why, runs in _models(reasons)]
        # regressions alone need no spatial likelihood
        spatial = any(one.marginal for one in supports)
        marginal = Counter(one.why_marginal for one in supports if spatial and one.why_marginal is not None)
        notes += [Note("without_marginal", runs=runs, every=len(supports), why=why) for why, runs in _models(marginal)]
        of = {one.label: one for one in supports}
        groups = [self._groups(part) for part in parts]
        alone = 0
        for part, comparable in zip(parts, groups, strict=True):
            compared = {row for group in comparable if set(group.averages) != {EQUAL} for row in group.members}
            rows = [row for row, label in enumerate(part.labels) if row not in compared and label in of]
            alone += sum(of[part.labels[row]].why is None for row in rows) if compared else 0
        if alone:
            notes.append(Note("likelihood_alone", runs=alone, every=len(supports)))
        return [*notes, Note("several_groups")] if any(len(comparable) > 1 for comparable in groups) else notes


def _models(reasons: Mapping[Note, int]) -> list[tuple[Note, int]]:
    """Return reasons with their numbers; those that differ in the model alone are one."""
    together: dict[Note, list[tuple[Note, int]]] = {}
    for why, runs in reasons.items():
        of_model = "model" in dict(why.fields)
        together.setdefault(why.changed(model="") if of_model else why, []).append((why, runs))
    counted = []
    for alike in together.values():
        why, runs = alike[0][0], sum(some for _, some in alike)
        models = tuple(one["model"] for one, _ in alike if "model" in dict(one.fields))
        counted.append((why.changed(model=models) if models else why, runs))
    return counted
