"""Which spatial model and which weights: marginal likelihoods, information criteria, tests against rivals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import Seed, spatial_of
from digicarbon.diagnostic._rows import aligned
from digicarbon.diagnostic.diagnose import as_durbin
from digicarbon.diagnostic.nested import changed
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError
from digicarbon.model.dependence import dependence_pair, design_effect_of
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.note import Note
from digicarbon.numeric.averaging import powered
from digicarbon.numeric.resampling.signs import signs
from digicarbon.packs.which_weights.numeric.marginal import Factors, Prior, probabilities
from digicarbon.packs.which_weights.numeric.profile import Profile
from digicarbon.packs.which_weights.numeric.rivals import against, contains, vuong
from digicarbon.packs.which_weights.numeric.space import ChoiceKind, Space
from digicarbon.panel import Panel
from digicarbon.spec import under
from digicarbon.weights import Weights, WeightsSpec
from digicarbon.weights.base import GivenNode

Kinds = Annotated[tuple[Literal["ols", "slx", "sar", "sdm", "sem", "sdem"], ...], Field(strict=False)]
Nodes = Annotated[tuple[GivenNode, ...], Field(strict=False)]
FEWEST = 99
"""Fewest draws of a bootstrap: the expected gain is a regression over them."""
OWN_W = Note("weights_of_the_run")
EQUAL = Note("spatial_choice_equal")


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A kind with a W; the first one is the run."""

    kind: ChoiceKind
    space: Space
    place: int
    words: Note | str


@dataclass(frozen=True, eq=False)
class _Numbers:
    """The log marginal likelihood of a candidate under two priors, and its fit; parts by unit, shape (N,)."""

    log_marginal: float
    log_marginal_mild: float
    loglik: float
    parameters: int
    by_unit: FloatArray

    def criteria(self, size: int) -> dict[str, float]:
        """Return the log-likelihood and the information criteria."""
        k, deviance = self.parameters, -2 * self.loglik
        return {
            "loglik": self.loglik,
            "aic": deviance + 2 * k,
            "aicc": deviance + 2 * k * size / (size - k - 1),
            "bic": deviance + k * float(np.log(size)),
            "hqc": deviance + 2 * k * float(np.log(np.log(size))),
        }


class SpatialChoice(OfModel):
    """How well a run's spatial model and W fit beside other kinds and other W, on the same data.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the spatial model of the run.
    kinds : tuple of {"ols", "slx", "sar", "sdm", "sem", "sdem"}
        Kinds that the run is compared with.
    weights : tuple of mapping, WeightsSpec or Weights
        Nodes with a ``_target_``, specifications or weights: further W, beside that of the run. The W of the run itself
        may be among them.
    prior : {"g", "flat"}
        Of the coefficients: Zellner's g-prior, or a flat one, with which the units of measurement of regressors decide
        between models with different regressors.
    draws : int
        Samples of the wild bootstrap of tests against each rival, at least 99; 0 leaves the tests out.
    seed : int
        Of the bootstrap.

    Notes
    -----
    Every candidate is computed on Lee and Yu's transformed sample, whatever the correction of the run's model, so that
    all of a panel have equal observations. See `digicarbon.packs.which_weights.numeric`.
    """

    references: ClassVar[tuple[str, ...]] = ("lesage2014",)

    table_names: ClassVar[tuple[str, ...]] = ("spatial_choice", "spatial_choice_run", "spatial_choice_units")
    takes_weights: ClassVar[bool] = True
    scripts: ClassVar[Mapping[str, str]] = {"r": "digicarbon.packs.which_weights.script.spatial_choice:in_r"}

    kinds: Kinds = ("slx", "sar", "sdm", "sem", "sdem")
    weights: Nodes = ()
    prior: Prior = "g"
    draws: Annotated[int, Field(ge=0)] = 499
    seed: Seed = 0

    @property
    def notes(self) -> tuple[Note, ...]:
        """The sample and the priors, and what the p values are."""
        about = (
            Note("spatial_choice_sample"),
            EQUAL,
            Note("spatial_choice_g" if self.prior == "g" else "spatial_choice_flat"),
            Note("spatial_choice_mild"),
        )
        return (*about, Note("spatial_choice_tests", draws=self.draws)) if self.draws else about

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the run's model is not spatial, or a candidate cannot be fitted; fit nothing."""
        self.widest().check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return three tables.

        ``spatial_choice`` has a row for the run and for each rival: log marginal likelihood, posterior probability
        among these rows, by the chosen and by the milder prior, with likelihoods to the power 1/k, log-likelihood,
        AIC, corrected AIC, BIC, Hannan and Quinn's criterion; for rivals, tests of the run's model against them.
        ``spatial_choice_run`` has what reports compare over runs,
        ``spatial_choice_units`` each unit's part of the run's log-likelihood.
        """
        widest = self.widest()
        spaces = list(self._spaces(widest, panel, weights))
        candidates = self._candidates(spaces)
        cube = panel.with_terms(self.terms).cube((widest.y,)).transpose(1, 0, 2)
        own = spaces[0][0].lags.transform(cube)[0][:, 0]
        factors = [Factors.of(space, cube) for space, _ in spaces]
        numbers = [
            self._numbers(one, factors[one.place], own, panel, weights if place == 0 else None)
            for place, one in enumerate(candidates)
        ]
        size = spaces[0][0].sample.size
        k = self._design_effect(panel, weights)
        chances = self._chances(numbers, k)
        tests = [{}, *self._tests(candidates, numbers, own, panel, set(widest.lagged) == set(widest.regressors))]
        rows = [
            {"log_marginal": one.log_marginal, "probability": share, "probability_mild": mild}
            | one.criteria(size)
            | test
            for one, share, mild, test in zip(numbers, *chances, tests, strict=True)
        ]
        names = [(one.kind.upper(), one.words) for one in candidates]
        first = numbers[0]
        facts = {
            "log_marginal": first.log_marginal,
            "log_marginal_mild": first.log_marginal_mild,
            "design_effect": k,
            "slopes": float(spaces[0][0].level.shape[1]),
            **first.criteria(size),
            "parameters": float(first.parameters),
            "observations": float(size),
            "flat": float(self.prior == "flat"),
            # twelve digits of a hash of labels, periods and outcome, which a float holds exactly
            "data": float(int(panel.with_terms(self.terms).digest_of((widest.y,))[:12], 16)),
        }
        return {
            "spatial_choice": pd.DataFrame(rows, pd.MultiIndex.from_tuples(names, names=["model", "weights"])),
            "spatial_choice_run": pd.DataFrame([facts], pd.Index([candidates[0].kind.upper()], name="model")),
            "spatial_choice_units": pd.DataFrame(
                {"loglik": first.by_unit}, pd.Index(panel.units, name=panel.unit_name)
            ),
        }

    def statistics(self, tables: Mapping[str, pd.DataFrame]) -> Mapping[str, float]:
        """Return the run's log marginal likelihood, its probabilities among its own candidates, and k."""
        row, facts = tables["spatial_choice"].iloc[0], tables["spatial_choice_run"].iloc[0]
        numbers = {name: float(row[name]) for name in ("log_marginal", "probability", "probability_mild")}
        numbers["design_effect"] = float(facts["design_effect"])
        return {name: value for name, value in numbers.items() if np.isfinite(value)}

    @staticmethod
    def _chances(numbers: Sequence[_Numbers], k: float) -> Iterator[list[float]]:
        """Yield the candidates' probabilities by the chosen and by the milder prior."""
        highest = np.array([one.loglik for one in numbers])
        for name in ("log_marginal", "log_marginal_mild"):
            logs = np.array([getattr(one, name) for one in numbers])
            yield probabilities(powered(logs, highest, k if np.isfinite(k) else 1.0)).tolist()

    def _design_effect(self, panel: Panel, weights: Weights | None) -> float:
        """Return k of the Durbin model, with clusters of the run's own level, or units."""
        spatial = spatial_of(self.model)
        pair = None if spatial is None else dependence_pair(_transformed(spatial))
        return float("nan") if pair is None else design_effect_of(pair, panel, weights)

    def widest(self) -> SpatialPanel:
        """Return the Durbin model that contains the run's one, by the transformation likelihood."""
        spatial = spatial_of(self.model)
        if spatial is None:
            raise ConfigError(Note("spatial_choice_of_other_model"))
        refuse_kind(spatial)
        if 0 < self.draws < FEWEST:
            raise ConfigError(Note("spatial_choice_draws", key="diagnostic.draws", draws=self.draws, fewest=FEWEST))
        return changed(_transformed(spatial), cov="classic")

    def _spaces(
        self, widest: SpatialPanel, panel: Panel, weights: Weights | None
    ) -> Iterator[tuple[Space, Note | str]]:
        """Yield the space of each W, that of the run first; a W that equals an earlier one is left out."""
        first = aligned(panel, weights, Note("a_spatial_model"))
        known: list[Weights] = []
        for place, spec in enumerate((None, *self.weights)):
            with under(f"diagnostic.weights[{place - 1}]", WeightsSpec):
                given = first if spec is None else _weights_of(spec, panel)
            if any(abs(given.matrix - other.matrix).max() < 1e-12 for other in known):
                continue
            known.append(given)
            design = widest.design(panel, given)
            raw = panel.with_terms(self.terms).cube(widest.regressors).transpose(1, 0, 2)
            chosen = [widest.regressors.index(name) for name in widest.lagged]
            words = OWN_W if spec is None else Note("weights_numbered", place=place, name=given.called)
            yield Space.of(raw, design.w, design.sample, chosen), words

    def _candidates(self, spaces: Sequence[tuple[Space, Note | str]]) -> list[_Candidate]:
        """Return the run, then every other kind and W."""
        spatial = spatial_of(self.model)
        own: ChoiceKind = "sar" if spatial is None else spatial.kind
        # a regression without lags is the same with every W
        pairs = [
            (kind, place)
            for place in range(len(spaces))
            for kind in dict.fromkeys(self.kinds)
            if (kind, place) != (own, 0) and not (kind == "ols" and place)
        ]
        return [_Candidate(kind, spaces[place][0], place, spaces[place][1]) for kind, place in [(own, 0), *pairs]]

    def _numbers(
        self, one: _Candidate, factors: Factors, own: FloatArray, panel: Panel, weights: Weights | None
    ) -> _Numbers:
        logs = factors.marginal(one.kind, self.prior), factors.marginal(one.kind, "mild")
        if one.kind != "sac":
            fit = Profile(one.space, one.kind).fit(own)
            return _Numbers(*logs, fit.loglik, fit.parameters, fit.by_unit)
        # two spatial parameters: the model's own estimator
        model = changed(self.widest(), kind="sac")
        result = model.estimated(panel, weights)
        loglik, sigma2 = result.statistics["loglik"], result.statistics["sigma2"]
        squares = (np.asarray(result.residuals).reshape(-1, one.space.sample.n) ** 2).sum(axis=0)
        by_unit = (loglik + squares.sum() / (2 * sigma2)) / len(squares) - squares / (2 * sigma2)
        return _Numbers(*logs, loglik, len(result.coef), by_unit)

    def _tests(
        self, candidates: Sequence[_Candidate], numbers: Sequence[_Numbers], own: FloatArray, panel: Panel, every: bool
    ) -> Iterator[dict[str, float]]:
        """Yield the tests of the run's model against each rival; none where a model with two parameters is tested."""
        first, size = candidates[0], candidates[0].space.sample.size
        drawn = signs(tuple(panel.units), self.draws, self.seed) if self.draws else None
        for rival, its in zip(candidates[1:], numbers[1:], strict=True):
            row = dict.fromkeys(("vuong", "vuong_p", "gain", "gain_p", "j", "j_p"), float("nan"))
            inside, outside = _contains(first, rival, every), _contains(rival, first, every)
            if not inside and not outside:
                more = (numbers[0].parameters - its.parameters) / 2 * float(np.log(size))
                row["vuong"], row["vuong_p"] = vuong(numbers[0].by_unit, its.by_unit, more)
            row["gain"] = its.loglik - numbers[0].loglik
            if drawn is not None and not inside and first.kind != "sac":
                found = against(Profile(first.space, first.kind), Profile(rival.space, rival.kind), own, drawn)
                row |= {"gain_p": found.gain_p, "j": found.j, "j_p": found.j_p}
            yield row


def _transformed(spatial: SpatialPanel) -> SpatialPanel:
    """Return the Durbin model that contains a model, on Lee and Yu's transformed sample."""
    return changed(as_durbin(spatial.by_errors), bias_correction="lee_yu", demeaning="exact")


def log_marginal(
    model: SpatialPanel, panel: Panel, weights: Weights | None, kind: ChoiceKind | None = None
) -> tuple[float, float]:
    """Return the log marginal and the highest log-likelihood of a spatial model, or another kind with its regressors.

    On Lee and Yu's transformed sample, as in `SpatialChoice`: models of one panel, outcome and effects can be compared,
    whatever their corrections. Raises ConfigError, DataError, WeightsError, EstimationError.
    """
    refuse_kind(model)
    made = changed(model.by_errors, bias_correction="lee_yu", demeaning="exact", cov="classic")
    design = made.design(panel, aligned(panel, weights, Note("a_spatial_model")))
    cube = panel.with_terms(made.terms).cube((*made.regressors, made.y)).transpose(1, 0, 2)
    own = [made.regressors.index(name) for name in made.lagged]
    space = Space.of(cube[..., :-1], design.w, design.sample, own)
    kind = kind or made.kind
    if kind == "sac":
        highest = made.estimated(panel, weights).statistics["loglik"]
    else:
        highest = float(Profile(space, kind).maximum(space.lags.transform(cube[..., -1:])[0]).loglik[0])
    return Factors.of(space, cube[..., -1:]).marginal(kind), highest


def refuse_kind(spatial: SpatialPanel) -> None:
    """Raise where a spatial model has no marginal likelihood here."""
    if spatial.effects == "random":
        raise ConfigError(Note("spatial_choice_of_random"))
    if spatial.error_weights is not None:
        raise ConfigError(Note("spatial_choice_error_weights"))


def _weights_of(spec: WeightsSpec | Weights, panel: Panel) -> Weights:
    return (spec if isinstance(spec, Weights) else spec.compute(panel)).align(panel)


def _contains(wide: _Candidate, narrow: _Candidate, every: bool) -> bool:
    """Return whether a model contains another one: a regression without lags, or a kind with the same W."""
    return narrow.kind == "ols" or (wide.place == narrow.place and contains(wide.kind, narrow.kind, every))
