"""Plans of dynamic spatial panels."""

from __future__ import annotations

from pathlib import Path

from planning import experiment, planned


def test_errors_that_a_model_does_not_have_are_said_and_not_in_the_title(folder: Path) -> None:
    name = experiment("title: T\ngrid: {model: [dynamic_sdm, sdm]}")
    sentence = "model=dynamic_sdm does not read inference.cov=cluster: its standard errors are model.cov=classic."
    both = planned(name, "inference=cluster")
    assert (list(map(str, both.remarks)), both.title) == ([sentence], "T (inference=cluster)")
    alone = planned(name, "inference=cluster", "grid.model=[dynamic_sdm]")
    assert (list(map(str, alone.remarks)), alone.title) == ([sentence], "T (grid.model=[dynamic_sdm])")
    # the bootstrap is in it
    assert planned(name, "inference=wild", "grid.model=[dynamic_sdm]").title.startswith("T (inference=wild")
    assert planned(name).remarks == []
