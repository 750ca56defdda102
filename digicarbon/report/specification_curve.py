"""A specification curve: all estimates of one quantity in order, the choices behind each, and their influence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import PrivateAttr

from digicarbon.arrays import BoolArray
from digicarbon.note import Note, cut
from digicarbon.numeric.shape.influence import robustness
from digicarbon.numeric.significance import is_significant
from digicarbon.render import stacked
from digicarbon.report.base import Decimals, Record, Table, counted_notes, counted_once
from digicarbon.report.choices import Choice, choices_of
from digicarbon.report.claim import OUTCOMES, Verdict, percent
from digicarbon.report.curve import TESTS, Curve, CurvePart, MixtureError, by_facet, curve_of, units_notes
from digicarbon.report.focal import head_of
from digicarbon.report.influence import few_notes, influence_table
from digicarbon.report.joint import Joint
from digicarbon.report.jointly import STATISTICS, JointlyTested, of_part, p_values
from digicarbon.report.kinds import KINDS, LETTERS, with_letter
from digicarbon.report.labels import Labels
from digicarbon.report.picture import Strip, chinese, plot_specification_curve, rendered
from digicarbon.report.pictured import Formats
from digicarbon.report.regimes import with_regimes
from digicarbon.report.signs import number
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS = 6
"""Largest number of curves that stand side by side, if there are several parts."""
PICTURE = 1.0
"""Seconds that a picture takes."""
LARGEST = 10
"""How many specifications are listed with their p values from the draws of the joint test."""
_REPEATED = "differ in standard errors only"
LEFT_OUT = (
    *("without_quantity", "with_powers", "with_pieces", "without_error"),
    *("runs_at_boundary", "runs_beyond", "runs_failed"),
)
"""Notes on fits that are not on the curve; the picture counts them."""


class SpecificationCurve(JointlyTested):
    """The curve of a multiverse, its summary with the joint test, and the influence of each choice.

    Attributes
    ----------
    quantity : {"coefficient", "direct", "indirect", "total"}
        The estimand. Coefficients of models without spatial lags are also direct and total effects.
    term : str or None
        The focal term; None takes the first of each run.
    by : tuple of str
        Choices that are shown below the curve, in this order; empty takes all that differ.
    facet : str or None
        A choice with a separate curve for each value, e.g. ``inference``: other standard errors of the same estimate
        are not another specification.
    level : float
        The largest p value that counts as significant.
    draws : int
        Draws of the joint test at the end of a sweep, which also give step-down p values of all specifications; 0 for
        no test.
    seed : int
        Seed of the draws.
    method : {"wild", "permutation"}
        A draw gives the residuals of each unit one sign, or exchanges them between units, which supposes that units
        have equal variances.
    decimals : int
        Digits after the decimal point.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats of the picture; empty for none.
    """

    references: ClassVar[tuple[str, ...]] = ("simonsohn2020", "young2017")

    by: Names = ()
    facet: str | None = None
    decimals: Decimals = 4
    pictures: Formats = ("png", "svg")

    _failed: int = PrivateAttr(default=0)
    _latest: tuple[int, Sequence[Record], Curve] | None = PrivateAttr(default=None)

    def seconds(self, runs: int, rows: int) -> float:
        """Return the seconds for the pictures and for the joint test's fits to all draws."""
        return PICTURE * len(self.pictures) + super().seconds(runs, rows)

    def with_failed(self, runs: int) -> SpecificationCurve:
        """Return the report with the number of failed runs on its picture."""
        report = self.model_copy()
        report._failed = runs
        return report

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the summary, with the influence of each choice below.

        Raises
        ------
        ConfigError
            If no run has the quantity, a choice is unknown, or the estimates are not comparable on one curve and were
            not tested.
        """
        try:
            curve = self.curve(records)
        except MixtureError:
            largest = [self._largest(joint, name) for name, joint in self._joints.items() if not joint.each.empty]
            if not largest:
                raise
            # z has no unit: what cannot be on one curve can be tested together
            notes = self.words.notes(note for joint in self._joints.values() for note in joint.notes)
            first = replace(largest[0], title=title, notes=(*notes, *largest[0].notes))
            return stacked([first, *largest[1:]])
        columns = {name: (part, rows) for part in curve.parts for name, rows in part.columns.items()}
        cells = pd.DataFrame({name: self._summary(rows, curve.estimate_keys) for name, (_, rows) in columns.items()})
        if (cells.loc[_REPEATED] == "0").all():
            cells = cells.drop(_REPEATED)
        rules = tuple(list(cells.index).index(name) for name in ("median", "mean"))
        if any(part.joint is not None and len(part.joint.statistics) for part in curve.parts):
            rules = (*rules, len(cells))
            tested = {name: p_values(part.joint if name == part.head else None) for name, (part, _) in columns.items()}
            cells = pd.concat([cells, pd.DataFrame(tested, index=list(STATISTICS.values()))])
        if any(part.tests for part in curve.parts):
            rules = (*rules, len(cells))
            counts = {name: self._survivors(rows, part.tests) for name, (part, rows) in columns.items()}
            cells = pd.concat([cells, pd.DataFrame(counts)])
        if self.judged is not None:
            rules = (*rules, len(cells))
            verdicts = {verdict.part.name: verdict for verdict in self.judged.verdicts}
            lines = {
                name: self._verdict(verdicts.get(part.name) if name == part.head else None)
                for name, (part, _) in columns.items()
            }
            cells = pd.concat([cells, pd.DataFrame(lines)])
        cells = cells.rename(index=self.words.word, columns=self._part)
        moves = [
            influence_table(
                curve,
                part,
                self._of_part(self.words.word("What moves the result"), part.name),
                self.level,
                self.decimals,
                self.words,
            )
            for part in curve.parts
        ]
        below = [table for table in moves if table is not None]
        below += [self._largest(part.joint, part.name) for part in curve.parts if part.tests and part.joint is not None]
        apart = self._apart(curve)
        whole = Table(title, cells, rules, self._notes(curve), language=self.words.spoken)
        return stacked([whole, *([] if apart is None else [apart]), *below])

    def _verdict(self, verdict: Verdict | None) -> dict[str, str]:
        """Return what a column says of the claim."""
        if verdict is None:
            return {"claim: agree": "", "claim": ""}
        share = f" ({percent(verdict.agree / verdict.runs)})" if verdict.runs else ""
        count = self.words.word("count of").format(some=f"{verdict.agree:,}", every=f"{verdict.runs:,}")
        return {"claim: agree": f"{count}{share}", "claim": OUTCOMES[verdict.outcome].text(self.words.spoken)}

    def _apart(self, curve: Curve) -> Table | None:
        """Return the runs with other values of nonequivalent choices, each combination by itself."""
        if not curve.apart:
            return None
        main = {part.name: part.rows for part in curve.parts}
        lines = []
        for part, rows in curve.apart:
            up = self._upwards(main.get(part.beside, rows))
            coef, p = rows["coef"].to_numpy(), rows["p"].to_numpy()
            with_sign = coef > 0 if up else coef < 0
            line = {
                "specifications": str(len(rows)),
                "median": number(float(np.median(coef)), self.decimals),
                "sign": self.words.word("positive" if up else "negative"),
                "with the sign": _many(with_sign),
                "significant with it": _many(with_sign & is_significant(p, self.level)),
            }
            lines.append(line)
        names = [self.words.head(part.name) for part, _ in curve.apart]
        cells = pd.DataFrame(lines, index=names).rename(columns=self.words.word)
        note = Note("kinds_apart", level=self.level)
        return Table(self.words.word("Shown apart"), cells, notes=self.words.notes([note]), language=self.words.spoken)

    def _upwards(self, rows: pd.DataFrame) -> bool:
        """Return whether the sign to look for is positive: that of a claim about this number, or of most estimates."""
        claim = None if self.judged is None else self.judged.claim
        if claim is not None and claim.quantity == self.quantity and claim.term in (self.term, *rows["term"].unique()):
            return claim.sign == "positive"
        return bool((rows["coef"] > 0).sum() > (rows["coef"] < 0).sum())

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return the picture of the curve in each format, ``curve.<format>``.

        More parts than fit side by side have a picture each, ``curve_<number>.<format>``.
        """
        if not self.pictures:
            return {}
        curve = self.curve(records)
        words = drawn_words(self.words)
        panels = {part.name: self._panels(part, curve, words) for part in curve.parts}
        if sum(map(len, panels.values())) <= MOST_PANELS or len(panels) == 1:
            figures = {"curve": self._figure(title, curve, _flat(panels.values()), curve.parts, words)}
        else:
            figures = {}
            for place, part in enumerate(curve.parts, 1):
                above = f"{title}{words.colon}{words.head(part.name)}"
                figures[f"curve_{place}"] = self._figure(above, curve, panels[part.name], [part], words)
        return {f"{name}.{kind}": rendered(figure, kind) for name, figure in figures.items() for kind in self.pictures}

    def _figure(
        self, title: str, curve: Curve, panels: Sequence[_Panel], parts: Sequence[CurvePart], words: Labels
    ) -> Figure:
        """Return the picture of some parts."""
        names = _unlike([panel.name for panel in panels])
        rows = pd.concat([panel.rows for panel in panels], ignore_index=True)
        facets = [name for name, panel in zip(names, panels, strict=True) for _ in panel.rows.index]
        facet = pd.Series(facets, dtype=object)
        tests: dict[str, BoolArray] = {}
        if any(panel.tests for panel in panels):
            tests = {
                label: np.concatenate([panel.below(name, self.level) for panel in panels])
                for name, label in TESTS.items()
            }
        if len(curve.parts) == 1 and not curve.apart:
            # choices below the curve, and facets beside each other, are in the order of the experiment
            order = np.argsort(rows["record"].to_numpy(), kind="stable")
            rows, facet = rows.iloc[order].reset_index(drop=True), facet.iloc[order].reset_index(drop=True)
            tests = {label: low[order] for label, low in tests.items()}
        keys = list(self.by) or [key for key in curve.focal_runs.varied if key in rows and rows[key].nunique() > 1]
        choices = choices_of(rows, keys, curve.focal_runs.absent)[0]
        strips = [
            Strip(
                with_letter(choice.key, self.multiverse, words),
                words.option(choice.key, value),
                choice.columns[:, place] > 0,
            )
            for choice in self._by_kind(choices)
            if choice.key != self.facet
            for place, value in enumerate(choice.values)
        ]
        called = with_regimes(words, curve.focal_runs.regimes)
        terms = list(dict.fromkeys(map(called, rows["term"].unique())))
        return plot_specification_curve(
            rows,
            strips,
            facet=None if names == [""] else facet,
            bands={name: panel.band for name, panel in zip(names, panels, strict=True) if panel.band is not None},
            tests=tests,
            level=self.level,
            estimand=words.colon.join([words.word(self.quantity), *terms]) if len(terms) == 1 else self.quantity,
            title=title,
            simulated=curve.focal_runs.simulated,
            language=words.spoken,
            coverage=tuple(curve.focal_runs.coverage),
            remarks=self._remarks(curve, parts, words, [choice.key for choice in choices]),
            pale=frozenset(name for name, panel in zip(names, panels, strict=True) if panel.apart),
        )

    def _panels(self, part: CurvePart, curve: Curve, words: Labels) -> list[_Panel]:
        """Return the curves of a main part, one for each facet, and beside them what is shown apart."""
        panels = []
        drawn = {"": part.rows} if self.facet is None else dict(by_facet(part.rows, self.facet))
        for value, rows in drawn.items():
            names = [words.head(curve.names[part.name])] if curve.names[part.name] else []
            names += [words.option(self.facet, value)] if self.facet is not None else []
            band = None if part.joint is None else part.joint.null_band
            panels.append(_Panel("\n".join(names), rows, band, part.tests))
        others = [rows for apart, rows in curve.apart if apart.beside == part.name]
        if others:
            rows = pd.concat(others).drop_duplicates("record")
            rows = rows[~rows["record"].isin(set(part.rows["record"]))]
            name = words.word("shown apart") + (f"\n{words.head(part.name)}" if part.name else "")
            panels += [_Panel(name, rows, None, {}, apart=True)] if len(rows) else []
        return panels

    def _by_kind(self, choices: Sequence[Choice]) -> list[Choice]:
        """Return choices in the order of their kinds, if the experiment names kinds."""
        multiverse = self.multiverse
        if multiverse is None or self.by:
            return list(choices)
        return sorted(choices, key=lambda choice: KINDS.index(multiverse.kind(choice.key)))

    def _remarks(
        self, curve: Curve, shown_parts: Sequence[CurvePart], words: Labels, keys: Sequence[str]
    ) -> tuple[str, ...]:
        """Return sentences below the picture: what is not on the curve, and what the joint test says."""
        parts = [
            words.word(f"left out: {note.code}").format(
                runs=f"{note['runs']:,}", parameter=words(str(dict(note.fields).get("parameter", "")))
            )
            for note in (*curve.notes, *([Note("runs_failed", runs=self._failed, labels="")] if self._failed else []))
            if note.code in LEFT_OUT
        ]
        remarks = []
        if curve.apart:
            runs = len(set(pd.concat([rows["record"] for _, rows in curve.apart])) - set(curve.rows["record"]))
            parts.append(words.word("left out: apart").format(runs=f"{runs:,}"))
        if parts:
            every = curve.focal_runs.runs + self._failed
            shown = words.word("on the curve").format(shown=f"{len(curve.rows):,}", every=f"{every:,}")
            comma = "、" if words.language == "zh" else ", "
            gap = "" if words.language == "zh" else " "
            remarks.append(f"{shown}{gap}{words.word('not on the curve').format(parts=comma.join(parts))}")
        if without := int((~np.isfinite(curve.rows["low"]) & ~np.isfinite(curve.rows["high"])).sum()):
            remarks.append(words.word("no interval").format(runs=f"{without:,}"))
        for part in shown_parts:
            remarks += self.joint_remark(part, words)
        if self.judged is not None:
            remarks += words.notes(self.judged.notes)
        if self.multiverse is not None:
            kinds = dict.fromkeys(self.multiverse.kind(key) for key in keys if key in self.multiverse.kinds)
            remarks += [words.word(f"kind {LETTERS[kind]}") for kind in KINDS if kind in kinds]
        return tuple(remarks)

    def _part(self, name: str) -> str:
        """Return the head of the column of all specifications, or of those of one facet."""
        return self.words.word(name) if name == "all" else self.words.head(name)

    def curve(self, records: Sequence[Record]) -> Curve:
        """Return the content of table and picture, which are made of the same records one after the other."""
        # a copy with other fields has another id, and not this curve
        if self._latest is None or self._latest[0] != id(self) or self._latest[1] is not records:
            curve = curve_of(records, self.run_effect, self.by, self.facet, self.multiverse, self._joints)
            self._latest = id(self), records, curve
        return self._latest[2]

    def _summary(self, rows: pd.DataFrame, estimate_keys: Sequence[str]) -> dict[str, str]:
        coef, p = rows["coef"].to_numpy(), rows["p"].to_numpy()
        low = is_significant(p, self.level)
        every = len(rows)
        whole = robustness(coef, rows["se"].to_numpy())

        return {
            "specifications": str(every),
            _REPEATED: str(int(rows.duplicated([*estimate_keys, "term", "coef"]).sum())),
            "median": number(float(np.median(coef)), self.decimals),
            "smallest": number(float(coef.min()), self.decimals),
            "largest": number(float(coef.max()), self.decimals),
            "positive": _many(coef > 0),
            "significant +": _many((coef > 0) & low),
            "negative": _many(coef < 0),
            "significant -": _many((coef < 0) & low),
            "mean": number(whole.mean, self.decimals),
            "sampling standard error": number(whole.sampling, self.decimals),
            "median standard error": number(whole.median_se, self.decimals),
            "modelling standard error": number(whole.modelling, self.decimals),
            "total standard error": number(whole.total, self.decimals),
            "robustness ratio": f"{whole.ratio:.2f}",
        }

    def _survivors(self, rows: pd.DataFrame, tests: Mapping[str, pd.Series[float]]) -> dict[str, str]:
        """Return how many of the tested specifications are significant by each p value from the draws."""
        out = {}
        for name, label in TESTS.items():
            p = tests[name].loc[rows.index].dropna()
            low = int(is_significant(p, self.level).sum())
            out[f"significant: {label}"] = f"{low} ({low / len(p):.0%})" if len(p) else ""
        return out

    def _largest(self, joint: Joint, part: str = "") -> Table:
        """Return the tested specifications with the largest |z|, and their p values."""
        each = joint.each
        first = each.iloc[np.argsort(-each["z"].abs().fillna(0.0).to_numpy(), kind="stable")[:LARGEST]]
        cells = pd.DataFrame(
            {
                "estimate": [number(value, self.decimals) for value in first["estimate"]],
                "z": [f"{value:.2f}" for value in first["z"]],
                **{label: [f"{value:.3f}" for value in first[name]] for name, label in TESTS.items()},
            },
            index=[self.words.head(label) for label in first["specification"]],
        )
        notes = [
            Note(
                "step_down",
                specifications=len(each),
                survive=int(is_significant(each["step_down"], self.level).sum()),
                level=self.level,
                draws=joint.draws,
                smallest=1 / (1 + joint.draws),
            )
        ]
        # p cannot be smaller than 1/(draws + 1), and Holm multiplies the smallest by the number of tests
        needed = int(np.ceil(len(each) / self.level)) - 1
        if joint.draws < needed:
            notes.append(Note("holm_needs_draws", specifications=len(each), draws=needed))
        if len(each) > LARGEST:
            notes.append(Note("largest_listed", shown=LARGEST, every=len(each)))
        title = self._of_part(self.words.word("Which specifications survive"), part)
        return Table(
            title, cells.rename(columns=self.words.word), notes=self.words.notes(notes), language=self.words.spoken
        )

    def _of_part(self, title: str, part: str) -> str:
        """Return the title of a table of one of several parts."""
        return f"{title}{self.words.colon}{self.words.head(part)}" if part else title

    def _notes(self, curve: Curve) -> tuple[str, ...]:
        called = with_regimes(self.words, curve.focal_runs.regimes)
        notes = [
            Note(
                "curve",
                estimand=head_of(self.quantity),
                terms=cut([called(term) for term in curve.rows["term"].unique()], 12),
                outcomes=tuple(map(self.words, curve.focal_runs.outcomes)),
                meaning=Note("significant", level=self.level),
            )
        ]
        for part in curve.parts:
            notes += self.joint_notes(part)
        notes += self.unrecorded("curve")
        focal_runs = curve.focal_runs
        notes += units_notes(curve)
        for part in curve.parts:
            notes += of_part(part.name, few_notes(part.rows))
        notes += [*curve.notes, *counted_notes(focal_runs.notes, focal_runs.runs), *counted_once(focal_runs.again)]
        return self.words.notes(notes)


@dataclass(frozen=True, eq=False)
class _Panel:
    """A curve of the picture."""

    name: str
    rows: pd.DataFrame
    band: pd.DataFrame | None
    tests: Mapping[str, pd.Series[float]]
    apart: bool = False

    def below(self, test: str, level: float) -> BoolArray:
        """Return which estimates have a p value of at most a level; none without the test."""
        if test not in self.tests:
            return np.zeros(len(self.rows), dtype=np.bool_)
        return is_significant(self.tests[test].loc[self.rows.index], level)


def _flat(panels: Iterable[Sequence[_Panel]]) -> list[_Panel]:
    return [panel for some in panels for panel in some]


def _unlike(names: Sequence[str]) -> list[str]:
    """Return names, numbered where they are alike: panels of equal names would be one."""
    times: Counter[str] = Counter()
    out = []
    for name in names:
        times[name] += 1
        out.append(name if times[name] == 1 else f"{name} ({times[name]})")
    return out


def _many(mask: NDArray[np.bool_]) -> str:
    return f"{int(mask.sum())} ({mask.mean():.0%})"


def drawn_words(words: Labels) -> Labels:
    """Return the words of a picture: English ones where no installed font has Chinese letters."""
    return replace(words, language="en") if words.language == "zh" and not chinese() else words
