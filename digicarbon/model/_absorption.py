"""Fixed effects beside those of units and periods, and linear trends of groups."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, EstimationError
from digicarbon.inference import as_clusters
from digicarbon.model._latest import LATEST
from digicarbon.model._observation_weights import Weighting
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.absorbed import MOST, Absorber, Groups
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS, ClusterBy
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.panel import Panel, numbered, parse
from digicarbon.spec import Names


def _spelt(effects: tuple[str, ...]) -> tuple[str, ...]:
    """Return effects without blanks around ``^``, which a command line writes ``**``; no name is refused."""
    found = tuple("^".join(part.strip() for part in effect.replace("**", "^").split("^")) for effect in effects)
    for effect in found:
        if "#" in effect:
            raise ValueError(
                Note("absorbs_as_stata", effect=effect, written=effect.replace("##", "#").replace("#", "^"))
            )
        if not all(map(_is_column, effect.split("^"))):
            raise ValueError(Note("absorbs_no_name", effect=effect))
    return found


def _is_column(name: str) -> bool:
    """Return whether a column can have this name, of which groups are read."""
    return parse(numbered(name)) is not None


def _of_columns(cluster: str | tuple[str, str]) -> str | tuple[str, str]:
    """Return clusters if they can be columns, or units and periods."""
    for name in columns_of_clusters(cluster):
        if not _is_column(name):
            raise ValueError(Note("cluster_no_name", cluster=name))
    return cluster


def _of_column(column: str | None) -> str | None:
    """Return what has trends if it can be a column."""
    if column is not None and not _is_column(column):
        raise ValueError(Note("trends_no_name", column=column))
    return column


Absorb = Annotated[Names, AfterValidator(_spelt)]
"""Further absorbed effects: columns of text or numbers, joined by ``^`` where each combination has an effect."""
Clusters = Annotated[
    ClusterBy | str | Annotated[tuple[str, str], Field(strict=False)],
    BeforeValidator(as_clusters),
    AfterValidator(_of_columns),
]
"""``unit``, ``time``, ``both``, a column, or two of these columns."""
Trends = Annotated[str | None, AfterValidator(_of_column)]
"""A column whose groups have linear trends."""
TREND = "trend_t"
"""The variable of trends for other tools."""
OWN_CLUSTERS: tuple[ClusterBy, ...] = ("unit", "time", "both")


def columns_of_clusters(cluster: Clusters) -> tuple[str, ...]:
    """Return the columns that clusters are read from; none for those of units and periods."""
    if isinstance(cluster, tuple):
        return cluster
    return () if cluster in OWN_CLUSTERS else (cluster,)


def own_cluster(cluster: Clusters) -> ClusterBy:
    """Return clusters that are units, periods, or both."""
    return next(one for one in OWN_CLUSTERS if one == cluster)


def columns_of_effects(absorb: tuple[str, ...], trends: str | None) -> tuple[str, ...]:
    """Return the columns that further effects and trends are read from."""
    names = [name for effect in absorb for name in effect.split("^")]
    return tuple(dict.fromkeys([*names, *(() if trends is None else (trends,))]))


def groups_by(panel: Panel, effect: str, slope: FloatArray | None = None) -> Groups:
    """Return the groups of a column, or of combinations ``a^b``, of a panel that has these columns numbered."""
    return Groups.of([panel.column(numbered(name)).astype(int) for name in effect.split("^")], slope)


def clusters_by(panel: Panel, cluster: Clusters) -> tuple[Groups, ...]:
    """Return the clusters of columns; none for those of units and periods."""
    return tuple(groups_by(panel, name) for name in columns_of_clusters(cluster))


def own_groups(panel: Panel, effects: EffectsKind) -> tuple[Groups, ...]:
    """Return the groups of the effects of units and periods."""
    n, t = panel.shape
    unit, time = Groups(panel.unit_codes, n), Groups(panel.period_codes, t)
    return {"none": (), "unit": (unit,), "time": (time,), "two_way": (unit, time)}[effects]


def clusters_of_units(panel: Panel, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Return the column with the fewest clusters of those that hold whole units, and each unit's cluster, shape (N,).

    Clusters are called as in the data. ``names``: the columns of clusters. None where none of them holds whole units.
    """
    first, found = np.unique(panel.unit_codes, return_index=True)[1], []
    for name in names:
        made = not panel.has(name) and panel.has(numbered(name))
        levels, codes = panel.levels(numbered(name) if made else name)
        if (codes == codes[first][panel.unit_codes]).all():
            found.append((name, tuple(levels[code] for code in codes[first].tolist())))
    return min(found, key=lambda one: len(set(one[1])), default=None)


def groups_of_units(panel: Panel, names: tuple[str, ...]) -> Groups | None:
    """Return the clusters of units by a column; None where units are clusters.

    Raises an EstimationError if a unit lies in several clusters, or clusters are too few.
    """
    if not names:
        return None
    own = clusters_of_units(panel, names)
    if own is None:
        raise EstimationError(Note("unit_in_clusters", key="model.cluster", cluster=names[0]))
    found = Groups.of([np.unique(own[1], return_inverse=True)[1]])
    if found.count < FEWEST_CLUSTERS:
        raise EstimationError(few_clusters_of(names[0], found.count))
    return found


def few_clusters_of(column: str, groups: int) -> Note:
    """Return the note on a column that has too few clusters."""
    # all signs reversed give the same |t|: two of the 2^G draws are as large as the sample
    smallest = 2.0 ** (1 - groups)
    facts = {"key": "model.cluster", "groups": groups, "by": column, "fewest": FEWEST_CLUSTERS}
    return Note("few_clusters_by_column", smallest=smallest, **facts)


def group_columns(
    panel: Panel, absorb: tuple[str, ...], trends: str | None, clusters: tuple[str, ...]
) -> dict[str, FloatArray]:
    """Return groups of further effects, trends and clusters as numbers for other tools, and the variable of trends.

    Names are those of `group_column`; the variable of trends is called `TREND`.
    """
    wanted = dict.fromkeys([*absorb, *(() if trends is None else (trends,)), *clusters])
    found = {group_column(effect): groups_by(panel, effect).codes.astype(float) for effect in wanted}
    return found if trends is None else {**found, TREND: panel.positions[panel.period_codes].astype(float)}


def group_column(effect: str) -> str:
    """Return what the column of a further effect or of clusters is called for other tools."""
    return f"group_{effect.replace('^', '_')}"


@dataclass(frozen=True, eq=False)
class Absorption:
    """All absorbed effects of a regression that has more than those of units and periods.

    ``key`` is equal for equal effects on equal rows; ``names`` are those of the further effects and of the groups that
    have trends, for messages.
    """

    key: Hashable
    kernel: Absorber
    names: tuple[str, ...]
    notes: tuple[Note, ...]


def absorption(
    panel: Panel, effects: EffectsKind, absorb: tuple[str, ...], trends: str | None, weighting: Weighting | None = None
) -> Absorption | None:
    """Return the further effects of a regression on a panel whose groups are numbered columns; None if it has none.

    Raises a `DataError` if there are trends and the order of periods is not known, an `EstimationError` if there are
    too many effects.
    """
    names = columns_of_effects(absorb, trends)
    if not names:
        return None
    if trends is not None and not panel.ordered:
        raise DataError(Note("trends_need_calendar", key="trends", why=panel.index.calendar.problem))
    # by what they hold: a panel that is given without these columns gets new ones for each model
    columns = [panel.columns[numbered(name)].digest for name in names]
    digest = None if weighting is None else weighting.digest
    key = ("absorbed", effects, absorb, trends, digest, *columns)

    def make() -> Absorption:
        further = [groups_by(panel, effect) for effect in absorb]
        groups = [*own_groups(panel, effects), *further]
        notes = [_singles(panel, effect, own) for effect, own in zip(absorb, further, strict=True)]
        notes += [_redundant(panel, effects, absorb, place, further) for place in range(len(absorb))]
        if absorb:
            notes.insert(0, (Note("absorbs_further", effects=absorb),))
        if trends is not None:
            at = panel.positions[panel.period_codes].astype(float)
            # a slope stands beside an intercept: where zero lies does not matter, but for rounding
            groups.append(groups_by(panel, trends, at - at.mean()))
            notes.append((Note("absorbs_trends", column=trends),))
        count = Absorber.small(groups)
        if count > MOST:
            raise EstimationError(Note("absorbs_too_many", key="absorb", count=count, most=MOST))
        kernel = Absorber(groups, None if weighting is None else weighting.values)
        called = (*absorb, *(() if trends is None else (f"{trends}[{panel.time_name}]",)))
        return Absorption(key, kernel, called, tuple(note for some in notes for note in some))

    return LATEST.once((panel.index, *key), make, lambda made: made.kernel.nbytes)


def _singles(panel: Panel, effect: str, groups: Groups) -> Iterable[Note]:
    """Return a note on groups that have a single row, which their own effect explains without rest."""
    rows = [int((groups.codes == one).argmax()) for one in groups.singles[:7].tolist()]
    if not rows:
        return ()
    more = len(groups.singles)
    return (Note("absorbs_singletons", effect=effect, groups=more, cells=cut((panel.row_name(i) for i in rows), 3)),)


def _redundant(
    panel: Panel, effects: EffectsKind, absorb: tuple[str, ...], place: int, further: list[Groups]
) -> Iterable[Note]:
    """Return a note if a further effect does not vary within the groups of another one."""
    n, t = panel.shape
    effect, own = absorb[place], further[place]
    if effects in ("unit", "two_way") and Groups(panel.unit_codes, n).within(own):
        return (Note("absorbs_within_units", effect=effect),)
    if effects in ("time", "two_way") and Groups(panel.period_codes, t).within(own):
        return (Note("absorbs_within_periods", effect=effect),)
    for other, groups in enumerate(further):
        # of two that are the same, the first one counts
        if groups.within(own) and (groups.count > own.count or other < place):
            return (Note("absorbs_within_groups", effect=effect, other=absorb[other]),)
    return ()
