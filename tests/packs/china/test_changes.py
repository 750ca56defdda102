"""Prefectures and provinces that were renamed, merged or split within the years of a table."""

from __future__ import annotations

import pytest

from digicarbon.packs.china.changes import changes


@pytest.mark.parametrize(
    ("labels", "first", "last", "said"),
    [
        (["襄樊市", "襄阳市"], 2005, 2015, ["襄樊市 is called 襄阳市 from 2010 on"]),
        (["襄阳市", "武汉市"], 2005, 2015, []),
        (["Jinan City", "Qingdao"], 2015, 2020, ["Laiwu was dissolved in 2019 and became part of Jinan City"]),
        (["济南", "莱芜"], 2019, 2022, []),
        (["巢湖", "合肥"], 2005, 2012, ["巢湖 was dissolved in 2011 and became part of 合肥"]),
        (["Sichuan", "Chongqing"], 1995, 2000, ["Chongqing was split from Sichuan in 1997"]),
        (["四川", "重庆"], 2000, 2010, []),
    ],
)
def test_changes_within_the_years_are_said(labels: list[str], first: int, last: int, said: list[str]) -> None:
    notes = changes(labels, first, last)
    assert len(notes) == len(said)
    for note, part in zip(notes, said, strict=True):
        assert part in note.text()
        assert note["source"] in note.text("zh")
