"""What a change of x in one year does to outcomes in the years that follow, and through which neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError
from digicarbon.model.tested import asks_for_wild
from digicarbon.note import Note
from digicarbon.numeric.shape.uniform import joint_critical, uniform_ends
from digicarbon.packs.dynamic_space.model.base import DynamicSpatialPanel
from digicarbon.packs.dynamic_space.numeric.effects import ORDERS, Factors, accumulated, impulse_factors, order_factors
from digicarbon.panel import Panel
from digicarbon.result import EFFECTS, Inference
from digicarbon.weights import Weights

RESPONSES, CUMULATED, ORDER = "impulse_responses", "cumulated_responses", "effects_by_order"
RUNS = ("at once", "in the long run")
FURTHER = "all further orders"


class ImpulseResponses(OfModel):
    r"""Responses of the outcome to a change of x, by years after it and by order of neighbours.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the dynamic spatial panel of the run.
    horizons : int
        Years after the change.

    Notes
    -----
    After h years the matrix of derivatives is :math:`A^h S^{-1}(\beta I + \theta W)` with :math:`S = I - \rho W` and
    :math:`A = S^{-1}(\tau I + \eta W)`: the mean of its diagonal is the direct response, of its row sums the total one
    (Debarsy, Ertur & LeSage 2012, Statistical Methodology 9). Standard errors are those of the delta method.
    """

    table_names: ClassVar[tuple[str, ...]] = (RESPONSES, CUMULATED, ORDER)
    takes_weights: ClassVar[bool] = True

    horizons: Annotated[int, Field(ge=1, le=100)] = 8

    @property
    def notes(self) -> tuple[Note, ...]:
        """What responses are, and that there is no wild bootstrap where one is asked for."""
        about = Note("impulse_responses")
        return (about, Note("impulse_without_wild")) if asks_for_wild(self.model) else (about,)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the run's model has no responses or cannot be fitted; fit nothing."""
        self._dynamic().check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``impulse_responses``, ``cumulated_responses`` and ``effects_by_order``.

        Rows of the first two are a focal term, an effect and the years since the change; of the third a focal term,
        when (at once or in the long run), an effect and the order of neighbours: 0 is the unit itself. Columns are
        coef, se, stat, p, low and high; uniform_critical, low_uniform and high_uniform: the band that holds an effect
        of a term in all years, or of all orders, from the joint covariance of the delta method. There is no table where
        rho lies at the end of its range, and no long run where the model is not stable.
        """
        model = self._dynamic()
        found = model.estimates(panel, weights)
        if found.factors() is None:
            raise ConfigError(Note("impulse_at_end", key="diagnostic"))
        theta, w = found.fit.theta, found.design.w
        inference = Inference(None, model.level)
        numbers = found.parts
        focal = [found.design.terms.index(term) for term in model.x]

        def table(blocks: Mapping[tuple[str, ...], Factors], last: list[object], names: list[str]) -> pd.DataFrame:
            rows: list[tuple[Any, ...]] = []
            values: list[np.ndarray] = []
            criticals: list[float] = []
            every = {key: factors.estimates(*numbers) for key, factors in blocks.items()}
            for place, term in zip(focal, model.x, strict=True):
                for key, each in every.items():
                    for effect, name in enumerate(EFFECTS):
                        rows += [(term, *key, name, label) for label in last]
                        values.append(np.stack([each.coef[effect::3, place], each.se[effect::3, place]]))
                        slopes = blocks[key].gradients(*numbers[:2])[effect::3, place]
                        critical = joint_critical(slopes @ numbers[2] @ slopes.T, inference.df, inference.level)
                        criticals += [critical] * len(last)
            coef, se = np.concatenate(values, axis=1)
            index = pd.MultiIndex.from_tuples(rows, names=["x", *names])
            columns = inference.columns(coef, se)
            low, high = uniform_ends(coef, se, columns["low"], columns["high"], np.array(criticals))
            band = {"uniform_critical": criticals, "low_uniform": low, "high_uniform": high}
            return pd.DataFrame({**columns, **band}, index=index)

        responses = impulse_factors(theta, w, self.horizons)
        years: list[object] = list(range(self.horizons + 1))
        orders: list[object] = [*range(ORDERS + 1), FURTHER]
        runs: dict[tuple[str, ...], Factors] = {(RUNS[0],): order_factors(theta, w, long=False)}
        if found.stability < 1:
            runs[(RUNS[1],)] = order_factors(theta, w, long=True)
        return {
            RESPONSES: table({(): responses}, years, ["effect", "years after"]),
            CUMULATED: table({(): accumulated(responses)}, years, ["effect", "years after"]),
            ORDER: table(runs, orders, ["when", "effect", "order of neighbours"]),
        }

    def _dynamic(self) -> DynamicSpatialPanel:
        found = self.model.as_a(DynamicSpatialPanel)
        if found is None:
            raise ConfigError(Note("impulse_of_other_model", key="diagnostic"))
        return found
