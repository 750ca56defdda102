"""The peer of `bench_sweep.py`: a plain Hydra application with linearmodels and MLflow's fluent interface.

It is what a competent user would write by hand: one composed configuration, one fit, one MLflow run per job, e.g.
``python app.py -m measure=e,ide 'controls.terms=[ln_pgdp],[]'`` in a folder that holds ``panel.csv``.
"""

from __future__ import annotations

import hydra
import mlflow
import pandas as pd
from linearmodels.panel import PanelOLS
from omegaconf import DictConfig, OmegaConf


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    """Fit one specification and log it."""
    mlflow.set_tracking_uri(config.tracking.uri)
    mlflow.set_experiment(config.tracking.experiment)
    frame = pd.read_csv(config.data.path).set_index([config.data.unit, config.data.time])
    regressors = [config.measure.term, *config.controls.terms]
    with mlflow.start_run(run_name=f"{config.measure.term} {config.outcome.term}"):
        mlflow.log_params(
            {
                "y": config.outcome.term,
                "x": config.measure.term,
                "controls": ", ".join(config.controls.terms),
                "cluster": OmegaConf.to_yaml(config.inference),
            }
        )
        model = PanelOLS(frame[config.outcome.term], frame[regressors], entity_effects=True, time_effects=True)
        fit = model.fit(cov_type="clustered", cluster_entity=config.inference.unit, cluster_time=config.inference.time)
        numbers = {"coef": fit.params, "se": fit.std_errors, "p": fit.pvalues}
        metrics = {f"{kind}.{term}": value for kind, series in numbers.items() for term, value in series.items()}
        mlflow.log_metrics({**metrics, "nobs": fit.nobs, "r2_within": fit.rsquared_within, "loglik": fit.loglik})
        mlflow.log_dict(OmegaConf.to_container(config, resolve=True), "config.yaml")


if __name__ == "__main__":
    main()
