"""Results of notebooks and scripts, from this and other packages, side by side in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from digicarbon.data import variables
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.render import Table
from digicarbon.report.base import Record
from digicarbon.report.foreign import as_result
from digicarbon.report.labels import Language
from digicarbon.report.regression import RegressionTable


def table(
    results: Sequence[object],
    labels: Sequence[str] = (),
    title: str = "",
    *,
    words: Mapping[str, str] | None = None,
    language: Language | None = "en",
    unit: str = "unit",
    time: str = "time",
    **layout: Any,
) -> Table:
    """Return a regression table of fitted models.

    Parameters
    ----------
    results : sequence
        `Result` of digicarbon, or fits of linearmodels, pyfixest (``feols``), spreg and statsmodels, in any
        mixture.
    labels : sequence of str
        The heads of the columns; by default (1), (2), …
    title : str
    words : mapping of str to str, optional
        What terms or variables are called, e.g. ``{"ln_e": "ln(Digital economy)"}``.
    language : {"en", "zh"} or None
        Of rows, parameters and notes; variables are called as in the results where ``words`` have none for them.
    unit, time : str
        Names of pyfixest's fixed effects that are shown as unit and time effects, e.g. ``city``.
    **layout
        Fields of `RegressionTable`, e.g. ``decimals=3``, ``beneath="interval"``, ``show_controls=False``.

    Returns
    -------
    Table
        ``table.save("table3.docx")`` writes it; the suffix chooses the format.

    Raises
    ------
    ConfigError
        If there is nothing to show, the number of labels is not that of the results, or a fit is of an unknown kind.
    """
    if not results:
        raise ConfigError(Note("table_of_nothing"))
    if labels and len(labels) != len(results):
        raise ConfigError(Note("labels_of_results", labels=len(labels), results=len(results)))
    heads = list(labels) or [f"({position})" for position in range(1, len(results) + 1)]
    # a column of a frame that is called as one of the package need not be the same
    known = {**{name: name for name in variables()}, **(words or {})}
    report = RegressionTable(**{"most_runs": max(len(results), 1), "labels": known, "language": language, **layout})
    records = [
        Record(str(head), {}, {}, as_result(fitted, unit, time)) for head, fitted in zip(heads, results, strict=True)
    ]
    return report.table(title, records)
