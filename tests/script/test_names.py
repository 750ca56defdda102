"""Names that Stata and R take."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from digicarbon.script import Names


def test_columns_keep_what_is_valid_of_their_names() -> None:
    names = Names()
    assert names.give("ln_e") == "ln_e"
    assert names.give("ln_e^2") == "ln_e_2"
    assert names.give("L.ln_e") == "L_ln_e"
    assert names.give("ln_e[east]") == "ln_e_east"
    assert names.give("数字经济") == "v1"
    assert names.give("就业") == "v2"
    assert names.give("W_就业") == "W_v2"
    assert names.give("if") == "if_1"
    assert names.give("unit") == "unit_1"
    assert names.give("2nd") == "v_2nd"
    assert names.give("LN_E") == "LN_E_1"
    assert names.give("ln_e") == "ln_e"


@given(st.lists(st.text(max_size=60), max_size=30))
def test_names_are_valid_and_told_apart(columns: list[str]) -> None:
    names = Names()
    given_ = [names.give(column) for column in columns]
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", name) for name in given_)
    assert len({name.lower() for name in given_}) == len(set(columns))
    assert not {"unit_id", "time_id", "if", "else", "const"} & set(given_)
