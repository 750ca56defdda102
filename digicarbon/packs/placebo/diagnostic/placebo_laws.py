"""Stars of laws that do nothing and lie as the study's own does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from pydantic import Field

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.diagnostic.group_comparison import Draws
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model import Model, PanelRegression, SpatialPanel
from digicarbon.model._absorption import clusters_of_units
from digicarbon.model.base import needed, with_links
from digicarbon.model.tested import Tested
from digicarbon.note import Note, cut
from digicarbon.numeric.resampling.arrangements import in_sets
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.packs.placebo.numeric.deals import in_patterns, moran, scattered
from digicarbon.panel import Panel
from digicarbon.panel._terms import variables_of
from digicarbon.result import LAG_Y, Quantity, Result
from digicarbon.spec import Seed
from digicarbon.weights import Weights

QUANTITIES: Mapping[Quantity, Note] = {
    "coefficient": Note("coefficient"),
    "direct": Note("direct_effect"),
    "indirect": Note("indirect_effect"),
    "total": Note("total_effect"),
}
_LEVEL = 0.95
"""Of the interval of a share, given the number of laws."""
_STILL = 1e-9
"""Share of a column's size below which what its means leave of it is rounding."""


@dataclass(frozen=True, eq=False)
class _Dealt:
    """What is dealt: the rows of the model, the columns of x, all that move with them, and products made again."""

    panel: Panel
    x: tuple[str, ...]
    moving: tuple[str, ...]
    mixed: tuple[str, ...]
    w: SpatialOperator
    links: FloatArray
    """Symmetric weights between what is dealt, shape (G, G)."""
    first: IntArray
    """Of the units or whole clusters that are dealt, the first unit of each, shape (G,)."""
    place: IntArray
    """Which of them each unit is, shape (N,)."""

    def without_x(self, result: Result, y: str) -> Panel:
        """Return the panel with the outcome less what x does by a fit, S⁻¹(xβ + Wxθ).

        Raises ConfigError where the outcome's own past is a regressor, so that effects go on in time.
        """
        n, t = self.panel.shape
        if any(role.of_past(y) for role in result.roles):
            raise ConfigError(Note("placebo_laws_outcome_kept", key="diagnostic.outcome", y=y))
        done = np.zeros((n, t))
        for term, role, coef in zip(result.terms, result.roles, result.coef, strict=True):
            name = role.of if role.kind == "lag_x" else term
            if role.kind not in ("regressor", "lag_x") or name not in (*self.moving, *self.mixed):
                continue
            column = self.panel.column(name).reshape(n, t)
            done += coef * (self.w.lag(column.T[..., None])[..., 0].T if role.kind == "lag_x" else column)
        if LAG_Y in result.roles:
            rho = float(result.coef[result.roles.index(LAG_Y)])
            done += rho * self.w.apply_g(rho, done)
        return self.panel.with_columns({y: self.panel.column(y) - done.ravel()})

    def paths(self, by_unit: bool) -> FloatArray:
        """Return x less its means by period, and by unit where effects of units take these, shape (G, m)."""
        parts = []
        for values in self.panel.cube(self.x).transpose(2, 1, 0)[:, self.first]:
            left = values - values.mean(axis=0)
            within = left - left.mean(axis=1, keepdims=True)
            if by_unit and np.linalg.norm(within) > _STILL * np.linalg.norm(values):
                left = within
            parts.append(left / (np.linalg.norm(left) or 1.0))
        return np.column_stack(parts)

    @property
    def treated(self) -> NDArray[np.bool_] | None:
        """What a policy reaches, shape (G,); None if x is no column of 0 and 1, or reaches all or none.

        None, too, where all are neighbours: no set of them is then more connected than another one.
        """
        if len(self.x) > 1 or not self.panel.is_binary(self.x[0]):
            return None
        reached = np.asarray(self.panel.cube(self.x)[..., 0].any(axis=0), dtype=np.bool_)[self.first]
        complete = np.count_nonzero(self.links) >= reached.size * (reached.size - 1)
        return None if reached.all() or not reached.any() or complete else reached

    def given(self, panel: Panel, deal: IntArray) -> Panel:
        """Return a panel in which each unit has another one's path of x, or that of another one's cluster."""
        units = self.first[deal][self.place]
        columns = {name: panel.column(name).reshape(panel.shape)[units].ravel() for name in self.moving}
        kept = {name: column for name, column in panel.columns.items() if name not in self.mixed}
        return replace(panel, columns=kept).with_columns(columns)


class PlaceboLaws(OfModel):
    """How often laws that do nothing, and lie in space and time as x does, have a star in the run's table.

    Attributes
    ----------
    laws : int
        Placebo laws: each unit has the whole path of x of another one, all else is as it is. Whole clusters of the
        declared level change paths, where all units of each have one path.
    places : {"alike", "scattered"}
        Placebo paths that lie as those of x do: a policy of 0 and 1 reaches connected sets of as many units, other
        paths keep their Moran's I; or paths at units at random.
    outcome : {"without_x", "as_is"}
        The outcome of the placebos: less what x does by the run's own fit, so that no law meets the effect of the real
        one, of which paths that resemble it would have a part; or as it is, which is right if x does nothing.
    star : float
        A star is a p of at most this.
    seed : int
        Of the deals.

    Notes
    -----
    A law that lies together meets errors that lie together, which laws at random units do not: how often a test rejects
    is a question of laws of the same kind. Each placebo is fitted by the run's model with its own test. Paths keep
    their values and their order in time; terms of x move together, and products of x with other variables are made
    again. Where effects of units take their means, deals look at what is left.
    """

    takes_weights: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("wagner2015",)
    table_names: ClassVar[tuple[str, ...]] = ("placebo_laws",)

    laws: Draws = 500
    places: Literal["alike", "scattered"] = "alike"
    outcome: Literal["without_x", "as_is"] = "without_x"
    star: Annotated[float, Field(gt=0, lt=1)] = 0.05
    seed: Seed = 1

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return how the laws were dealt, and in how many each number has a star."""
        table = tables["placebo_laws"]
        first = table.iloc[0]
        said = {"laws": self.laws, "seed": self.seed, "terms": cut(self.model.x)}
        if self.places == "scattered":
            how = Note("placebo_laws_scattered", **said)
        elif np.isnan(first["connected_sets"]):
            how = Note("placebo_laws_alike", **said, moran=first["moran"], placed=first["moran_laws"])
        else:
            how = Note("placebo_laws_sets", **said, sets=int(first["connected_sets"]))
        met = {"y": self.model.y, "terms": cut(self.model.x)}
        out = [how]
        if isinstance(self.model, Tested) and (by := cut(self.model.own_clusters)):
            whole = np.isfinite(first["clusters"])
            out.append(
                Note("placebo_laws_clusters" if whole else "placebo_laws_in_clusters", by=by, terms=said["terms"])
            )
        out.append(
            Note("placebo_laws_as_is", **met) if self.outcome == "as_is" else Note("placebo_laws_without_x", **met)
        )
        for place, (quantity, term) in enumerate(table.index):
            row = table.iloc[place]
            numbers = {name: float(row[name]) for name in ("share", "low", "high", "p", "as_small")}
            counts = {name: int(row[name]) for name in ("laws", "stars")}
            out.append(
                Note(
                    "placebo_laws_stars", quantity=QUANTITIES[quantity], term=term, star=self.star, **counts, **numbers
                )
            )
        lacking = self.laws - int(table["laws"].min())
        return (*out, Note("placebo_laws_lacking", lacking=lacking)) if lacking else tuple(out)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model cannot be fitted, or its x cannot be dealt to other units."""
        self.model.check(panel, weights)
        self._dealt(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``placebo_laws``, a row for each quantity of a focal term.

        Columns: the run's own p; placebo laws with a star, of how many that have a p; their share, and its interval
        given their number (Clopper & Pearson 1934); the share of laws with a p as small as the run's, (1 + number)/(1 +
        laws), by which x is compared with laws of its kind alone; Moran's I of the paths of x, and its mean over the
        laws; how many connected sets x reaches, where it is dealt to sets; the number of clusters, where whole ones
        change paths.
        """
        dealt = self._dealt(panel, weights)
        # stars need p values alone
        model = self.model.model_copy(update={"intervals": False})
        result = model.fit(panel, weights)
        own = _p_of(result, model)
        if not own:
            raise EstimationError(Note("placebo_laws_no_p", terms=cut(model.x)))
        paths = dealt.paths("unit" in result.absorbed)
        deals, sets = self._deals(dealt, paths)
        base = dealt.panel if self.outcome == "as_is" else dealt.without_x(result, model.y)
        placed: list[float] = []
        every: dict[tuple[Quantity, str], list[float]] = {key: [] for key in own}
        for deal in deals:
            placed.append(moran(paths[deal], dealt.links))
            with suppress(EstimationError):
                for key, p in _p_of(model.fit(dealt.given(base, deal), weights), model).items():
                    every.setdefault(key, []).append(p)
        about = {
            "moran": moran(paths, dealt.links),
            "moran_laws": float(np.mean(placed)),
            "connected_sets": sets,
            "clusters": len(dealt.first) if len(dealt.first) < len(dealt.place) else np.nan,
        }
        rows = [{"p": p, **_counted(np.array(every[key]), p, self.star), **about} for key, p in own.items()]
        index = pd.MultiIndex.from_tuples(list(own), names=["quantity", "term"])
        return {"placebo_laws": pd.DataFrame(rows, index=index)}

    def _deals(self, dealt: _Dealt, paths: FloatArray) -> tuple[Iterator[IntArray], float]:
        """Return whose path each unit gets in each law, and the number of connected sets; not-a-number without sets."""
        rng = np.random.default_rng(self.seed)
        treated = dealt.treated
        if self.places == "scattered":
            return scattered(len(paths), self.laws, rng), np.nan
        if treated is None:
            return in_patterns(paths, dealt.links, self.laws, rng), np.nan
        sets = scipy.sparse.csgraph.connected_components(dealt.links[np.ix_(treated, treated)] > 0)[0]
        return in_sets(treated, dealt.links, self.laws, rng), float(sets)

    def _dealt(self, panel: Panel, weights: Weights | None) -> _Dealt:
        model = self.model
        made = panel.with_terms(model.terms)
        focal = set(variables_of([term for term in model.x if ":" not in term]))
        # a class that inherits may read x in ways of its own, e.g. instruments, mediators or bands of distance
        if not focal or not isinstance(model, Tested) or type(model) not in (PanelRegression, SpatialPanel):
            raise ConfigError(Note("placebo_laws_of_other_model", model=type(model).__name__))
        if not focal.isdisjoint(variables_of([model.y])):
            raise ConfigError(Note("placebo_laws_of_outcome", y=model.y, terms=cut(model.x)))
        uses = {name: set(variables_of([name])) for name in made.columns}
        moving = tuple(name for name, variables in uses.items() if variables <= focal)
        mixed = tuple(name for name, variables in uses.items() if variables & focal and not variables <= focal)
        x = tuple(name for name in made.expanded(model.x, among=model.terms) if name in moving)
        made.cube(x)
        aligned = with_links(needed(weights, "placebo_laws"), made)
        matrix = aligned.matrix.toarray()
        first, place = _movers(made, moving, model.own_clusters)
        member = np.eye(len(first))[place]
        links = member.T @ ((matrix + matrix.T) / 2) @ member
        np.fill_diagonal(links, 0.0)
        return _Dealt(made, x, moving, mixed, aligned.operator, links, first, place)


def _movers(panel: Panel, moving: Sequence[str], clusters: tuple[str, ...]) -> tuple[IntArray, IntArray]:
    """Return the first unit of each thing that is dealt, and the place of each unit's among them.

    Clusters whose units have one path each change paths whole; units do otherwise.
    """
    units = np.arange(panel.shape[0])
    found = clusters_of_units(panel, clusters)
    if found is None:
        return units, units
    _, first, place = np.unique(found[1], return_index=True, return_inverse=True)
    paths = panel.cube(moving).transpose(1, 0, 2)
    return (first, place) if np.array_equal(paths, paths[first][place]) else (units, units)


def _p_of(result: Result, model: Model) -> dict[tuple[Quantity, str], float]:
    """Return the p value of each quantity of each focal term that has one."""
    return {
        (quantity, term): numbers[2]
        for quantity in model.quantities
        for term, numbers in result.focal_numbers(quantity)
        if np.isfinite(numbers[2])
    }


def _counted(found: FloatArray, observed: float, star: float) -> dict[str, float]:
    """Return stars, laws, share, its interval and the share of p values as small as one, of p values of laws."""
    laws, stars = len(found), int((found <= star).sum())
    tail = (1 - _LEVEL) / 2
    return {
        "stars": float(stars),
        "laws": float(laws),
        "share": stars / laws if laws else np.nan,
        "low": float(scipy.special.betaincinv(stars, laws - stars + 1, tail)) if stars else 0.0,
        "high": float(scipy.special.betaincinv(stars + 1, laws - stars, 1 - tail)) if stars < laws else 1.0,
        "as_small": (1 + int((found <= observed).sum())) / (1 + laws),
    }
