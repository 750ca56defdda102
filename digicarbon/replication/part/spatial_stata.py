"""Spatial panels in Stata: xsmle, and least squares for spatial lags of x alone."""

from __future__ import annotations

from collections.abc import Sequence

from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.replication.part.spatial import WAY_OF_DEMEANING
from digicarbon.script.stata import ABSORBED, StataPart
from digicarbon.script.words import wrapped

TYPES = {"unit": "ind", "time": "time", "two_way": "both"}
NO_LEE_YU = (
    "xsmle's type(both, leeyu) has been reported to leave the time effects out (version 1.4.5), so that it is not used "
    "here; without leeyu estimates are those of the direct likelihood."
)
OTHER_ERRORS = (
    "Standard errors of xsmle are not compared: it takes the observed information, digicarbon the expected one. Its "
    "effects come from simulated draws, digicarbon's from the exact delta method."
)

SANDWICH_ERRORS = (
    "Standard errors are not compared: digicarbon's are quasi-maximum likelihood or clustered, those of the command "
    "below are not."
)

SAME_ERRORS = (
    "Standard errors of xsmle are of the observed information, too, by numerical derivatives; they are not compared. "
    "Its effects come from simulated draws, digicarbon's from the exact delta method."
)


def script(part: StataPart, model: SpatialPanel) -> list[str]:
    """Return xsmle, which has fixed and random effects; SLX and SDEM with the spatial lags that are in the data."""
    part.reads_matrix = True
    y = part.names[model.y]
    x = [part.names[name] for name in part.extract.regressors]
    lags = [part.names[f"W_{name}"] for name in part.extract.lagged]
    if model.kind == "slx":
        return _slx(part, model, y, [*x, *lags])
    if model.effects == "none":
        return part.skip("a pooled spatial panel, which xsmle does not have (it takes fe or re)")
    if model.error_weights is not None:
        return part.skip("errors with a matrix of their own, which is not among the files")
    if model.effects == "random" and model.error_structure == "kkp" and model.kind in ("sem", "sdem"):
        return part.skip("random effects inside the spatial process (KKP); xsmle has them outside")
    lag, error = model.kind in ("sar", "sdm", "sac"), model.kind in ("sem", "sdem", "sac")
    options = [f"wmat({part.matrix})"] if lag else []
    options += [f"emat({part.matrix})"] if error else []
    options.append(f"model({'sem' if model.kind == 'sdem' else model.kind})")
    right = [*x, *lags] if model.kind == "sdem" else x
    if model.kind == "sdm" and part.extract.lagged != part.extract.regressors:
        options.append(f"durbin({' '.join(part.names[name] for name in part.extract.lagged)})")
    lines, compared, tolerance = [], True, "1e-4"
    if model.effects == "random":
        options.append("re")
    else:
        kind = TYPES[model.effects]
        yu = ", leeyu" if model.bias_correction == "lee_yu" and model.effects == "unit" else ""
        options += ["fe", f"type({kind}{yu})"]
    if model.effects in ("time", "two_way"):
        compared = model.demeaning == "first"
        # xsmle was seen to stop a little before the maximum of its own likelihood
        tolerance = "1e-2"
        lines += [] if compared else [part.remarks.refer(WAY_OF_DEMEANING.format(tool="xsmle"))]
        if model.bias_correction == "lee_yu":
            lines.append(part.remarks.refer(NO_LEE_YU))
    if model.bias_correction == "bias_corrected":
        compared = False
        lines += wrapped("*", "Lee and Yu's corrected direct estimates, which xsmle does not have.")
    errors = {"observed": SAME_ERRORS, "classic": OTHER_ERRORS}.get(model.cov, SANDWICH_ERRORS)
    lines.append(part.remarks.refer(errors))
    options += ["noeffects", "nolog"]
    called = {name: f"Main:{short}" for name, short in zip(part.extract.regressors, x, strict=True)}
    where = "Main:" if model.kind == "sdem" else "Wx:"
    short = lags if model.kind == "sdem" else [part.names[name] for name in part.extract.lagged]
    called |= {f"W_{name}": f"{where}{s}" for name, s in zip(part.extract.lagged, short, strict=True)}
    called |= {"rho": "Spatial:rho", "lambda": "Spatial:lambda"}
    command = f"xsmle {y} {' '.join(right)}, {' '.join(options)}"
    numbers = part.compare(called, tolerance, errors=False) if compared else part.shown(called)
    return [*lines, command, *numbers]


def _slx(part: StataPart, model: SpatialPanel, y: str, right: Sequence[str]) -> list[str]:
    called = {name: part.names[name] for name in part.extract.regressors}
    called |= {f"W_{name}": part.names[f"W_{name}"] for name in part.extract.lagged}
    absorbed = ABSORBED.get(model.effects)
    if absorbed:
        command = f"reghdfe {y} {' '.join(right)}, absorb({absorbed}) keepsingletons"
    else:
        called["const"] = "_cons"
        command = f"regress {y} {' '.join(right)}"
    errors = SANDWICH_ERRORS
    if model.cov in ("classic", "observed"):
        effective = int(part.result.statistics["nobs_effective"])
        errors = (
            "Standard errors are not compared: digicarbon's are those of maximum likelihood with "
            f"{effective} effective observations, Stata's have degrees of freedom."
        )
    return [
        *wrapped("*", f"Least squares on regressors and their spatial lags. {errors}"),
        command,
        *part.compare(called, errors=False),
    ]
