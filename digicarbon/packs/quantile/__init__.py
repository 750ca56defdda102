"""Quantiles of the outcome, given the regressors."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "model": {
            "PanelQuantile": "model.base",
        },
        "report": {
            "QuantileReport": "report.quantile",
        },
        "report.picture": {
            "plot_quantiles": "picture.quantile",
        },
        "source": {
            "SimulatedQuantiles": "source.quantiles",
        },
    },
    former={
        "model.quantile": "model",
        "model.scripts.quantile": "script.quantile",
        "numeric.quantile": "numeric",
        "report.picture.quantile": "picture.quantile",
    },
)
