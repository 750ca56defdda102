"""Reports of many specifications with a joint test of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, PrivateAttr

from digicarbon.note import Note
from digicarbon.report.base import Report
from digicarbon.report.curve import CurvePart
from digicarbon.report.focal import Quantity
from digicarbon.report.joint import Joint, JointMethod, JointRequest
from digicarbon.report.labels import Labels
from digicarbon.result import RunEffect
from digicarbon.spec import Seed

DRAW = 2.5e-5
"""Seconds that a specification takes for one draw of the joint test, at 30 units and 6 periods.

Patterns are drawn twice as often: p values of signs of units stand beside theirs."""
STATISTICS = {
    "median": "joint test: median estimate, p",
    "share_significant": "joint test: share significant, p",
    "mean_z": "joint test: mean z, p",
}


class JointlyTested(Report):
    """A report of one number of many specifications, with the joint test at the end of a sweep.

    Its fields are those of `digicarbon.report.SpecificationCurve`.
    """

    quantity: Quantity = "coefficient"
    term: str | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    draws: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    seed: Seed = 1
    method: JointMethod = "wild"

    _joints: Mapping[str, Joint] = PrivateAttr(default_factory=dict)

    @property
    def run_effect(self) -> RunEffect:
        """The number of each run."""
        return RunEffect(self.quantity, self.term, self.level)

    @property
    def joint_request(self) -> JointRequest | None:
        """The joint test, if ``draws`` is positive."""
        if not self.draws:
            return None
        return JointRequest(self.quantity, self.term, self.draws, self.seed, self.level, self.method)

    def seconds(self, runs: int, rows: int) -> float:
        """Return the seconds for the joint test's fits to all draws."""
        return DRAW * self.draws * runs * (2 if self.method == "wild" else 1) * (0.8 + rows / 900)

    def with_joint(self, joint: Joint | None) -> Self:
        """Return the report with the joint test; None: without a word on one."""
        return self.with_joints({} if joint is None else {"": joint})

    def with_joints(self, joints: Mapping[str, Joint]) -> Self:
        """Return the same with the joint test of each main part, by its name."""
        report = self.model_copy(update={} if joints else {"draws": 0})
        report._joints = dict(joints)
        return report

    def unrecorded(self, name: str) -> list[Note]:
        """Return a note where the test is not recorded with the runs. ``name``: of the option."""
        if self._joints or not self.draws:
            return []
        words = self.request_words(name, "quantity", "term", "draws", "seed", "level", "method")
        return [Note("no_joint_recorded", words=words)]

    def joint_remark(self, part: CurvePart, words: Labels) -> list[str]:
        """Return what the joint test of a part says."""
        joint = part.joint
        if joint is None or not len(joint.statistics):
            return []
        fields = dict(zip(("median", "share", "mean"), p_values(joint), strict=True))
        remark = words.word("joint on curve").format(draws=f"{joint.draws:,}", **fields)
        if joint.specifications != len(part.rows):
            others = words.word("joint on others").format(specifications=f"{joint.specifications:,}")
            remark += others if words.language == "zh" else f" {others}"
        return [f"{words.run(part.name)}{words.colon}{remark}" if part.name else remark]

    def joint_notes(self, part: CurvePart) -> list[Note]:
        """Return notes on the joint test of a part."""
        joint = part.joint
        if joint is None:
            return []
        notes = list(joint.notes)
        if len(joint.statistics):
            of = {"draws": joint.draws, "specifications": joint.specifications, "seed": joint.seed}
            test = Note("joint_test_wild" if joint.method == "wild" else "joint_test", sign=joint.dominant, **of)
            notes.insert(0, test)
        return of_part(part.name, notes)


def of_part(part: str, notes: Sequence[Note]) -> list[Note]:
    """Return notes on a part, which they name if there are several."""
    return [Note("of_labels", labels=(part,), note=note) for note in notes] if part else list(notes)


def p_values(joint: Joint | None) -> list[str]:
    """Return the p values of a joint test as cells; blanks without one."""
    if joint is None or not len(joint.statistics):
        return [""] * len(STATISTICS)
    return [f"{p:.3f}" for p in joint.statistics.loc[list(STATISTICS), "p"]]
