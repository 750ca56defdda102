"""Which spatial model and which W: probabilities, criteria and tests over the runs of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.numeric.averaging import Averaged, average, powered
from digicarbon.packs.which_weights.diagnostic.spatial_choice import EQUAL
from digicarbon.packs.which_weights.numeric.marginal import probabilities
from digicarbon.packs.which_weights.numeric.rivals import contains, vuong
from digicarbon.packs.which_weights.numeric.space import KINDS, ChoiceKind
from digicarbon.packs.which_weights.picture.spatial_choice import plot_spatial_choice
from digicarbon.render import stacked
from digicarbon.report.base import Decimals, Record, Table, attributed, heads
from digicarbon.report.heads import option_of
from digicarbon.report.pictured import Pictured, chance, files_of, number
from digicarbon.result import EFFECTS, Result

Chance = Annotated[float, Field(gt=0, strict=False)]
MODEL = ("model", "model.kind")
"""Choices that the kind of model stands for."""
PRIORS = {"probability": "log_marginal", "probability_mild": "log_marginal_mild"}
"""Columns of posterior probabilities, and what they are made of."""


@dataclass(frozen=True, eq=False)
class _Run:
    """What is compared of a run.

    ``rest`` are the words for its choices beside the kind, in most sweeps its W; ``every``: all regressors are lagged;
    ``prior`` is its probability beforehand, up to a factor that all runs have in common. ``effects``: estimate and
    standard error of each effect of a focal term.
    """

    head: str
    kind: str
    rest: str
    facts: pd.Series
    by_unit: FloatArray
    rivals: pd.DataFrame
    every: bool
    prior: float = 1.0
    effects: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Group:
    """Runs of equal data, sample, effects and priors, with their posterior probabilities."""

    runs: list[_Run] = field(default_factory=list)

    @property
    def design_effect(self) -> float:
        """Of the run whose Durbin model has most slopes, of equal ones the largest; not-a-number if unknown.

        The largest model leaves least in the errors that belongs to a variable which smaller ones lack.
        """
        pairs = [(run.facts.get("slopes", 0.0), run.facts.get("design_effect", np.nan)) for run in self.runs]
        return float(max((pair for pair in pairs if np.isfinite(pair[1])), default=(0.0, np.nan))[1])

    def heights(self, name: str) -> FloatArray:
        """Return the log posterior weight of each run, up to a constant, by a log marginal likelihood."""
        k = self.design_effect
        logs, highest = (np.array([float(run.facts.get(one, np.nan)) for run in self.runs]) for one in (name, "loglik"))
        return powered(logs, highest, k if np.isfinite(k) else 1.0) + np.log(self.priors)

    @property
    def shares(self) -> FloatArray:
        """The posterior probability of each run."""
        return probabilities(self.heights("log_marginal"))

    @property
    def priors(self) -> FloatArray:
        """The probability of each run beforehand."""
        weights = np.array([run.prior for run in self.runs])
        return np.asarray(weights / weights.sum(), dtype=np.float64)

    @property
    def square(self) -> pd.DataFrame:
        """Probabilities, kinds in rows and what else varies in columns; empty where a cell would have two runs."""
        cells = pd.Series(self.shares, pd.MultiIndex.from_tuples([(run.kind, run.rest) for run in self.runs]))
        if cells.index.has_duplicates:
            return pd.DataFrame()
        kinds, rest = (dict.fromkeys(names) for names in zip(*cells.index, strict=True))
        return cells.unstack().reindex(index=list(kinds), columns=list(rest))

    def averages(self) -> Iterator[tuple[tuple[str, str], int, list[Averaged]]]:
        """Yield each effect of a focal term, the number of runs that have it, and its averages by the priors."""
        for key in dict.fromkeys(key for run in self.runs for key in run.effects):
            pairs = np.array([run.effects.get(key, (np.nan, np.nan)) for run in self.runs])
            has = np.isfinite(pairs).all(axis=1)
            logs = [self.heights(name)[has] for name in PRIORS.values()]
            if has.sum() > 1:
                coef, se = pairs[has].T
                p = np.ones(len(se))
                yield key, len(p), [average(coef, se, p, log) for log in logs if np.isfinite(log).all()]


class SpatialChoiceTable(Pictured):
    """Models and W of a sweep with ``diagnostic=spatial_choice``: the most probable first, and a picture.

    Attributes
    ----------
    pictures : tuple of {"png", "svg", "pdf"}
        Formats of ``spatial_choice.<format>``, probabilities of models and W; empty for none.
    most_runs : int
        How many runs are rows, at most: of more, the most probable ones.
    prior_models : mapping of str to float
        Probabilities of kinds beforehand, e.g. ``{sdm: 0.5, sar: 0.25, sem: 0.25}``, for all kinds that are compared;
        empty for equal ones. They need not sum to one.
    prior_weights : mapping of str to float
        The same for W, by their options, e.g. ``{w1_adjacency: 2, k_nearest: 1}``. The probability of a pair is the
        product of both.
    """

    decimals: Decimals = 3
    prior_models: Mapping[str, Chance] = {}
    prior_weights: Mapping[str, Chance] = {}

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the runs, the most probable first; below, probabilities of kinds, of W, and of one given the other.

        Raises ConfigError if no run has the diagnostic, or a kind or W has no probability beforehand while others have.
        """
        groups = self._groups(records)
        several = len(groups) > 1
        rows: list[dict[str, str]] = []
        labels: list[str] = []
        rules: list[int] = []
        for place, group in enumerate(groups, start=1):
            rules += [len(rows)] if rows else []
            shares = {name: probabilities(group.heights(log)) for name, log in PRIORS.items()}
            order = np.argsort(-group.shares, kind="stable")
            best = group.runs[order[0]]
            for at in order[: self.most_runs]:
                run = group.runs[at]
                labels.append(run.head)
                own = {"spatial_choice group": str(place)} if several else {}
                prior = {"prior_probability": self._number(group.priors[at])} if self._given else {}
                chances = {name: chance(share[at], self.decimals) for name, share in shares.items()}
                rows.append(prior | self._row(run, best, chances) | own)
        every = sum(len(group.runs) for group in groups)
        beforehand = (Note("spatial_choice_prior"),) if self._given else (EQUAL,)
        notes = [
            *self._notes(records),
            *beforehand,
            Note("spatial_choice_best"),
            *_dependence(groups),
            *self._tests_of(labels, rows, records),
        ]
        if several:
            notes.append(Note("spatial_choice_groups", groups=len(groups)))
        if len(rows) < every:
            notes.append(Note("spatial_choice_cut", runs=len(rows), every=every))
        cells = pd.DataFrame(rows, index=labels)
        # e.g. tests of runs without a bootstrap
        cells = cells.loc[:, (cells != "").any()].rename(columns=self.words.word)
        whole = Table(title, cells, tuple(rules), self.words.notes(notes), language=self.words.spoken)
        places = [(group, place if several else 0) for place, group in enumerate(groups, start=1)]
        effects = (self._effects(*one) for one in places)
        return stacked([whole, *chain.from_iterable((*effects, *(self._squares(*one) for one in places)))])

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return the picture of probabilities, a panel for each group of comparable runs."""
        squares = [group.square for group in self._groups(records)] if self.pictures else []
        squares = [one for one in squares if one.size > 1]
        if not squares:
            return {}
        return files_of(
            "spatial_choice", plot_spatial_choice(squares, **self.named_frame(title, records)), self.pictures
        )

    def _groups(self, records: Sequence[Record]) -> list[_Group]:
        """Return comparable runs together, each fit once, in the order of the experiment."""
        names = heads(records, self.words)
        groups: dict[tuple[object, ...], _Group] = {}
        for name, record in zip(names, records, strict=True):
            facts = record.result.tables.get("spatial_choice_run")
            if facts is None or record.again:
                continue
            only = facts.iloc[0]
            same = (only["data"], only["observations"], only["flat"], record.result.absorbed)
            groups.setdefault(same, _Group()).runs.append(self._run(name, record, str(facts.index[0]), only))
        if not groups:
            raise ConfigError(Note("no_spatial_choice"))
        return list(groups.values())

    def _run(self, name: str, record: Record, kind: str, facts: pd.Series) -> _Run:
        result = record.result
        keys = [key for key in record.varied if key not in MODEL]
        rest = ", ".join(filter(None, (option_of(record, key, self.words) for key in keys)))
        lagged = sum(role.kind == "lag_x" for role in result.roles)
        return _Run(
            head=name or kind,
            kind=kind,
            rest=rest or option_of(record, "weights", self.words),
            facts=facts,
            by_unit=result.tables["spatial_choice_units"]["loglik"].to_numpy(np.float64),
            rivals=result.tables["spatial_choice"].iloc[1:],
            every=lagged == sum(role.kind == "regressor" for role in result.roles),
            prior=self._prior(kind, record),
            effects=_effects_of(result),
        )

    @property
    def _given(self) -> bool:
        """Whether probabilities are given beforehand."""
        return bool(self.prior_models or self.prior_weights)

    def _prior(self, kind: str, record: Record) -> float:
        weights = record.varied.get("weights", record.options.get("weights", ""))
        return _of(self.prior_models, "prior_models", kind.lower()) * _of(
            self.prior_weights, "prior_weights", str(weights)
        )

    def _tests_of(
        self, labels: Sequence[str], rows: Sequence[Mapping[str, str]], records: Sequence[Record]
    ) -> Iterator[Note]:
        """Yield what the p values of tests against rivals are, and why cells are empty, where there are tests."""
        tested = any(note.code == "spatial_choice_tests" for one in records for note in _coded(one.result))
        if not tested:
            return
        if any(row["gain_p"] or row["j_p"] for row in rows):
            yield Note("spatial_choice_smallest")
        without = {
            name: [label for label, row in zip(labels, rows, strict=True) if not row[name]]
            for name in ("gain_p", "j_p")
        }
        if without["gain_p"]:
            yield Note("spatial_choice_no_gain", runs=cut(without["gain_p"]))
        if without["j_p"]:
            yield Note("spatial_choice_no_j", runs=cut(without["j_p"]))

    def _row(self, run: _Run, best: _Run, chances: Mapping[str, str]) -> dict[str, str]:
        facts = run.facts
        cells = {name: self._number(facts[name]) for name in ("log_marginal", "loglik", "aic", "bic")}
        cells = {"log_marginal": cells.pop("log_marginal"), **chances, **cells}
        cells |= {"vuong": "", "vuong_p": ""}
        if run is not best and not _contains(run, best) and not _contains(best, run):
            more = (facts["parameters"] - best.facts["parameters"]) / 2 * np.log(facts["observations"])
            cells["vuong"], cells["vuong_p"] = map(self._number, vuong(run.by_unit, best.by_unit, float(more)))
        for name in ("gain_p", "j_p"):
            cells[name] = self._number(_smallest(run.rivals, name))
        return cells

    def _number(self, value: float) -> str:
        return number(float(value), self.decimals)

    def _notes(self, records: Sequence[Record]) -> tuple[Note, ...]:
        own = [(record.label, _about(record.result)) for record in records if not record.again]
        return attributed([one for one in own if one[1]])

    def _squares(self, group: _Group, place: int) -> Iterator[Table]:
        """Yield probabilities of all pairs with their sums, of kinds given the rest, and of the rest given the kind."""
        pairs = group.square
        if min(pairs.shape, default=0) < 2:
            return
        after = f" ({place})" if place else ""
        total = self.words.word("all")
        whole = pairs.copy()
        whole[total] = pairs.sum(axis=1)
        whole.loc[total] = whole.sum()
        given_w, given_kind = _given(pairs), _given(pairs.T).T
        named = {"spatial_choice pairs": whole, "spatial_choice kinds": given_w, "spatial_choice weights": given_kind}
        for name, cells in named.items():
            title = f"{self.words.word(name)}{after}"
            shown = cells.map(lambda value: chance(value, self.decimals))
            if name == "spatial_choice pairs":
                # the sum of all is 1, and no estimate
                shown.loc[total, total] = self._number(1)
            yield Table(title, shown, language=self.words.spoken)

    def _effects(self, group: _Group, place: int) -> Iterator[Table]:
        """Yield direct, indirect and total effects of focal terms, averaged over models and W."""
        lines: dict[str, list[str]] = {}
        heads = [f"{name}{end}" for end in ("", ", milder prior") for name in ("effect mean", "effect sd")]
        fewest = len(group.runs)
        for (effect, term), runs, averages in group.averages():
            fewest = min(fewest, runs)
            name = f"{self.words.word(effect)}{self.words.colon}{self.words(term)}"
            lines[name] = [self._number(value) for one in averages for value in (one.mean, one.sd)]
        if lines:
            notes = [Note("spatial_choice_effects")]
            if fewest < len(group.runs):
                notes.append(Note("spatial_choice_effects_lack", runs=fewest, every=len(group.runs)))
            shown = [self.words.word(head) for head in heads[: len(next(iter(lines.values())))]]
            yield Table(
                f"{self.words.word('spatial_choice effects')}{f' ({place})' if place else ''}",
                pd.DataFrame.from_dict(lines, orient="index", columns=shown),
                notes=self.words.notes(notes),
                language=self.words.spoken,
            )


def _effects_of(result: Result) -> dict[tuple[str, str], tuple[float, float]]:
    """Return estimate and standard error of direct, indirect and total effects of focal terms."""
    known = ((effect, *result.effects_of(effect)) for effect in EFFECTS)
    return {
        (effect, term): (float(columns["coef"][place]), float(columns["se"][place]))
        for effect, terms, columns in known
        for place, term in enumerate(terms)
        if term in result.focal
    }


def _dependence(groups: Sequence[_Group]) -> Iterator[Note]:
    """Yield what power likelihoods have, and what has no probability."""
    known = [group.design_effect for group in groups if len(group.runs) > 1]
    if any(np.isfinite(known)):
        yield Note("spatial_choice_k", k=tuple(f"{k:.2f}" for k in known if np.isfinite(k)))
    if not all(np.isfinite(known)):
        yield Note("spatial_choice_no_k")
    if len(known) < len(groups):
        yield Note("spatial_choice_alone")


def _given(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of a column; those of a single candidate are missing."""
    return (pairs / pairs.sum()).where(np.broadcast_to(pairs.count().to_numpy() > 1, pairs.shape))


def _about(result: Result) -> tuple[Note | str, ...]:
    """Return the notes of the diagnostic alone: standard errors are not shown."""
    return tuple(note for note in _coded(result) if note.code.startswith("spatial_choice") and note != EQUAL)


def _coded(result: Result) -> Iterator[Note]:
    return (note for note in result.notes if isinstance(note, Note))


def _of(beforehand: Mapping[str, float], field: str, name: str) -> float:
    """Return the probability of a kind or W beforehand; 1 where none are given."""
    if beforehand and name not in beforehand:
        raise ConfigError(Note("no_prior_of", key=f"report.{field}", name=name, known=cut(beforehand, 20)))
    return beforehand.get(name, 1.0)


def _smallest(rivals: pd.DataFrame, name: str) -> float:
    """Return the smallest p of the tests against rivals times their number (Bonferroni), at most 1."""
    known = rivals[name].dropna() if name in rivals.columns else pd.Series(dtype=float)
    return min(1.0, float(known.min()) * len(known)) if len(known) else float("nan")


def _contains(wide: _Run, narrow: _Run) -> bool:
    """Return whether a model contains another one of the same W."""
    names: dict[str, ChoiceKind] = {kind.upper(): kind for kind in KINDS}
    return wide.rest == narrow.rest and contains(names[wide.kind], names[narrow.kind], wide.every)
