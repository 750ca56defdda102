"""Shares and shocks become columns; tables that cannot be used are a sentence each."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.errors import ConfigError, DataError
from digicarbon.panel import PanelDesign, ShiftShares
from digicarbon.spec import build, identity

YEARS = (2010, 2011, 2012)
UNITS = ("north", "south", "west")
SHARES = pd.DataFrame(
    [
        ("north", "coal", 0.5),
        ("north", "steel", 0.5),
        ("south", "coal", 0.2),
        ("south", "paper", 0.8),
        ("west", "steel", 1.0),
    ],
    columns=["unit", "sector", "share"],
)
SHOCKS = pd.DataFrame(
    [(sector, year, value * (year - 2008)) for sector, value in (("coal", 1.0), ("steel", -2.0), ("paper", 0.5))
     for year in YEARS],
    columns=["sector", "time", "shock"],
)  # fmt: skip


SPEC = {"shares": "s_*", "shocks": "g_*"}


def panel(**columns: Any) -> dc.Panel:
    rows = pd.DataFrame([(unit, year) for unit in UNITS for year in YEARS], columns=["unit", "year"])
    return dc.Panel.from_frame(rows.assign(y=np.arange(9.0), **columns), "unit", "year")


def made(
    folder: Path, shares: pd.DataFrame = SHARES, shocks: pd.DataFrame = SHOCKS, complete: Any = "refuse"
) -> dc.Panel:
    shares.to_csv(folder / "shares.csv", index=False)
    shocks.to_csv(folder / "shocks.csv", index=False)
    return panel().with_shift_share("bartik", str(folder / "shares.csv"), str(folder / "shocks.csv"), complete)


def test_files_make_the_column_of_a_loop(tmp_path: Path) -> None:
    one = made(tmp_path)
    for row, value in enumerate(one.column("bartik")):
        unit, year = one.units[one.unit_codes[row]], one.periods[one.period_codes[row]]
        total = 0.0
        for _, who, sector, share in SHARES.itertuples():
            for _, other, when, shock in SHOCKS.itertuples():
                total += share * shock if (who, sector, when) == (unit, other, year) else 0.0
        assert value == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(one.column("bartik_shares"), 1.0)
    assert one.origins["bartik"].sectors == ("coal", "paper", "steel")


def test_columns_of_the_data_make_the_same_column(tmp_path: Path) -> None:
    one = made(tmp_path)
    wide = SHARES.pivot(index="unit", columns="sector", values="share").fillna(0.0)
    shock = SHOCKS.pivot(index="time", columns="sector", values="shock")
    columns = {f"s_{name}_0": np.repeat(wide[name].to_numpy(), 3) for name in wide}
    columns |= {f"g_{name}": np.tile(shock[name].to_numpy(), 3) for name in shock}
    other = panel(**columns).with_shift_share("bartik", "s_*_0", "g_*")
    np.testing.assert_allclose(other.column("bartik"), one.column("bartik"), rtol=1e-14)
    spec = ShiftShares(shares="s_*_0", shocks="g_*")
    assert spec.files == ()
    assert set(spec.columns(other.names)) == set(columns)
    with pytest.raises(DataError, match="'s_coal_0' changes at north"):
        panel(**columns | {"s_coal_0": np.arange(9.0)}).with_shift_share("bartik", "s_*_0", "g_*")
    # rows are by unit, then by year: the last of the third unit
    last = np.where(np.arange(9) == 8, 0.125, 0.0)
    for name, verb in (("s_coal_0", "changes"), ("g_coal", "differs")):
        with pytest.raises(DataError, match=rf"'{name}' {verb} at {UNITS[2]} {YEARS[2]}\.$"):
            panel(**columns | {name: columns[name] + last}).with_shift_share("bartik", "s_*_0", "g_*")
    with pytest.raises(DataError, match="'g_coal' differs"):
        panel(**columns | {"g_coal": np.arange(9.0)}).with_shift_share("bartik", "s_*_0", "g_*")
    with pytest.raises(DataError, match=r"No column is called q_\*"):
        panel(**columns).with_shift_share("bartik", "q_*", "g_*")


def test_what_it_is_made_of_stays_beside_the_column(tmp_path: Path) -> None:
    one = made(tmp_path)
    for other in (one.select(units=["south", "west"], periods=[2011, 2012]), pickle.loads(pickle.dumps(one))):
        found = other.with_columns({"z": other.column("y")}).origins["bartik"]
        np.testing.assert_allclose(found.column(other), other.column("bartik"), rtol=1e-14)
        shares, shocks = found.on(other)
        assert shares.shape == (len(other.units), 3)
        assert shocks.shape == (len(other.periods), 3)


def test_shares_that_do_not_sum_to_one(tmp_path: Path) -> None:
    part = SHARES[SHARES["sector"] != "steel"]
    part = pd.concat([part, pd.DataFrame([("west", "coal", 0.25)], columns=part.columns)])
    with pytest.raises(DataError, match="shares of 2 of 3 units do not sum to one"):
        made(tmp_path, part)
    one = made(tmp_path, part, complete="keep")
    np.testing.assert_allclose(one.column("bartik_shares")[::3], [0.5, 1.0, 0.25])
    design = PanelDesign(shift_share={"bartik": files(tmp_path) | {"complete": "keep"}})
    (note,) = design.assembled(raw(), "unit", "year").notes
    assert note.code == "shift_share_incomplete"
    assert (note["low"], note["high"]) == (0.25, 1.0)


def test_tables_in_memory_are_files(tmp_path: Path) -> None:
    of_files, of_tables = made(tmp_path), panel().with_shift_share("bartik", SHARES, SHOCKS)
    assert of_tables.origins["bartik"].digest == of_files.origins["bartik"].digest
    mixed = panel().with_shift_share("bartik", str(tmp_path / "shares.csv"), SHOCKS)
    for one in (of_tables, mixed):
        np.testing.assert_array_equal(one.column("bartik"), of_files.column("bartik"))
    with pytest.raises(DataError, match=r"^The table has no column 'share'\. Did you mean 'shares'"):
        panel().with_shift_share("bartik", SHARES.rename(columns={"share": "shares"}), SHOCKS)
    with pytest.raises(ConfigError, match=r"or shock, not a dict\.$") as error:
        panel().with_shift_share("bartik", SHARES.to_dict(), SHOCKS)
    assert "coal" not in str(error.value)


def without(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    return frame[~np.logical_and.reduce([frame[name] == value for name, value in values.items()])]


@pytest.mark.parametrize(
    ("shares", "shocks", "match"),
    [
        (SHARES.replace("south", "soth"), SHOCKS, r"does not have: soth.* Did you mean 'south'"),
        (without(SHARES, unit="west"), SHOCKS, "west have no shares"),
        (SHARES.replace("paper", "papier"), SHOCKS, r"no shock: papier\. Did you mean 'paper'"),
        (SHARES, without(SHOCKS, sector="coal", time=2011), "1 of 9 shocks are missing: coal"),
        (SHARES.rename(columns={"share": "shares"}), SHOCKS, r"no column 'share'\. Did you mean 'shares'"),
        (SHARES.assign(share=["x", *SHARES["share"][1:]]), SHOCKS, "Data row 1"),
        (pd.concat([SHARES, SHARES[:1]]), SHOCKS, "two rows of sector 'coal' for north"),
        (SHARES, pd.concat([SHOCKS, SHOCKS[:1]]), "two rows of sector 'coal' for 2010"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, shares: pd.DataFrame, shocks: pd.DataFrame, match: str) -> None:
    with pytest.raises(DataError, match=match):
        made(tmp_path, shares, shocks)


def test_names_that_are_taken(tmp_path: Path) -> None:
    one = made(tmp_path)
    with pytest.raises(DataError, match="already have bartik"):
        one.with_shift_share("bartik", str(tmp_path / "shares.csv"), str(tmp_path / "shocks.csv"))
    with pytest.raises(ConfigError, match="ba rtik"):
        build(
            {"_target_": "digicarbon.panel.PanelDesign", "shift_share": {"ba rtik": files(tmp_path)}},
            PanelDesign,
            "panel",
        )


def files(folder: Path) -> dict[str, str]:
    return {"shares": str(folder / "shares.csv"), "shocks": str(folder / "shocks.csv")}


def raw() -> pd.DataFrame:
    return panel().frame().reset_index().rename(columns={"year": "time"})


def test_the_design_knows_files_columns_and_gaps(tmp_path: Path) -> None:
    made(tmp_path)
    design = PanelDesign(shift_share={"bartik": files(tmp_path)})
    assert [Path(one.path).name for one in design.files] == ["shares.csv", "shocks.csv"]
    assert set(design.columns_behind(["bartik", "y"], ["y"])) == {"y", "bartik"}
    assert {"bartik", "bartik_shares"} <= design.without_outliers
    # panels without any have the fingerprint of earlier versions
    assert "shift_share" not in identity(PanelDesign())
    # a unit that the panel leaves out because of gaps may be in the file
    frame = raw().drop(index=8)
    small = PanelDesign(gaps="drop_units", shift_share={"bartik": files(tmp_path)}).assemble(frame, "unit", "year")
    assert small.units == ("north", "south")
    np.testing.assert_allclose(small.column("bartik"), panel_of(tmp_path).column("bartik")[:6])


def panel_of(folder: Path) -> dc.Panel:
    return panel().with_shift_share("bartik", **files(folder))


def test_digests_cover_what_a_column_is_made_of(tmp_path: Path) -> None:
    one = made(tmp_path)
    # the same column of other shares: two sectors whose shocks are the same in all periods
    split = pd.concat([SHARES[1:], pd.DataFrame([("north", "gas", 0.5)], columns=SHARES.columns)])
    other = made(tmp_path, split, pd.concat([SHOCKS, SHOCKS[:3].assign(sector="gas")]))
    np.testing.assert_allclose(other.column("bartik"), one.column("bartik"))
    assert one.origins["bartik"].digest != other.origins["bartik"].digest
    assert one.digest_of(["y"], [b"a"]) != one.digest_of(["y"])


RUN = (
    *("source=table", "source.path=panel.csv", "source.unit=unit", "source.time=year", "measure=none", "outcome=none"),
    *("panel.shift_share={bartik: {shares: shares.csv, shocks: shocks.csv}}", "model=twfe", "model.y=y"),
    *("model.x=[bartik]", "model.controls=[]", "inference=classic", "executor=sequential", "tracking=sqlite"),
)


@pytest.mark.long
def test_other_shares_are_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    rows = pd.DataFrame([(unit, year) for unit in UNITS for year in YEARS], columns=["unit", "year"])
    rows.assign(y=rng.standard_normal(9)).to_csv("panel.csv", index=False)
    made(tmp_path, shocks=SHOCKS.assign(shock=rng.standard_normal(9)))

    def said(*words: str) -> str:
        assert main([*words]) == 0
        return "".join(capsys.readouterr())

    assert "Nothing to fit" not in said("run", *RUN)
    assert "Nothing to fit" in said("run", *RUN)
    # the column is the same, what it is made of is not
    both = pd.read_csv("shocks.csv")
    pd.concat([both, both[both["sector"] == "steel"].assign(sector="iron")]).to_csv("shocks.csv", index=False)
    SHARES.replace({"sector": {"steel": "iron"}}).to_csv("shares.csv", index=False)
    assert "Nothing to fit" not in said("run", *RUN)
    shown = said("data", "show", "twfe")
    assert "shares.csv: the same today" in shown
    assert "shocks.csv: the same today" in shown
    assert main(["plan", *RUN, "model.x=[bartik_share]"]) == 2
    assert "Did you mean 'bartik_shares'?" in "".join(capsys.readouterr())
    Path("shares.csv").write_text("unit,sector,share\nnorth,coal,1\nsouht,coal,1\n", encoding="utf-8")
    assert main(["plan", *RUN]) == 2
    error = "".join(capsys.readouterr())
    assert "panel.shift_share.bartik" in error
    assert "shares.csv" in error
    assert "Did you mean 'south'?" in error
