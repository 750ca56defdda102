"""Which class an estimator of a policy's effects is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digicarbon.packs.policies.model._estimator import PolicyEstimator
    from digicarbon.packs.policies.model._fields import Estimator


@cache
def class_of(estimator: Estimator) -> type[PolicyEstimator]:
    """Return the class of an estimator; its module is loaded when it is asked for."""
    match estimator:
        case "twfe":
            from digicarbon.packs.policies.model._regressions import TwoWay

            return TwoWay
        case "event_study":
            from digicarbon.packs.policies.model._regressions import EventDummies

            return EventDummies
        case "sun_abraham":
            from digicarbon.packs.policies.model._regressions import SunAbraham

            return SunAbraham
        case "imputation":
            from digicarbon.packs.policies.model._imputation import Imputing

            return Imputing
        case "stacked":
            from digicarbon.packs.policies.model._stacked import Stacked

            return Stacked
        case "callaway_santanna":
            from digicarbon.packs.policies.model._callaway_santanna import CallawaySantanna

            return CallawaySantanna
        case "synthetic_did":
            from digicarbon.packs.policies.model._synthetic import SyntheticDiD

            return SyntheticDiD
