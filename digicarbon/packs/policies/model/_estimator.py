"""What an estimator of a policy's effects says and does for the model that names it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from digicarbon.errors import EstimationError
from digicarbon.model.base import COLUMN
from digicarbon.note import Note, cut
from digicarbon.packs.policies.model._effects import Design
from digicarbon.packs.policies.model._fields import Exposure, _PolicyModel
from digicarbon.packs.policies.model._timing import Timing, timing_of
from digicarbon.packs.policies.numeric.aggregation import Aggregate
from digicarbon.panel import Panel
from digicarbon.result import Mean

if TYPE_CHECKING:
    from digicarbon.model.panel_regression import PanelRegression

OWN_ERRORS: Mapping[str, tuple[object, ...]] = {
    "cov": ("cluster",),
    "cluster": ("unit", COLUMN),
    "bandwidth": (None,),
    "kernel": ("uniform",),
    "small_sample": ("stata",),
    "df": ("auto",),
}
"""What estimators take of a request whose standard errors are their own: units are clusters, or lie in those of one."""
LEVELS: tuple[Aggregate, ...] = ("overall", "event", "cohort", "calendar")
_MEANS: Mapping[Aggregate, Mean] = dict(zip(LEVELS, ("treated_rows", "event_times", "cohorts", "periods"), strict=True))


class PolicyEstimator(ABC):
    """An estimator of a policy's effects, as the fields of a model say."""

    levels: ClassVar[tuple[Aggregate, ...]] = LEVELS
    """Which means there are beside the overall effect."""
    regression: ClassVar[bool] = False
    """Whether it is a two-way regression of the panel's own rows, which takes further effects, trends and columns."""
    own_errors: ClassVar[bool] = False
    """Whether standard errors are its own, whatever the inference."""
    has_wild: ClassVar[bool] = False
    """Whether it has a wild bootstrap: its designs are `Restricted`."""
    takes_long: ClassVar[bool] = False
    """Whether a fit takes more than a few milliseconds, see `digicarbon.model.tested.Tested`."""
    wild_work: ClassVar[float] = 1.0
    """How many times as long as that of an event study its wild bootstrap takes."""
    weighs: ClassVar[bool] = True
    """Whether it takes weights of observations."""
    marks_exposed: ClassVar[bool] = False
    """Whether rows that others' policies reach are marked, to be left out and averaged, and have no column."""
    takes_shares: ClassVar[bool] = False
    """Whether a policy may have values other than 0 and 1."""
    one_effect: ClassVar[bool] = False
    """Whether all cohorts have one effect, so that few units of one matter less."""
    by_compare: ClassVar[bool] = False
    """Whether ``compare`` says which units are the comparison of all effects."""
    needs_reference: ClassVar[bool] = False
    """Whether a cohort needs the reference, and not any period before the policy."""
    fewest: ClassVar[int] = 1
    """Periods before the policy that a cohort needs."""

    def __init__(self, model: _PolicyModel) -> None:
        self.model = model

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What it takes of a request, as `digicarbon.model.base.Model.offers` says."""
        return OWN_ERRORS if self.own_errors else {}

    @property
    def reads(self) -> Collection[str]:
        """Fields that mean something, among those that do for some estimators (``OF_SOME`` beside `DiD`)."""
        return ()

    @property
    def with_spillovers(self) -> bool:
        """Whether it takes spillovers."""
        return self.regression or self.marks_exposed

    @property
    def compares_alone(self) -> bool:
        """Whether the units that are never treated, or the last cohort for them, are the comparison of all effects."""
        return self.by_compare and self.model.compare == "never"

    @property
    def by_event(self) -> bool:
        """Whether effects by event time are estimated."""
        return self.model.aggregate == "event"

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """The first and the last event time, which hold all that lie beyond; None of none."""
        return self.model.leads, self.model.lags

    @property
    def lacks_window(self) -> str:
        """The field without which event times would be of other cohorts each; empty if none is needed."""
        return ""

    @property
    def one_dummy(self) -> PanelRegression | None:
        """The regression on one dummy that it is; None if it is another."""
        return None

    def refuse(self) -> None:
        """Raise a ValueError with a note if fields of the model contradict the estimator."""
        model = self.model
        if model.aggregate not in self.levels:
            if len(self.levels) == 1:
                raise ValueError(Note("did_without_levels", key="aggregate", aggregate=model.aggregate))
            facts = {"aggregate": model.aggregate, "estimator": model.estimator}
            raise ValueError(Note("did_without_cells", key="aggregate", **facts))
        if self.lacks_window:
            raise ValueError(Note("did_stacks_without_window", key=self.lacks_window))

    def on(self, panel: Panel, reached: Exposure) -> tuple[Timing | None, Design]:
        """Return the rows that are used, None for those of a share, and what is fitted to them.

        ``panel``: with every term of the model, and the columns of ``reached``. Raises DataError, EstimationError.
        """
        timing = self.timing(panel)
        return timing, self.design(timing, panel, reached)

    @abstractmethod
    def design(self, timing: Timing, panel: Panel, reached: Exposure) -> Design:
        """Return what is fitted to the rows that are used, of ``timing``, after every check; ``panel`` has all rows."""

    def dates(self, panel: Panel) -> Timing:
        """Return when units come under the policy, whether the estimator can use them or not."""
        return timing_of(panel, self.model.policy, self.model.observation_weights)

    def timing(self, panel: Panel) -> Timing:
        """Return the timing without units that the estimator cannot use."""
        timing = self.compared(self._after_something(self.dates(panel)))
        if timing.ever.all() and len(timing.cohorts) == 1:
            raise EstimationError(Note("did_all_at_once", policy=self.model.policy))
        return timing

    def compared(self, timing: Timing) -> Timing:
        """Return a timing with the units of comparison that the estimator needs."""
        if self.by_compare:
            self.refuse_without_never(timing)
        return timing

    def refuse_without_never(self, timing: Timing) -> None:
        """Refuse rows in which the units of comparison are never treated ones, and there are none."""
        model = self.model
        if model.compare == "never" and timing.ever.all():
            raise EstimationError(Note("did_needs_never", policy=model.policy, estimator=model.estimator))

    def _after_something(self, timing: Timing) -> Timing:
        """Return a timing without cohorts that lack the periods that effects are compared with."""
        model = self.model
        unusable = timing.once(
            ("nothing before", self.needs_reference, self.fewest, model.base_event, model.anticipation),
            lambda: self._nothing_before(timing),
        )
        if not unusable.any():
            return timing
        policy, event = model.policy, model.base_event
        if unusable[timing.ever].all():
            facts = {"policy": policy, "anticipation": model.anticipation, "event": event}
            raise EstimationError(Note("did_nothing_before", **facts))
        units = cut(timing.panel.units[place] for place in np.flatnonzero(unusable))
        short = Note("did_units_too_short", units=units, policy=policy)
        missing = Note("did_units_left_out", units=units, policy=policy, event=event)
        return timing.rows(~unusable[timing.panel.unit_codes], missing if self.fewest == 1 else short)

    def _nothing_before(self, timing: Timing) -> NDArray[np.bool_]:
        """Return whether a unit is of a cohort without the periods that effects are compared with, shape (N,)."""
        event, model = timing.event, self.model
        before = event == model.base_event if self.needs_reference else event < -model.anticipation
        early = np.bincount(timing.panel.unit_codes[before], minlength=len(timing.first)) >= self.fewest
        late = [one for one in timing.cohorts if not early[timing.first == one].any()]
        return np.isin(timing.first, late)

    def mean(self, covers: bool) -> Mean:
        """Return over what the overall effect is a mean; ``covers``: all rows under the policy are behind it."""
        by: Aggregate = "overall" if self.model.overall == "rows" else self.model.aggregate
        return "estimated_rows" if by == "overall" and not covers else _MEANS[by]

    def said_of(self, mean: Mean, timing: Timing) -> list[Note]:
        """Return the note on what the overall effect is a mean of; none where its label alone says it."""
        policy = self.model.policy
        of_rows = dict.fromkeys(
            ("treated_rows", "estimated_rows", "stack_rows"), Note("did_overall_overall", policy=policy)
        )
        notes = of_rows | {
            "event_times": Note("did_overall_event", policy=policy),
            "cohorts": Note("did_overall_cohort", policy=policy),
            "periods": Note("did_overall_calendar", policy=policy),
        }
        return [notes[mean]] if mean in notes else []

    def reference(self, events: Collection[float]) -> dict[str, float]:
        """Return the event time that others are compared with, as a statistic, where it is not among the effects."""
        return {"reference_event": float(self.model.base_event)}
