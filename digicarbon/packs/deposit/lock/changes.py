"""What has changed since a plan was locked: choices, seeds, exclusions, code, weights, and cells of data by name."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from digicarbon.config.assemble import dotted
from digicarbon.config.compose import Composer
from digicarbon.config.files import find, folders, shown
from digicarbon.errors import COMMAND_LINE
from digicarbon.note import Note, cut
from digicarbon.packs.deposit.lock.content import is_seed
from digicarbon.packs.deposit.lock.data import GIVEN, DataSet
from digicarbon.packs.deposit.lock.grid import Part
from digicarbon.plan.choice import said

MOST_CELLS = 8
"""How many changed cells of a series are named."""
LONGEST = 120
"""Letters of a value in a sentence."""
AXES = ("columns", "grid", "zip")
"""Keys of an experiment that make the choices."""
TARGET = "_target_"
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")

Where = Callable[[str], str | Note]
"""Returns where a dotted key is set, as a sentence says it."""
Named = tuple[Sequence[str], "Change"]
"""A change, and the keys that it is about."""


@dataclass(frozen=True)
class Change:
    """Something that is no longer as it was locked.

    ``kind``: ``choice``, ``seed``, ``exclusions``, ``estimand``, ``report``, ``runs``, ``code``, ``weights``, ``data``
    or ``file``. ``key``: what changed: a dotted key, a class, a matrix, or a series. ``note``: then and now, in words.
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
    composer: Composer,
) -> list[Change]:
    """Return what differs between a locked plan and the plan of today.

    ``then``, ``now``: as `digicarbon.packs.deposit.lock.content.content` returns them. ``sets``: the data of today.
    ``versions``: of digicarbon, then and now. ``composer``: of the plan of today; it knows where keys are set.
    """
    where = _where(composer)
    body = list(_body(then["plan"], now["plan"], where, AXES))
    plan = [*_choices(then, now, versions, composer, {one.key for one in body}), *body]
    plan += [*_seeds(then["seeds"], now["seeds"]), *_report(then["report"], now["report"], where)]
    if not plan and then["estimand"] != now["estimand"]:
        plan += _keys("estimand", then["estimand"], now["estimand"], where)
    if not plan and then["runs"]["sha256"] != now["runs"]["sha256"]:
        numbers = {"then": then["runs"]["choices"], "now": now["runs"]["choices"]}
        plan.append(Change("runs", "runs", Note("lock_runs", **numbers)))
    code = _code(then["code"], now["code"], versions)
    return [*plan, *code, *_weights(then["weights"], now["weights"]), *_data(then["data"], now["data"], sets)]


# ---- the plan


def _choices(
    then: Mapping[str, Any], now: Mapping[str, Any], versions: tuple[str, str], composer: Composer, body: Set[str]
) -> Iterator[Change]:
    """Yield changed choices, each where it is made: columns, grid and zip, then options and fields of their files.

    What follows from one that is named, e.g. the fields of another option, is not named again.
    """
    named: set[str] = set()
    where = _where(composer)
    # without kinds the order of columns and values does not matter; with kinds the first value is the main one
    if then["runs"]["sha256"] != now["runs"]["sha256"] or then["plan"].get("kinds") or now["plan"].get("kinds"):
        for own in (
            _columns(then["plan"], now["plan"], where),
            _axes(then["plan"], now["plan"], where),
            _swept(then, now, where),
            _defaults(then["options"], now["options"], composer),
        ):
            for keys, change in own:
                named.update(keys)
                yield change
    for keys, change in _fields(then, now, versions, composer):
        named.update(keys)
        yield change
    if then["plan"].get("draw") != now["plan"].get("draw") or "exclude" in body:
        return
    # whatever else takes part in a choice, e.g. a new option that a glob takes in; options come before their fields
    for key in sorted({*then["values"], *now["values"]}, key=lambda key: ("." in key, key)):
        before, after = then["values"].get(key), now["values"].get(key)
        if before != after and not any(_within(key, one) or _within(one, key) for one in named):
            named.add(key)
            yield _choice(key, _several(before), _several(after), where(key))


def _within(key: str, other: str) -> bool:
    return key == other or key.startswith(f"{other}.")


def _columns(then: Mapping[str, Any], now: Mapping[str, Any], where: Where) -> Iterator[Named]:
    """Yield keys with changes of columns."""
    before, after = then.get("columns") or {}, now.get("columns") or {}
    for label in dict.fromkeys([*before, *after]):
        # a column may be written nested
        own, today = (dict(dotted(side.get(label) or {})) for side in (before, after))
        whole = f"columns.{label}"
        if label in before and label in after:
            for key in sorted({*own, *today}):
                if not is_seed(key) and own.get(key) != today.get(key):
                    inner = f"{whole}.{key}"
                    yield (key,), _choice(inner, _at(own, key), _at(today, key), where(inner), shown=f"{whole}: {key}")
        else:
            yield (*own, *today), _choice(whole, _one(before.get(label)), _one(after.get(label)), where(whole))


def _axes(then: Mapping[str, Any], now: Mapping[str, Any], where: Where) -> Iterator[Named]:
    """Yield keys with changes of grid and zip."""
    for name in ("grid", "zip"):
        before, after = then.get(name) or {}, now.get(name) or {}
        for key in dict.fromkeys([*before, *after]):
            if not is_seed(key) and before.get(key) != after.get(key):
                whole = f"{name}.{key}"
                yield (key,), _choice(whole, _listed(before.get(key)), _listed(after.get(key)), where(whole))


def _swept(then: Mapping[str, Any], now: Mapping[str, Any], where: Where) -> Iterator[Named]:
    """Yield keys with changes of what the command line gives several values."""
    for key in sorted({*then["swept"], *now["swept"]}):
        before, after = (side["swept"].get(key, side["values"].get(key)) for side in (then, now))
        if not is_seed(key) and before != after:
            place = _placed(COMMAND_LINE) if key in now["swept"] else where(key)
            yield (key,), _choice(key, _several(before), _several(after), place)


def _defaults(then: Mapping[str, Any], now: Mapping[str, Any], composer: Composer) -> Iterator[Named]:
    """Yield groups with changes of the option that is used where columns and grid choose none."""
    for group in sorted(then.keys() & now.keys()):
        before, after = then[group]["default"], now[group]["default"]
        if before and after and before != after:
            yield (group,), _choice(group, before, after, composer.chooser(group))


def _fields(
    then: Mapping[str, Any], now: Mapping[str, Any], versions: tuple[str, str], composer: Composer
) -> Iterator[Named]:
    """Yield keys with changes of fields of options that are used then and now, each once for all options."""
    found: dict[tuple[str, str | Note, str | Note], list[str]] = {}
    options_then, options_now = then["options"], now["options"]
    for group in sorted(options_then.keys() & options_now.keys()):
        for option in sorted(options_then[group]["fields"].keys() & options_now[group]["fields"].keys()):
            before, after = options_then[group]["fields"][option], options_now[group]["fields"][option]
            target = f"{group}.{TARGET}"
            other_class = before.get(target) != after.get(target)
            for key in sorted({*before, *after}):
                own, today = _at(before, key), _at(after, key)
                # another class has other fields
                if own != today and not (other_class and not (key in before and key in after)):
                    found.setdefault((key, own, today), []).append(option)
    for (key, own, today), options in found.items():
        group = key.partition(".")[0]
        places = tuple(dict.fromkeys(composer.where(key, {group: option}) for option in options))
        place = _placed(places[0]) if len(places) == 1 else ", ".join(places)
        pair = _valued(own, today, then["values"], now["values"])
        if versions[0] != versions[1] and all(_is_shipped(composer, group, option, key) for option in options):
            facts = {
                "option": cut([f"{group}={one}" for one in options]),
                "before": versions[0],
                "version": versions[1],
            }
            yield (key,), Change("choice", key, Note("lock_shipped", key=key, **_both(*pair), **facts))
        else:
            yield (key,), _choice(key, *pair, place)


def _is_shipped(composer: Composer, group: str, option: str, key: str) -> bool:
    """Return whether a field is set by the file of an option that comes with digicarbon."""
    path = find(f"{group}/{option}")
    own = path is not None and path.is_relative_to(folders()[-1])
    return own and path is not None and composer.where(key, {group: option}) == shown(path)


def _body(
    then: Mapping[str, Any], now: Mapping[str, Any], where: Where, without: Sequence[str] = ()
) -> Iterator[Change]:
    for key in sorted({*then, *now} - set(without)):
        before, after = _without_seed(then.get(key)), _without_seed(now.get(key))
        if before == after:
            continue
        if key != "exclude" and isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _keys(key, before, after, where)
        else:
            yield _single("exclusions" if key == "exclude" else "choice", key, before, after, where)


def _keys(kind: str, then: Mapping[str, Any], now: Mapping[str, Any], where: Where) -> Iterator[Change]:
    """Yield changed keys of a mapping."""
    for name in sorted({*then, *now}):
        if name != "seed" and then.get(name) != now.get(name):
            key = f"{kind}.{name}"
            own = kind if kind in ("report", "estimand") else "choice"
            yield _single(own, key, then.get(name), now.get(name), where)


def _report(then: Mapping[str, Any], now: Mapping[str, Any], where: Where) -> Iterator[Change]:
    """Yield changes of the report: another option is one change, whatever fields it has."""
    if then["option"] != now["option"]:
        then, now = ({"option": side["option"]} for side in (then, now))
    yield from _keys("report", then, now, where)


def _single(kind: str, key: str, before: Any, after: Any, where: Where) -> Change:
    place = where("report") if kind in ("report", "estimand") and key.endswith(".option") else where(key)
    return _choice(key, _one(before), _one(after), place, kind)


def _choice(
    key: str, then: str | Note, now: str | Note, place: str | Note, kind: str = "choice", shown: str = ""
) -> Change:
    """Return the change of a value; ``shown`` is what the sentence calls a key of a column."""
    return Change(kind, key, Note("lock_choice", key=shown or key, **_both(then, now), place=place))


def _where(composer: Composer) -> Where:
    return lambda key: _placed(composer.where(key))


def _placed(place: str) -> str | Note:
    """Return a place as a sentence says it."""
    return Note("on_the_command_line") if place == COMMAND_LINE else place


def _without_seed(value: Any) -> Any:
    return {key: item for key, item in value.items() if key != "seed"} if isinstance(value, Mapping) else value


def _seeds(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted({*then, *now}):
        before, after = (side.get(key, {}).get("values", []) for side in (then, now))
        # a seed that nothing draws from any more is no change of a seed: the choice is named
        if before != after and before and after:
            texts = {**_both(_several(before), _several(after)), "place": _placed(now[key]["place"])}
            yield Change("seed", key, Note("lock_seed", key=key, **texts))


def _code(
    then: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]], versions: tuple[str, str]
) -> Iterator[Change]:
    for name in sorted(then.keys() & now.keys()):
        if then[name]["sha256"] != now[name]["sha256"]:
            file = now[name]["file"]
            shipped = Note("lock_code", name=name, then=versions[0], now=versions[1])
            yield Change("code", name, Note("lock_own_code", name=name, file=file) if file else shipped)


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
        # whether values are given is asked of the same units and periods as the values
        if (gone or came) and not (grid == GIVEN and len(after["grids"]) > 1):
            facts = {"source": source, "gone": _list(gone), "came": _list(came)}
            other = Note("lock_units" if side == "units" else "lock_periods", **facts)
            yield Change("data", f"{source} {grid} {side}", other)
    for name, own in locked["series"].items():
        if name not in part.grid.series:
            yield Change("data", name, Note("lock_series_gone", source=source, series=(name,)))
            continue
        if len(part.units) and len(part.periods) and (note := _cells(name, own, locked, part)) is not None:
            yield Change("data", name, Note("lock_gaps", series=name, change=note) if grid == GIVEN else note)


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
    return ", ".join(_text(value) for value in values)


def _listed(values: Any) -> str | Note:
    """Return the values of a grid, which may also be a rule that makes them."""
    return _several(values) if isinstance(values, list) else _one(values)


def _at(values: Mapping[str, Any], key: str) -> str | Note:
    """Return the value of a key, which may be null or not there."""
    return _text(values[key]) if key in values else Note("lock_nothing")


def _one(value: Any) -> str | Note:
    return Note("lock_nothing") if value is None else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _valued(
    then: str | Note, now: str | Note, before: Mapping[str, Sequence[Any]], after: Mapping[str, Sequence[Any]]
) -> tuple[str | Note, str | Note]:
    """Return two values, references as what they refer to where that is one value; equal ones stay references."""
    own, today = (_referred(text, values) for text, values in ((then, before), (now, after)))
    return (then, now) if own == today else (own, today)


def _referred(text: str | Note, values: Mapping[str, Sequence[Any]]) -> str | Note:
    seen: set[str] = set()
    while isinstance(text, str) and text not in seen and (match := _REFERENCE.fullmatch(text)):
        seen.add(text)
        known = values.get(match[1], ())
        if len(known) == 1:
            text = _text(known[0])
    return text


def _both(then: str | Note, now: str | Note) -> dict[str, str | Note]:
    """Return two values as a sentence shows them: references by their keys, as labels do, long ones cut.

    Long ones begin a little before the first letter that differs. A reference that became the word of its key stays.
    """
    start = 0
    if isinstance(then, str) and isinstance(now, str) and said(then) != said(now):
        then, now = said(then), said(now)
    if isinstance(then, str) and isinstance(now, str) and max(len(then), len(now)) > LONGEST:
        same = next((place for place, (one, other) in enumerate(zip(then, now, strict=False)) if one != other), 0)
        start = max(same - LONGEST // 4, 0)
    return {"then": _short(then, start), "now": _short(now, start)}


def _short(text: str | Note, start: int) -> str | Note:
    if isinstance(text, Note):
        return text
    left = text[start:]
    return ("…" if start else "") + (left if len(left) <= LONGEST else f"{left[:LONGEST]}…")
