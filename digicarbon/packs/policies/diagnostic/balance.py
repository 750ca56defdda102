"""How alike the units of a matched sample are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field

from digicarbon.diagnostic.base import Diagnostic
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.spec import Names
from digicarbon.weights import Weights


class Balance(Diagnostic):
    """Means of the covariates of a matched sample, with and without the policy, before and after the matching.

    Attributes
    ----------
    covariates : tuple of str
        Those of the sample; it fills in this and the following, which are left empty.
    columns : tuple of str
        What is compared.
    numbers : tuple of tuple of float
        For each covariate, those of the columns.
    """

    notes: ClassVar[tuple[Note, ...]] = (Note("balance_differences"),)
    """What a standardised difference is."""
    table_names: ClassVar[tuple[str, ...]] = ("balance",)

    covariates: Names = ()
    columns: Names = ()
    numbers: Annotated[tuple[Annotated[tuple[float, ...], Field(strict=False)], ...], Field(strict=False)] = ()

    def with_balance(self, balance: Callable[[], pd.DataFrame | None]) -> Balance:
        """Return the diagnostic with the balance of the run's sample.

        Raises ConfigError if the sample is not matched.
        """
        found = balance()
        if found is None:
            raise ConfigError(Note("balance_of_no_match", key="sample"))
        numbers = tuple(map(tuple, found.to_numpy(dtype=float).tolist()))
        filled = {"covariates": tuple(found.index), "columns": tuple(found.columns), "numbers": numbers}
        return self.model_copy(update=filled)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``balance``, indexed by covariate; see `digicarbon.packs.policies.sample.matching.Matching`."""
        index = pd.Index(self.covariates, name="variable")
        return {"balance": pd.DataFrame(list(self.numbers), columns=list(self.columns), index=index, dtype=float)}
