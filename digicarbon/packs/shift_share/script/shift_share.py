"""Rotemberg weights, AKM and AKM0 in plain R, AKM also in ShiftShareSE where it is installed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from digicarbon.diagnostic._focal import focal_of
from digicarbon.model import PanelIV
from digicarbon.packs.shift_share.diagnostic.shift_share import AKM, AKM0, AkmErrors, RotembergWeights, Shifted
from digicarbon.panel import Panel
from digicarbon.replication import part as core
from digicarbon.replication.part.after import UNITS, compared, dummies
from digicarbon.script.extract import Extract
from digicarbon.script.r import RPart, code, if_installed, vector
from digicarbon.script.words import chunks, number
from digicarbon.weights import Weights


def extract(diagnostic: RotembergWeights | AkmErrors, panel: Panel, weights: Weights | None, own: Extract) -> Extract:
    """Return what scripts read of a model, with shares and shocks by sector."""
    found = diagnostic.found(panel, weights)
    shocks = found.shocks[found.panel.period_codes]
    columns = {_share(sector): found.shares[:, k] for k, sector in enumerate(found.sectors)}
    columns |= {_shock(sector): shocks[:, k] for k, sector in enumerate(found.sectors)}
    made = {name: found.panel.column(name) for name in found.model.terms}
    return replace(own, columns={**own.columns, **made, **columns})


def _share(sector: str) -> str:
    return f"share of {sector}"


def _shock(sector: str) -> str:
    return f"shock to {sector}"


def rotemberg(part: RPart, diagnostic: RotembergWeights, panel: Panel) -> list[str]:
    """Return weights and estimates of the largest sectors and of periods."""
    found = diagnostic.found(panel, None)
    tables = part.result.tables
    sectors, periods = tables["rotemberg"], tables["rotemberg_periods"]
    names = [part.names[_share(str(sector))] for sector in sectors.index]
    shocks = [f'"{part.names[_shock(sector)]}"' for sector in found.sectors]
    ids = "sort(unique(periods))"
    times = [str(place + 1) for place in range(len(periods))]
    lines = [
        "# Goldsmith-Pinkham, Sorkin and Swift (2020), as R's bartik.weight.",
        *_columns(part, diagnostic, found),
        *chunks(shocks, f"shocks <- as.matrix({part.data}[match({ids}, periods), c(", ", ", ")])"),
        *(["shocks <- shocks - rowMeans(shocks)"] if diagnostic.centres(found) else []),
        'found <- rotemberg(shares, shocks, periods, left$X[, "x"], left$X[, "y"])',
        *compared({"estimate": float(tables["rotemberg_summary"]["value"].iloc[0])}, "unlist(found[1])", "Rotemberg"),
    ]
    for name in ("weight", "coefficient"):
        numbers = dict(zip(names, sectors[name].astype(float), strict=True))
        lines += compared(numbers, f"found${name}", f"Rotemberg {name}s of sectors")
        numbers = dict(zip(times, periods[name].astype(float), strict=True))
        own = f"setNames(found$period_{name}, seq_along(found$period_{name}))"
        lines += compared(numbers, own, f"Rotemberg {name}s of periods")
    return lines


def akm(part: RPart, diagnostic: AkmErrors, panel: Panel) -> list[str]:
    """Return both standard errors and p of AKM0."""
    found = diagnostic.found(panel, None)
    table = part.result.tables["akm"].drop(columns="kind").astype(float)
    own, null = table.loc[AKM].to_dict(), table.loc[AKM0].to_dict()
    recorded = {"coefficient": own["coefficient"], "se": own["se"], "se_null": null["se"], "p_null": null["p"]}
    if np.isfinite(null["se"]):
        recorded["middle_null"] = (null["low"] + null["high"]) / 2
    by_shock = diagnostic.shocks == "shock"
    instrument = '"z"' if found.model.as_a(PanelIV) is not None else '"x"'
    call = f'akm(shares, periods, left$X[, "x"], left$X[, "y"], left$X[, {instrument}], {number(diagnostic.level)}, '
    lines = [
        "# Adao, Kolesar and Morales (2019).",
        *_columns(part, diagnostic, found),
        f"found <- {call}{'TRUE' if by_shock else 'FALSE'})",
        *compared(recorded, "found", "AKM"),
    ]
    # columns after effects and controls: ShiftShareSE takes shares of each period as sectors of their own
    clusters = "NULL" if by_shock else "rep(seq_len(ncol(shares)), length(unique(periods)))"
    formula, function = ("y ~ 0 | x", "ivreg_ss") if found.model.as_a(PanelIV) is not None else ("y ~ 0", "reg_ss")
    words = [formula, f"X = rows[[{instrument}]]", "data = rows", "W = W", 'method = c("akm", "akm0")']
    words += [f"alpha = {1 - diagnostic.level:g}", f"sector_cvar = {clusters}"]
    body = [
        "rows <- as.data.frame(left$X)",
        "W <- do.call(cbind, lapply(sort(unique(periods)), function(period) shares * (periods == period)))",
        *chunks(words, f"print(ShiftShareSE::{function}(", ", ", "))"),
    ]
    return [*lines, *if_installed("ShiftShareSE", "1.0", body)]


def _columns(part: RPart, diagnostic: RotembergWeights | AkmErrors, found: Shifted) -> list[str]:
    """Return x, y and the instrument after effects and the other regressors, as ``left$X``; shares and shocks."""
    part.functions += [*code(core.__name__, "after"), *code(__package__, "shift_share")]
    names, data, model = part.names, part.data, found.model.as_a(PanelIV)
    if model is not None:
        inside = {"x": found.term, "y": model.y, "z": found.name}
        always = [name for name in found.panel.expanded(model.regressors, among=model.terms) if name != found.term]
        effects = UNITS[model.effects]
        right = "~ " + (" + ".join(f"factor({name})" for name in effects) or "1")
    else:
        focal = focal_of(diagnostic.model, found.panel, found.name, None)
        inside, always = {"x": found.name, "y": focal.regression.y}, list(focal.controls)
        right = dummies(part, focal.regression)
    columns = vector([names[name] for name in inside.values()])
    words = [data, columns, right, *([f"always = {vector([names[name] for name in always])}"] if always else [])]
    shares = [f'"{names[_share(sector)]}"' for sector in found.sectors]
    return [
        *chunks(words, "left <- after_effects(", ", ", ")"),
        f"colnames(left$X) <- {vector(list(inside))}",
        f"periods <- {data}$time_id",
        *chunks(shares, f"shares <- as.matrix({data}[c(", ", ", ")])"),
    ]
