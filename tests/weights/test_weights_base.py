"""The labelled weight matrix: every refusal, order by label, and standardisation anew of a subset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from digicarbon.errors import WeightsError
from digicarbon.panel import Panel, label
from digicarbon.weights import Weights

RAW = np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 0.0], [2.0, 2.0, 0.0]])
LABELS = ["a", "b", "c"]


def _panel(*units: object) -> Panel:
    return Panel.from_frame(pd.DataFrame({"u": units, "t": 1, "x": 1.0}), "u", "t")


def test_rows_are_standardised_and_the_raw_weights_kept() -> None:
    weights = Weights.from_matrix(RAW, LABELS)
    np.testing.assert_array_equal(weights.dense(), [[0, 0.25, 0.75], [1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(weights.raw.toarray(), RAW)
    assert (weights.labels, weights.n, weights.name, weights.normalisation) == (("a", "b", "c"), 3, "W", "row")
    np.testing.assert_array_equal(weights.row_sums, [1, 1, 1])
    assert weights.constant_row_sum == 1.0


def test_weights_may_stay_as_given() -> None:
    weights = Weights.from_matrix(RAW, LABELS, row_standardise=False)
    np.testing.assert_array_equal(weights.dense(), RAW)
    assert weights.constant_row_sum is None


def test_a_sparse_matrix_is_taken_and_left_alone() -> None:
    given = sparse.csr_array(([1.0, 0.0, 2.0], [1, 2, 0], [0, 2, 3, 3]), shape=(3, 3))
    weights = Weights.from_matrix(given, LABELS, islands="keep")
    np.testing.assert_array_equal(weights.raw.toarray(), given.toarray())
    assert given.nnz == 3
    given.data[:] = 9
    np.testing.assert_array_equal(weights.raw.toarray(), [[0, 1, 0], [2, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Weights.from_matrix(np.ones((2, 3)), LABELS), r"must be square; its shape is \(2, 3\)"),
        (lambda: Weights.from_matrix(np.ones(3), LABELS), "must be square"),
        (lambda: Weights.from_matrix(np.zeros((0, 0)), []), "is empty; give at least two units"),
        (lambda: Weights.from_matrix([["x", 1], [1, 0]], ["a", "b"]), "must hold a number for each pair"),
        (lambda: Weights.from_matrix([[0, 1], [1]], ["a", "b"]), "rows of equal length"),
        (lambda: Weights.from_matrix(RAW, ["a", "b"]), "3 rows but 2 labels"),
        (lambda: Weights.from_matrix(RAW, ["a", "b", "a "]), "the label a is given more than once"),
        (lambda: Weights.from_matrix(RAW, [11, 11.0, "12"]), "the label 11 is given more than once"),
        (lambda: Weights.from_matrix(RAW - 1 + np.eye(3), LABELS), r"b to c \(-1\) is negative"),
        (
            lambda: Weights.from_matrix(np.where(RAW == 3, np.nan, RAW), LABELS),
            r"a to c \(nan\) is not a finite number",
        ),
        (
            lambda: Weights.from_matrix(np.where(RAW == 3, np.inf, RAW), LABELS),
            r"a to c \(inf\) is not a finite number",
        ),
        (
            lambda: Weights.from_matrix(RAW + np.diag([0, 0, 5]), LABELS),
            r"c to c \(5\) is a weight of a unit on itself",
        ),
        (lambda: Weights.from_matrix(RAW * [[1], [0], [1]], LABELS), 'no neighbour for b.*islands to "keep"'),
        (lambda: Weights.from_edges([("a", "b"), ("b", "x")], labels=["a", "b"]), "name unknown units: x"),
        (lambda: Weights.from_edges([("Bejing", "b")], labels=["Beijing", "b"]), "Did you mean 'Beijing'"),
        (
            lambda: Weights.from_edges([("a", "b", 1), ("b", "a", 2)]),
            "edge from b to a is given twice, with .*symmetric to false",
        ),
        (lambda: Weights.from_edges([("a", "b", float("nan"))]), r"a to b \(nan\) is not a finite number"),
        (lambda: Weights.from_edges([("a", "b", "far")]), "edge a to b is not a number: 'far'"),
        (lambda: Weights.from_edges([("a", "b", None)]), "edge a to b is not a number: None"),
        (lambda: Weights.from_edges([("a",)]), r"must be \(unit, neighbour\) or \(unit, neighbour, weight\)"),
        (lambda: Weights.from_edges([("a", "a")]), "a weight of a unit on itself"),
        (lambda: Weights.from_edges([]), "is empty"),
        (lambda: Weights.from_edges([("a", "b")], labels=LABELS), "no neighbour for c"),
        (lambda: Weights.from_edges([("a", "b")], symmetric=False), "no neighbour for b"),
    ],
)
def test_what_is_wrong_is_a_sentence(make: Callable[[], Weights], sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence):
        make()


def test_a_frame_is_read_by_its_own_labels() -> None:
    """A frame in another order is the same W: rows and columns are found by label, not by place."""
    frame = pd.DataFrame(RAW, index=LABELS, columns=LABELS)
    turned = frame.loc[["c", "a", "b"], ["b", "c", "a"]]
    for given in (frame, turned):
        weights = Weights.from_matrix(given, LABELS)
        assert weights.labels == ("a", "b", "c")
        np.testing.assert_array_equal(weights.raw.toarray(), RAW)
    own = Weights.from_matrix(turned)
    assert own.labels == ("c", "a", "b")
    np.testing.assert_array_equal(own.raw.toarray(), frame.loc[["c", "a", "b"], ["c", "a", "b"]])
    codes = pd.DataFrame(RAW, index=[12, 11, 13], columns=["12", "11", "13"])
    np.testing.assert_array_equal(
        Weights.from_matrix(codes, ["11", 12, 13]).raw.toarray(), RAW[[1, 0, 2]][:, [1, 0, 2]]
    )
    np.testing.assert_array_equal(Weights.from_matrix(pd.DataFrame(RAW), LABELS).raw.toarray(), RAW)


@pytest.mark.parametrize(
    ("frame", "labels", "sentence"),
    [
        (
            pd.DataFrame(RAW, ["a", "b", "x"], ["a", "b", "x"]),
            LABELS,
            "c, x are in labels or in the index of the frame",
        ),
        (pd.DataFrame(RAW, LABELS, ["a", "b", "x"]), LABELS, "c, x are in the index or in the columns of the frame"),
        (pd.DataFrame(RAW, LABELS, ["a", "b", "x"]), None, "c, x are in the index or in the columns of the frame"),
        (pd.DataFrame(RAW, LABELS, LABELS), ["a", "b"], "c is in labels or in the index of the frame"),
        (pd.DataFrame(RAW, ["a", "b", "a"], ["a", "b", "a"]), None, "the label a is given more than once"),
        (pd.DataFrame(RAW[:2], ["a", "b"], LABELS), None, r"must be square; its shape is \(2, 3\)"),
        (RAW, None, "give labels: the unit of each row of the matrix"),
    ],
)
def test_a_frame_with_other_labels_is_refused(frame: Any, labels: list[str] | None, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence):
        Weights.from_matrix(frame, labels)


def test_a_refusal_tells_its_units_as_fields_and_in_chinese() -> None:
    with pytest.raises(WeightsError) as caught:
        Weights.from_matrix([[0, 1, 0], [1, 0, 0], [0, 0, 0]], ["x", "y", "甲"])
    note = caught.value.said
    assert (note.code, note["units"]) == ("weights_islands", ("甲",))
    assert note.text("zh").startswith("W：甲没有邻居。")


def test_edges_stand_for_both_directions_unless_told_otherwise() -> None:
    edges = [("a", "b", 2.0), ("b", "c", 4.0)]
    both = Weights.from_edges(edges, row_standardise=False)
    np.testing.assert_array_equal(both.dense(), [[0, 2, 0], [2, 0, 4], [0, 4, 0]])
    one = Weights.from_edges(edges, symmetric=False, row_standardise=False, islands="keep")
    np.testing.assert_array_equal(one.dense(), [[0, 2, 0], [0, 0, 4], [0, 0, 0]])


def test_edges_may_repeat_and_come_from_a_frame_in_any_order() -> None:
    frame = pd.DataFrame({"i": [2, 1, 3], "j": [1.0, 2.0, 1.0]})
    weights = Weights.from_edges(frame, labels=["3", "2", 1])
    assert weights.labels == ("3", "2", "1")
    np.testing.assert_array_equal(weights.dense(), [[0, 0, 1], [0, 0, 1], [0.5, 0.5, 0]])


def test_a_kept_island_has_an_empty_row() -> None:
    weights = Weights.from_edges([("a", "b")], labels=LABELS, islands="keep")
    np.testing.assert_array_equal(weights.row_sums, [1, 1, 0])
    assert weights.constant_row_sum is None


def test_a_subset_is_standardised_anew_in_the_order_asked_for() -> None:
    part = Weights.from_matrix(RAW, LABELS, name="mine").restrict(["c", "a"])
    assert (part.labels, part.name) == (("c", "a"), "mine")
    np.testing.assert_array_equal(part.dense(), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(part.raw.toarray(), [[0, 2], [3, 0]])
    plain = Weights.from_matrix(RAW, LABELS, row_standardise=False).restrict(["c", "a"])
    np.testing.assert_array_equal(plain.dense(), [[0, 2], [3, 0]])


def test_a_subset_may_leave_an_island() -> None:
    weights = Weights.from_matrix([[0, 1, 0], [1, 0, 1], [0, 1, 0]], LABELS)
    with pytest.raises(WeightsError, match="no neighbour for a, c"):
        weights.restrict(["a", "c"])
    assert weights.restrict(["a", "c"], islands="keep").raw.nnz == 0
    with pytest.raises(WeightsError, match=r"has no row for bb\..*Its labels are a, b, c"):
        weights.restrict(["a", "bb"])
    assert weights.restrict(LABELS) is weights


def test_shuffled_labels_give_the_same_weights_for_a_panel() -> None:
    rng = np.random.default_rng(7)
    raw = rng.random((6, 6)) * (1 - np.eye(6))
    labels = np.array([11, 2, 31, 4, 52, 6])
    panel = _panel(*labels)
    first = Weights.from_matrix(raw, labels).align(panel)
    order = rng.permutation(6)
    second = Weights.from_matrix(raw[np.ix_(order, order)], labels[order].astype(float)).align(panel)
    assert first.labels == second.labels == panel.units
    assert first.digest == second.digest
    assert first.dense()[panel.units.index("11"), panel.units.index("31")] == pytest.approx(raw[0, 2] / raw[0].sum())


def test_aligning_refuses_units_that_differ() -> None:
    weights = Weights.from_matrix(RAW, LABELS)
    with pytest.raises(WeightsError, match=r"units that are not in the panel: c.*weights\.restrict"):
        weights.align(_panel("a", "b"))
    with pytest.raises(WeightsError, match="has no row for d"):
        weights.align(_panel("a", "b", "d"))


def test_a_unit_that_no_edge_names_is_led_to_islands() -> None:
    """u3 is near u2 as a text, but u2 is a unit of its own."""
    weights = Weights.from_edges([("u1", "u2")])
    panel = _panel("u1", "u2", "u3")
    sentence = "W has no row for u3. Its labels are u1, u2. A unit without neighbours has a row of zeros: "
    with pytest.raises(WeightsError, match=sentence) as caught:
        weights.align(panel)
    assert str(caught.value).endswith("build the weights with labels=panel.units and islands='keep'.")
    kept = Weights.from_edges([("u1", "u2")], labels=panel.units, islands="keep")
    np.testing.assert_array_equal(kept.align(panel).row_sums, [1, 1, 0])
    with pytest.raises(WeightsError, match=r"has no row for u3\. Did you mean 'u33'"):
        Weights.from_edges([("u1", "u2"), ("u2", "u33")]).align(panel)


def test_the_digest_tells_labels_and_values_apart() -> None:
    weights = Weights.from_matrix(RAW, LABELS)
    assert weights.digest == Weights.from_matrix(RAW.tolist(), tuple(LABELS)).digest
    assert weights.digest != Weights.from_matrix(RAW, ["a", "c", "b"]).digest
    assert weights.digest != Weights.from_matrix(RAW, LABELS, row_standardise=False).digest


def test_the_digest_does_not_depend_on_the_way_to_the_same_weights() -> None:
    weights = Weights.from_matrix(RAW, LABELS)
    cells = [(a, b, RAW[i, j]) for i, a in enumerate(LABELS) for j, b in enumerate(LABELS) if RAW[i, j]]
    for other in (
        weights.restrict(["c", "a", "b"]).restrict(LABELS),
        Weights.from_matrix(sparse.coo_array(RAW), LABELS, name="other"),
        Weights.from_matrix(weights.dense(), LABELS, row_standardise=False),
        Weights.from_edges(cells[::-1], symmetric=False),
    ):
        assert other.digest == weights.digest


def test_one_edge_may_stand_twice_if_its_weight_is_the_same() -> None:
    weights = Weights.from_edges([("a", "b", 2.0), ("b", "a", 2.0), ("a", "b", 2.0)], row_standardise=False)
    np.testing.assert_array_equal(weights.dense(), [[0, 2], [2, 0]])
    directed = Weights.from_edges([("a", "b", 1.0), ("b", "a", 2.0)], symmetric=False, row_standardise=False)
    np.testing.assert_array_equal(directed.dense(), [[0, 1], [2, 0]])


def test_the_name_and_kind_are_shown() -> None:
    assert (
        repr(Weights.from_matrix(RAW, LABELS, name="W9")) == "Weights W9: 3 units, 5 neighbour pairs, row-standardised"
    )
    assert repr(Weights.from_matrix(RAW, LABELS, False)) == "Weights W: 3 units, 5 neighbour pairs, raw"


@pytest.mark.parametrize("ids", [list(range(1, 31)), [10, 9, 2], ["10", "9", "2"], [3.0, 20.0, -1.0], ["b", "a", "c"]])
def test_rows_of_a_matrix_are_the_labels_in_their_order(ids: list[Any]) -> None:
    """Whatever order the panel has, the weight of two units is where their labels say."""
    n = len(ids)
    matrix = np.arange(1.0, n * n + 1).reshape(n, n) * (1 - np.eye(n))
    frame = pd.DataFrame({"id": np.repeat(np.array(ids, dtype=object), 2), "t": [1, 2] * n, "y": range(2 * n)})
    panel = Panel.from_frame(frame, "id", "t")
    aligned = Weights.from_matrix(matrix, ids, normalise="none").align(panel)
    assert aligned.labels == panel.units
    places = [panel.units.index(label(one)) for one in ids]
    np.testing.assert_array_equal(aligned.dense()[np.ix_(places, places)], matrix)
    # labels in the panel's own order name rows in this order, and nothing is moved
    own = Weights.from_matrix(matrix, panel.units, normalise="none")
    np.testing.assert_array_equal(own.align(panel).dense(), matrix)


def test_units_that_are_numbers_are_ordered_by_size() -> None:
    """A matrix for units 1, 2, …, 30 beside ``panel.units`` is the usual call."""
    frame = pd.DataFrame({"id": range(30, 0, -1), "t": 1, "y": 0.0})
    assert Panel.from_frame(frame, "id", "t").units == tuple(str(one) for one in range(1, 31))
    mixed = pd.DataFrame({"id": ["u10", "u9", "2"], "t": 1, "y": 0.0})
    assert Panel.from_frame(mixed, "id", "t").units == ("2", "u10", "u9")
