"""The joint test that nothing happened before a policy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import pandas as pd

from digicarbon.diagnostic._rows import Row, followed, not_tested, table
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.numeric.tests.equality import WaldTest
from digicarbon.packs.policies.diagnostic._policy import did_of
from digicarbon.packs.policies.model.did import DiD
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights


class Leads(OfModel):
    """Joint test of the effects before a policy, and these effects.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run; of ``estimator=twfe`` the event study with the same
        controls and standard errors is fitted.
    """

    table_names: ClassVar[tuple[str, ...]] = ("leads", "lead_effects")

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the effects by event time cannot be estimated."""
        by_event(did_of(self.model)).check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the test, ``leads``, and ``lead_effects`` by event time."""
        model = by_event(did_of(self.model))
        result, test = model.pretest(panel, weights)
        effects = event_effects(result, model.policy)
        before = {event: term for event, term in effects.items() if event < -model.anticipation}
        frame = result.estimates.loc[list(before.values())].set_axis(pd.Index(before, name="event"), axis=0)
        return {"leads": table([_row(model, test)]).set_index("test"), "lead_effects": frame}


def by_event(model: DiD) -> DiD:
    """Return the model with effects by event time.

    Raises
    ------
    ConfigError
        If these are not of the same cohorts.
    """
    fields = {"aggregate": "event"}
    made = model.model_copy(update=fields | ({"estimator": "event_study"} if model.estimator == "twfe" else {}))
    if lacking := made.how.lacks_window:
        raise ConfigError(Note("did_stacks_without_window", key=f"model.{lacking}"))
    return made


def _row(model: DiD, test: WaldTest | None) -> Row:
    name = "joint test of leads"
    if test is None:
        return Row(name, not_tested(Note("no_leads", policy=model.policy)))
    if not test.df:
        return Row(name, not_tested(Note("leads_of_one_unit", policy=model.policy)))
    if math.isnan(test.p):
        return Row(name, not_tested(Note("test_matrix_singular")))
    null = Note("nothing_before", policy=model.policy)
    if model.test == "wild" and model.no_wild is None:
        null = followed(null, Note("leads_by_wild"))
    return Row(name, null, test.statistic, test.df, test.p, df2=test.df_denominator)


def event_effects(result: Result, policy: str) -> dict[int, str]:
    """Return the term of each event time, in their order."""
    levels = {
        int(part.number): term
        for term, role in zip(result.terms, result.roles, strict=True)
        for part in role.made_of
        if part.variable == policy and part.number is not None
    }
    return dict(sorted(levels.items()))
