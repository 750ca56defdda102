"""The CO2 factors of the fuels that an outcome counts, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

import pandas as pd
from pydantic import BeforeValidator, SerializeAsAny

from digicarbon.diagnostic.base import Diagnostic
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.spec import Spec, nested
from digicarbon.weights import Weights


class EmissionFactors(Diagnostic):
    """What each fuel of the outcome emits when it burns: Table 4 of the study, or the user's own factors.

    Attributes
    ----------
    outcome : CarbonOutcome
        One of the account ``fuels``; in a configuration ``${outcome}``, that of the run.
    """

    notes: ClassVar[tuple[Note, ...]] = (Note("emission_factor"),)
    """How the factors are computed, and their units."""
    table_names: ClassVar[tuple[str, ...]] = ("emission_factors",)

    outcome: Annotated[SerializeAsAny[Spec], BeforeValidator(partial(nested, kind=Spec))]

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the outcome counts no fuels."""
        if getattr(self.outcome, "account", None) != "fuels":
            raise ConfigError(Note("outcome_without_fuels", key="diagnostic.outcome"))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``emission_factors``: that of `CarbonOutcome.emission_factors`."""
        outcome: Any = self.outcome
        return {"emission_factors": outcome.emission_factors()}
