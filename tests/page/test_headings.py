"""Headings of the tables of diagnostics on a page."""

from __future__ import annotations

import pytest
from cases import listed

from digicarbon.page.section import _heading
from digicarbon.report import Labels


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        *listed("HEADINGS"),
        ("mediation", "Indirect and direct effects", "间接效应和直接效应"),
        ("fits", "Fit of the equations", "各方程的拟合"),
        ("rho", "Indirect effect by correlation of errors (ρ)", "间接效应随误差相关系数（ρ）的变化"),
        ("thresholds", "Thresholds and their confidence sets", "门槛值及其置信集"),
        ("my_own", "my own", "my own"),
    ],
)
def test_a_table_of_a_diagnostic_is_called_by_words(name: str, english: str, chinese: str) -> None:
    assert (_heading(name, Labels("en")), _heading(name, Labels("zh"))) == (english, chinese)
