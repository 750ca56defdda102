"""The kind of specification that is fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, ParamSpec, TypeVar, cast

import numpy as np
from pydantic import AfterValidator, field_validator, model_validator

from digicarbon import inference
from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError, DataError, EstimationError, WeightsError
from digicarbon.inference import Level as Level
from digicarbon.model.batch import Batch, Estimand, Null, OneByOne
from digicarbon.note import Note, cut
from digicarbon.numeric.linear import within as numeric
from digicarbon.panel import Panel, canonical
from digicarbon.result import MadeOf, Quantity, Result, roles_made_of
from digicarbon.spec import Names, Spec
from digicarbon.weights import Weights
from digicarbon.weights.nearby import nearby

if TYPE_CHECKING:
    from digicarbon.script import Extract, RPart, StataPart

_Given = ParamSpec("_Given")
Other = TypeVar("Other", bound="Model")


def _canonical(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(canonical(term) for term in terms)


Terms = Annotated[Names, AfterValidator(_canonical)]
"""Names of terms, with powers as `digicarbon.panel.canonical` writes them."""


class Model(Spec):
    """A specification of a regression.

    Attributes
    ----------
    y : str
        The outcome's column.
    x : tuple of str
        The focal terms: those that reports speak of. A term is a column or what `Panel.with_terms` reads: ``a^2``,
        ``L.a``, ``D.a``, ``a:b``, ``C(g)``.
    controls : tuple of str
        Terms fitted beside them.
    """

    role: ClassVar[str] = "model"
    references_by: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = inference.REFERENCES
    takes_weights: ClassVar[bool] = False
    """Whether models of this kind need spatial weights."""
    without: ClassVar[Mapping[str, str]] = {}
    """Why models of this kind have no ``null``, ``batch``, ``r`` or ``stata``, by name: a sentence without its stop."""

    same: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Values of ``inference`` that a model has under another name, by field: ``{"cov": {"cluster": "robust"}}``."""

    scripts: ClassVar[Mapping[str, str]] = {}
    """Functions that say what the model is in R and Stata, by ``extract``, ``r`` or ``stata``: ``module:function``.
    They are named and not imported, since they know the class, and a fit needs none of them."""

    decides_time: ClassVar[tuple[str, ...]] = ()
    """Fields on which the time of a fit depends so much that runs of other values say nothing of it."""

    lacks: ClassVar[Mapping[str, Note]] = {
        **dict.fromkeys(("absorb", "trends"), Note("no_further_effects")),
        **dict.fromkeys(("cluster", "small_sample", "df"), Note("no_choice_of_errors")),
    }

    y: str
    x: Names
    controls: Names = ()

    @field_validator("x", "controls")
    @classmethod
    def _spelt(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        # a user's class may declare these fields anew, as plain names
        return _canonical(terms)

    @model_validator(mode="after")
    def _distinct(self) -> Model:
        if not self.terms:
            return self
        if not self.y:
            raise ValueError(Note("y_is_empty", key="y"))
        if not self.x:
            raise ValueError(Note("x_is_empty", key="x"))
        squares = [term for term in (self.y, *self.regressors) if len(set(term.split(":"))) < len(term.split(":"))]
        if squares:
            raise ValueError(Note("product_with_itself", terms=cut(squares)))
        by: dict[str, str] = {}
        for field, terms in (("y", (self.y,)), ("x", self.x), ("controls", self.controls)):
            for term in terms:
                if by.get(term) == field:
                    raise ValueError(Note("named_twice_in_field", key=field, term=term))
                if term in by:
                    raise ValueError(Note("named_in_two_fields", key=field, term=term, other=f"model.{by[term]}"))
                by[term] = field
        return self

    @property
    def uses_weights(self) -> bool:
        """Whether this model, with its fields, needs spatial weights."""
        return self.takes_weights

    @property
    def may_use_weights(self) -> bool:
        """Whether this model, with its fields, uses spatial weights where there are fitting ones, and does without."""
        return False

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model, with its other fields, takes of a request, by field, where that is less than its type has.

        `COLUMN` stands for any column. What it does not take is refused, see `refuse_unmet`; only ``test`` may have
        another value that nobody asked for, and a note on the result then says what p values rest on.
        """
        return {}

    @property
    def no_arrangements(self) -> Note | None:
        """Why the model is not fitted to arrangements of x, for a note; None if it is."""
        return Note("randomised_not_of_class", model=type(self).__name__)

    @model_validator(mode="after")
    def _offered(self) -> Model:
        for name in self.offers:
            if name != "test":
                refuse_unmet(self, name)
        return self

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for this model with its other fields, e.g. what a cluster is without clusters.

        Models that differ in nothing else are one fit. A class from elsewhere that changes a model of ours ignores
        nothing until it says so itself, see `ignored_by`.
        """
        return frozenset()

    @property
    def regressors(self) -> tuple[str, ...]:
        """All terms on the right-hand side: x, then controls."""
        return (*self.x, *self.controls)

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads."""
        return (self.y, *self.regressors)

    @property
    def optional_terms(self) -> tuple[str, ...]:
        """Columns that the model reads where the panel has them, besides `terms`, e.g. the places of units."""
        return ()

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted to this panel and these weights; fit nothing.

        Raises
        ------
        DataError, WeightsError, EstimationError
        """
        panel.require(panel.expanded(self.terms))

    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the model.

        Parameters
        ----------
        panel : Panel
            Holds every column in `terms`.
        weights : Weights, optional
            For models that take them.

        Raises
        ------
        DataError, WeightsError, EstimationError
        """
        raise TypeError(f"{type(self).__name__} does not say how it is fitted; define `fit`.")

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the model in which the focal terms have no effect, for a joint test of many specifications.

        Parameters
        ----------
        panel : Panel
            With every term of the model.
        weights : Weights or None
            Those of the fit.
        candidates : sequence of Weights
            All weights of the test, for the spatial dependence of a model that has none of its own.

        Returns
        -------
        Null or None
            None where the model cannot be in a joint test.
        """
        return None

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the model to many outcomes; arguments as in `null`."""
        return OneByOne(self, panel, weights, estimand)

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The numbers that a result has for a focal term; the last one is the effect of a run, as curves show it."""
        return ("coefficient",)

    @property
    def work(self) -> float:
        """How many times as long as usual a fit takes, as `digicarbon plan` guesses while none is recorded."""
        return 1.0

    def work_for(self, units: int, periods: int) -> float:
        """Return `work` for a panel; most models take as long as the start of a run, whatever its size is."""
        return self.work

    @property
    def lag_of_one_variance(self) -> bool:
        """Whether it has a spatial lag and effects, and its standard errors suppose one variance: see docs/size.md."""
        return False

    def made_of(self, panel: Panel) -> Mapping[str, MadeOf]:
        """Return what each coefficient of x is made of, by the name of its term: the regressors as they are read.

        From this reports know that ``ln_e^2`` is a power of ``ln_e``, and that ``ln_e[east]`` is its coefficient in a
        group. A model whose terms have other names says it itself.
        """
        return panel.made_of(self.regressors, among=self.terms)

    def described(self, result: Result, panel: Panel) -> Result:
        """Return a result of this model whose regressors say what they are made of, if they do not yet."""
        if not result.terms or any(role.made_of for role in result.roles):
            return result
        return replace(result, roles=roles_made_of(result.terms, result.roles, self.made_of(panel)))

    def as_a(self, kind: type[Other]) -> Other | None:
        """Return the model of another kind whose tests and diagnostics are meant for this one; None if none is.

        By default a model is of its own kind and of those that it inherits from.

        Parameters
        ----------
        kind : type
            What a diagnostic asks for, e.g. `digicarbon.model.PanelRegression`.
        """
        return self if isinstance(self, kind) else None

    @property
    def split(self) -> tuple[str, ...]:
        """The terms that have a coefficient for each group of units."""
        return ()

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return what scripts in R and Stata read: by default the outcome, the regressors and the weights.

        Parameters
        ----------
        panel : Panel
        weights : Weights or None
            In the order of the panel.
        """
        if (script := script_of(self, "extract")) is not None:
            extract: Extract = script(self, panel, weights)
            return extract
        from digicarbon.script.extract import Extract

        made = panel.with_terms(self.terms)
        return Extract.of(made, self.y, made.expanded(self.regressors, among=self.terms), weights)

    def r(self, part: RPart) -> list[str]:
        """Return the lines of R that fit the model again and compare it with what was recorded.

        A class that changes a model of ours has none until it has an `r` of its own, see `says`.
        """
        return self._lines("r", part)

    def stata(self, part: StataPart) -> list[str]:
        """Return the same for Stata."""
        return self._lines("stata", part)

    def _lines(self, tool: str, part: RPart | StataPart) -> list[str]:
        script = script_of(self, tool)
        unsaid = f"a model of the class {type(self).__name__}, which this tool does not have"
        lines: list[str] = part.skip(self.without.get(tool) or unsaid) if script is None else script(part, self)
        return lines


COLUMN = "column"
"""Stands for a column among what a model offers."""


def is_offered(value: object, offered: tuple[object, ...] | None) -> bool:
    """Return whether a value is among what a model offers, see `Model.offers`; None offers all."""
    column = isinstance(value, str) and value not in ("unit", "time", "both")
    return offered is None or value in offered or (column and COLUMN in offered)


def refuse_unmet(model: Model, name: str) -> None:
    """Raise a ValueError with a note if a model cannot have the value of its field."""
    value, offered = getattr(model, name), model.offers.get(name)
    if offered is None or is_offered(value, offered):
        return
    of = getattr(model, "estimator", None) or getattr(model, "kind", None) or type(model).__name__
    facts = {"key": name, "value": shown(value), "offered": words_of(offered)}
    raise ValueError(Note("not_offered", of=of, why=why_not(model, name, value), **facts))


def why_not(model: Model, name: str, value: object) -> Note | str:
    """Return why a model does not offer a value of a field, to stand after a sentence; empty where that needs none."""
    if name == "cluster" and getattr(model, "cov", "cluster") != "cluster":
        return Note("after_blank", said=Note("clusters_of_cov"))
    why = model.no_arrangements if value == "randomisation" else None
    return "" if why is None else Note("after_blank", said=why)


def words_of(offered: tuple[object, ...]) -> tuple[Any, ...] | Note:
    """Return what a model offers for a sentence."""
    return cut([Note("any_column") if one is COLUMN else shown(one) for one in offered])


def shown(value: object) -> str:
    """Return a value of a field as YAML has it."""
    return "null" if value is None else f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)


def says(model: Spec, name: str) -> bool:
    """Return whether what a class says by a name, e.g. ``"ignored"``, is meant for this model or diagnostic.

    It is not where a class from elsewhere stands above the one that says it: that class may change anything.
    """
    for cls in type(model).__mro__:
        if name in vars(cls):
            return True
        if cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            break
    return False


def script_of(spec: Spec, hook: str) -> Callable[..., Any] | None:
    """Return the function of ``scripts`` for a hook; None where a class from elsewhere may have changed the class."""
    scripts: Mapping[str, str] = getattr(spec, "scripts", {})
    place = scripts.get(hook, "") if says(spec, hook) or says(spec, "scripts") else ""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name) if place else None


def ignored_by(model: Model) -> frozenset[str]:
    """Return the fields that a model ignores.

    There are none where a class from elsewhere stands above the one that says what is ignored: it may read any field.
    """
    return model.ignored if says(model, "ignored") else frozenset()


def sentences(fit: Callable[_Given, Result]) -> Callable[_Given, Result]:
    """Decorate a ``fit`` of ours: a division by zero or a matrix without an inverse becomes a sentence.

    Sentences of why a panel is too small stand where that is found out; this is for what is found nowhere. The
    exception itself is the error's cause.
    """

    @wraps(fit)
    def fitted(*args: _Given.args, **kwargs: _Given.kwargs) -> Result:
        model = args[0]
        # who wrote a field of a file is known to the plan alone, see `digicarbon.spec.build`
        if isinstance(model, Model) and "test" in model.model_fields_set:
            try:
                refuse_unmet(model, "test")
            except ValueError as error:
                raise ConfigError(error.args[0]) from None
        weights = _unasked(*args, **kwargs)
        decides = isinstance(model, Model) and model.may_use_weights
        try:
            # models that are fitted within the fit have its weights, or none
            with weights_decided() if decides else nullcontext():
                if weights is not None:
                    result = cast(Callable[..., Result], fit)(*args[:2], **kwargs | {"weights": weights})
                    return replace(result, notes=(*weights.notes, *result.notes))
                return fit(*args, **kwargs)
        except (ArithmeticError, np.linalg.LinAlgError) as error:
            n, t = next(given.shape for given in (*args, *kwargs.values()) if isinstance(given, Panel))
            failed = type(error).__name__
            raise EstimationError(Note("no_solution", units=n, periods=t, error=failed)) from error

    return fitted


_DECIDED: ContextVar[bool] = ContextVar("_DECIDED", default=False)


@contextmanager
def weights_decided() -> Iterator[None]:
    """Let fits in this block that are given no weights have none, whatever their panel shows."""
    before = _DECIDED.set(True)
    try:
        yield
    finally:
        _DECIDED.reset(before)


def _unasked(model: object, panel: object = None, weights: object = None, *_: object, **__: object) -> Weights | None:
    """Return weights that the panel shows, for a model whose test uses weights and that was given none.

    Raises WeightsError if weights were given and lack units of the panel.
    """
    if not isinstance(model, Model) or not model.may_use_weights or not isinstance(panel, Panel):
        return None
    if weights is None:
        # of a model of a file the plan has decided: it alone knows whether somebody wants none
        return None if _DECIDED.get() or "y" not in model.model_fields_set else nearby(panel)
    given = needed(weights, type(model).__name__)
    if not set(panel.units) <= set(given.labels):
        given.align(panel)
    return None


def require_panel(panel: object) -> None:
    """Raise unless what a model is to be fitted to is a panel."""
    if not isinstance(panel, Panel):
        raise DataError(Note("panel_is_none", given=type(panel).__name__))


def needed(weights: object, kind: str) -> Weights:
    """Return the weights of a model that needs them; raise WeightsError if there are none, or of a class not ours."""
    if weights is None:
        raise WeightsError(Note("model_needs_weights", kind=kind))
    if not isinstance(weights, Weights):
        raise WeightsError(Note("weights_of_other_class"))
    return weights


def in_order(
    panel: Panel, weights: Weights | None, kind: str, terms: tuple[str, ...], effects: str, lagged: bool = False
) -> tuple[Panel, Weights]:
    """Return a panel with a model's terms, and weights in its order; raise where the model can have neither."""
    weights = needed(weights, kind)
    require_panel(panel)
    made = panel.with_terms(terms)
    refuse_single_period(made, effects, lagged)
    return made, with_links(weights, made)


def with_links(weights: Weights, panel: Panel) -> Weights:
    """Return weights in the order of a panel; raise WeightsError if no unit of it has a neighbour."""
    aligned = weights.align(panel)
    if aligned.matrix.nnz == 0:
        raise WeightsError(Note("weights_without_link", weights=weights.called))
    return aligned


def refuse_unidentified(
    names: tuple[str, ...],
    within: FloatArray,
    before: FloatArray,
    effects: numeric.EffectsKind,
    further: tuple[str, ...] = (),
) -> None:
    """Raise unless each regressor varies after demeaning and none depends on others.

    ``within``, ``before``, shape (rows, k): regressors after and before demeaning. ``further``: other absorbed effects.
    """
    if numeric.clearly_independent(within, before):
        return
    gone = [names[j] for j in numeric.vanishing(within, before)]
    if gone:
        terms = cut(gone)
        if further:
            raise EstimationError(Note("absorbed_by_all", terms=terms, effects=_all_effects(effects, further)))
        absorbed = {
            "none": Note("absorbed_zero", terms=terms),
            "unit": Note("absorbed_by_units", terms=terms),
            "time": Note("absorbed_by_periods", terms=terms),
            "two_way": Note("absorbed_by_both", terms=terms),
        }
        raise EstimationError(absorbed[effects])
    if "const" in names:
        spread, size = np.ptp(within, axis=0), np.abs(within).max(axis=0)
        flat = [name for name, still in zip(names, spread <= 1e-9 * size, strict=True) if still and name != "const"]
        if flat:
            raise EstimationError(Note("beside_constant", terms=cut(flat)))
    chains = numeric.dependent(within)
    if chains:
        j, others = chains[0]
        raise EstimationError(
            Note(
                "collinear",
                term=names[j],
                others=cut(names[i] for i in others),
                after=after_absorption(effects, further),
            )
        )


def refuse_constant(
    y: str, within: FloatArray, before: FloatArray, effects: str, error: type[EstimationError] | type[DataError]
) -> None:
    """Raise unless an outcome varies once effects are removed; both of its forms have an element for each row."""
    if not numeric.varies(within, before):
        raise error(Note("nothing_to_explain", y=y, after=after(effects)))


def after(effects: str) -> Note | str:
    """Return what a sentence says of effects, `` after unit effects``; nothing where there are none."""
    return "" if effects == "none" else Note("after_effects", effects=effects)


def after_absorption(effects: str, further: tuple[str, ...]) -> Note | str:
    """Return what `after` does, with further absorbed effects."""
    return Note("after_absorbing", effects=_all_effects(effects, further)) if further else after(effects)


def _all_effects(effects: str, further: tuple[str, ...]) -> tuple[str, ...]:
    return (*(() if effects == "none" else (effects,)), *further)


def refuse_too_small(observations: int, parameters: int, effects: str) -> None:
    """Raise unless there are more observations, effective ones where effects are transformed away, than parameters."""
    if observations <= parameters:
        raise EstimationError(
            Note(
                "few_for_parameters",
                observations=observations,
                parameters=parameters,
                effects=Note("with_effects", effects=effects) if effects != "none" else "",
            )
        )


def refuse_too_many_groups(
    observations: int, regressors: int, absorbed: int, effects: str, further: tuple[str, ...]
) -> None:
    """Raise what `refuse_too_small` raises, of a regression with further absorbed effects, which it names."""
    if observations <= regressors + absorbed:
        raise EstimationError(
            Note(
                "absorbs_few_rows",
                key="model.absorb",
                observations=observations,
                parameters=regressors + absorbed,
                absorbed=absorbed,
                effects=_all_effects(effects, further),
            )
        )


EXPLAINED = 1e-8
"""Share of the outcome's variation up to which residuals at an end of a parameter's range are nothing."""


def refuse_pole(boundary: Sequence[str], ssr: float, y: FloatArray) -> None:
    """Raise where a likelihood has no highest value: at an end of a parameter's range nothing is left to explain.

    ``boundary``: the parameters at such an end. ``ssr``: the sum of squared residuals. ``y``: the outcome without
    effects.
    """
    if boundary and ssr <= EXPLAINED * float(((y - y.mean()) ** 2).sum()):
        raise EstimationError(Note("no_errors_at_end", parameter=boundary[0]))


def refuse_single_period(panel: Panel, effects: str, lagged: bool = False) -> None:
    """Raise if unit effects are asked for with one period, or time effects with one unit.

    ``lagged``: whether lags or differences have taken periods away.
    """
    n, t = panel.shape
    if effects in ("unit", "two_way") and t == 1:
        raise DataError(
            Note(
                "one_period_for_effects",
                effects=effects,
                period=panel.periods[0],
                lagged=Note("after_lags") if lagged else "",
            )
        )
    if effects in ("time", "two_way") and n == 1:
        raise DataError(Note("one_unit_for_effects", effects=effects, unit=panel.units[0]))
