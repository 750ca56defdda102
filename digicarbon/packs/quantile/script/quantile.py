"""Quantile regressions in R and Stata: the moments by hand, or xtqreg."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digicarbon.script.r import RPart, within
from digicarbon.script.stata import StataPart
from digicarbon.script.words import wrapped

if TYPE_CHECKING:
    from digicarbon.packs.quantile.model.base import PanelQuantile

MOMENTS = """# location and scale by least squares, then the quantile of what is left, rows weighted by their scale
quantile_moments <- function(y, x, within, taus) {
  z <- within(x)
  location <- lm.fit(z, within(cbind(y)))
  size <- abs(c(location$residuals))
  scale <- lm.fit(z, within(cbind(size)))
  s <- size - c(scale$residuals)
  u <- c(location$residuals) / s
  at <- order(u)
  q <- sapply(taus, function(tau) {
    goal <- sum(abs(s) * ifelse(s > 0, tau, 1 - tau))
    u[at][which(cumsum(abs(s)[at]) >= goal - 1e-12 * sum(abs(s)))[1]]
  })
  b <- outer(c(location$coefficients), rep(1, length(q))) + outer(c(scale$coefficients), q)
  setNames(c(t(b)), c(t(outer(colnames(x), taus, paste, sep = "_"))))
}"""


def in_r(part: RPart, model: PanelQuantile) -> list[str]:
    """Return the moments as a function in R; coefficients are compared, standard errors are not."""
    from digicarbon.packs.quantile.model.base import at

    part.functions.append(MOMENTS)
    x = [*(("const",) if model.effects == "none" else ()), *part.extract.regressors]
    called = {at(name, tau): f"{part.names.get(name, name)}_{tau:g}" for name in x for tau in model.quantiles}
    columns = ", ".join(f"{part.names[name]} = {part.names[name]}" for name in part.extract.regressors)
    removed = "v" if model.effects == "none" else within(model.effects, part.extract.balanced)
    ones = "const = 1, " if model.effects == "none" else ""
    taus = ", ".join(f"{tau:g}" for tau in model.quantiles)
    data = part.data
    lines = [
        f"moments <- function(rows) with(rows, quantile_moments({part.names[model.y]}, cbind({ones}{columns}),",
        f"  function(m) apply(m, 2, function(v) {removed}), c({taus})))",
        f"b <- moments({data})",
    ]
    if model.bias == "half_panel":
        lines += [
            f"periods <- sort(unique({data}$time_id))",
            "share <- ceiling(length(periods) / 2) / length(periods)",
            f"early <- {data}$time_id %in% periods[seq_len(round(share * length(periods)))]",
            f"b <- 2 * b - share * moments({data}[early, ]) - (1 - share) * moments({data}[!early, ])",
        ]
    return [
        *lines,
        *part.compare("b", "", called),
        *part.skip("standard errors of quantiles by moments, which this function in R does not have"),
    ]


def in_stata(part: StataPart, model: PanelQuantile) -> list[str]:
    """Return xtqreg, where it has the effects."""
    from digicarbon.packs.quantile.model.base import at

    if model.effects not in ("unit", "two_way"):
        return part.skip("quantiles by moments without effects of units, which xtqreg does not have")
    if model.bias != "none":
        return part.skip("quantiles corrected for bias, which xtqreg does not have")
    part.packages.append("xtqreg (ssc install xtqreg)")
    columns = part.extract.regressors
    names = [part.names[name] for name in columns]
    periods = " i.time_id" if model.effects == "two_way" else ""
    taus = " ".join(f"{tau:g}" for tau in model.quantiles)
    return [
        *wrapped("*", "Quantiles: xtqreg is to be read beside the recorded numbers. Nothing is compared."),
        f"xtqreg {part.names[model.y]} {' '.join(names)}{periods}, i(unit_id) quantile({taus})",
        *part.shown({at(name, tau): f"{part.names[name]} at {tau:g}" for name in columns for tau in model.quantiles}),
    ]
