"""Difference-in-differences in Stata: reghdfe, eventstudyinteract, did_imputation, csdid, sdid."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from digicarbon.packs.policies.model._synthetic import variances_of
from digicarbon.packs.policies.model.did import DiD, Estimator
from digicarbon.packs.policies.script.did import REACHED, clusters_of, events, first_of, names_of
from digicarbon.replication.part import panel_stata
from digicarbon.script.stata import StataPart
from digicarbon.script.words import wrapped

AGGREGATES = {"overall": "simple", "event": "event", "cohort": "group", "calendar": "calendar"}


def script(part: StataPart, model: DiD) -> list[str]:
    """Return the estimator of the effects of a policy."""
    return _SCRIPTS[model.estimator](part, model)


def _dummies(part: StataPart, model: DiD) -> list[str]:
    """Return the regression on dummies."""
    return panel_stata.script(part, model.regression((model.policy,)))


def _stacked(part: StataPart, model: DiD) -> list[str]:
    return part.skip("a regression on stacks, which are not in the data; reghdfe fits it to stacked data")


def _clustered(part: StataPart, model: DiD) -> str:
    """Return the option of clusters of a column; without it clusters are units."""
    by = "".join(clusters_of(part, model))
    return f" cluster({by})" if by else ""


def _shown(part: StataPart) -> list[str]:
    """Return the lines that show the recorded numbers."""
    return part.shown({term: term for term in part.result.terms})


def _imputation(part: StataPart, model: DiD) -> list[str]:
    """Return did_imputation."""
    if model.spillovers != "none":
        return part.skip(REACHED)
    y, first, x = names_of(part, model)
    part.packages.append("did_imputation (ssc install did_imputation)")
    more = f" controls({' '.join(x)})" if x else ""
    weighted = f" [aweight={part.names[model.observation_weights]}]" if model.observation_weights else ""
    wide = " allhorizons" if model.aggregate == "event" else ""
    return [
        f"generate first_period = cond({first} > 0, {first}, .)",
        f"did_imputation {y} unit_id time_id first_period{weighted},{more}{wide} "
        f"shift({model.anticipation}) autosample{_clustered(part, model)}",
        "drop first_period",
        *_shown(part),
    ]


def _callaway_santanna(part: StataPart, model: DiD) -> list[str]:
    """Return csdid."""
    y, first, x = names_of(part, model)
    part.packages.append("csdid (ssc install csdid), drdid (ssc install drdid)")
    notyet = " notyet" if model.compare == "not_yet" else ""
    long2 = " long2" if model.base_period == "universal" else ""
    weighted = f" [iweight={part.names[model.observation_weights]}]" if model.observation_weights else ""
    command = " ".join(["csdid", y, *x]) + weighted
    return [
        f"{command}, ivar(unit_id) time(time_id) gvar({first}) method(reg){notyet}{long2}{_clustered(part, model)}",
        *(["estat simple"] if model.overall == "rows" and model.aggregate != "overall" else []),
        f"estat {AGGREGATES[model.aggregate]}",
        *_shown(part),
    ]


def _synthetic(part: StataPart, model: DiD) -> list[str]:
    """Return sdid."""
    y, first, x = names_of(part, model)
    if model.anticipation or model.aggregate != "overall":
        return [*part.skip("sdid has no anticipation, and makes the overall effect only"), *_shown(part)]
    part.packages.append("sdid (ssc install sdid)")
    index, begins = part.extract.index, part.extract.columns[first_of(model.policy)]
    of_unit = begins[np.unique(index.unit_codes, return_index=True)[1]]
    lines, vce = wrapped("*", "sdid has no clusters of a column: it shows no standard error."), "noinference"
    if not model.own_clusters:
        never, *cohorts = (np.flatnonzero(of_unit == first) for first in np.unique([0, *of_unit]))
        lines, vce = [], variances_of(model, never, cohorts)[0]
    covariates = f" covariates({' '.join(x)}, projected)" if x else ""
    return [
        *lines,
        f"generate byte treated = {first} > 0 & time_id >= {first}",
        f"sdid {y} unit_id time_id treated, vce({vce}) reps({model.sdid_draws}) seed({model.seed}){covariates}",
        "drop treated",
        *_shown(part),
    ]


def _sun_abraham(part: StataPart, model: DiD) -> list[str]:
    """Return eventstudyinteract on dummies of the event times."""
    y, first, x = names_of(part, model)
    part.packages.append("eventstudyinteract (ssc install eventstudyinteract), avar (ssc install avar)")
    found = sorted(events(model, part.result).values())
    if not found:
        return [*part.skip("means of effects that eventstudyinteract does not make"), *_shown(part)]
    by = "" if model.observation_weights is None else f" [aweight={part.names[model.observation_weights]}]"
    absorbed = " ".join(["unit_id", "time_id", *panel_stata.further(part, model.absorb, model.trends)])
    covariates = f" covariates({' '.join(x)})" if x else ""
    named = {event: f"event_{'m' if event < 0 else 'p'}{abs(event)}" for event in found}
    return [
        f"generate first_period = cond({first} > 0, {first}, .)",
        "generate byte never = missing(first_period)",
        *(f"generate byte {name} = time_id - first_period == {event}" for event, name in named.items()),
        f"eventstudyinteract {y} {' '.join(named.values())}{by}, cohort(first_period) control_cohort(never) ///",
        f"  absorb({absorbed}) vce(cluster {' '.join(clusters_of(part, model)) or 'unit_id'}){covariates}",
        f"drop first_period never {' '.join(named.values())}",
        *_shown(part),
    ]


_SCRIPTS: Mapping[Estimator, Callable[[StataPart, DiD], list[str]]] = {
    "twfe": _dummies,
    "event_study": _dummies,
    "sun_abraham": _sun_abraham,
    "imputation": _imputation,
    "stacked": _stacked,
    "callaway_santanna": _callaway_santanna,
    "synthetic_did": _synthetic,
}
