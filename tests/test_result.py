"""A result shows itself in a notebook, and says whether its focal term is an effect."""

from __future__ import annotations

import io
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


def test_estimates_effects_and_statistics_are_shown() -> None:
    html = FOUND._repr_html_()
    heads = [*FOUND.estimates.columns, "value", "Unnamed: 0"]
    estimates, effects, statistics = (
        frame.set_index(frame.columns[0])
        for frame in pd.read_html(io.StringIO(html), keep_default_na=False, converters=dict.fromkeys(heads, str))
    )
    assert estimates.loc["ln_e"].tolist() == ["-0.1236", "0.0200", "-6.1800", "< 0.0001", "-0.1628", "-0.0844"]
    assert estimates.loc["tiny"].tolist()[:3] == ["2e-07", "1e-07", "2.0000"]
    assert estimates.loc["sigma2"].tolist() == ["0.5000", "", "", "", "", ""]
    assert list(effects.index) == ["direct, ln_e", "indirect, ln_e", "total, ln_e"]
    assert effects.loc["total, ln_e"].tolist()[:2] == ["0.3000", "0.1000"]
    assert statistics["value"].to_dict() == {"nobs": "1234567", "loglik": "-12.3457"}
    assert "<caption>sdm of ln_ci</caption>" in html
    assert html.count("A note &lt; that &amp; is said.") == 1


def test_a_result_without_estimates_says_what_it_is() -> None:
    assert "<caption>none</caption>" in Result("none", "")._repr_html_()


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
