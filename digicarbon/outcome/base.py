"""The kind of specification that makes the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pandas as pd

from digicarbon.note import Note
from digicarbon.source import Inputs
from digicarbon.spec import Definition, Names, Spec, sharing


class Outcome(Spec):
    """A specification of the explained variable.

    Attributes
    ----------
    name : str
        The column that `compute` makes, before logs.
    term : str
        The term that models explain, e.g. ``ln_ci``.
    controls : tuple of str
        The terms that the study holds constant when it explains this outcome.
    """

    role: ClassVar[str] = "outcome"
    no_numbers: ClassVar[tuple[str, ...]] = ("term", "controls")

    name: str
    term: str
    controls: Names = ()

    @property
    def left_to_models(self) -> frozenset[str]:
        """The term and the controls, if `compute` does not read them."""
        return sharing(self, "compute", "notes")

    @property
    def divided_by(self) -> tuple[str, ...]:
        """The series that the outcome is divided by."""
        return ()

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return the columns ``unit``, ``time`` and ``name``.

        Raises
        ------
        DataError
            If the inputs lack what the outcome needs.
        """
        raise TypeError(f"{type(self).__name__} does not say how it is computed; define `compute`.")

    def definitions(self) -> Mapping[str, Definition]:
        """Return how `compute` makes each of its columns, for codebooks; a column without a definition is allowed."""
        return {}

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return the notes under every table of this outcome, e.g. on assumptions; sentences are allowed."""
        return ()


class NoOutcome(Outcome):
    """No outcome: a column of the source is used as it is."""

    name: str = ""
    term: str = ""

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return the key columns alone."""
        return inputs.series([], "outcome=none")
