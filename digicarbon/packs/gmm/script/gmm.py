"""What both tools read of a dynamic panel."""

from __future__ import annotations

from digicarbon.packs.gmm.model.dynamic_panel import DynamicPanel
from digicarbon.panel import Panel, canonical, parse
from digicarbon.script.extract import Extract, columns_of
from digicarbon.script.part import Part


def extract(model: DynamicPanel, panel: Panel, weights: object = None) -> Extract:
    """Return the columns of a dynamic panel; lags of a column are left to the tool.

    Where a term is made of columns in another way, the columns that the model reads are there all the same.
    """
    wanted = (*model.regressors, *model.instruments)
    lags: dict[str, tuple[str, int]] = {}
    for term in wanted:
        factors = parse(canonical(term))
        if factors and len(factors) == 1 and factors[0].power == 1 and factors[0].atom.operator == "L":
            lags[term] = factors[0].atom.variable, factors[0].atom.order
    simple = all(term in lags or not (set("^:.(") & set(term)) or panel.has(term) for term in wanted)
    read = [model.y, *(lags[term][0] if term in lags else term for term in wanted)]
    if not simple:
        read = [term for term in model.terms if panel.has(term)]
    columns = columns_of(panel, tuple(dict.fromkeys(read)))
    return Extract(panel.index, columns, model.regressors, instruments=model.instruments, lag_terms=lags)


def made_of_columns(part: Part, model: DynamicPanel) -> bool:
    """Return whether each term is a column of the extract or a lag of one."""
    given = part.extract
    return all(term in given.lag_terms or term in given.columns for term in (*model.regressors, *model.instruments))


def lagged_instruments(part: Part, model: DynamicPanel) -> list[tuple[str, tuple[int, int | None]]]:
    """Return the columns that instrument by their lags, the outcome first, with the first and the last lag."""
    lags = {name: model.lag_ranges.get(name, model.predetermined_lags) for name in model.predetermined}
    lags |= {name: model.lag_ranges.get(name, model.endogenous_lags) for name in model.endogenous}
    own = [(part.names[name], ends) for name, ends in lags.items() if ends is not None]
    return [(part.names[model.y], model.instrument_lags), *own]


def outside(part: Part, model: DynamicPanel) -> list[str]:
    """Return the terms that instrument themselves."""
    inside = {*model.predetermined, *model.endogenous}
    return [
        term
        for term in (*model.regressors, *model.instruments)
        if term not in inside and part.extract.lag_terms.get(term, ("", 0))[0] not in inside
    ]
