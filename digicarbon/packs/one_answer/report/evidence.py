"""What a sweep records so that its specifications can be made one answer: plain numbers that a report reads.

For each specification it says which others it can be compared with and how well the data support it; if this was asked
for, also the estimates without each unit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.report.joint import number_folder, plain
from digicarbon.report.supplement import Supplement
from digicarbon.result import Quantity

if TYPE_CHECKING:
    from digicarbon.executor import Executor
    from digicarbon.plan.runs import Run
    from digicarbon.result import Result

FILE = "one_answer.json"
"""The artifact of a sweep's parent run, in the folder of its request."""
UNITS_FILE = "without_units.csv"
"""The artifact with the estimate of each specification without each unit, in the same folder."""


@dataclass(frozen=True)
class EvidenceRequest:
    """What a report requests of all of its runs at the end of a sweep.

    ``quantity``, ``term``, ``leave_out``: as in `digicarbon.report.OneAnswer`.
    """

    quantity: Quantity
    term: str | None
    leave_out: bool

    @property
    def folder(self) -> str:
        """The folder of the artifacts: a later command that asks for another number does not replace them."""
        name = number_folder(self.quantity, self.term)
        return f"one_answer/{name}_without_units" if self.leave_out else f"one_answer/{name}"

    @property
    def places(self) -> tuple[str, ...]:
        """Where the evidence may be, the best place first; the last one is that of earlier versions."""
        other = replace(self, leave_out=not self.leave_out)
        return (f"{self.folder}/{FILE}", f"{other.folder}/{FILE}", FILE)

    @property
    def file(self) -> str:
        """The name of the artifact."""
        return FILE

    @property
    def most(self) -> None:
        """Of any number of runs."""

    @property
    def key(self) -> Mapping[str, object]:
        """The fields, as plain values."""
        return asdict(self)

    def make(self, fits: Iterable[tuple[Run, Result]], executor: Executor) -> Evidence:
        """Return the evidence for each run that has the asked estimate."""
        from digicarbon.packs.one_answer.sweep.evidence import evidence

        return evidence(fits, self, executor)

    def read(self, text: str) -> Evidence:
        """Return what `Evidence.to_json` wrote."""
        return Evidence.from_json(text)

    def fits(self, supplement: Supplement) -> bool:
        """Return whether evidence is of this number."""
        return isinstance(supplement, Evidence) and (supplement.estimand, supplement.term) == (self.quantity, self.term)

    def tables(self, supplement: Supplement) -> Mapping[str, pd.DataFrame]:
        """Return the estimates without each unit, if this is asked for."""
        left = supplement.left_out if isinstance(supplement, Evidence) and self.leave_out else None
        return {} if left is None else {UNITS_FILE: left.table}


@dataclass(frozen=True)
class Support:
    """How well the data support a specification.

    Attributes
    ----------
    label : str
        Of the run.
    likelihood, marginal : str
        Equal for specifications whose likelihoods, or marginal likelihoods, can be compared; empty where there is none.
    loglik, parameters, observations : float
        What the information criterion is made of.
    within : str
        As ``likelihood``, of the rows from which the effects are taken out as spatial models take them out; empty where
        this is no other likelihood.
    within_loglik, within_parameters, within_observations : float
        What the criterion of these rows is made of.
    log_marginal, marginal_loglik : float
        The marginal likelihood, and the highest likelihood of the same rows.
    design_effect : float
        What `digicarbon.numeric.averaging.design_effect` finds with clusters of the run's own level,
        or units; not-a-number where the model has no such errors, and in what earlier versions recorded.
    size : float
        Parameters of the model, fixed effects among them: of comparable models the largest says what k is.
    correlation : float
        ln |R|, R the correlation matrix of the regressors after the effects are taken out.
    why : Note or None
        Why there is no likelihood.
    why_marginal : Note or None
        Why there is no marginal likelihood.
    """

    label: str
    likelihood: str = ""
    marginal: str = ""
    loglik: float = float("nan")
    parameters: float = float("nan")
    observations: float = float("nan")
    within: str = ""
    within_loglik: float = float("nan")
    within_parameters: float = float("nan")
    within_observations: float = float("nan")
    log_marginal: float = float("nan")
    marginal_loglik: float = float("nan")
    design_effect: float = float("nan")
    size: float = float("nan")
    correlation: float = 0.0
    why: Note | None = None
    why_marginal: Note | None = None


@dataclass(frozen=True, eq=False)
class LeftOut:
    """The estimates of S specifications without each of N units.

    Attributes
    ----------
    labels : tuple of str
        Of the specifications.
    quantities, terms : tuple of str
        What each estimate is; empty in what earlier versions recorded.
    units : tuple of str
    in_space : bool
        Whether any specification has a W.
    estimates, p : ndarray, shape (S, 1 + N)
        The first column is the whole sample; p is that of the standard errors. Not-a-number where there is no fit.
    se : ndarray, shape (S,)
        Standard errors in the whole sample.
    reasons : tuple of (str, str, Note)
        Of each specification with a fit that failed: its label, the first such unit, and the reason.
    """

    labels: tuple[str, ...]
    units: tuple[str, ...]
    estimates: FloatArray
    p: FloatArray
    se: FloatArray
    reasons: tuple[tuple[str, str, Note], ...] = ()
    quantities: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    in_space: bool = True

    @property
    def table(self) -> pd.DataFrame:
        """A row per specification and unit: specification, quantity, term, unit, estimate, p.

        The unit is empty for all units.
        """
        units = ("", *self.units)
        texts = {"specification": self.labels, "quantity": self.quantities, "term": self.terms}
        repeated = {name: np.repeat(np.array(own, dtype=object), len(units)) for name, own in texts.items() if own}
        return pd.DataFrame(
            {
                **repeated,
                "unit": np.tile(np.array(units, dtype=object), len(self.labels)),
                "estimate": self.estimates.ravel(),
                "p": self.p.ravel(),
            }
        )


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a report needs beyond results to make one answer of many specifications.

    ``each``: one for each run, in the order of the experiment.
    """

    estimand: str
    term: str | None
    each: Sequence[Support]
    left_out: LeftOut | None = None

    def to_json(self) -> str:
        """Return the evidence as JSON, numbers to full precision."""
        left = self.left_out
        content = {
            "estimand": self.estimand,
            "term": self.term,
            "each": [{name: value for name, value in vars(one).items() if value is not None} for one in self.each],
            "left_out": left and vars(left),
        }
        return json.dumps(plain(content), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        """Return what `to_json` wrote.

        Raises DataError if the text is something else.
        """
        try:
            content = json.loads(text)
            left = content["left_out"]
            return cls(
                str(content["estimand"]),
                content["term"],
                tuple(map(_support, content["each"])),
                None if left is None else _left_out(left),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(Note("no_evidence_file", file=FILE, reason=str(error))) from error


_NOTES = ("why", "why_marginal")
_TEXTS = ("label", "likelihood", "within", "marginal")


def _array(node: Any) -> FloatArray:
    return np.array(node, dtype=np.float64)


def _support(node: Mapping[str, Any]) -> Support:
    fields: dict[str, Any] = {}
    for name, value in node.items():
        if name in _NOTES:
            fields[name] = Note.from_json(value)
        elif name in _TEXTS:
            fields[name] = str(value)
        else:
            fields[name] = float("nan") if value is None else float(value)
    return Support(**fields)


def _left_out(node: Mapping[str, Any]) -> LeftOut:
    labels, units = tuple(map(str, node["labels"])), tuple(map(str, node["units"]))
    shape = len(labels), 1 + len(units)
    return LeftOut(
        labels,
        units,
        _array(node["estimates"]).reshape(shape),
        _array(node["p"]).reshape(shape),
        _array(node["se"]),
        tuple((str(label), str(unit), Note.from_json(why)) for label, unit, why in node["reasons"]),
        tuple(map(str, node.get("quantities", ()))),
        tuple(map(str, node.get("terms", ()))),
        bool(node.get("in_space", True)),
    )
