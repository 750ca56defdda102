"""The table of coefficients and effects along a moderator, and its pictures."""

from __future__ import annotations

from dataclasses import replace

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import MarginalEffects
from digicarbon.errors import ConfigError
from digicarbon.packs.moderation.picture.marginal import plot_effects_along
from digicarbon.report import MarginalEffectTable, Record
from digicarbon.tracking._results import decode, encode


def panel() -> dc.Panel:
    rng = np.random.default_rng(2)
    index = pd.MultiIndex.from_product([[f"u{i}" for i in range(15)], range(6)], names=["unit", "year"])
    frame = pd.DataFrame({name: rng.normal(size=len(index)) for name in "xzw"}, index=index)
    frame["y"] = 0.4 * frame["x"] * frame["z"] + rng.normal(size=len(index))
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")


def record(label: str, *terms: str, **fields: object) -> Record:
    data = panel()
    model = dc.PanelRegression(y="y", x=terms, cov="cluster")
    result = model.described(model.fit(data), data)
    diagnostic = MarginalEffects(model=model, along="z", **fields)
    tables = diagnostic.tables(data)
    result = replace(result, tables=tables, notes=(*result.notes, *diagnostic.remarks(tables)))
    return Record(label, {}, {}, result, lambda: data, True)


def test_cells_are_those_of_the_tables() -> None:
    one = record("A", "x", "z", "center(x):center(z)")
    # what the store gives back is the same
    stored = replace(one, result=decode(encode(one.result)))
    assert stored.result.roles == one.result.roles
    cells = MarginalEffectTable(decimals=3).table("T", [stored]).cells
    rows = one.result.tables["johnson_neyman"]
    place = list(cells.index).index("effect at the mean")
    effect = rows.loc["effect at the mean"]
    stars = "*" * sum(effect["p"] < bound for bound in (0.1, 0.05, 0.01))
    assert cells["A"].iloc[place : place + 2].to_list() == [f"{effect['coef']:.3f}{stars}", f"({effect['se']:.3f})"]
    assert cells.loc["significant, uniform", "A"] == rows.loc["significant, uniform", "note"].text("en")
    shares = [
        rows.loc[rows.index == f"{word} in the sample, pointwise", "share"].sum()
        for word in ("positive", "not significant", "negative")
    ]
    assert cells.loc["positive | not significant | negative, pointwise", "A"] == " | ".join(f"{s:.0%}" for s in shares)
    assert cells.loc["no product matters, p", "A"] == f"{rows.loc['no product matters', 'p']:.3f}"


def test_a_further_variable_has_a_block_for_each_value() -> None:
    runs = [record("A", "x", "z", "x:z"), record("B", "x", "z", "w", "x:z", "x:z:w", given={"w": (-1.0, 1.0)})]
    table = MarginalEffectTable(language="en").table("T", runs)
    given = [cells for label, cells in zip(table.cells.index, table.cells["B"], strict=True) if label == "given"]
    assert given == ["with w set to -1", "with w set to 1"]
    files = MarginalEffectTable(pictures=("svg",)).files("T", runs)
    assert set(files) == {"marginal_effects_A.svg", "marginal_effects_B.svg"}
    assert b"w = -1" in files["marginal_effects_B.svg"]
    chinese = MarginalEffectTable(language="zh").table("T", runs)
    assert "给定" in chinese.cells.index
    assert any("效应沿" in note or "沿z的效应" in note for note in chinese.notes)


def test_many_runs_are_summarised_and_runs_without_effects_refused() -> None:
    runs = [record(f"R{k}", "x", "z", "x:z") for k in range(3)]
    table = MarginalEffectTable(most_runs=2).table("T", runs)
    assert table.below is not None
    assert "effect at the mean" in table.below.cells.index
    assert MarginalEffectTable(most_runs=2).files("T", runs) == {}
    without = replace(runs[0], result=replace(runs[0].result, tables={}))
    with pytest.raises(ConfigError, match="R0 has no effects along a moderator; choose diagnostic=marginal_effects"):
        MarginalEffectTable().table("T", [without])


def test_a_model_with_spatial_lags_has_a_block_for_each_effect() -> None:
    data = panel()
    matrix = np.roll(np.eye(15), 1, axis=1) + np.roll(np.eye(15), -1, axis=1)
    weights = dc.Weights.from_matrix(matrix, data.units)
    model = dc.SpatialPanel(y="y", x=("x", "z", "w", "x:z", "x:z:w"), kind="sdm")
    result = model.described(model.fit(data, weights), data)
    diagnostic = MarginalEffects(model=model, along="z", given={"w": (0.5,)})
    tables = diagnostic.tables(data, weights)
    result = replace(result, tables=tables, notes=(*result.notes, *diagnostic.remarks(tables)))
    run = Record("A", {}, {}, decode(encode(result)), lambda: data, True)
    cells = MarginalEffectTable(decimals=3).table("T", [run]).cells
    given = cells.loc["given", "A"].to_list()
    assert given == [f"{kind} effect, with w set to 0.5" for kind in ("direct", "indirect", "total")]
    below = result.tables["johnson_neyman"].loc["effect at the mean", "coef"]
    shown = [cell.rstrip("*") for cell in cells.loc["effect at the mean", "A"]]
    assert shown == [f"{coef:.3f}" for coef in below]
    titles = [axes.get_title() for axes in plot_effects_along(tables["marginal_effects"], result, data).axes[:3]]
    assert titles == [f"{kind} effect, w = 0.5" for kind in ("Direct", "Indirect", "Total")]
    own = dc.plot_marginal(result, data, "x", "z", given={"w": 0.5}, weights=weights, effect="indirect")
    assert own.axes[0].get_title() == "Indirect effect"
