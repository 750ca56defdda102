"""Marginal likelihoods of spatial models in plain R."""

from __future__ import annotations

import numpy as np

from digicarbon.packs.which_weights.diagnostic.spatial_choice import OWN_W, SpatialChoice
from digicarbon.panel import Panel
from digicarbon.script.r import RPart, code, vector
from digicarbon.script.words import chunks, number


def in_r(part: RPart, diagnostic: SpatialChoice, panel: Panel) -> list[str]:
    """Return the log marginal likelihood of the run and of other kinds with its W."""
    part.functions += code(__package__, "spatial_choice")
    widest = diagnostic.widest()
    table = part.result.tables["spatial_choice"]["log_marginal"]
    body: list[str] = []
    for (kind, words), recorded in zip(table.index.tolist(), table.to_numpy(np.float64).tolist(), strict=True):
        if words != OWN_W:
            continue
        if kind == "SAC":
            body += part.skip("the marginal likelihood of a lag with spatial errors, an integral over two parameters")
            continue
        arguments = [
            part.data,
            f'"{part.names[widest.y]}"',
            vector([part.names[name] for name in widest.regressors]),
            vector([part.names[name] for name in widest.lagged]),
            part.matrix,
            f'"{kind.lower()}"',
            f'"{widest.fixed}"',
            f'"{diagnostic.prior}"',
        ]
        body += chunks(arguments, "found <- log_marginal(", ", ", ")")
        named = f"c(log_marginal = {number(recorded)})"
        name = f'paste(run, "(log marginal likelihood of {kind})")'
        body.append(f"check({name}, c(log_marginal = found), {named}, tolerance = 1e-7)")
    return body
