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
