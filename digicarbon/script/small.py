"""What a small-sample factor counts, as an expression that R and Stata compute."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Small:
    """What a small-sample factor counts; `expression` is the factor as both tools read it."""

    rule: str
    """As in `PanelRegression.small_sample`."""
    nobs: int
    k: int
    absorbed: int
    nested: int = 0
    """Rows; columns of the design; parameters of the effects, and how many of them are nested in the clusters."""

    def expression(self, groups: int) -> str:
        """Return the factor on a covariance of so many clusters, e.g. ``30 / 29 * 179 / (180 - 8)``."""
        if self.rule in ("none", "hc3", "cr2"):
            return "1"
        if self.rule == "cr3":
            return f"{groups - 1} / {groups}"
        if self.rule == "hc1":
            return f"{self.nobs} / ({self.nobs} - {self.k})"
        grouped = f"{groups} / {groups - 1}"
        if self.rule == "g":
            return grouped
        counted = {"stata": self.k + self.absorbed - self.nested, "full": self.k + self.absorbed, "sss": self.k}
        return f"{grouped} * {self.nobs - 1} / ({self.nobs} - {counted[self.rule]})"
