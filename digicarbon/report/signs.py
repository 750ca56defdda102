"""How often a result is positive, negative and significant, by what was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError, counted, listing, nearest
from digicarbon.report.base import Record, Report, Table
from digicarbon.spec import Names

_DEFAULT = "as configured"
"""The value of a key that a run leaves as its configuration has it."""


class SignTable(Report):
    """Counts of signs over all runs and by each choice; the coefficient and p value of each run below.

    Attributes
    ----------
    quantity : {"coefficient", "direct", "indirect", "total"}
        The focal terms' coefficients, or an effect of spatial models.
    level : float
        The largest p value that counts as significant.
    by : tuple of str
        Keys to count by, e.g. ``outcome``; empty takes all that differ between runs.
    decimals : int
        Of all numbers; coefficients and standard errors that would be 0 have four significant digits.
    """

    quantity: Literal["coefficient", "direct", "indirect", "total"] = "coefficient"
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    by: Names = ()
    decimals: Annotated[int, Field(ge=0, le=12)] = 4

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the counts with the runs below.

        Raises
        ------
        ConfigError
            If no run has the quantity, or no run varies a key of ``by``.
        """
        found = self._found(records)
        keys = self._keys(records)
        groups = [("all", found)]
        rules = []
        for key in keys:
            rules.append(len(groups))
            groups += [(f"{key}={value}", part) for value, part in found.groupby(key, sort=False)]
        counts = pd.DataFrame([self._counts(part) for _, part in groups], index=[label for label, _ in groups])
        words = f"Significant: p < {self.level:g}. {_what(self.quantity)} of {listing(found['term'].unique(), 12)}."
        return Table(title, counts, tuple(rules), (words, *_notes(records)), self._runs(found))

    def _found(self, records: Sequence[Record]) -> pd.DataFrame:
        """Return a row per run and focal term: label, term, coef, se, p, and the value of each key."""
        rows = []
        for record in records:
            values = {key: _text(record.varied.get(key, _DEFAULT)) for other in records for key in other.varied}
            frame = record.result.estimates
            if self.quantity != "coefficient":
                effects = record.result.effects
                frame = effects[effects.index.get_level_values("effect") == self.quantity].droplevel("effect")
            for term in record.result.focal:
                if term in frame.index:
                    numbers = dict(frame.loc[term, ["coef", "se", "p"]])
                    rows.append({**values, "label": record.label, "term": term, **numbers})
        if not rows:
            raise ConfigError(
                f"report.quantity: no run has a {self.quantity} of a focal term; choose a model with x, or "
                "quantity: coefficient."
            )
        return pd.DataFrame(rows)

    def _keys(self, records: Sequence[Record]) -> list[str]:
        every = list(dict.fromkeys(key for record in records for key in record.varied))
        differing = [key for key in every if len({_text(r.varied.get(key, _DEFAULT)) for r in records}) > 1]
        unknown = [key for key in self.by if key not in every]
        if unknown:
            raise ConfigError(
                f"report.by: no run varies '{unknown[0]}'.{nearest(unknown[0], every)} "
                f"Varied: {listing(every, 12) or 'nothing'}."
            )
        return list(self.by) or differing

    def _counts(self, part: pd.DataFrame) -> dict[str, str]:
        low = part["p"] < self.level
        positive, negative = part["coef"] > 0, part["coef"] < 0
        return {
            "runs": str(len(part)),
            "positive": str(int(positive.sum())),
            "significant +": str(int((positive & low).sum())),
            "negative": str(int(negative.sum())),
            "significant -": str(int((negative & low).sum())),
            "smallest": self._number(part["coef"].min()),
            "median": self._number(part["coef"].median()),
            "largest": self._number(part["coef"].max()),
        }

    def _runs(self, found: pd.DataFrame) -> Table:
        cells = pd.DataFrame(
            {
                "term": found["term"],
                "sign": ["+" if coef > 0 else "-" if coef < 0 else "0" for coef in found["coef"]],
                **{name: found[name].map(self._number) for name in ("coef", "se")},
                "p": [f"{p:.{self.decimals}f}" for p in found["p"]],
            }
        )
        return Table("Each run", cells.set_axis(found["label"].to_list(), axis=0))

    def _number(self, value: float) -> str:
        text = f"{value:.{self.decimals}f}"
        # -0.0000 would be counted as negative for no reason that can be seen
        return f"{value:.4g}" if value and not float(text) else text


def _notes(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the notes of all runs, each once, with how many runs it holds for."""
    number = Counter(note for record in records for note in dict.fromkeys(record.result.notes))
    every = len(records)
    return tuple(note if n == every else f"{n} of {counted(every, 'run')}: {note}" for note, n in number.items())


def _what(quantity: str) -> str:
    return "Coefficients" if quantity == "coefficient" else f"{quantity.capitalize()} effects"


def _text(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)
