"""Which run of one sweep is which run of another: by what they are called, what they are, and what they choose."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from digicarbon.recorded import RecordedSweep
from digicarbon.sweep.provenance import SETTINGS
from digicarbon.tracking import Planned


@dataclass(frozen=True)
class Place:
    """A recorded choice of a sweep.

    ``label``: its own, or that of a choice that comes to the same fit. ``row``: of the sweep's table of runs.
    """

    label: str
    row: int
    run: Planned


def places(sweep: RecordedSweep, run_id: str = "") -> list[Place]:
    """Return the recorded choices of a sweep in the order of its experiment; of one run only, if an id is given."""
    rows = {key: row for row, key in enumerate(sweep.rows.index)}
    ids = sweep.rows["run_id"].to_list()
    return [
        Place(label, rows[run.hash], run)
        for run in sweep.roster.runs
        if run.hash in rows and run_id in ("", ids[rows[run.hash]])
        for label in (run.label, *run.twins)[: 1 if run_id else None]
    ]


Pairs = list[tuple[Place, Place]]


def matched(then: Sequence[Place], now: Sequence[Place]) -> tuple[Pairs, list[Place], list[Place]]:
    """Return the runs that are in both sweeps, those only in the first, and those only in the second.

    Runs of one label belong together. Of the others, those of one content hash do, and then those of the same choices,
    where a column was only renamed. If both sides have a single run, these two are compared, whatever they are.
    """
    if len(then) == len(now) == 1:
        return [(then[0], now[0])], [], []
    pairs: Pairs = []
    left, right = list(then), list(now)
    for key in (attrgetter("label"), attrgetter("run.hash"), _choices):
        known = _unique(right, key)
        own = _unique(left, key)
        pairs += [(place, known[name]) for name, place in own.items() if name in known]
        first, second = (
            ({place.label for place in side} for side in zip(*pairs, strict=True)) if pairs else (set(), set())
        )
        left = [place for place in left if place.label not in first]
        right = [place for place in right if place.label not in second]
    order = {place.label: position for position, place in enumerate(then)}
    return sorted(pairs, key=lambda pair: order[pair[0].label]), left, right


def _unique(side: Iterable[Place], key: Callable[[Place], Hashable]) -> dict[Hashable, Place]:
    """Return places by a key that no other of them has."""
    by_key: dict[Hashable, list[Place]] = {}
    for place in side:
        by_key.setdefault(key(place), []).append(place)
    return {name: found[0] for name, found in by_key.items() if len(found) == 1}


def _choices(place: Place) -> str:
    options = {group: option for group, option in place.run.options.items() if group not in SETTINGS}
    # a twin has other choices, which are not kept
    own = place.label if place.label != place.run.label else ""
    return json.dumps([options, place.run.values, own], sort_keys=True, default=str)
