"""Groups of units: from a column of the panel, those that are known of a country's units, or a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from digicarbon.arrays import IntArray
from digicarbon.country import country
from digicarbon.errors import DataError
from digicarbon.model.base import Model
from digicarbon.model.batch import Null
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS
from digicarbon.panel import Panel, label
from digicarbon.weights import Weights

KEY = "model.by"
"""The key of the groups, for messages."""
By = str | dict[str, str]
"""A column whose values are constant within units, a group that is known of a country's units, or unit -> group."""


def known_grouping() -> By:
    """Return the grouping that is meant where none is named: the known country's."""
    return country().grouping


Interact = Literal["focal", "regressors", "all"]
"""What differs between groups."""


class ByGroup(Model):
    """A model in which coefficients differ between groups of units.

    Attributes
    ----------
    by : str or mapping of str to str
    interact : {"focal", "regressors", "all"}
    """

    without: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("null", "batch"), "several coefficients of one variable are no single estimate of a specification"
    )

    by: By = Field(default_factory=known_grouping)
    interact: Interact = "focal"

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, the one of groups as dummies."""
        return (*super().terms, *((f"C({self.by})",) if isinstance(self.by, str) else ()))

    @property
    def split(self) -> tuple[str, ...]:
        """The terms that have a coefficient for each group."""
        return self.x if self.interact == "focal" else self.regressors

    def own_strata(self, panel: Panel) -> Mapping[str, Sequence[object]]:
        """Return the groups: a path of x stays in its own."""
        groups = groups_of(panel, self.by)
        return {groups.by: groups.units.tolist()}

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return None: several coefficients of one variable are no single estimate of a specification."""
        return None


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each unit belongs to.

    ``by`` is the name of their column; the G ``labels`` are sorted, those of a country in its own order; ``units`` and
    ``rows`` are the positions of each unit's and of each row's group.
    """

    by: str
    labels: tuple[str, ...]
    units: IntArray
    rows: IntArray

    @property
    def sizes(self) -> IntArray:
        """Number of units of each group, shape (G,)."""
        return np.bincount(self.units, minlength=len(self.labels))

    @property
    def few(self) -> list[str]:
        """Groups of fewer units than clustered errors of their own slopes need."""
        return [name for name, size in zip(self.labels, self.sizes, strict=True) if size < FEWEST_CLUSTERS]

    def notes(self) -> tuple[Note, ...] | Note:
        """Return the groups with their numbers of units."""
        sizes = zip(self.labels, self.sizes, strict=True)
        return cut((Note("group_of_units", group=name, units=int(size)) for name, size in sizes), 40)


def groups_of(panel: Panel, by: By) -> Groups:
    """Return the groups of a panel's units.

    ``by`` is a column of text or numbers that is constant within units; where there is no such column, a group that is
    known of a country's units; or unit -> group. A `DataError` says that the column is missing, empty somewhere or
    varies within a unit, a unit has no group, there is one group only, or every group is a single unit.
    """
    if isinstance(by, Mapping):
        name, of_units = "group", _mapped(panel, by)
    elif panel.has(by) or by in ("unit", panel.unit_name):
        name, of_units = by, _constant(panel, by)
    elif by in country().groups:
        name, of_units = by, _known(panel, by)
    else:
        home = country()
        known = [*panel.text, *panel.names, *home.groups]
        raise DataError(
            Note(
                "no_group_column",
                key=KEY,
                column=by,
                hint=suggestion(by, known),
                text=cut(panel.text, 20) or Note("nothing_there"),
                known=cut(map(repr, home.groups)),
                many=home.many,
            )
        )
    found = set(of_units)
    if len(found) < 2:
        raise DataError(Note("all_in_one_group", key=KEY, group=next(iter(found))))
    if len(found) == len(of_units):
        raise DataError(Note("groups_of_one_unit", key=KEY, groups=len(found), column=name))
    orders = (order for order in country().groups.values() if found <= set(order))
    labels = tuple(group for group in next(orders, sorted(found)) if group in found)
    units = np.array([labels.index(group) for group in of_units], dtype=np.int64)
    return Groups(name, labels, units, units[panel.unit_codes])


def _constant(panel: Panel, name: str) -> list[str]:
    labels, codes = panel.levels(name)
    first = np.full(len(panel.units), -1, dtype=np.int64)
    first[panel.unit_codes[::-1]] = codes[::-1]
    changes = np.flatnonzero(codes != first[panel.unit_codes])
    if len(changes):
        row = int(changes[0])
        unit = int(panel.unit_codes[row])
        raise DataError(
            Note(
                "group_varies",
                key=KEY,
                column=name,
                unit=panel.units[unit],
                first=labels[first[unit]],
                later=labels[codes[row]],
                period=panel.periods[panel.period_codes[row]],
            )
        )
    return [labels[code] for code in first]


def _known(panel: Panel, by: str) -> list[str]:
    home = country()
    strangers = home.without_group(by, panel.units)
    if strangers:
        raise DataError(Note("strangers_have_no_group", key=KEY, by=by, strangers=cut(strangers), one=home.one))
    return [str(home.group(by, unit)) for unit in panel.units]


def _mapped(panel: Panel, by: Mapping[str, str]) -> list[str]:
    given = {label(unit): label(group) for unit, group in by.items()}
    lacking = [unit for unit in panel.units if unit not in given]
    if lacking:
        raise DataError(Note("units_without_group", key=KEY, units=cut(lacking), hint=suggestion(lacking[0], given)))
    return [given[unit] for unit in panel.units]
