"""What has changed since a plan was locked: choices, seeds, exclusions, code, weights, and cells of data by name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digicarbon.note import Note, cut
from digicarbon.sweep.lock.data import DataSet
from digicarbon.sweep.lock.grid import Part

MOST_CELLS = 8
"""How many changed cells of a series are named."""
LONGEST = 120
"""Letters of a value in a sentence."""
AXES = ("columns", "grid", "zip")
"""Keys of an experiment whose changes mostly show in the values of other keys."""


@dataclass(frozen=True)
class Change:
    """Something that is no longer as it was locked.

    Attributes
    ----------
    kind : str
        ``choice``, ``seed``, ``exclusions``, ``estimand``, ``report``, ``runs``, ``code``, ``weights``, ``data`` or
        ``file``.
    key : str
        What changed: a dotted key, a class, a matrix, or a series.
    note : Note
        Then and now, in words.
    """

    kind: str
    key: str
    note: Note

    @property
    def identity(self) -> str:
        """A text that is equal for equal changes."""
        return json.dumps([self.kind, self.key, self.note.to_json()], ensure_ascii=False, sort_keys=True)


def changes(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    sets: Mapping[str, DataSet],
    versions: tuple[str, str],
    where: Callable[[str], str],
) -> list[Change]:
    """Return what differs between a locked plan and the plan of today.

    Parameters
    ----------
    then, now : mapping
        As `digicarbon.sweep.lock.content.content` returns them.
    sets : mapping of str to DataSet
        The data of today.
    versions : (str, str)
        Of digicarbon, then and now.
    where : callable
        Returns the place where a key is set today.
    """
    plan = [*_values(then["values"], now["values"], where), *_body(then["plan"], now["plan"], where, AXES)]
    plan += [*_seeds(then["seeds"], now["seeds"], where), *_keys("report", then["report"], now["report"], where)]
    if not plan and then["estimand"] != now["estimand"]:
        plan += _keys("estimand", then["estimand"], now["estimand"], where)
    if not plan and then["runs"]["sha256"] != now["runs"]["sha256"]:
        # the same values in other combinations
        plan += _body({key: then["plan"].get(key) for key in AXES}, {key: now["plan"].get(key) for key in AXES}, where)
        if not plan:
            numbers = {"then": then["runs"]["choices"], "now": now["runs"]["choices"]}
            plan.append(Change("runs", "runs", Note("lock_runs", **numbers)))
    code = _code(then["code"], now["code"], versions)
    return [*plan, *code, *_weights(then["weights"], now["weights"]), *_data(then["data"], now["data"], sets)]


# ---- the plan


def _values(then: Mapping[str, Any], now: Mapping[str, Any], where: Callable[[str], str]) -> Iterator[Change]:
    """Yield changed options and fields; where a group has another option, its fields are not named beside it."""
    others = {key for key in {*then, *now} if "." not in key and then.get(key) != now.get(key)}
    for key in sorted({*then, *now}):
        group, _, field = key.partition(".")
        before, after = then.get(key), now.get(key)
        if before == after or (field and group in others and (before is None or after is None)):
            continue
        if field == "_target_" and group in others:
            continue
        yield _choice(key, before, after, where)


def _choice(key: str, before: Any, after: Any, where: Callable[[str], str]) -> Change:
    texts = {"then": _several(before), "now": _several(after), "place": where(key)}
    return Change("choice", key, Note("lock_choice", key=key, **texts))


def _body(
    then: Mapping[str, Any], now: Mapping[str, Any], where: Callable[[str], str], without: Sequence[str] = ()
) -> Iterator[Change]:
    for key in sorted({*then, *now} - set(without)):
        before, after = _without_seed(then.get(key)), _without_seed(now.get(key))
        if before == after:
            continue
        if key == "exclude":
            yield Change("exclusions", key, Note("lock_exclude", then=_one(before), now=_one(after), place=where(key)))
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _keys(key, before, after, where)
        else:
            yield _single("choice", key, before, after, where)


def _keys(kind: str, then: Mapping[str, Any], now: Mapping[str, Any], where: Callable[[str], str]) -> Iterator[Change]:
    """Yield changed keys of a mapping."""
    for name in sorted({*then, *now}):
        if name != "seed" and then.get(name) != now.get(name):
            key = f"{kind}.{name}"
            own = kind if kind in ("report", "estimand") else "choice"
            yield _single(own, key, then.get(name), now.get(name), where)


def _single(kind: str, key: str, before: Any, after: Any, where: Callable[[str], str]) -> Change:
    place = where("report") if kind in ("report", "estimand") and key.endswith(".option") else where(key)
    return Change(kind, key, Note("lock_choice", key=key, then=_one(before), now=_one(after), place=place))


def _without_seed(value: Any) -> Any:
    return {key: item for key, item in value.items() if key != "seed"} if isinstance(value, Mapping) else value


def _seeds(then: Mapping[str, Any], now: Mapping[str, Any], where: Callable[[str], str]) -> Iterator[Change]:
    for key in sorted({*then, *now}):
        before, after = (side.get(key, {}).get("values", []) for side in (then, now))
        # a seed that nothing draws from any more is no change of a seed: the choice is named
        if before != after and before and after:
            texts = {"then": _several(before), "now": _several(after), "place": where(key)}
            yield Change("seed", key, Note("lock_seed", key=key, **texts))


def _code(then: Mapping[str, str], now: Mapping[str, str], versions: tuple[str, str]) -> Iterator[Change]:
    for name in sorted(then.keys() & now.keys()):
        if then[name] != now[name]:
            yield Change("code", name, Note("lock_code", name=name, then=versions[0], now=versions[1]))


# ---- weights and data


def _weights(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Yield changed matrices; those that a changed choice brings or takes away are named there."""
    for name in sorted(then.keys() & now.keys()):
        before, after = then[name], now[name]
        if before["digest"] == after["digest"]:
            continue
        rows = zip(before["units"], before["rows"].split(" "), strict=True)
        today = dict(zip(after["units"], after["rows"].split(" "), strict=True))
        units = [unit for unit, row in rows if today.get(unit) != row]
        yield Change("weights", name, Note("lock_weights", name=name, units=cut(units, MOST_CELLS)))


def _data(then: Mapping[str, Any], now: Mapping[str, Any], sets: Mapping[str, DataSet]) -> Iterator[Change]:
    for name in sorted(then.keys() & now.keys()):
        before, after, own = then[name], now[name], sets[name]
        before_series: set[str] = set()
        for grid, locked in before["grids"].items():
            before_series |= locked["series"].keys()
            if grid in own.grids:
                yield from _grid(name, locked, own.grids[grid].within(locked["units"], locked["periods"]), after, grid)
            else:
                yield Change("data", grid, Note("lock_series_gone", source=name, series=cut(sorted(locked["series"]))))
        for file in sorted(before["files"].keys() & after["files"].keys()):
            hashes = [side["files"][file].get("sha256", "") for side in (before, after)]
            if all(hashes) and hashes[0] != hashes[1]:
                yield Change("file", file, Note("lock_file", file=file.replace("\\", "/").rpartition("/")[2]))


def _grid(source: str, locked: Mapping[str, Any], part: Part, after: Mapping[str, Any], grid: str) -> Iterator[Change]:
    """Yield changes of series: units and periods that went or came, and cells with other values."""
    whole = part.grid.whole
    for side in ("units", "periods"):
        before, today = locked[side], getattr(whole, side)
        gone, came = [one for one in before if one not in set(today)], [one for one in today if one not in set(before)]
        if gone or came:
            facts = {"source": source, "gone": _list(gone), "came": _list(came)}
            other = Note("lock_units" if side == "units" else "lock_periods", **facts)
            yield Change("data", f"{source} {grid} {side}", other)
    for name, own in locked["series"].items():
        if name not in part.grid.series:
            yield Change("data", name, Note("lock_series_gone", source=source, series=(name,)))
            continue
        if len(part.units) and len(part.periods) and (note := _cells(name, own, locked, part)) is not None:
            yield Change("data", name, note)


def _cells(name: str, own: Mapping[str, str], locked: Mapping[str, Any], part: Part) -> Note | None:
    """Return which cells of a series have another value; None if none has."""
    all_units, all_periods = len(part.units) == len(locked["units"]), len(part.periods) == len(locked["periods"])
    today = part.print(name)
    if all_units and all_periods and today["sha256"] == own["sha256"]:
        return None
    # the hash of a unit covers all locked periods, that of a period all locked units
    units = _differing(locked["units"], own["units"], part.units, today["units"]) if all_periods else None
    periods = _differing(locked["periods"], own["periods"], part.periods, today["periods"]) if all_units else None
    if units is None and periods is None:
        return Note("lock_series_unknown", series=name)
    if units is None or periods is None:
        labels = [*(units or ()), *(periods or ())]
        return Note("lock_series_labels", series=name, labels=cut(labels, MOST_CELLS)) if labels else None
    pairs = zip(own["cells"].split(" "), today["cells"].split(" "), strict=True)
    groups = {place for place, (before, after) in enumerate(pairs) if before != after}
    cells = [(unit, period) for unit in units for period in periods if groups.issuperset(part.buckets_of(unit, period))]
    # a cell that alone explains why the hash of its unit, period or bucket is another one has changed for sure
    keys = [(unit, period, *map(str, part.buckets_of(unit, period))) for unit, period in cells]
    alone = [Counter(own) for own in zip(*keys, strict=True)]
    sure = sum(any(alone[side][one] == 1 for side, one in enumerate(key)) for key in keys)
    first = sum(group < part.many for group in groups)
    least = max(len(units), len(periods), first, len(groups) - first, sure)
    if len(cells) == least:
        shown = cut([Note("lock_cell_name", unit=unit, period=period) for unit, period in cells], MOST_CELLS)
        return Note("lock_cells", series=name, cells=shown, number=len(cells))
    facts = {"units": cut(units, MOST_CELLS), "periods": cut(periods, MOST_CELLS)}
    return Note("lock_cells_among", series=name, least=least, most=len(cells), **facts)


def _differing(labels: Sequence[str], hashes: str, own: Sequence[str], today: str) -> list[str]:
    after = dict(zip(own, today.split(" "), strict=True))
    return [one for one, before in zip(labels, hashes.split(" "), strict=True) if one in after and after[one] != before]


def _list(items: Sequence[str]) -> Any:
    return cut(items, MOST_CELLS) if items else (Note("lock_none_of_them"),)


def _several(values: Any) -> str | Note:
    """Return the values of a key as a sentence shows them."""
    if values is None:
        return Note("lock_nothing")
    return _short(", ".join(_text(value) for value in values))


def _one(value: Any) -> str | Note:
    return Note("lock_nothing") if value is None else _short(_text(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
