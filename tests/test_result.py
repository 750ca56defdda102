"""A result shows itself in a notebook, and says whether its focal term is an effect."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from roles import made_roles

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.result import Effects, Result

FOUND = Result(
    "sdm",
    "ln_ci",
    terms=("ln_e", "tiny", "sigma2"),
    coef=np.array([-0.1236, 2e-7, 0.5]),
    covariance=np.diag([0.0004, 1e-14, np.nan]),
    statistics={"nobs": 1_234_567.0, "loglik": -12.3456789, "r2": float("nan")},
    spatial_effects=Effects(("ln_e",), np.array([[0.1], [0.2], [0.3]]), np.full((3, 1), 0.1)),
    notes=("A note < that & is said.",),
)


def test_a_summary_has_estimates_effects_statistics_and_notes() -> None:
    found = replace(FOUND, absorbed=("unit", "region"), trends=("unit",), statistics={**FOUND.statistics, "p.e": 1.0})
    above, below = found.summary(), found.summary().below
    cells = [[label, *row] for label, row in zip(above.cells.index, above.cells.to_numpy().tolist(), strict=True)]
    assert list(above.cells.columns) == ["Coefficient", "Standard error", "z", "p value", "from", "to"]
    assert cells[:3] == [
        ["ln_e", "-0.1236", "0.0200", "-6.1800", "< 0.0001", "-0.1628", "-0.0844"],
        ["tiny", "2e-07", "1e-07", "2.0000", "0.0455", "4e-09", "3.96e-07"],
        ["sigma2", "0.5000", "", "", "", "", ""],
    ]
    assert [row[0] for row in cells[3:]] == [
        *("Direct effect", "ln_e", "Indirect effect", "ln_e"),
        *("Total effect", "ln_e"),
    ]
    assert cells[-1][1:3] == ["0.3000", "0.1000"]
    assert below is not None
    assert below.cells["Value"].to_dict() == {
        "Unit effects": "yes",
        "region effects": "yes",
        "Unit trends": "yes",
        "Observations": "1234567",
        "Log-likelihood": "-12.3457",
    }
    text = str(above)
    assert text.startswith("sdm: ln_ci\n")
    assert "95% interval" in text
    assert text.endswith("A note < that & is said.\n")


def test_tidy_has_a_row_for_each_coefficient_and_effect() -> None:
    frame = FOUND.tidy()
    numbers = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    assert list(frame.columns) == ["quantity", "term", *numbers]
    own = frame[frame["quantity"] == "coefficient"].set_index("term")
    assert own[numbers].equals(FOUND.estimates.set_axis(numbers, axis="columns"))
    for name in FOUND.effect_names:
        part = frame[frame["quantity"] == name].set_index("term")
        assert part[numbers].equals(FOUND.effects.loc[name].set_axis(numbers, axis="columns"))
    assert len(frame) == len(FOUND.terms) + len(FOUND.effects)
    assert list(Result("none", "").tidy().columns) == list(frame.columns)


def test_a_summary_speaks_chinese_and_a_notebook_shows_it() -> None:
    assert "直接效应" in str(FOUND.summary("zh"))
    assert FOUND._repr_html_().count("A note &lt; that &amp; is said.") == 1


def test_a_summary_of_a_diagnostic_names_its_tables() -> None:
    found = Result("moran", "", tables={"moran": pd.DataFrame({"i": [1.0]})})
    assert str(found.summary()).endswith("Further tables, each in `result.tables`: moran.\n")


def test_a_result_without_estimates_says_what_it_is() -> None:
    assert "<caption>none</caption>" in Result("none", "")._repr_html_()
    assert str(Result("none", "").summary()).startswith("none\n")


@pytest.mark.parametrize(
    ("focal", "pieces"),
    [
        (("x",), False),
        (("x[east]", "x[west]"), True),
        (("x[east: north]", "x[west]", "z[west]"), True),
        (("x:z",), False),
        (("x", "x:z"), True),
        (("x", "x^2:z"), True),
        (("x", "z", "z:w"), False),
        (("x:d", "z:d"), True),
        (("region[a]", "region[b]"), True),
        (("x", "z"), False),
        (("x", "L.x"), False),
        (("x", "x^2"), False),
        ((), False),
    ],
)
def test_a_focal_term_is_a_piece_or_an_effect(focal: tuple[str, ...], pieces: bool) -> None:
    numbers: dict[str, FloatArray] = {"coef": np.ones(len(focal)), "covariance": np.eye(len(focal))}
    found = Result("fe", "y", focal=focal, terms=focal, roles=made_roles(focal), **numbers)
    assert found.in_pieces is pieces
    assert found.has_powers is any(term.startswith("x^2") for term in focal)


def test_numbers_that_are_none_are_refused_unless_the_reason_is_stated() -> None:
    whole = Result(kind="a", y="y", terms=("x", "rho"), coef=np.ones(2), covariance=np.diag([1.0, np.nan]))
    with pytest.raises(EstimationError, match="The standard error of rho is not a finite number"):
        whole.require_numbers()
    replace(whole, boundary=("rho",)).require_numbers()
    for value in (np.nan, np.inf):
        lost = replace(whole, coef=np.array([value, 1.0]), boundary=("x", "rho"))
        with pytest.raises(EstimationError, match="The estimate of x is not a finite number"):
            lost.require_numbers()
    effects = Effects(("x",), np.full((3, 1), np.nan), np.ones((3, 1)))
    with pytest.raises(EstimationError, match="The effect of x is not"):
        replace(whole, boundary=("rho",), spatial_effects=effects).require_numbers()


def test_statistics_have_words_in_a_summary() -> None:
    statistics = {"sigma2": 0.5, "f": 2.0, "f_p": 0.25, "sargan_df": 3.0, "mine": 1.0}
    below = replace(FOUND, statistics=statistics).summary().below
    assert below is not None
    assert list(below.cells.index) == ["σ²", "F", "F, p value", "Sargan, df", "mine"]


@pytest.mark.parametrize(
    ("name", "line"),
    [("params", "estimates['coef']"), ("conf_int", "estimates[['low', 'high']]"), ("resid", "residuals")],
)
def test_names_of_other_packages_are_answered_with_ours(name: str, line: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(f"write result.{line}.")):
        getattr(FOUND, name)
    assert not hasattr(FOUND, "predict")
    assert copy.deepcopy(FOUND).terms == FOUND.terms
