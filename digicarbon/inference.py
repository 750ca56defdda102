"""How standard errors and p values are computed; models take these fields by reference in their YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from digicarbon.note import Note
from digicarbon.numeric.linear.covariance import AnySmallSample, Kernel
from digicarbon.numeric.resampling.signs import Signs, SignWeights
from digicarbon.spec import Seed, Spec

AnyCovariance = Literal[
    "classic", "robust", "cluster", "driscoll_kraay", "newey_west", "beck_katz", "conley", "observed"
]
NumberOfDraws = Annotated[int, Field(ge=19, le=1_000_000)] | Literal["auto"]
"""Draws of a wild bootstrap; "auto": as many as stars need, at least `LEAST`."""
LEAST = 999

REFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cov": {
        "robust": ("white1980",),
        "cluster": ("liang1986",),
        "driscoll_kraay": ("driscoll1998",),
        "newey_west": ("newey1987",),
        "beck_katz": ("beck1995",),
        "conley": ("conley1999",),
    },
    "cluster": {"both": ("cameron2011",)},
    "small_sample": {"cr2": ("bell2002", "pustejovsky2018"), "cr3": ("bell2002", "mackinnon2023")},
    "test": {"wild": ("cameron2008", "roodman2019"), "randomisation": ("wu2021",)},
    "weights": {"webb": ("webb2023",)},
}
"""Works to cite for standard errors and their tests, by the field and its value."""
SPATIAL_REFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    **REFERENCES,
    "cov": {**REFERENCES["cov"], "cluster": (*REFERENCES["cov"]["cluster"], "lin2010")},
}
"""The same for spatial models, whose note on clusters names one work more."""


def _as_coverage(level: object) -> object:
    """Return a level; raise a ValueError about a number that is not the coverage of an interval, e.g. .05 and 95."""
    if not isinstance(level, int | float) or isinstance(level, bool) or 0.5 <= level < 1:
        return level
    share = level / 100 if 1 < level < 100 else level
    meant = max(share, 1 - share) if 0 < share < 1 else 0.95
    raise ValueError(Note("level_is_coverage", key="level", meant=round(meant, 10), given=level))


Level = Annotated[float, Field(ge=0.5, lt=1), BeforeValidator(_as_coverage)]
"""Coverage of intervals."""


def void(cov: str) -> frozenset[str]:
    """Return the fields of errors that mean nothing for a kind of standard errors."""
    meant = {
        "cluster": cov in ("cluster", "beck_katz"),
        "bandwidth": cov in ("driscoll_kraay", "newey_west", "conley"),
        "kernel": cov == "conley",
        "small_sample": cov not in ("classic", "observed"),
        "df": cov in ("cluster", "driscoll_kraay"),
    }
    return frozenset(name for name, holds in meant.items() if not holds)


def as_clusters(cluster: object) -> object:
    """Return clusters as fields have them: nothing stands for units, and a list of one column for the column."""
    if isinstance(cluster, list | tuple) and len(cluster) == 1:
        return cluster[0]
    if isinstance(cluster, list | tuple) and len(cluster) == 2 and cluster[0] == cluster[1]:
        raise ValueError(Note("clusters_twice", key="cluster", column=str(cluster[0])))
    return "unit" if cluster is None else cluster


class Inference(Spec):
    """The kind of standard error, shared by the models of a sweep.

    Attributes
    ----------
    cov
        As in `digicarbon.model.PanelRegression`; a spatial model takes classic, observed, robust and cluster.
    cluster, bandwidth, kernel, small_sample, df
        As in `digicarbon.model.PanelRegression`.
    level : float
        Coverage of confidence intervals.
    test, draws, signs, weights, seed, intervals
        As in `digicarbon.model.tested.Tested`.
    strata
        As in `digicarbon.model.tested.Tested`.
    """

    role: ClassVar[str] = "inference"
    references_by: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = REFERENCES
    former: ClassVar[Mapping[str, str]] = {"replications": "draws"}

    cov: AnyCovariance = "cluster"
    cluster: Annotated[str | Annotated[tuple[str, str], Field(strict=False)], BeforeValidator(as_clusters)] = "unit"
    bandwidth: Annotated[int, Field(ge=0)] | None = None
    kernel: Kernel = "uniform"
    small_sample: AnySmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"
    level: Level = 0.95
    test: Literal["errors", "wild", "randomisation"] = "wild"
    draws: NumberOfDraws = "auto"
    signs: Signs = "patterns"
    weights: SignWeights = "rademacher"
    seed: Seed = 1
    intervals: bool = True
    strata: str | None = None

    @property
    def void(self) -> frozenset[str]:
        """Fields that mean nothing with the others."""
        of_draws = {"draws", "seed", "intervals"} if self.test == "errors" else set()
        of_signs = {"signs", "weights"} if self.test != "wild" else set()
        return void(self.cov) | of_draws | of_signs
