"""Entropy, TOPSIS and principal-component indices over a panel."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pymcdm.methods
import pymcdm.weights
import pytest
from omegaconf import OmegaConf

from digicarbon.errors import ConfigError, DataError
from digicarbon.measure import CompositeIndex, EntropyIndex, Measure, PcaIndex, TopsisIndex
from digicarbon.source import Inputs
from digicarbon.spec import build

DIRECTIONS = {"fibre": "positive", "patents": "positive", "coal": "negative"}
KINDS = (EntropyIndex, TopsisIndex, PcaIndex)


def panel(units: int = 6, years: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    keys = pd.MultiIndex.from_product([[f"U{i}" for i in range(units)], range(2012, 2012 + years)])
    frame = keys.to_frame(index=False, name=["unit", "time"])
    series = np.exp(rng.standard_normal((len(frame), 4)))
    return frame.assign(**dict(zip(["fibre", "patents", "coal", "population"], series.T, strict=True)))


FRAME = panel()
INPUTS = Inputs(frame=FRAME, source="mine")


def scaled(frame: pd.DataFrame, shift: float) -> pd.DataFrame:
    values = frame[list(DIRECTIONS)]
    z = (values - values.min()) / (values.max() - values.min())
    return z.assign(coal=1 - z["coal"]) + shift


def read(kept: dict[str, str], name: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(kept[name]))


def test_entropy_index_against_pymcdm_and_its_artifacts() -> None:
    measure = EntropyIndex(indicators=DIRECTIONS)
    z = scaled(FRAME, 0.0001)
    weights = pymcdm.weights.entropy_weights(z.to_numpy())
    found = measure.compute(INPUTS)
    np.testing.assert_allclose(found["entropy_index"], z @ weights, rtol=1e-12)
    assert found.columns.tolist() == ["unit", "time", "entropy_index"]
    kept = measure.artifacts(INPUTS)
    assert set(kept) == {"indicators.csv", "normalised.csv", "index.csv", "weights.csv"}
    np.testing.assert_allclose(read(kept, "weights.csv")["weight"], weights, rtol=1e-12)
    np.testing.assert_allclose(read(kept, "indicators.csv")[list(DIRECTIONS)], FRAME[list(DIRECTIONS)], rtol=1e-15)
    # what is kept makes the index again
    again = read(kept, "normalised.csv")[list(DIRECTIONS)] @ read(kept, "weights.csv")["weight"].to_numpy()
    np.testing.assert_allclose(again, read(kept, "index.csv")["entropy_index"], rtol=1e-14)


@pytest.mark.parametrize("how", ["entropy", "equal", "given"])
def test_topsis_index_against_pymcdm(how: str) -> None:
    given = {"fibre": 4.0, "patents": 1, "coal": 1} if how == "given" else None
    measure = TopsisIndex(indicators=DIRECTIONS, weights=how, given=given)
    weights = {
        "entropy": pymcdm.weights.entropy_weights(scaled(FRAME, 0.0001).to_numpy()),
        "equal": np.ones(3) / 3,
        "given": np.array([4, 1, 1]) / 6,
    }[how]
    expected = pymcdm.methods.TOPSIS()(FRAME[list(DIRECTIONS)].to_numpy(), weights, np.array([1, 1, -1]))
    np.testing.assert_allclose(measure.compute(INPUTS)["topsis_index"], expected, rtol=1e-12)
    np.testing.assert_allclose(read(measure.artifacts(INPUTS), "weights.csv")["weight"], weights, rtol=1e-12)


def test_pca_index_against_eigenvectors() -> None:
    z = FRAME[list(DIRECTIONS)].assign(coal=-FRAME["coal"])
    z = (z - z.mean()) / z.std()
    values, vectors = np.linalg.eigh(np.corrcoef(z.T))
    vectors = vectors * np.sign(vectors.sum(axis=0))
    expected = (z @ vectors[:, [2, 1]]) @ values[[2, 1]] / values[[2, 1]].sum()
    plain = PcaIndex(indicators=DIRECTIONS, components=2, rescale=False)
    np.testing.assert_allclose(plain.compute(INPUTS)["pca_index"], expected, atol=1e-12)
    rescaled = PcaIndex(indicators=DIRECTIONS, components=2).compute(INPUTS)["pca_index"]
    assert (rescaled.min(), rescaled.max()) == (0.0, 1.0)
    assert np.corrcoef(rescaled, expected)[0, 1] == pytest.approx(1.0, rel=1e-12)
    kept = plain.artifacts(INPUTS)
    parts = read(kept, "components.csv")
    np.testing.assert_allclose(parts["eigenvalue"], values[::-1], rtol=1e-12)
    assert parts["kept"].tolist() == [True, True, False]
    np.testing.assert_allclose(z @ read(kept, "weights.csv")["weight"].to_numpy(), expected, atol=1e-12)
    assert len(read(kept, "loadings.csv")) == 9


def test_components_are_as_many_as_the_share_needs() -> None:
    for share in (0.3, 0.8, 1.0):
        parts = read(PcaIndex(indicators=DIRECTIONS, variance=share).artifacts(INPUTS), "components.csv")
        number = int(parts["kept"].sum())
        assert parts["cumulative"][number - 1] >= share - 1e-12
        assert number == 1 or parts["cumulative"][number - 2] < share


@pytest.mark.parametrize("kind", KINDS)
def test_each_year_on_its_own(kind: type[CompositeIndex]) -> None:
    measure = kind(indicators=DIRECTIONS, by="year")
    found = measure.compute(INPUTS)
    for year, rows in FRAME.groupby("time"):
        alone = kind(indicators=DIRECTIONS).compute(replace(INPUTS, frame=rows))
        np.testing.assert_allclose(found.loc[found["time"] == year, measure.name], alone[measure.name], rtol=1e-12)
    assert sorted(read(measure.artifacts(INPUTS), "weights.csv")["time"].unique()) == [2012, 2013, 2014]


@pytest.mark.parametrize("kind", KINDS)
def test_order_of_rows_changes_nothing(kind: type[CompositeIndex]) -> None:
    shuffled = kind(indicators=DIRECTIONS).compute(replace(INPUTS, frame=FRAME.sample(frac=1, random_state=2)))
    merged = kind(indicators=DIRECTIONS).compute(INPUTS).merge(shuffled, on=["unit", "time"], suffixes=("", "_other"))
    name = kind(indicators=DIRECTIONS).name
    np.testing.assert_allclose(merged[name], merged[f"{name}_other"], rtol=1e-10, atol=1e-12)


def test_indicators_per_head() -> None:
    measure = EntropyIndex(indicators=DIRECTIONS, per_capita=("patents",))
    per_head = FRAME.assign(patents=FRAME["patents"] / FRAME["population"])
    expected = EntropyIndex(indicators=DIRECTIONS).compute(replace(INPUTS, frame=per_head))
    np.testing.assert_allclose(measure.compute(INPUTS)["entropy_index"], expected["entropy_index"], rtol=1e-13)
    assert "patents per head (+), coal (-); ranges and weights from all rows" in str(measure.notes(INPUTS)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_gaps_are_refused_or_left_out(kind: type[CompositeIndex]) -> None:
    gap = replace(INPUTS, frame=FRAME.assign(patents=FRAME["patents"].where(FRAME.index != 4)))
    with pytest.raises(DataError, match=r"'patents' has no value in source=mine for U1 2013.*measure.missing=drop"):
        kind(indicators=DIRECTIONS).compute(gap)
    measure = kind(indicators=DIRECTIONS, missing="drop")
    found = measure.compute(gap)[measure.name]
    rest = kind(indicators=DIRECTIONS).compute(replace(INPUTS, frame=FRAME.drop(index=4)))[measure.name]
    np.testing.assert_allclose(found.drop(index=4), rest, rtol=1e-12)
    assert np.isnan(found[4])
    assert str(measure.notes(gap)[1]) == f"1 of 18 rows lack an indicator and have no {measure.name}."


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match=r"measure\.indicators needs the series fiber.*Did you mean 'fibre'"):
        EntropyIndex(indicators={"fiber": "positive", "coal": "negative"}).compute(INPUTS)
    with pytest.raises(DataError, match=r"'coal' of source=mine holds text .*U0 2012: '1,2'"):
        EntropyIndex(indicators=DIRECTIONS).compute(replace(INPUTS, frame=FRAME.assign(coal=["1,2", *["3"] * 17])))
    with pytest.raises(DataError, match=r"'coal' has the same value \(7\) in all rows, so that"):
        PcaIndex(indicators=DIRECTIONS).compute(replace(INPUTS, frame=FRAME.assign(coal=7.0)))
    once = FRAME.assign(coal=FRAME["coal"].where(FRAME["time"] != 2013, 7.0))
    with pytest.raises(DataError, match=r"same value \(7\) in all rows in 2013.*measure\.by=panel"):
        TopsisIndex(indicators=DIRECTIONS, by="year").compute(replace(INPUTS, frame=once))
    with pytest.raises(DataError, match="fewer than two rows have every indicator"):
        EntropyIndex(indicators=DIRECTIONS, missing="drop").compute(replace(INPUTS, frame=FRAME.assign(coal=np.nan)))
    with pytest.raises(DataError, match="'patents' per head has no value in source=mine for U0 2012"):
        EntropyIndex(indicators=DIRECTIONS, per_capita=("patents",)).compute(
            replace(INPUTS, frame=FRAME.assign(population=0.0))
        )


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        ("Entropy", {"indicators": {"a": "positive"}}, r"measure.indicators needs at least two columns.*got a\."),
        ("Entropy", {"indicators": {"a": "up", "b": "negative"}}, r"measure\.indicators\.a must be one of 'positive'"),
        ("Entropy", {"per_capita": ["coals"]}, "per_capita names coals, which is none.*Did you mean 'coal'"),
        ("Entropy", {"name": "coal"}, "name='coal' cannot be the index's name"),
        ("Topsis", {"weights": "given"}, "weights=given and the weights in given go together, e.g. .*fibre: 2"),
        ("Topsis", {"given": {"fibre": 2.0}}, "go together"),
        ("Topsis", {"weights": "given", "given": {"fibre": 2.0, "coal": -1.0}}, "no positive weight for patents, coal"),
        ("Topsis", {"weights": "given", "given": {"fibr": 2.0}}, "given names fibr.*Did you mean 'fibre'"),
        ("Pca", {"components": 4}, "components=4, but 3 indicators have no more than 3 components"),
    ],
)
def test_wrong_fields(kind: str, fields: dict[str, Any], sentence: str) -> None:
    node = {"_target_": f"digicarbon.measure.{kind}Index", "indicators": DIRECTIONS} | fields
    with pytest.raises(ConfigError, match=sentence):
        build(node, Measure, "measure")


def test_kind_of_ones_own() -> None:
    with pytest.raises(TypeError, match="define `combine`"):
        CompositeIndex(terms=("index",), indicators=DIRECTIONS).compute(INPUTS)


# symmetric, so that both have one entropy; thirds and tenths, so that sums are off by rounding
EVEN = np.repeat(np.arange(6) / 3 + 0.1, 3)
OPPOSITE = FRAME.assign(u=EVEN, n=7.7 - EVEN)


@pytest.mark.parametrize("by", ["panel", "year"])
@pytest.mark.parametrize("kind", [EntropyIndex, TopsisIndex])
def test_indicators_that_cancel_up_to_rounding_make_no_index(kind: type[CompositeIndex], by: str) -> None:
    measure = kind(indicators={"n": "positive", "u": "positive"}, by=by, standardise=True, terms=("x",))
    with pytest.raises(DataError, match=r"is 0\.5.* in all rows.*: its indicators cancel each other"):
        measure.transformed(Inputs(frame=OPPOSITE, source="mine"))


@pytest.mark.parametrize("by", ["panel", "year"])
def test_a_component_of_arbitrary_sign_is_told(by: str) -> None:
    inputs = Inputs(frame=OPPOSITE, source="mine")
    words = "The loadings of component 1 of pca_index cancel, so that its sign is arbitrary"
    assert words in str(PcaIndex(indicators={"n": "positive", "u": "positive"}, by=by).notes(inputs)[-1])
    assert len(tuple(map(str, PcaIndex(indicators={"n": "negative", "u": "positive"}, by=by).notes(inputs)))) == 1


def test_an_indicator_that_varies_by_rounding_only_is_constant() -> None:
    frame = FRAME.assign(fibre=0.3 + 1e-16 * np.arange(len(FRAME)))
    assert frame["fibre"].nunique() > 1
    with pytest.raises(DataError, match="'fibre' has the same value"):
        EntropyIndex(indicators=DIRECTIONS).compute(Inputs(frame=frame, source="mine"))


def test_an_index_divided_by_size_is_warned_of() -> None:
    assert "entropy_index has no unit, so that per=capita" in str(
        EntropyIndex(indicators=DIRECTIONS, per="capita").notes(INPUTS)[1]
    )


def test_a_topsis_index_names_its_weights() -> None:
    given = TopsisIndex(indicators=DIRECTIONS, weights="given", given={"fibre": 2, "patents": 1, "coal": 1})
    assert "(given weights)" in str(given.definitions()[given.name].words[0])
    equal = TopsisIndex(indicators=DIRECTIONS, weights="equal")
    assert "(equal weights)" in str(equal.definitions()[equal.name].words[0])


def test_directions_of_omegaconf_are_taken_as_they_are() -> None:
    config = OmegaConf.create({"indicators": {"e": "${sign}", "f": "positive"}, "sign": "negative"})
    assert EntropyIndex(indicators=config.indicators).indicators == {"e": "negative", "f": "positive"}


def test_terms_are_left_to_models() -> None:
    assert EntropyIndex(indicators=DIRECTIONS).left_to_models == {"terms"}
