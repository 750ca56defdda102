"""What single units, or clusters, weigh in a coefficient: leverage, estimates without each, effective number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pandas as pd

from digicarbon.diagnostic._arguments import with_call
from digicarbon.diagnostic._focal import focal_of
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import EstimationError
from digicarbon.model import Model, PanelRegression
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.cluster_leverage import influence as influence_of
from digicarbon.panel import Panel
from digicarbon.weights import Weights

FEWEST = 3
"""With two clusters a fit without one has a single cluster."""


@with_call
def influence(
    model: Model, panel: Panel, weights: Weights | None = None, term: str | None = None, cluster: str | None = None
) -> pd.DataFrame:
    """Return what each unit, or cluster, weighs in a coefficient.

    Parameters
    ----------
    model : Model
        A regression with fixed effects, or with none.
    panel : Panel
    weights : Weights, optional
        Those of the fit, if it has some.
    term : str, optional
        The focal coefficient; by default the only one.
    cluster : str, optional
        ``unit``, ``time`` or a column; by default what the model's errors are clustered by, else units.

    Returns
    -------
    DataFrame
        A row for each cluster, indexed by it: ``rows``; ``leverage``, whose sum is the number of regressors;
        ``partial_leverage``, the share of what is left of the focal regressor after effects and the other regressors;
        ``coef_without``, the coefficient without the cluster, with effects estimated anew; ``change``, that less the
        coefficient of all, and ``change_in_se``, the same over the model's standard error. Not a number where the
        coefficient cannot be estimated without the cluster.

    Raises
    ------
    ConfigError
        If the model is another one, or has no such coefficient.
    DataError, EstimationError, WeightsError
        If it cannot be fitted; if there are fewer than three clusters.

    Notes
    -----
    Those of summclust (MacKinnon, Nielsen and Webb 2023, Stata Journal 23(4)) after effects are removed. No fit is made
    again: β̂ − β̂₍g₎ = (Z′Z)⁻¹ Z_g′ (I − H_g)⁻¹ ê_g with the cluster's block H_g of the whole hat matrix.
    """
    return Influence(model=model, term=term, cluster=cluster).tables(panel, weights)["influence"]


class Influence(OfModel):
    """What each unit, or cluster, weighs in a coefficient: leverage, the coefficient without it, effective number.

    Attributes
    ----------
    term : str or None
        The focal coefficient; None takes the only one.
    cluster : str or None
        ``unit``, ``time`` or a column; None takes what the model's errors are clustered by, else units.
    """

    references: ClassVar[tuple[str, ...]] = ("carter2017", "mackinnon2023")
    table_names: ClassVar[tuple[str, ...]] = ("influence_summary", "influence")
    listings: ClassVar[tuple[str, ...]] = ("influence",)

    term: str | None = None
    cluster: str | None = None

    @property
    def by(self) -> str:
        """What a cluster is."""
        regression = self.model.as_a(PanelRegression)
        if self.cluster is not None or regression is None or regression.cov != "cluster":
            return self.cluster or "unit"
        return regression.cluster if isinstance(regression.cluster, str) and regression.cluster != "both" else "unit"

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns, and that of the clusters as dummies."""
        by = () if self.by in ("unit", "time") else (f"C({self.by})",)
        return tuple(dict.fromkeys([*self.model.terms, *by]))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model has no such coefficient, or there are too few clusters."""
        self._clusters(focal_of(self.model, panel, self.term, weights).panel)

    def _clusters(self, panel: Panel) -> tuple[tuple[str, ...], Groups]:
        labels, codes = panel.levels(self.by)
        if len(labels) < FEWEST:
            raise EstimationError(
                Note("influence_few", key="diagnostic.cluster", by=self.by, clusters=len(labels), fewest=FEWEST)
            )
        return labels, Groups(codes, len(labels))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``influence_summary``, a row for the coefficient, and ``influence``, as `influence` describes it.

        The first has columns coef, se, se_jackknife (that of `small_sample="cr3"`), clusters, effective and
        effective_equal (effective numbers of clusters where errors within them are uncorrelated, and where they are
        equal), largest_leverage and largest_partial (over those of equal clusters), coef_lowest and coef_highest.
        """
        focal = focal_of(self.model, panel, self.term, weights)
        labels, clusters = self._clusters(focal.panel)
        columns, fit = focal.columns, focal.columns.fit
        q = columns.values[:, :-1] @ fit.root
        found = influence_of(q, fit.root[focal.place], fit.residuals, clusters, columns.absorber)
        result = focal.regression.fit(focal.panel, weights)
        place = result.terms.index(focal.term)
        coef, se = float(result.coef[place]), float(np.sqrt(result.covariance[place, place]))
        each = pd.DataFrame(
            {
                "rows": clusters.sizes.astype(int),
                "leverage": found.leverage,
                "partial_leverage": found.partial,
                "coef_without": coef + found.change,
                "change": found.change,
                "change_in_se": found.change / se,
            },
            index=pd.Index(labels, name=self.by),
        )
        known = found.change[np.isfinite(found.change)]
        row = {
            "coef": coef,
            "se": se,
            "se_jackknife": found.jackknife,
            "clusters": float(len(labels)),
            "effective": found.effective[0],
            "effective_equal": found.effective[1],
            "largest_leverage": float(found.leverage.max() / found.leverage.mean()),
            "largest_partial": float(found.partial.max() * len(labels)),
            "coef_lowest": coef + float(known.min(initial=np.inf)),
            "coef_highest": coef + float(known.max(initial=-np.inf)),
        }
        return {"influence_summary": pd.DataFrame(row, index=pd.Index([focal.term], name="term")), "influence": each}

    def statistics(self, tables: Mapping[str, pd.DataFrame]) -> Mapping[str, float]:
        """Return the effective number of clusters, and the lowest and the highest coefficient without one of them."""
        row = tables["influence_summary"].iloc[0]
        return {name: float(row[name]) for name in ("effective", "coef_lowest", "coef_highest")}

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return what the numbers are, how many clusters carry the coefficient, and which of them change it most."""
        row, each = tables["influence_summary"].iloc[0], tables["influence"]
        known = each["coef_without"].dropna()
        notes = [Note("influence", by=self.by)]
        notes.append(Note("influence_effective", effective=row["effective"], clusters=int(row["clusters"])))
        if len(known):
            ends = {"low": known.min(), "high": known.max()}
            names = {"lowest": str(known.idxmin()), "highest": str(known.idxmax())}
            notes.append(Note("influence_range", term=str(row.name), coef=row["coef"], **ends, **names))
        if other := [str(name) for name, value in known.items() if value * row["coef"] < 0]:
            notes.append(Note("influence_sign", count=len(other), clusters=cut(other)))
        if alone := [str(name) for name in each.index[each["coef_without"].isna()]]:
            notes.append(Note("influence_alone", term=str(row.name), clusters=cut(alone)))
        return tuple(notes)
