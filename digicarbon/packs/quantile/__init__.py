"""Quantiles of the outcome, given the regressors."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "model": {"PanelQuantile": "model.base"},
        "report": {"QuantileReport": "report.quantile"},
        "report.picture": {"plot_quantiles": "picture.quantile"},
        "source": {"SimulatedQuantiles": "source.quantiles"},
    },
    former={
        "model.quantile": "model",
        "numeric.quantile": "numeric",
        "report.picture.quantile": "picture.quantile",
    },
)
