"""What a model of a policy's effects says of itself: its fields, and what follows from them and from its estimator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.model._absorption import Absorb, Clusters, Trends
from digicarbon.model._latest import LATEST, columns_of
from digicarbon.model._observation_weights import ObservationWeights, positive_rows
from digicarbon.model._panel_covariance import OF_ERRORS
from digicarbon.model.base import Model
from digicarbon.model.panel_regression import PanelRegression, regression_with
from digicarbon.model.tested import Clustered, Tested
from digicarbon.note import Note
from digicarbon.numeric.linear.covariance import Covariance, Kernel, SmallSample
from digicarbon.packs.policies.numeric.aggregation import Aggregate, Overall
from digicarbon.packs.policies.numeric.group_time import Base, Compare
from digicarbon.packs.policies.panel.policy import policy_columns
from digicarbon.panel import Panel
from digicarbon.result import MadeOf
from digicarbon.spec import Names

if TYPE_CHECKING:
    from digicarbon.packs.policies.model._estimator import PolicyEstimator

_Made = TypeVar("_Made")

Estimator = Literal["twfe", "event_study", "sun_abraham", "imputation", "stacked", "callaway_santanna", "synthetic_did"]
SyntheticVariance = Literal["placebo", "jackknife", "bootstrap"]
Spillovers = Literal["none", "neighbours", "rings"]
SpilloversOn = Literal["untreated", "all", "interacted"]
_OF_TESTS = frozenset({*Tested.model_fields} - {*Model.model_fields})
"""Fields that change nothing of effects and their standard errors."""
_OF_REGRESSION = ("y", "controls", "absorb", "trends", *sorted(OF_ERRORS), "level", "observation_weights")
"""Fields that the regression has, too."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """How the policies of others reach the rows of a panel."""

    columns: Mapping[str, FloatArray]
    """The exposure of rows by term: of a regression its columns, shape (rows,)."""
    made_of: Mapping[str, MadeOf]
    mean: Mapping[str, float]
    """Weights of the terms' coefficients in the mean spillover on exposed rows without the policy."""
    notes: tuple[Note, ...]


class _PolicyModel(Clustered):
    """The effect of a policy on the units that come under it; fields as in `DiD`."""

    exact_paths: ClassVar[bool] = True

    y: str
    x: Names = ()
    policy: str
    estimator: Estimator = "twfe"
    compare: Compare = "never"
    reference: Annotated[int, Field(le=-1)] = -1
    leads: Annotated[int, Field(ge=1)] | None = None
    lags: Annotated[int, Field(ge=0)] | None = None
    anticipation: Annotated[int, Field(ge=0)] = 0
    aggregate: Aggregate = "overall"
    overall: Overall = "rows"
    base_period: Base = "varying"
    stack_weights: Literal["corrective", "variance"] = "corrective"
    spillovers: Spillovers = "none"
    rings: Annotated[tuple[float, ...], Field(strict=False)] = ()
    spillovers_on: SpilloversOn | None = None
    longitude: str = "longitude"
    latitude: str = "latitude"
    sdid_variance: Literal["auto", "placebo", "jackknife", "bootstrap"] = "auto"
    sdid_draws: Annotated[int, Field(ge=20, le=100_000)] = 200
    absorb: Absorb = ()
    trends: Trends = None
    cov: Covariance = "cluster"
    cluster: Clusters = "unit"
    bandwidth: Annotated[int, Field(ge=0)] | None = None
    kernel: Kernel = "uniform"
    small_sample: SmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"
    observation_weights: ObservationWeights = None

    @property
    @abstractmethod
    def how(self) -> PolicyEstimator:
        """The estimator: what differs from one to the other is said there."""

    @property
    def receivers(self) -> SpilloversOn:
        """Whom spillovers reach in a regression."""
        return self.spillovers_on or ("all" if self.spillovers == "neighbours" else "untreated")

    @property
    def absorbs(self) -> bool:
        """Whether there are fixed effects or trends beside the effects of units and periods."""
        return bool(self.absorb) or self.trends is not None

    @property
    def base_event(self) -> int:
        """The event time whose effect is zero."""
        return self.reference - self.anticipation

    def regression(self, x: Sequence[str]) -> PanelRegression:
        """Return the two-way regression of the outcome on columns, with the standard errors of this model."""
        fields = {name: getattr(self, name) for name in _OF_REGRESSION}
        return regression_with(**fields, x=tuple(x), effects="two_way")

    def latest(
        self,
        panel: Panel,
        reached: Exposure,
        without: frozenset[str],
        make: Callable[[], _Made],
        size: Callable[[_Made], int],
    ) -> _Made:
        """Return what follows from the model without some fields, made if none of the latest models had the same."""
        columns = columns_of(panel, self.terms, policy_columns(self.policy))
        # a class that changes ours shares nothing with it
        if columns is None or reached.columns or _PolicyModel not in type(self).__bases__:
            return make()
        fields = (value for name, value in self.__dict__.items() if name not in _OF_TESTS and name not in without)
        return LATEST.once((*fields, *columns), make, size)

    def rows(self, panel: Panel) -> Panel:
        """Return the panel with every term, without rows that weigh nothing."""
        made, column = panel.with_terms(self.terms), self.observation_weights
        return made if column is None else positive_rows(made, column)[0]

    def is_share(self, panel: Panel) -> bool:
        """Return whether the policy has values other than 0 and 1, which two-way effects take as they are.

        Raises DataError if the panel has no such policy.
        """
        panel.require((self.policy,))
        return self.how.takes_shares and not panel.is_binary(self.policy)
