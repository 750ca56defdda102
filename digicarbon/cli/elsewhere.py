"""What a person writes in place of a verb, as in Stata or R, and the line that does it here."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from digicarbon.config import flat
from digicarbon.config.describe import Option, find_option, options
from digicarbon.errors import OTHER_NAMES

_FORMULA = "y ~ x | unit + time"
_FIXED = {
    **dict.fromkeys(("summarize", "sum", "describe", "tabstat", "summary", "head"), "read"),
    **dict.fromkeys(("import", "use", "open", "load"), "read"),
    **dict.fromkeys(("plot", "graph", "coefplot", "map", "picture", "figure", "draw"), "report"),
    **dict.fromkeys(("table", "esttab", "outreg2", "etable", "modelsummary", "stargazer"), "report"),
    **dict.fromkeys(("estat", "test", "testparm", "lincom", "predict", "margins"), "list"),
    **dict.fromkeys(("xsmle", "spxtregress", "spreg", "splm", "spml"), "sdm"),
    **dict.fromkeys(("lisa", "localmoran"), "local_moran"),
    **dict.fromkeys(("regress", "regression", "estimate", "ols2"), "pooled"),
}  # fmt: skip
"""Words of other programs for what several words of ours do."""


def line_for(word: str, others: Sequence[str], verbs: Collection[str]) -> str:
    """Return the command that does what an unknown verb means, as in Stata or R; empty where that is not known.

    ``others``: the words after it, whose file and formula the command has; ``verbs``: those that are known.
    """
    bare = word.casefold()
    bare = _FIXED.get(bare, bare)
    file = next((one for one in others if flat.is_file("source", one)), "panel.csv")
    if bare in ("read", "report", "list") and bare not in verbs:
        return ""
    if bare == "read":
        return shlex.join(["digicarbon", "read", file])
    if bare == "report":
        return "digicarbon report EXPERIMENT --out paper"
    if bare == "list":
        return "digicarbon list diagnostic"
    formula = next((one for one in others if "~" in one), _FORMULA)
    # a name here, or in another program
    names = [bare, *OTHER_NAMES.get(bare, "").split()]
    if model := next(filter(None, (_option("model", name) for name in names)), None):
        further = ["--model", model.name, *_weights(model)]
    elif diagnostic := _option("diagnostic", bare):
        further = [*_weights(diagnostic), f"diagnostic={bare}", *_report_of(diagnostic)]
    else:
        return ""
    return shlex.join(["digicarbon", "fit", file, formula, *further])


def _option(group: str, name: str) -> Option | None:
    return find_option(group, name) if name != "none" and any(one.name == name for one in options(group)) else None


def _weights(option: Option) -> list[str]:
    return ["--weights", "neighbours.csv"] if getattr(option.spec, "takes_weights", False) else []


def _report_of(diagnostic: Option) -> list[str]:
    """Return the choice of the report that shows a diagnostic's table, which is not the table of coefficients."""
    tables = getattr(diagnostic.spec, "table_names", ())
    shows = [one.name for one in options("report") if one.node.get("name") in tables]
    return [f"report={name}" for name in sorted(shows, key=lambda name: name != diagnostic.name)[:1]]
