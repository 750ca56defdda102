"""A specification curve: all estimates of one quantity in order, the choices behind each, and their influence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.shape.influence import concentration, influence, robustness, shares, without_ends
from digicarbon.report.base import Decimals, Record, Report, Table, counted_notes, counted_once
from digicarbon.report.claim import OUTCOMES, Verdict, percent
from digicarbon.report.focal import AS_CONFIGURED, IN_PIECES, Focal, Quantity, effect_of, focal, head_of, in_levels
from digicarbon.report.joint import FACETS, Joint, JointMethod, JointRequest
from digicarbon.report.kinds import KINDS, LETTERS, Part
from digicarbon.report.labels import Labels
from digicarbon.report.picture import Format, Strip, chinese, plot_specification_curve, rendered
from digicarbon.report.regimes import MEANS, with_regimes
from digicarbon.report.signs import meaning, number
from digicarbon.result import RATIOS, RunEffect
from digicarbon.spec import Names, Seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS = 6
"""Largest number of curves that stand side by side, if there are several parts."""
MOST_NAMED = 12
"""Largest number of variables that a note names."""
MOST_VALUES = 12
"""A choice with more values is not shown below the curve."""
DRAW = 2.5e-5
"""Seconds that a specification takes for one draw of the joint test, at 30 units and 6 periods."""
PICTURE = 1.0
"""Seconds that a picture takes."""
LARGEST = 10
"""How many specifications are listed with their p values from the draws of the joint test."""
FEW = 100
"""From so many specifications on, a note says if one in a hundred of them makes most of a variance."""
_HEADS = ["variance, alone", "variance, unique", "specifications", "mean", "moves it by", "of the mean", "points"]
_REPEATED = "differ in standard errors only"
_TESTS = {"p": "p of the draws", "step_down": "step-down p", "holm": "Holm", "bh": "Benjamini-Hochberg"}
"""p values of each specification from the draws of the joint test, and what they are called."""
LEFT_OUT = (
    *("without_quantity", "with_powers", "with_pieces", "without_error"),
    *("runs_at_boundary", "runs_beyond", "runs_failed"),
)
"""Notes on fits that are not on the curve; the picture counts them."""
_STATISTICS = {
    "median": "joint test: median estimate, p",
    "share_significant": "joint test: share significant, p",
    "mean_z": "joint test: mean z, p",
}


@dataclass(frozen=True, eq=False)
class Choice:
    """A setting in which specifications differ.

    Attributes
    ----------
    key : str
    values : tuple of str
        The options, or the members of lists.
    columns : ndarray, shape (M, d)
        1 where a specification has the value, else 0.
    base : int or None
        The position of the value that others are compared with: the one of most specifications that make this choice.
        None for members of lists, which are either there or not, unless each specification has exactly one of them.
    absent : int or None
        The position of the value of specifications on which the choice has no effect.
    """

    key: str
    values: tuple[str, ...]
    columns: FloatArray
    base: int | None
    absent: int | None = None


class SpecificationCurve(Report):
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

    quantity: Quantity = "coefficient"
    term: str | None = None
    by: Names = ()
    facet: str | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    draws: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    seed: Seed = 1
    method: JointMethod = "wild"
    decimals: Decimals = 4
    pictures: Annotated[tuple[Format, ...], Field(strict=False)] = ("png", "svg")

    _joints: Mapping[str, Joint] = PrivateAttr(default_factory=dict)
    _failed: int = PrivateAttr(default=0)
    _latest: tuple[int, Sequence[Record], Curve] | None = PrivateAttr(default=None)

    @property
    def run_effect(self) -> RunEffect:
        """The number that the curve shows."""
        return RunEffect(self.quantity, self.term, self.level)

    @property
    def joint_request(self) -> JointRequest | None:
        """The joint test, if ``draws`` is positive."""
        if not self.draws:
            return None
        return JointRequest(self.quantity, self.term, self.draws, self.seed, self.level, self.method)

    def seconds(self, runs: int) -> float:
        """Return the seconds for the pictures and for the joint test's fits to all draws."""
        return PICTURE * len(self.pictures) + DRAW * self.draws * runs

    def with_joint(self, joint: Joint | None) -> SpecificationCurve:
        """Return the report with the joint test in its table and picture; None: without a word on one."""
        return self.with_joints({} if joint is None else {"": joint})

    def with_joints(self, joints: Mapping[str, Joint]) -> SpecificationCurve:
        """Return the same with the joint test of each main part, by its name."""
        report = self.model_copy(update={} if joints else {"draws": 0})
        report._joints = dict(joints)
        return report

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
        except _MixtureError:
            largest = [self._largest(joint, name) for name, joint in self._joints.items() if not joint.each.empty]
            if not largest:
                raise
            # z has no unit: what cannot be on one curve can be tested together
            notes = self.words.notes(note for joint in self._joints.values() for note in joint.notes)
            first = replace(largest[0], title=title, notes=(*notes, *largest[0].notes))
            return _in_a_row([first, *largest[1:]])
        columns = {name: (part, rows) for part in curve.parts for name, rows in part.columns.items()}
        cells = pd.DataFrame({name: self._summary(rows, curve.estimate_keys) for name, (_, rows) in columns.items()})
        if (cells.loc[_REPEATED] == "0").all():
            cells = cells.drop(_REPEATED)
        rules = tuple(list(cells.index).index(name) for name in ("median", "mean"))
        if any(part.joint is not None and len(part.joint.statistics) for part in curve.parts):
            rules = (*rules, len(cells))
            tested = {name: _p_values(part.joint if name == part.head else None) for name, (part, _) in columns.items()}
            cells = pd.concat([cells, pd.DataFrame(tested, index=list(_STATISTICS.values()))])
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
        below = [table for part in curve.parts if (table := self._moves(curve, part)) is not None]
        below += [self._largest(part.joint, part.name) for part in curve.parts if part.tests and part.joint is not None]
        apart = self._apart(curve)
        own = Table(title, cells, rules, self._notes(curve), language=self.words.spoken)
        return _in_a_row([own, *([] if apart is None else [apart]), *below])

    def _verdict(self, verdict: Verdict | None) -> dict[str, str]:
        """Return what a column says of the claim."""
        if verdict is None:
            return {"claim: agree": "", "claim": ""}
        share = f" ({percent(verdict.agree / verdict.runs)})" if verdict.runs else ""
        count = self.words.word("count of").format(some=f"{verdict.agree:,}", every=f"{verdict.runs:,}")
        return {
            "claim: agree": f"{count}{share}",
            "claim": OUTCOMES[verdict.outcome].text(self.words.spoken),
        }

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
                "significant with it": _many(with_sign & (p < self.level)),
            }
            lines.append(line)
        names = [self.words.head(part.name) for part, _ in curve.apart]
        cells = pd.DataFrame(lines, index=names).rename(columns=self.words.word)
        said = Note("kinds_apart", level=self.level)
        return Table(self.words.word("Shown apart"), cells, notes=self.words.notes([said]), language=self.words.spoken)

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
            figures = {
                f"curve_{number}": self._figure(
                    f"{title}{words.colon}{words.head(part.name)}", curve, panels[part.name], [part], words
                )
                for number, part in enumerate(curve.parts, 1)
            }
        return {f"{name}.{kind}": rendered(figure, kind) for name, figure in figures.items() for kind in self.pictures}

    def _figure(
        self, title: str, curve: Curve, panels: Sequence[_Panel], parts: Sequence[_Part], words: Labels
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
                for name, label in _TESTS.items()
            }
        if len(curve.parts) == 1 and not curve.apart:
            # choices below the curve, and facets beside each other, are in the order of the experiment
            order = np.argsort(rows["record"].to_numpy(), kind="stable")
            rows, facet = rows.iloc[order].reset_index(drop=True), facet.iloc[order].reset_index(drop=True)
            tests = {label: low[order] for label, low in tests.items()}
        keys = list(self.by) or [key for key in curve.focal_runs.varied if key in rows and rows[key].nunique() > 1]
        choices = choices_of(rows, keys, curve.focal_runs.absent)[0]
        strips = [
            Strip(self._kind_and_name(choice.key, words), words.option(choice.key, value), choice.columns[:, place] > 0)
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
            simulated=curve.simulated,
            language=words.spoken,
            coverage=curve.coverage,
            remarks=self._remarks(curve, parts, words, [choice.key for choice in choices]),
            pale=frozenset(name for name, panel in zip(names, panels, strict=True) if panel.apart),
        )

    def _panels(self, part: _Part, curve: Curve, words: Labels) -> list[_Panel]:
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

    def _kind_and_name(self, key: str, words: Labels) -> str:
        """Return what a choice is called, with the letter of its kind."""
        name = words.choice(key)
        if self.multiverse is None or key not in self.multiverse.kinds:
            return name
        letter = LETTERS[self.multiverse.kind(key)]
        return f"{name}（{letter}）" if words.language == "zh" else f"{name} ({letter})"

    def _remarks(
        self, curve: Curve, shown_parts: Sequence[_Part], words: Labels, keys: Sequence[str]
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
            remarks += self._joint_remark(part, words)
        if self.judged is not None:
            remarks += words.notes(self.judged.notes)
        if self.multiverse is not None:
            kinds = dict.fromkeys(self.multiverse.kind(key) for key in keys if key in self.multiverse.kinds)
            remarks += [words.word(f"kind {LETTERS[kind]}") for kind in KINDS if kind in kinds]
        return tuple(remarks)

    def _joint_remark(self, part: _Part, words: Labels) -> list[str]:
        """Return what the joint test of a part says."""
        joint = part.joint
        if joint is None or not len(joint.statistics):
            return []
        fields = dict(zip(("median", "share", "mean"), _p_values(joint), strict=True))
        remark = words.word("joint on curve").format(draws=f"{joint.draws:,}", **fields)
        if joint.specifications != len(part.rows):
            others = words.word("joint on others").format(specifications=f"{joint.specifications:,}")
            remark += others if words.language == "zh" else f" {others}"
        return [f"{words.run(part.name)}{words.colon}{remark}" if part.name else remark]

    def _part(self, name: str) -> str:
        """Return the head of the column of all specifications, or of those of one facet."""
        return self.words.word(name) if name == "all" else self.words.head(name)

    def curve(self, records: Sequence[Record]) -> Curve:
        """Return the content of table and picture, which are made of the same records one after the other."""
        # a copy with other fields has another id, and not this curve
        if self._latest is None or self._latest[0] != id(self) or self._latest[1] is not records:
            self._latest = id(self), records, self._curve(records)
        return self._latest[2]

    def _curve(self, records: Sequence[Record]) -> Curve:
        watched = _Watched(records)
        focal_runs = focal(watched, self.quantity)
        for name, key in (("facet", self.facet), *(("by", key) for key in self.by)):
            if key is not None and key not in focal_runs.varied:
                raise ConfigError(
                    Note(
                        "not_varied",
                        key=f"report.{name}",
                        choice=key,
                        hint=suggestion(key, list(focal_runs.varied)),
                        varied=cut(focal_runs.varied, 12) or Note("nothing_varied"),
                    )
                )
        rows, left_out = self._one_each(focal_runs)
        labels = [watched.labels[record] for record in rows["record"]]
        multiverse = self.multiverse
        if multiverse is not None and not multiverse.whole:
            found = [(part, rows[part.of(labels)]) for part in multiverse.parts]
            left_out = (
                *left_out,
                *(Note("kinds_empty", part=part.name) for part, own in found if own.empty and part.name),
            )
            rows = rows[multiverse.counted(labels)]
            if rows.empty:
                raise ConfigError(Note("kinds_no_estimate", key="kinds", quantity=effect_of(self.quantity)))
            main = [(part.name, own) for part, own in found if part.main and len(own)]
            apart = [(part, own) for part, own in found if not part.main and len(own)]
            names = {part.name: part.name or _label(part.choices) for part in multiverse.main}
        else:
            main, apart, names = [("", rows)], [], {"": ""}
        parts = []
        for name, own in main:
            head = name if len(main) > 1 else "all"
            facets = {} if self.facet is None else dict(by_facet(own, self.facet))
            for part in facets.values() or [own]:
                _refuse_mixture(part, focal_runs)
            named = {
                f"{f'{name}, ' if len(main) > 1 else ''}{self.facet}={value}": part for value, part in facets.items()
            }
            joint = self._joints.get(name)
            tests = {} if joint is None else _tests(joint, own["record"].map(watched.labels))
            parts.append(_Part(name, head, own, {head: own, **(named if len(facets) > 1 else {})}, joint, tests))
        keys = list(self.by) or [key for key in focal_runs.varied if key in rows and rows[key].nunique() > 1]
        # for the influence on the estimate, a facet is a choice like others
        facet = [] if self.facet is None or rows[self.facet].nunique() < 2 else [self.facet]
        keys = list(dict.fromkeys([*facet, *keys]))
        many = choices_of(rows, keys, focal_runs.absent)[1]
        # rows of equal estimates that are equal in these have the same data, too: samples may come to the same rows
        estimate_keys = [key for key in focal_runs.varied if key in rows and _decides_estimates(key)]
        notes = (*left_out, *many)
        return Curve(
            focal_runs,
            rows,
            parts,
            apart,
            names,
            keys,
            estimate_keys,
            notes,
            watched.simulated,
            watched.coverage,
            watched.labels,
            watched.lacking,
        )

    def _one_each(self, focal_runs: Focal) -> tuple[pd.DataFrame, tuple[Note, ...]]:
        """Return a row per run, and notes on runs that have none or several."""
        rows = focal_runs.rows
        if self.term is not None and not rows.empty:
            terms = rows["term"].unique().tolist()
            if self.term not in terms:
                raise ConfigError(
                    Note(
                        "no_such_focal_term",
                        key="report.term",
                        term=self.term,
                        hint=suggestion(self.term, terms),
                        terms=cut(terms, 12),
                    )
                )
            rows = rows[rows["term"] == self.term]
        repeated = set(rows.loc[rows["record"].duplicated(), "record"])
        rows = rows.drop_duplicates("record")
        with_powers = rows["record"].isin(focal_runs.powers)
        # a term that the user names is shown, even if it is a piece of an effect
        pieces = rows["record"].isin(focal_runs.pieces if self.term is None else ()) & ~with_powers
        apart = with_powers | pieces
        finite = np.isfinite(rows["coef"]) & np.isfinite(rows["p"])
        estimates = rows[finite & ~apart].reset_index(drop=True)
        if estimates.empty and pieces.any():
            raise ConfigError(
                Note(
                    "only_pieces",
                    key="report.term",
                    runs=int(pieces.sum()),
                    pieces=IN_PIECES,
                    terms=cut(focal_runs.rows["term"].unique().tolist(), 12),
                )
            )
        if estimates.empty:
            said = {"key": "report.quantity", "quantity": effect_of(self.quantity)}
            if self.quantity in RATIOS:
                raise ConfigError(Note("curve_without_long_run", **said))
            raise ConfigError(Note("curve_without_quantity", **said))
        without = focal_runs.runs - len(focal_runs.boundary) - len(rows)
        notes = (
            Note("without_quantity", runs=without, estimand=effect_of(self.quantity)),
            Note("with_powers", runs=int(with_powers.sum())),
            Note("with_pieces", runs=int(pieces.sum()), pieces=IN_PIECES),
            Note("without_error", runs=int((~finite & ~apart).sum())),
            *focal_runs.boundary_notes(),
            Note("several_focal", runs=int(estimates["record"].isin(repeated).sum())),
        )
        return estimates, tuple(note for note in notes if note["runs"])

    def _summary(self, rows: pd.DataFrame, estimate_keys: Sequence[str]) -> dict[str, str]:
        coef, p = rows["coef"].to_numpy(), rows["p"].to_numpy()
        low = p < self.level
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
        for name, label in _TESTS.items():
            p = tests[name].loc[rows.index].dropna()
            low = int((p < self.level).sum())
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
                **{label: [f"{value:.3f}" for value in first[name]] for name, label in _TESTS.items()},
            },
            index=[self.words.head(label) for label in first["specification"]],
        )
        notes = [
            Note(
                "step_down",
                specifications=len(each),
                survive=int((each["step_down"] < self.level).sum()),
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

    def _moves(self, curve: Curve, part: _Part) -> Table | None:
        """Return the influence of each choice; if a few estimates make most of the variance, also without them."""
        absent = curve.focal_runs.absent
        # a choice without an effect on the curve has a single value in its part
        keys = [key for key in curve.keys if len(curve.parts) == 1 or part.rows[key].nunique() > 1]
        choices = choices_of(part.rows, keys, absent)[0]
        if not choices or len(part.rows) < 2:
            return None
        title = self._of_part(self.words.word("What moves the result"), part.name)
        table = self._influence(title, part.rows, choices)
        ends = -(-len(part.rows) // 100)
        if not _few_carry(_deviations(part.rows)):
            return table
        inner = part.rows[without_ends(part.rows["coef"].to_numpy(), ends)].reset_index(drop=True)
        choices = [one for one in choices_of(inner, [choice.key for choice in choices], absent)[0] if one.columns.size]
        title = f"{title} ({self.words.word('without the ends of the curve')})"
        without = Note("without_ends", smallest=ends, largest=ends, every=len(part.rows))
        return replace(table, below=replace(self._influence(title, inner, choices), notes=self.words.notes([without])))

    def _influence(self, title: str, rows: pd.DataFrame, choices: Sequence[Choice]) -> Table:
        """Return each choice's share of the variance, and by how much each of its values moves the estimate."""
        coef = rows["coef"].to_numpy()
        low: FloatArray = (rows["p"].to_numpy(dtype=np.float64) < self.level).astype(np.float64)
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
            lines.append((self.words.choice(choice.key), head))
            for position, value in enumerate(choice.values):
                chosen = choice.columns[:, position] > 0
                line = [str(int(chosen.sum())), number(float(coef[chosen].mean()), self.decimals)]
                move, share = moves[place][position], significant[place][position]
                if position == choice.base:
                    line += [self.words.word("base"), "", ""]
                elif np.isfinite(move):
                    percent = f"{_signed(100 * move / mean, 0)}%" if mean else ""
                    line += [_signed(move, self.decimals), percent, _signed(100 * share, 1)]
                else:
                    line += [self.words.word("not told apart"), "", ""]
                indented.append(len(lines))
                lines.append((self.words.option(choice.key, value), ["", "", *line]))
        rules.append(len(lines))
        lines.append((self.words.word("all choices, additive"), [f"{parts.additive:.1%}", "", "", "", "", "", ""]))
        cells = pd.DataFrame(
            [cells for _, cells in lines],
            index=[name for name, _ in lines],
            columns=[self.words.word(head) for head in _HEADS],
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
        said = self.words.notes(notes)
        return Table(title, cells, tuple(rules), said, language=self.words.spoken, indented=tuple(indented))

    def _notes(self, curve: Curve) -> tuple[str, ...]:
        called = with_regimes(self.words, curve.focal_runs.regimes)
        notes = [
            Note(
                "curve",
                estimand=head_of(self.quantity),
                terms=cut([called(term) for term in curve.rows["term"].unique()], 12),
                outcomes=tuple(map(self.words, curve.focal_runs.outcomes)),
                meaning=meaning(self.level),
            )
        ]
        for part in curve.parts:
            notes += self._of_joint(part.joint, part.name)
        if not self._joints and self.draws:
            run_effect = self.request_words("curve", "quantity", "term", "draws", "seed", "level", "method")
            notes.append(Note("no_joint_recorded", words=run_effect))
        focal_runs = curve.focal_runs
        notes += units_notes(curve)
        for part in curve.parts:
            notes += _said_of(part.name, _few_notes(part.rows))
        notes += [*curve.notes, *counted_notes(focal_runs.notes, focal_runs.runs), *counted_once(focal_runs.again)]
        return self.words.notes(notes)

    def _of_joint(self, joint: Joint | None, part: str) -> list[Note]:
        """Return notes on a joint test."""
        if joint is None:
            return []
        notes = []
        of: dict[str, Any] = {"draws": joint.draws, "specifications": joint.specifications, "seed": joint.seed}
        if len(joint.statistics):
            of["sign"] = joint.dominant
            notes.append(Note("joint_test_wild" if joint.method == "wild" else "joint_test", **of))
        return _said_of(part, [*notes, *joint.notes])


@dataclass(frozen=True, eq=False)
class _Part:
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
class _Panel:
    """A curve of the picture."""

    name: str
    rows: pd.DataFrame
    band: pd.DataFrame | None
    tests: Mapping[str, pd.Series[float]]
    apart: bool = False

    def below(self, test: str, level: float) -> BoolArray:
        """Return which estimates have a p value below a level; none without the test."""
        if test not in self.tests:
            return np.zeros(len(self.rows), dtype=np.bool_)
        return self.tests[test].loc[self.rows.index].to_numpy() < level


@dataclass(frozen=True, eq=False)
class Curve:
    """The specifications of a curve, and by what they differ."""

    focal_runs: Focal
    rows: pd.DataFrame
    """Of all main parts."""
    parts: Sequence[_Part]
    apart: Sequence[tuple[Part, pd.DataFrame]]
    names: Mapping[str, str]
    """What the picture calls main parts, as the label of a run; empty where there is a single part."""
    keys: Sequence[str]
    estimate_keys: Sequence[str]
    notes: tuple[Note, ...]
    simulated: bool
    coverage: tuple[float, ...] = ()
    labels: Mapping[int, str] = field(default_factory=dict)
    """The run of each record."""
    lacking: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """The choices that have no effect on each record."""


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
        own = list(dict.fromkeys(part.rows["term"]))
        terms |= dict.fromkeys(own if len(own) > 1 and not focal_runs.logarithms.issuperset(own) else ())
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


def by_facet(rows: pd.DataFrame, facet: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the values of a facet with their rows, in the order of the rows."""
    for value, part in rows.groupby(facet, sort=False, observed=True):
        yield str(value), part


def _said_of(part: str, notes: Sequence[Note]) -> list[Note]:
    """Return notes on a part, which they name if there are several."""
    return [Note("of_labels", labels=(part,), note=note) for note in notes] if part else list(notes)


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


def _label(choices: Mapping[str, str]) -> str:
    """Return choices as the label of a run."""
    return ", ".join(f"{key}={value}" for key, value in choices.items())


def _many(mask: NDArray[np.bool_]) -> str:
    return f"{int(mask.sum())} ({mask.mean():.0%})"


def _p_values(joint: Joint | None) -> list[str]:
    """Return the p values of a joint test as cells; blanks without one."""
    if joint is None or not len(joint.statistics):
        return [""] * len(_STATISTICS)
    return [f"{p:.3f}" for p in joint.statistics.loc[list(_STATISTICS), "p"]]


def drawn_words(words: Labels) -> Labels:
    """Return the words of a picture: English ones where no installed font has Chinese letters."""
    return replace(words, language="en") if words.language == "zh" and not chinese() else words


class _MixtureError(ConfigError):
    """Estimates that cannot be on one curve."""


def _tests(joint: Joint, labels: pd.Series[str]) -> dict[str, pd.Series[float]]:
    """Return the p values of each row from the draws of a joint test; empty if it has none."""
    each = joint.each.drop_duplicates("specification").set_index("specification")
    return {name: labels.map(each[name]).astype(np.float64) for name in _TESTS} if len(each) else {}


def _in_a_row(tables: Sequence[Table]) -> Table:
    """Return tables one below the other, each after those that are below the one before."""
    first, *others = tables
    if not others:
        return first
    rest = _in_a_row(others)
    return replace(first, below=rest if first.below is None else _in_a_row([first.below, rest]))


def _deviations(rows: pd.DataFrame) -> FloatArray:
    """Return the squared deviation of each estimate from the mean."""
    coef = rows["coef"].to_numpy(dtype=np.float64)
    squares: FloatArray = (coef - coef.mean()) ** 2
    return squares


def _few_carry(parts: FloatArray) -> float:
    """Return the share of a sum that its largest 1 % of parts make, if it is more than half; else 0."""
    share = concentration(parts, len(parts) // 100) if len(parts) >= FEW else 0.0
    return share if share > 0.5 else 0.0


def _few_notes(rows: pd.DataFrame) -> list[Note]:
    """Return notes if a few runs determine what the table says about all."""
    notes = []
    counts = {"few": len(rows) // 100, "every": len(rows)}
    if share := _few_carry(rows["se"].to_numpy(dtype=np.float64) ** 2):
        notes.append(Note("few_errors", share=share, **counts))
    if share := _few_carry(_deviations(rows)):
        notes.append(Note("few_estimates", share=share, **counts))
    return notes


class _Watched(Sequence[Record]):
    """Records that, after a pass over them, know their labels and whether any data are simulated."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self.simulated = False
        self.labels: dict[int, str] = {}
        self.lacking: dict[int, frozenset[str]] = {}
        self.levels: dict[float, None] = {}
        self._sets: dict[tuple[str, ...], frozenset[str]] = {}

    @property
    def coverage(self) -> tuple[float, ...]:
        """What the intervals of the runs cover."""
        return tuple(self.levels)

    def _once(self, keys: tuple[str, ...]) -> frozenset[str]:
        """Return a set of keys, one object for all records that have it."""
        return self._sets.setdefault(keys, frozenset(keys))

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, position: Any) -> Any:
        return self._records[position]

    def __iter__(self) -> Any:
        for position, record in enumerate(self._records):
            self.simulated = self.simulated or record.simulated
            self.labels[position] = record.label
            self.lacking[position] = self._once(record.lacking)
            self.levels[record.result.inference.level] = None
            yield record


def _decides_estimates(key: str) -> bool:
    """Return whether a key of model or weights can change estimates, not only standard errors."""
    group, _, name = key.partition(".")
    return group == "weights" or (group == "model" and name not in FACETS)


def _signed(value: float, decimals: int) -> str:
    text = f"{value:z.{decimals}f}"
    return f"+{text}" if float(text) > 0 else text


def _refuse_mixture(rows: pd.DataFrame, focal_runs: Focal) -> None:
    """Raise if estimates do not measure the same thing: some per 1 %, some per unit, or logs and levels of outcomes."""
    outcomes = dict.fromkeys(focal_runs.outcome_of[record] for record in rows["record"])
    for names, terms in ((rows["term"].unique().tolist(), True), (list(outcomes), False)):
        logs = [name for name in names if name in focal_runs.logarithms]
        others = [name for name in names if name not in logs]
        if logs and others:
            shown = {"logs": cut(logs, 3), "others": cut(others, 3)}
            raise _MixtureError(Note("mixed_terms" if terms else "mixed_outcomes", key="report", **shown))


def choices_of(
    rows: pd.DataFrame,
    keys: Sequence[str],
    absent: Mapping[str, str] = MappingProxyType({}),
    most: int = MOST_VALUES,
) -> tuple[list[Choice], tuple[Note, ...]]:
    """Return the choices of rows as indicator columns, and a note on those with too many values.

    Parameters
    ----------
    rows : DataFrame
    keys : sequence of str
    absent : mapping of str to str
        See `Focal`.
    most : int
        A choice with more values is left out.
    """
    choices, uncounted = [], []
    for key in keys:
        column = rows[key].astype(str)
        values = list(dict.fromkeys(column))
        if any(_members(value) is not None for value in values):
            choices.append(_list_choice(key, column, absent.get(key)))
        elif len(values) > most:
            uncounted.append(Note("many_values", key=key, values=len(values)))
        else:
            columns = np.array([(column == value).to_numpy() for value in values], dtype=np.float64).T
            made = [value != absent.get(key) for value in values]
            base = int(np.where(made, columns.sum(axis=0), 0).argmax())
            choices.append(Choice(key, tuple(values), columns, base, _place(values, absent.get(key))))
    return choices, (Note("not_below_curve", keys=cut(uncounted)),) if uncounted else ()


def _place(values: Sequence[str], value: str | None) -> int | None:
    return values.index(value) if value in values else None


def _list_choice(key: str, column: pd.Series[str], absent: str | None) -> Choice:
    """Return a choice of lists, such as subsets of controls, by their members; other values count as one member."""
    parts = {text: (text,) if (members := _members(text)) is None else members for text in column.unique()}
    every = list(dict.fromkeys(member for members in parts.values() for member in members))
    names = [name for name in every if name != AS_CONFIGURED] + [name for name in every if name == AS_CONFIGURED]
    indicators = {
        text: np.array([name in members for name in names], dtype=np.float64) for text, members in parts.items()
    }
    # members that all specifications have are no choice
    columns = np.array([indicators[text] for text in column])
    differs = np.ptp(columns, axis=0) > 0
    varying = [name for name, differing in zip(names, differs, strict=True) if differing]
    columns = columns[:, differs]
    if varying and (columns.sum(axis=1) == 1).all():
        # one of them in each specification: they are compared with each other, not with a model without any
        return Choice(key, tuple(varying), columns, int(columns.sum(axis=0).argmax()), _place(varying, absent))
    return Choice(key, tuple(varying), columns, None, _place(varying, absent))


def _members(text: str) -> tuple[str, ...] | None:
    """Return the members of a list as `text_of` writes it; None for other texts."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    return tuple(part for part in text[1:-1].split(", ") if part)
