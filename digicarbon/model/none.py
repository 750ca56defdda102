"""The absence of a model, for runs that only compute diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from digicarbon.model.base import Model
from digicarbon.model.tested import Test
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.spec import Names
from digicarbon.weights import Weights


class NoModel(Model):
    """No regression: the run's tables come from its diagnostic alone.

    Attributes
    ----------
    test : {"errors", "wild"}
        There is no wild bootstrap without a model: with ``wild`` a note says what p values of tables rest on.
    """

    without: ClassVar[Mapping[str, str]] = dict.fromkeys(("null", "batch", "r", "stata"), "a run without a regression")

    y: str = ""
    x: Names = ()
    test: Test = "wild"

    @property
    def terms(self) -> tuple[str, ...]:
        """No columns."""
        return ()

    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Return a result without estimates."""
        return Result(kind="none", y="", notes=(Note("none_without_wild"),) if self.test == "wild" else ())
