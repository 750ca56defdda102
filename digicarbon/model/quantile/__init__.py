"""Quantiles of an outcome given the regressors."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.quantile.base import PanelQuantile as PanelQuantile

lazy(__name__)
