"""A claim: what the runs of an experiment should show, stated before they are fitted, and whether they show it.

A claim is judged in each part of a multiverse (`digicarbon.report.kinds`); it holds if it holds in every main part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from digicarbon.errors import ConfigError
from digicarbon.note import Note, suggestion
from digicarbon.numeric.significance import is_significant
from digicarbon.report.base import Record
from digicarbon.report.focal import effect_of
from digicarbon.report.joint import Joint, JointRequest
from digicarbon.report.kinds import Multiverse, Part
from digicarbon.result import Result, RunEffect

Outcome = Literal["holds", "fails", "open"]
SIGNS = ("negative", "positive")
FIELDS = ("quantity", "sign", "share", "significant", "term", "joint")
REQUIRED = ("quantity", "sign", "share")
EXAMPLE = "{quantity: direct, sign: negative, share: 0.8}"
TAG, COUNT_TAG = "digicarbon.claim", "digicarbon.claim_count"
"""Tags of a sweep: whether its claim holds, and the counts behind that."""
TAGGED: Mapping[Outcome, str] = {"holds": "holds", "fails": "does not hold", "open": "cannot be judged"}
OUTCOMES: Mapping[Outcome, Note] = {
    "holds": Note("claim_holds"),
    "fails": Note("claim_fails"),
    "open": Note("claim_open"),
}


@dataclass(frozen=True)
class Claim:
    """What runs should show."""

    quantity: str
    """Of which number: ``coefficient``, ``direct``, …"""
    sign: Literal["negative", "positive"]
    share: float
    """At least this share of the specifications has the sign."""
    significant: float | None = None
    """Those with a p value of at most this one are counted; None counts all with the sign."""
    term: str | None = None
    """The focal term; None takes the first of each run."""
    joint: float | None = None
    """The joint test's p of the share significant is at most this one; None asks for no joint test."""

    @property
    def run_effect(self) -> RunEffect:
        """The number that the claim is about."""
        return RunEffect(self.quantity, self.term, self.significant)

    @property
    def note(self) -> Note:
        """The claim in a sentence."""
        return Note(
            "claim_stated",
            effect=effect_of(self.quantity),
            term="" if self.term is None else Note("claim_term", term=self.term),
            sign=Note("sign_negative" if self.sign == "negative" else "sign_positive"),
            level="" if self.significant is None else Note("claim_level", level=self.significant),
            share=percent(self.share),
            joint="" if self.joint is None else Note("claim_joint", p=self.joint),
        )

    @property
    def recorded(self) -> dict[str, Any]:
        """The claim as a sweep records it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds in a part."""

    part: Part
    agree: int
    """Specifications with the sign (and significant, if the claim says so)."""
    estimates: int
    """Specifications with an estimate."""
    unknown: int
    """Runs that failed or gave no number, or are not fitted: they count as not having the sign."""
    without: int
    """Runs whose model has no such number; they are not counted."""
    p: float | None
    """The joint test's; None where the claim asks for none, or there is none."""
    outcome: Outcome
    """``open`` if it cannot be judged."""

    @property
    def runs(self) -> int:
        """The specifications of which `agree` is a share, failed ones among them."""
        return self.estimates + self.unknown

    @property
    def count(self) -> str:
        """The count, e.g. ``63 of 72``."""
        return f"{self.agree:,} of {self.runs:,}"

    @property
    def note(self) -> Note:
        """The verdict in a sentence."""
        fields: dict[str, Any] = {
            "outcome": OUTCOMES[self.outcome],
            "agree": self.agree,
            "runs": self.runs,
            "share": percent(self.agree / self.runs) if self.runs else "–",
            "joint": "" if self.p is None else Note("claim_p", p=self.p),
            "unknown": Note("claim_unknown", runs=self.unknown) if self.unknown else "",
            "without": Note("claim_without", runs=self.without) if self.without else "",
        }
        return Note("claim_part", part=self.part.name, **fields) if self.part.name else Note("claim_whole", **fields)


@dataclass(frozen=True)
class Judged:
    """A claim with its verdicts, one for each main part."""

    claim: Claim
    verdicts: tuple[Verdict, ...]

    @property
    def outcome(self) -> Outcome:
        """Whether the claim holds in every main part: one part where it fails is enough to fail."""
        outcomes = {verdict.outcome for verdict in self.verdicts}
        return "fails" if "fails" in outcomes else "open" if "open" in outcomes or not outcomes else "holds"

    @property
    def notes(self) -> tuple[Note, ...]:
        """The claim and its verdicts in sentences."""
        several = [self._together] if len(self.verdicts) > 1 else []
        return (self.claim.note, *several, *(verdict.note for verdict in self.verdicts))

    @property
    def _together(self) -> Note:
        counts = Counter(verdict.outcome for verdict in self.verdicts)
        return Note(
            "claim_together",
            outcome=OUTCOMES[self.outcome],
            parts=len(self.verdicts),
            holding=counts["holds"],
            failing=counts["fails"],
            open=counts["open"],
        )

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the sweep in MLflow."""
        counts = [
            f"{verdict.part.name}: {TAGGED[verdict.outcome]}, {verdict.count}" if verdict.part.name else verdict.count
            for verdict in self.verdicts
        ]
        return {TAG: TAGGED[self.outcome], COUNT_TAG: "; ".join(counts)}


def percent(share: float) -> str:
    """Return a share in percent with as few digits as it needs, at most one; 100 % is exactly all."""
    text = f"{100 * share:.1f}"
    if text in ("100.0", "0.0") and share not in (0.0, 1.0):
        text = f"{100 * share:.3f}"
    return f"{text.rstrip('0').rstrip('.')}%"


# ---- what an experiment says


def claim_of(node: Mapping[Any, Any]) -> Claim | None:
    """Return the claim of an experiment, None if it makes none; a `ConfigError` for a field that is not right."""
    if not node:
        return None
    for name in map(str, node):
        if name not in FIELDS:
            hint = suggestion(name, FIELDS)
            raise ConfigError(Note("claim_field", key=f"claim.{name}", hint=hint, fields=FIELDS))
    for name in REQUIRED:
        if node.get(name) is None:
            raise ConfigError(Note("claim_lacks", key=f"claim.{name}", example=EXAMPLE))
    if node["sign"] not in SIGNS:
        hint = suggestion(str(node["sign"]), SIGNS) or _meant(node["sign"])
        raise ConfigError(Note("claim_sign", key="claim.sign", given=repr(node["sign"]), hint=hint, signs=SIGNS))
    for name in ("quantity", "term"):
        if node.get(name) is not None and not isinstance(node[name], str):
            raise ConfigError(Note("claim_text", key=f"claim.{name}", given=repr(node[name])))
    share = _number("share", node["share"])
    return Claim(
        quantity=node["quantity"],
        sign="negative" if node["sign"] == "negative" else "positive",
        share=share,
        significant=None if node.get("significant") is None else _number("significant", node["significant"]),
        term=node.get("term"),
        joint=None if node.get("joint") is None else _number("joint", node["joint"]),
    )


def _meant(given: object) -> Note | str:
    """Return the hint for other words of a sign."""
    words = {"-": "negative", "minus": "negative", "neg": "negative", "+": "positive", "plus": "positive"}
    name = words.get(str(given).lower())
    return Note("did_you_mean", name=name) if name else ""


def _number(name: str, value: object) -> float:
    """Return a share or a level, which is above 0 and at most 1; levels are below 1."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    if 0 < number < 1 or (number == 1 and name == "share"):
        return number
    percent_meant = 1 < number <= 100
    hint = Note("claim_percent", share=f"{number / 100:g}", percent=f"{number:g}") if percent_meant else ""
    wrong = {"key": f"claim.{name}", "given": repr(value), "hint": hint}
    raise ConfigError(Note("claim_share" if name == "share" else "claim_p_value", **wrong))


def check(claim: Claim | None, request: JointRequest | None) -> None:
    """Raise a `ConfigError` for a claim about a joint test that the report does not make."""
    if claim is None or claim.joint is None:
        return
    if request is None:
        raise ConfigError(Note("claim_without_joint", key="claim.joint"))
    if (request.quantity, request.term) != (claim.quantity, claim.term):
        tested, claimed = (
            Note("claim_number", effect=effect_of(quantity), term="" if term is None else Note("claim_term", term=term))
            for quantity, term in ((request.quantity, request.term), (claim.quantity, claim.term))
        )
        raise ConfigError(Note("claim_other_joint", key="claim.joint", tested=tested, claimed=claimed))


# ---- what the runs say


def judged(
    claim: Claim, multiverse: Multiverse, records: Iterable[Record], joints: Mapping[str, Joint], lost: int = 0
) -> Judged:
    """Return whether a claim holds for records, each of which is read once, in each main part of a multiverse.

    ``joints``: the joint test of each part, by its name. ``lost`` are runs of columns that cannot run; they may belong
    to any part.
    """
    numbers: dict[str, tuple[float, float]] = {}
    without: set[str] = set()
    for record in records:
        if record.again:
            continue
        effect = record.result.effect_numbers(claim.run_effect)
        if effect is not None:
            _, coef, _, p, *_ = effect
            numbers[record.label] = coef, p
        elif not _lost(record.result, claim.run_effect):
            without.add(record.label)

    def verdict(part: Part) -> Verdict:
        known = [numbers[label] for label in part.labels if label in numbers]
        lacking = len(part.labels & without)
        unknown = len(part.labels) - len(known) - lacking + lost
        up, level, joint = claim.sign == "positive", claim.significant, joints.get(part.name)
        agree = sum((coef > 0 if up else coef < 0) and (level is None or is_significant(p, level)) for coef, p in known)
        p = None
        if claim.joint is not None and joint is not None and len(joint.statistics):
            p = joint.metrics["joint.share_significant.p"]
        outcome = _outcome(claim, agree, len(known), unknown, _joint_holds(claim, joint, p))
        return Verdict(part, agree, len(known), unknown, lacking, p, outcome)

    return Judged(claim, tuple(map(verdict, multiverse.main)))


def _lost(result: Result, run_effect: RunEffect) -> bool:
    """Return whether a run should have the number and has none: at an end of a range, or without a standard error."""
    if not result.focal or result.has_powers or (result.in_pieces and run_effect.term is None):
        return False
    if result.end:
        return True
    return any(run_effect.term in (None, term) for term, _ in result.focal_numbers(result.quantity(run_effect)))


def _joint_holds(claim: Claim, joint: Joint | None, p: float | None) -> bool | None:
    """Return whether the part of a claim about the joint test holds; None if there is no test."""
    if claim.joint is None:
        return True
    if joint is None or p is None or np.isnan(p):
        return None
    # the test counts the sign of most estimates
    return is_significant(p, claim.joint) and joint.dominant == ("+" if claim.sign == "positive" else "-")


def _outcome(claim: Claim, agree: int, estimates: int, unknown: int, joint: bool | None) -> Outcome:
    """Return whether a claim holds: open where runs without a number could make it hold."""
    runs = estimates + unknown
    if not estimates:
        return "open"
    # both are the nearest double to a decimal number, so that exactly the share is enough
    if joint is False or (agree + unknown) / runs < claim.share:
        return "fails"
    if agree / runs < claim.share or joint is None:
        return "open"
    return "holds"
