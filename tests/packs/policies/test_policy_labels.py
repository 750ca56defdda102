"""Words of policies in titles."""

from __future__ import annotations

import pytest

from digicarbon.report import Labels


@pytest.mark.parametrize(
    ("change", "english", "chinese"),
    [
        (
            "panel.policy={pilot: adopted}",
            "Dates of policies: Pilot policy = adopted",
            "政策的时间：试点政策 = adopted",
        ),
        (
            "panel.policy={'pilot': {'first': 'adopted', 'always': 'drop'}}",
            "Dates of policies: Pilot policy (First period = adopted, Units without a period before = left out)",
            "政策的时间：试点政策（首期 = adopted、之前没有时期的个体 = 剔除）",
        ),
        (
            "panel.policy={pilot:{dates:{A:2012,B:2013,C:2014,D:2015}}}",
            "Dates of policies: Pilot policy (First periods (A = 2012, B = 2013, C = 2014, … (4)))",
            "政策的时间：试点政策（各个体的首期（A = 2012、B = 2013、C = 2014、… (4)））",
        ),
        (
            "panel.policy.pilot=adopted",
            "Dates of policies (Pilot policy): adopted",
            "政策的时间（试点政策）：adopted",
        ),
    ],
)
def test_a_mapping_in_a_title_has_the_words_of_its_names_and_values(change: str, english: str, chinese: str) -> None:
    title = f"Effects ({change})"
    assert Labels("en").title(title, simulated=False) == f"Effects ({english})"
    assert Labels("zh").title(title, simulated=False) == f"Effects（{chinese}）"
    assert Labels().title(title, simulated=False) == title
