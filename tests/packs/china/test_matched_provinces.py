"""Provinces in a file of weights are those of the data, in whatever language or code either has them."""

from __future__ import annotations

from digicarbon.weights.spelling import as_spelt


def test_provinces_are_matched_across_languages_and_codes() -> None:
    units = ["北京", "Shanghai", "Inner Mongolia", "广西壮族自治区"]
    labels = ["BEIJING", "310000", "内蒙古自治区", "Guangxi"]
    spelt, (note,) = as_spelt(labels, units, "w.csv")
    assert spelt == dict(zip(labels, units, strict=True))
    assert note.code == "weights_names_matched"
