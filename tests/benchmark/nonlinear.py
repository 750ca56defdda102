"""Bias and coverage of curvature, turning points and regional slopes on the simulated study, as Markdown.

``python tests/benchmark/nonlinear.py [draws]`` prints the tables of docs/nonlinear.md. Each draw is a seed of
``source=simulated_nonlinear`` (each measure with its own curve), ``source=simulated_regions`` or, for a straight line,
``source=simulated_fe``; the model is that of Tables 5 and 9: two-way fixed effects with the five controls.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

import digicarbon as dc
from digicarbon.diagnostic.turning_points import curve_of
from digicarbon.measure import BeaMeasure
from digicarbon.numeric.shape.turning_points import Cubic, Fieller, Quadratic, cubic, quadratic
from digicarbon.outcome import Intensity
from digicarbon.packs.china import facts
from digicarbon.panel import PanelDesign
from digicarbon.source import SimulatedSource, Source
from digicarbon.spec import build

FloatArray = NDArray[np.float64]
CONF = Path(__file__).resolve().parents[2] / "conf" / "source"
CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation")
DESIGN = PanelDesign(
    derive={
        "pgdp": "gdp / population",
        "ter_sec": "tertiary_va / secondary_va",
        "regulation": "pollution_investment / industrial_output",
    }
)
COVARIANCES = ("classic", "cluster")


def source(option: str, driver: str, seed: int) -> SimulatedSource:
    """Return the shipped option with another driver and seed."""
    node: dict[str, Any] = yaml.safe_load((CONF / f"{option}.yaml").read_text(encoding="utf-8"))
    built = build(node | {"driver": driver, "seed": seed}, Source, "source")
    assert isinstance(built, SimulatedSource)
    return built


def panels(option: str, driver: str, draws: int, terms: tuple[str, ...]) -> Iterator[dc.Panel]:
    """Yield the panel of each seed."""
    region = facts.provinces().set_index("province")["region"]
    for seed in range(1, draws + 1):
        inputs = source(option, driver, seed).load()
        frame = inputs.frame.assign(region=inputs.frame["unit"].map(region))
        for made in (BeaMeasure().compute(inputs), Intensity().compute(inputs)):
            frame = frame.merge(made, on=["unit", "time"])
        yield DESIGN.take(DESIGN.assemble(frame, "province", "year"), ("ln_ci", *terms, *CONTROLS))


def holds(region: Fieller, truth: float) -> bool:
    """Return whether a Fieller region holds a place."""
    if region.kind == "line":
        return True
    if region.kind == "interval":
        return region.low <= truth <= region.high
    return truth <= region.low or truth >= region.high


def fitted(panel: dc.Panel, names: tuple[str, ...], cov: str) -> dc.Result:
    """Fit the model of the table."""
    return dc.PanelRegression(y="ln_ci", x=names, controls=CONTROLS, cov=cov, test="errors").fit(panel)


def row(cells: list[object]) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join(cell if isinstance(cell, str) else f"{cell:.3f}" for cell in cells) + " |"


def estimates_rows(option: str, driver: str, terms: tuple[str, ...], truth: dict[str, float], draws: int) -> list[str]:
    """Return mean error, spread and coverage of each coefficient."""
    names = tuple(truth)
    planted = np.array(list(truth.values()))
    errors, held = [], {cov: [] for cov in COVARIANCES}
    for panel in panels(option, driver, draws, terms):
        for cov in COVARIANCES:
            found = fitted(panel, names, cov).estimates.loc[list(names)]
            held[cov].append(((found["low"] <= planted) & (planted <= found["high"])).to_numpy())
        errors.append(found["coef"].to_numpy() - planted)
    bias, spread = np.mean(errors, axis=0), np.std(errors, axis=0, ddof=1)
    shares = [np.mean(held[cov], axis=0) for cov in COVARIANCES]
    return [
        row([name, f"{planted[k]:g}", f"{bias[k]:.4f}", f"{spread[k]:.4f}", *(share[k] for share in shares)])
        for k, name in enumerate(names)
    ]


def turning_rows(driver: str, names: tuple[str, ...], truth: list[float], draws: int) -> list[str]:
    """Return coverage of turning points and how often the planted shape is found."""
    lines = []
    for cov in COVARIANCES:
        places: list[list[bool]] = []
        found_shape = 0
        for panel in panels("simulated_nonlinear", driver, draws, names):
            x, curve = panel.array(names[:1])[:, 0], curve_of(fitted(panel, names, cov), names[0])
            found: Quadratic | Cubic = quadratic(curve, x) if len(names) == 2 else cubic(curve, x)
            points = (found.turning,) if isinstance(found, Quadratic) else found.extrema
            inside = [point.low <= at <= point.high for point, at in zip(points, truth, strict=False)]
            inside += [False] * (len(truth) - len(inside))
            if isinstance(found, Quadratic):
                inside.append(holds(found.fieller, truth[0]))
                found_shape += found.p <= 0.05 and found.turning.maximum is True
            else:
                found_shape += found.path == "up-down-up"
            places.append(inside)
        shares = np.mean(places, axis=0)
        fieller = f"{shares[-1]:.3f}" if len(names) == 2 else ""
        delta = ", ".join(f"{share:.3f}" for share in shares[: len(truth)])
        at = ", ".join(f"{place:g}" for place in truth)
        lines.append(row([f"ln_{driver}", at, cov, delta, fieller, found_shape / draws]))
    return lines


def straight_rows(draws: int) -> list[str]:
    """Return how often a U or an inverse U is found where the truth is a straight line."""
    names, lines = ("ln_e", "ln_e^2"), []
    for cov in COVARIANCES:
        rejected = bent = 0
        for panel in panels("simulated_fe", "e", draws, names):
            result = fitted(panel, names, cov)
            rejected += quadratic(curve_of(result, "ln_e"), panel.array(["ln_e"])[:, 0]).p <= 0.05
            bent += result.estimates.loc["ln_e^2", "p"] <= 0.05
        lines.append(row([cov, rejected / draws, bent / draws]))
    return lines


def main(draws: int) -> None:
    """Print all tables."""
    say = sys.stdout.write
    head = (
        "| coefficient | planted | bias | spread | covered, classic | covered, clustered |\n|---|---|---|---|---|---|\n"
    )
    say(f"Coefficients of Table 5's models, {draws} draws.\n\n{head}")
    cases = {"sector1": [14.5], "sector2": [11.5], "ddl": [14.5, 15.7]}
    names = {}
    for driver in cases:
        curve = source("simulated_nonlinear", driver, 1).curves[driver]
        names[driver] = tuple(f"ln_{driver}" if k == 1 else f"ln_{driver}^{k}" for k in range(1, len(curve) + 1))
        truth = dict(zip(names[driver], curve, strict=True))
        say("\n".join(estimates_rows("simulated_nonlinear", driver, names[driver], truth, draws)) + "\n")
    say("\n| variable | planted | SE | delta holds | Fieller holds | shape found |\n|---|---|---|---|---|---|\n")
    for driver, places in cases.items():
        say("\n".join(turning_rows(driver, names[driver], places, draws)) + "\n")
    say("\n| SE | Lind-Mehlum rejects at 5 % | square significant at 5 % |\n|---|---|---|\n")
    say("\n".join(straight_rows(draws)) + "\n")
    say(f"\nSlopes by region, {draws} draws.\n\n{head}")
    for driver in ("sector1", "sector2", "ddl", "e"):
        slopes = source("simulated_regions", driver, 1).regions[driver]
        truth = {f"ln_{driver}:region[{region}]": slope for region, slope in slopes.items()}
        say("\n".join(estimates_rows("simulated_regions", driver, (f"ln_{driver}:C(region)",), truth, draws)) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
