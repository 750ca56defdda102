"""The result of the joint test of a whole specification curve: plain numbers that pictures and tables read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, notes_of
from digicarbon.note.recorded import read_all
from digicarbon.result import Quantity

STATISTICS = ("median", "share_significant", "mean_z")
"""The median estimate; the share that is significant with the dominant sign; the mean z in the dominant direction."""
COLUMNS = ("observed", "null_median", "null_low", "null_high", "p")
BAND = ("rank", "low", "median", "high")
FACETS = frozenset(
    (
        *("cov", "cluster", "bandwidth", "kernel", "small_sample", "df", "engine", "effects_se", "draws", "seed"),
        *("level", "test", "replications", "weights", "intervals"),
    )
)
"""Fields of models that change standard errors, p values or intervals but no estimates, a former one among them."""
_OF_ERRORS = ("inference", "diagnostic", "report", "executor", "tracking")
"""Config groups that change no estimate."""
FILE = "joint.json"
"""The artifact of a sweep's parent run, in the folder of its request."""
_TEXTS = ("specification", "quantity", "term")
EACH = (*_TEXTS, "estimate", "z", "p", "step_down", "holm", "bh")
"""Columns of the p values of each specification."""
EACH_FILE = "specifications.csv"
"""The artifact with the p values of each specification, in the same folder."""

JointMethod = Literal["wild", "permutation"]
"""What a draw is: one sign for each unit's residuals, or residuals exchanged between units."""


def decides(key: str) -> bool:
    """Return whether a choice can change estimates, not only their standard errors."""
    group, _, field = key.partition(".")
    return group not in _OF_ERRORS and not (group == "model" and (field in FACETS or field.endswith("_draws")))


@dataclass(frozen=True)
class JointRequest:
    """The joint test that a report requests over all of its runs.

    ``quantity``, ``term``, ``draws``, ``seed``, ``level``, ``method``: as in `digicarbon.report.SpecificationCurve`.
    """

    quantity: Quantity
    term: str | None
    draws: int
    seed: int
    level: float
    method: JointMethod = "wild"

    @property
    def folder(self) -> str:
        """The folder of the artifacts: a later command that asks for another test does not replace them."""
        return f"joint/{number_folder(self.quantity, self.term)}_{self.method}_{self.draws}_{self.seed}_{self.level:g}"

    def fits(self, joint: Joint) -> bool:
        """Return whether a test that an earlier version recorded is this one; it did not record its term and level."""
        how = joint.estimand, joint.draws, joint.seed, joint.method
        return how == (self.quantity, self.draws, self.seed, self.method)


def number_folder(quantity: Quantity, term: str | None) -> str:
    """Return the part of a folder's name that stands for a number of runs."""
    # a term, or a number that a model of one's own declares, may have letters that no file name has
    name = quantity if re.fullmatch("[a-z_]+", quantity) else _short(quantity)
    return name if term is None else f"{name}_{_short(term)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _none() -> pd.DataFrame:
    return pd.DataFrame(columns=list(EACH))


@dataclass(frozen=True, eq=False)
class Joint:
    """The joint test of a multiverse (Simonsohn, Simmons & Nelson 2020), and the p values of its specifications."""

    estimand: str
    """A quantity, see `digicarbon.result.RunEffect`."""
    draws: int
    """Data sets under the null."""
    seed: int
    specifications: int
    """How many estimates were used."""
    dominant: Literal["+", "-", ""]
    """The sign of most estimates; empty where estimates have different units and are on no common curve."""
    statistics: pd.DataFrame
    """Index ``median``, ``share_significant``, ``mean_z``; columns observed, null_median, null_low and null_high (the
    2.5 % and 97.5 % quantiles over draws) and p. No rows where estimates have different units."""
    null_band: pd.DataFrame
    """A row per rank of the sorted curve: rank (from 1), and low, median, high of the estimate at that rank over the
    draws."""
    notes: tuple[Note, ...] = ()
    """What was left out, and remarks on the numbers."""
    method: JointMethod = "wild"
    each: pd.DataFrame = field(default_factory=_none)
    """A row per specification: specification (its label), quantity, term, estimate, z, p (of this specification alone,
    from the same draws), step_down (`digicarbon.numeric.resampling.step_down`), holm and bh (Holm's and Benjamini and
    Hochberg's adjustment of p). No rows in tests that earlier versions recorded."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", notes_of(self.notes))

    @property
    def metrics(self) -> dict[str, float]:
        """The p values by the names of their metrics, e.g. ``joint.median.p``."""
        return {f"joint.{name}.p": float(p) for name, p in self.statistics["p"].items()}

    def to_json(self) -> str:
        """Return the result as JSON, numbers to full precision."""
        content = {
            "estimand": self.estimand,
            "method": self.method,
            "draws": self.draws,
            "seed": self.seed,
            "specifications": self.specifications,
            "dominant": self.dominant,
            "statistics": self.statistics[list(COLUMNS)].to_dict("index"),
            "null_band": self.null_band[list(BAND)].astype(np.float64).to_dict("list"),
            "each": self.each[list(EACH)].to_dict("list"),
            "notes": self.notes,
        }
        return json.dumps(plain(content), ensure_ascii=False, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Joint:
        """Return what `to_json` wrote; a `DataError` if the text is something else."""
        try:
            content = json.loads(text)
            statistics = pd.DataFrame.from_dict(content["statistics"], orient="index", dtype=np.float64)
            band = pd.DataFrame({column: np.array(content["null_band"][column], dtype=np.float64) for column in BAND})
            numbers = {name: int(content[name]) for name in ("draws", "seed", "specifications")}
            common = bool(content["statistics"])
            if content["dominant"] not in (("+", "-") if common else ("",)):
                raise ValueError(f"dominant is {content['dominant']!r}")
            # tests without a method are of versions that knew permutations alone
            method = content.get("method", "permutation")
            if method not in ("wild", "permutation"):
                raise ValueError(f"method is {method!r}")
            return cls(
                estimand=str(content["estimand"]),
                **numbers,
                dominant=content["dominant"],
                statistics=statistics.loc[list(STATISTICS), list(COLUMNS)]
                if common
                else pd.DataFrame(columns=[*COLUMNS]),
                null_band=band.astype({"rank": np.int64}),
                notes=read_all(content["notes"]),
                method=method,
                each=_each(content["each"], str(content["estimand"])) if "each" in content else _none(),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(Note("no_joint_test_file", file=FILE, reason=str(error))) from error


def _each(columns: Mapping[str, list[Any]], estimand: str) -> pd.DataFrame:
    # an earlier version recorded neither the quantity nor the term of a specification
    every = len(columns["specification"])
    columns = {"quantity": [estimand] * every, "term": [""] * every, **columns}
    return pd.DataFrame(
        {
            name: [str(text) for text in columns[name]] if name in _TEXTS else np.array(columns[name], dtype=np.float64)
            for name in EACH
        }
    )


def plain(value: Any) -> Any:
    """Return values as JSON has them: notes by their fields, lists for arrays, null for numbers that are not finite."""
    match value:
        case Note():
            return value.to_json()
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case np.ndarray():
            return plain(value.tolist())
        case float():
            return float(value) if np.isfinite(value) else None
        case _:
            return value


def joints_to_json(joints: Mapping[str, Joint]) -> str:
    """Return the joint tests of the parts of a multiverse as JSON: that of a single part without a name as it is."""
    if list(joints) == [""]:
        return joints[""].to_json()
    return json.dumps(
        {"parts": {name: json.loads(joint.to_json()) for name, joint in joints.items()}}, ensure_ascii=False, indent=1
    )


def joints_from_json(text: str) -> dict[str, Joint]:
    """Return what `joints_to_json` wrote; a `DataError` if the text is something else."""
    try:
        content = json.loads(text)
        parts = content.get("parts") if isinstance(content, dict) else None
    except ValueError as error:
        raise DataError(Note("no_joint_test_file", file=FILE, reason=str(error))) from error
    if not isinstance(parts, dict):
        return {"": Joint.from_json(text)}
    return {str(name): Joint.from_json(json.dumps(part)) for name, part in parts.items()}


def each_of(joints: Mapping[str, Joint]) -> pd.DataFrame:
    """Return the p values of each specification, after the part that it was tested in if there are several."""
    if list(joints) == [""]:
        return joints[""].each
    parts = [joint.each.assign(part=name)[["part", *EACH]] for name, joint in joints.items()]
    return pd.concat(parts, ignore_index=True)


def metrics_of(joints: Mapping[str, Joint]) -> dict[str, float]:
    """Return the p values of joint tests by the names of their metrics; the name of a part comes before the statistic.

    ``joint.median.p`` of a single part without a name, else e.g. ``joint.outcome_intensity.median.p``.
    """
    metrics: dict[str, float] = {}
    for name, joint in joints.items():
        # MLflow takes letters, digits and a few signs
        own = f"{re.sub(r'[^0-9A-Za-z_.-]+', '_', name)}." if name else ""
        for metric, p in joint.metrics.items():
            metrics[f"joint.{own}{metric.removeprefix('joint.')}"] = p
    return metrics
