"""The kind of diagnostic that is told the run's model."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from digicarbon.diagnostic.base import Diagnostic
from digicarbon.model import Model
from digicarbon.spec import nested

ModelNode = Annotated[SerializeAsAny[Model], BeforeValidator(partial(nested, kind=Model))]
"""A model, or the configuration node of one, e.g. ``${model}``."""


class OfModel(Diagnostic):
    """A diagnostic of a model.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run.
    """

    model: ModelNode

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns."""
        return self.model.terms
