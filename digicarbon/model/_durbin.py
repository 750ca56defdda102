"""Models with spatial lags: which regressors have one, and what is refused of their names."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from digicarbon.model.tested import Tested
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.linear.within import EffectsKind, fixed_among
from digicarbon.panel import Panel
from digicarbon.result import Quantity
from digicarbon.spec import one_name
from digicarbon.weights import Weights

LAG_KINDS = ("sar", "sdm", "sac", "sarar", "gns")
DURBIN_KINDS = ("slx", "sdm", "sdem", "gns")
ERROR_KINDS = ("sem", "sdem", "sac", "sarar", "gns")
"""Kinds with spatial lags of y, of x, and of the error."""


def _read(value: object) -> object:
    if value is None or (isinstance(value, str) and value.lower() in ("", "none", "null")):
        # the kind decides whether there are any lags
        raise ValueError(Note("durbin_is_no_list", example="ln_e", value="null" if value is None else value))
    return value if value in ("all", "x") else one_name(value)


Durbin = Annotated[Literal["all", "x"] | Annotated[tuple[str, ...], Field(strict=False)], BeforeValidator(_read)]


class WithLags(Tested):
    """A model whose kind says what of it has spatial lags.

    Attributes
    ----------
    durbin : {"all", "x"} or list of names
        The regressors whose spatial lags enter where the kind has lags of x: all, the focal ones, or those named.
    """

    lacks: ClassVar[Mapping[str, Note]] = {"observation_weights": Note("unweighted_in_space")}
    takes_weights: ClassVar[bool] = True

    kind: str
    durbin: Durbin = "all"
    effects: str

    @model_validator(mode="after")
    def _known_lags(self) -> Self:
        unknown = (
            [name for name in self.durbin if name not in self.regressors] if isinstance(self.durbin, tuple) else []
        )
        if unknown:
            hint = suggestion(unknown[0], ("all", "x", *self.regressors))
            raise ValueError(Note("durbin_unknown", key="durbin", unknown=cut(unknown), hint=hint))
        return self

    @property
    def has_lag(self) -> bool:
        """Whether y has a spatial lag."""
        return self.kind in LAG_KINDS

    @property
    def has_error(self) -> bool:
        """Whether errors have one."""
        return self.kind in ERROR_KINDS

    @property
    def lagged(self) -> tuple[str, ...]:
        """The regressors whose spatial lags are in the model."""
        if self.kind not in DURBIN_KINDS:
            return ()
        if self.durbin == "all":
            return self.regressors
        return self.x if self.durbin == "x" else self.durbin

    @property
    def fixed(self) -> EffectsKind:
        """The fixed effects; none where unit effects are random."""
        return fixed_among(self.effects)

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The coefficient and the effects; there is an indirect one where y or a focal term is lagged in space."""
        spills = self.has_lag or not set(self.lagged).isdisjoint(self.x)
        return ("coefficient", "direct", *(("indirect",) if spills else ()), "total")

    @abstractmethod
    def design(self, panel: Panel, weights: Weights | None) -> object:
        """Return checked arrays in the panel's order."""

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        self.design(panel, weights)
        self.check_test(panel, weights)


def refuse_names(own: Iterable[str], terms: Iterable[str]) -> None:
    """Raise if a term is called as a parameter is: effects would take one for the other."""
    clash = sorted(set(own) & set(terms))
    if clash:
        raise ValueError(Note("name_of_parameter", terms=cut(clash)))
