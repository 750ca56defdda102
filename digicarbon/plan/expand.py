"""From an experiment's columns, grid and zip and the command line to the points of a sweep."""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Transformer, ValueType
from hydra.errors import HydraException

from digicarbon.config.compose import Composer, column_taken_away, options
from digicarbon.config.explain import unreadable
from digicarbon.config.files import GROUPS, SETTINGS
from digicarbon.config.flat import FIRST, words
from digicarbon.config.former import current
from digicarbon.errors import COMMAND_LINE, ConfigError, first_line
from digicarbon.note import Note, cut, suggestion
from digicarbon.plan.choice import Axis, Block, Choice, unique_texts
from digicarbon.plan.exclude import remaining

MOST_CHOICES = 1_000_000
"""The largest number of choices that fit into the memory of an ordinary machine."""
_MOST_SUBSETS = 16
"""The largest number of items in ``subsets``, which gives 65,536 lists."""


class Expanded(NamedTuple):
    """The points of a sweep.

    ``choices``: the choices to run. ``excluded``: the number of combinations that ``exclude`` drops. ``left``: the
    number of combinations that remain; larger than the number of choices if some are drawn.
    """

    choices: list[Choice]
    excluded: int
    left: int


def read_overrides(overrides: Sequence[str], config_loader: ConfigLoader) -> tuple[list[str], list[Axis]]:
    """Split a command line into plain overrides and sweep axes.

    ``overrides``: in Hydra's grammar, or of `digicarbon.config.compose.column_taken_away`. ``config_loader``: provides
    the options for ``glob``. Raises ConfigError if an override cannot be read or a sweep has no values.
    """
    overrides = [current(override) for override in overrides]
    plain = [override for override in overrides if column_taken_away(override)]
    axes: list[Axis] = []
    for override in _parse([one for one in overrides if one not in plain], config_loader, COMMAND_LINE):
        if override.is_sweep_override():
            axes.append(_swept(override, config_loader, COMMAND_LINE))
        else:
            plain.append(str(override.input_line))
    return plain, axes


def laid_over(plain: Sequence[str], axes: Sequence[Axis]) -> dict[str, str]:
    """Return plain overrides as sweeps of one value, so that they change each swept option, as in a grid.

    The key of each is its override, e.g. ``measure.column=e`` if ``measure`` is swept. Other overrides are left out.
    """
    swept = {axis.key for axis in axes if axis.key in GROUPS}
    sweeps = {}
    for override in plain:
        key, _, value = override.removeprefix("++").partition("=")
        if "." in key and key.split(".")[0] in swept:
            sweeps[override] = f"{key}=choice({value})"
    return sweeps


def expand(composer: Composer, command_axes: Sequence[Axis]) -> Expanded:
    """Expand columns, grid and command line to choices.

    Precedence: body, command line, columns, grid. A command-line key that a column sets is refused; one that the grid
    sets replaces the grid's axis.

    Raises ConfigError if a key, an option or a shape is wrong; the message names the place.
    """
    body = composer.sweep_keys()
    columns = _columns(composer, body["columns"])
    keys = composer.given | {axis.key for axis in command_axes}
    _refuse_overridden(columns, keys, composer)
    grid = [axis for axis in _grid(composer, body["grid"]) if axis.key not in keys]
    zipped = [axis for axis in _zip(composer, body["zip"]) if axis.key not in keys]
    _refuse_twice([*grid, *zipped])
    axes = [*grid, *command_axes]
    for axis in (*axes, *zipped):
        for value in axis.values:
            _check(axis.key, value, axis.place, composer)
    blocks = _blocks(columns, zipped, axes, composer)
    composer.compose_options(_options(columns, [*zipped, *axes]))
    rows = len(zipped[0].values) if zipped else 1
    sizes = (len(blocks), rows, *(len(axis.values) for axis in axes))
    rest = remaining(blocks, sizes, _rules(composer, body["exclude"]), composer)
    points: Iterable[tuple[int, ...]] = rest
    draw = _draw_size(body["draw"], composer)
    if draw is not None and draw[0] < rest.count:
        if rest.count > sys.maxsize:
            raise ConfigError(Note("grid_not_numbered"), f"{composer.where('draw')}, draw")
        drawn = random.Random(draw[1]).sample(range(rest.count), draw[0])
        points = (rest.point(index) for index in sorted(drawn))
    elif rest.count > MOST_CHOICES:
        number = _shown(rest.count)
        raise ConfigError(
            Note("grid_too_large", number=number, most=MOST_CHOICES, example="draw: {n: 1000, seed: 1}"),
            f"{composer.where('grid')}, grid",
        )
    return Expanded([Choice(blocks[point[0]], point) for point in points], rest.dropped_count, rest.count)


def _shown(number: int) -> Note | int:
    """Return a number, or its power of ten where it is so large that nobody counts its digits."""
    return Note("power_of_ten", power=len(str(number)) - 1) if number >= 10**15 else number


def _blocks(
    columns: Mapping[str, Mapping[str, Any]], zipped: Sequence[Axis], axes: Sequence[Axis], composer: Composer
) -> tuple[Block, ...]:
    all_axes = (*((axis, 1) for axis in zipped), *((axis, position) for position, axis in enumerate(axes, start=2)))
    texts = (*unique_texts(*(axis.values for axis in zipped)), *(unique_texts(axis.values)[0] for axis in axes))
    glob_keys = frozenset(axis.key for axis in axes if axis.glob)
    places = {axis.key: axis.place for axis, _ in all_axes}
    return tuple(
        Block(
            column=label or None,
            fixed=fixed,
            axes=all_axes,
            texts=texts,
            places={**dict.fromkeys(fixed, _column_place(composer, label)), **places},
            globbed=glob_keys,
        )
        for label, fixed in (columns or {"": {}}).items()
    )


def _options(columns: Mapping[str, Mapping[str, Any]], axes: Sequence[Axis]) -> dict[str, list[str]]:
    """Return the options that the sweep chooses, by group."""
    chosen = [item for column in columns.values() for item in column.items()]
    chosen += [(axis.key, value) for axis in axes if axis.key in GROUPS for value in axis.values]
    return {group: [value for key, value in chosen if key == group] for group in GROUPS}


def _parse(overrides: Sequence[str], config_loader: ConfigLoader, place: str) -> list[Override]:
    try:
        return OverridesParser.create(config_loader).parse_overrides(overrides=list(overrides))
    except HydraException as error:
        wrong = getattr(error, "override", None) or ", ".join(overrides)
        raise unreadable(str(wrong), first_line(error), place) from error


def _swept(override: Override, config_loader: ConfigLoader, place: str) -> Axis:
    key, line = override.key_or_group, override.input_line
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
        if key not in GROUPS:
            raise ConfigError(Note("glob_of_no_group", override=line, key=key), place)
        names = [name for name in override.sweep_string_iterator() if name != "none"]
        if not names:
            known = options(config_loader, key)
            raise ConfigError(Note("glob_of_nothing", override=line, options=cut(known, 40)), place)
        return Axis(key, tuple(names), place, glob=True)
    if not override.is_discrete_sweep():
        raise ConfigError(Note("no_sweep", override=line), place)
    if override.value_type == ValueType.RANGE_SWEEP:
        _refuse_long(override, place)
        # numbers are not parsed from text: that takes half a minute for 100,000 of them
        return Axis(key, tuple(override.sweep_iterator(Transformer.identity)), place)
    items = _parse([f"{key}={text}" for text in override.sweep_string_iterator()], config_loader, place)
    return Axis(key, tuple(item.value() for item in items), place)


def _refuse_long(override: Override, place: str) -> None:
    """Refuse a range that never ends, or has more values than a sweep can have choices, before any is made."""
    numbers: Any = override.value()
    start, stop, step = numbers.start, numbers.stop, numbers.step
    if not step:
        raise ConfigError(Note("range_without_step", override=override.input_line), place)
    number = (stop - start) / step
    if not number <= MOST_CHOICES:
        # nan and inf are no lengths
        shown = _shown(math.ceil(number)) if math.isfinite(number) else Note("range_endless")
        raise ConfigError(Note("range_too_long", override=override.input_line, number=shown, most=MOST_CHOICES), place)


def _columns(composer: Composer, columns: Any) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for label, values in (columns or {}).items():
        if values is None and composer.inherits_column(str(label)):
            continue
        place = _column_place(composer, str(label))
        if values is not None and not isinstance(values, dict):
            raise ConfigError(Note("column_no_mapping", example="{model: fe}", given=repr(values)), place)
        out[str(label)] = flat(values or {})
        for key, value in out[str(label)].items():
            _check(key, value, place, composer)
    return out


def _column_place(composer: Composer, label: str) -> str:
    return f"{composer.where(f'columns.{label}')}, columns.{label}"


def _grid(composer: Composer, grid: Any) -> list[Axis]:
    axes = []
    for key, values in flat(grid or {}).items():
        place = f"{composer.where(f'grid.{key}')}, grid.{key}"
        if values == "subset":
            raise ConfigError(Note("grid_no_list", example="subsets", given=repr(values)), place)
        if values == "subsets":
            values = {"subsets": _listed(composer, key, place)}
        if isinstance(values, str):
            axes.append(_grammar(key, values, composer, place))
        elif isinstance(values, dict) and "subsets" in values:
            axes.append(Axis(key, tuple(_subsets(values, place)), place))
        elif isinstance(values, list) and values:
            axes.append(Axis(key, tuple(values), place))
        else:
            raise ConfigError(Note("grid_no_list", example="{subsets: […]}", given=repr(values)), place)
    return axes


def _listed(composer: Composer, key: str, place: str) -> list[Any]:
    """Return the list that the experiment itself has for a key of its grid, e.g. its controls."""
    group, _, field = key.partition(".")
    value = composer.node(group).get(field) if group in GROUPS else None
    if not isinstance(value, list) or not value:
        raise ConfigError(
            Note("subsets_of_nothing", key=key, given=repr(value), example="{subsets: [ln_pgdp, urban]}"), place
        )
    return value


def _subsets(node: Mapping[Any, Any], place: str) -> Iterator[list[Any]]:
    """Yield every subset of a list, smaller ones first, each after the items that are always included."""
    items, always = node["subsets"], node.get("always") or []
    if set(node) - {"subsets", "always"} or not isinstance(items, list) or not isinstance(always, list):
        example = "{subsets: [ln_population, ln_ter_sec], always: [ln_pgdp]}"
        raise ConfigError(Note("wrong_subsets", example=example, given=repr(dict(node))), place)
    texts = list(map(str, [*always, *items]))
    if repeated := [text for text in dict.fromkeys(texts) if texts.count(text) > 1]:
        raise ConfigError(Note("subset_item_twice", items=cut(repeated)), place)
    if not 1 <= len(items) <= _MOST_SUBSETS:
        raise ConfigError(Note("subsets_number", most=_MOST_SUBSETS, items=len(items)), f"{place}.subsets")
    for size in range(len(items) + 1):
        yield from ([*always, *subset] for subset in itertools.combinations(items, size))


def _grammar(key: str, text: str, composer: Composer, place: str) -> Axis:
    """Read Hydra's sweep grammar in YAML: ``glob(*)``, ``range(1,4)``, ``a,b``."""
    override = _parse([f"{key}={text}"], composer.loader, place)[0]
    return _swept(override, composer.loader, place) if override.is_sweep_override() else Axis(key, (text,), place)


def _zip(composer: Composer, zipped: Any) -> list[Axis]:
    place = f"{composer.where('zip')}, zip"
    axes = []
    for key, values in flat(zipped or {}).items():
        if not isinstance(values, list) or not values:
            raise ConfigError(Note("zip_no_list", given=repr(values)), f"{place}.{key}")
        axes.append(Axis(key, tuple(values), f"{place}.{key}"))
    lengths = {axis.key: len(axis.values) for axis in axes}
    if len(set(lengths.values())) > 1:
        shown = cut(Note("list_has_length", name=key, length=length) for key, length in lengths.items())
        raise ConfigError(Note("zip_of_unequal", lists=shown), place)
    return axes


def _rules(composer: Composer, exclude: Any) -> list[dict[str, Any]]:
    place = f"{composer.where('exclude')}, exclude"
    rules = []
    for rule in exclude or []:
        if not isinstance(rule, dict) or not rule:
            example = "[{model: sdm, sample: northeast}]"
            raise ConfigError(Note("exclude_no_mappings", example=example, given=repr(rule)), place)
        for single in _each(flat(rule)):
            rules.append(single)
            for key, value in single.items():
                _check(key, value, place, composer)
    return rules


def _each(rule: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a rule for each combination of options: a list under a config group names several options."""
    choices = [value if key in GROUPS and isinstance(value, list) and value else [value] for key, value in rule.items()]
    yield from (dict(zip(rule, values, strict=True)) for values in itertools.product(*choices))


def _draw_size(draw: Any, composer: Composer) -> tuple[int, int] | None:
    """Return the number of runs to draw and the seed; None if all runs are taken."""
    if not draw:
        return None
    settings = {"n": 0, "seed": 0, **draw}
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in settings.values())
    if set(settings) != {"n", "seed"} or not whole or settings["n"] < 1:
        note = Note("wrong_draw", example="{n: 500, seed: 1}", given=repr(draw))
        raise ConfigError(note, f"{composer.where('draw')}, draw")
    return settings["n"], settings["seed"]


def _refuse_overridden(columns: Mapping[str, Mapping[str, Any]], keys: frozenset[str], composer: Composer) -> None:
    for label, values in columns.items():
        for key in values:
            if key in keys:
                raise ConfigError(Note("set_by_column", key=key, place=_column_place(composer, label)), COMMAND_LINE)


def _refuse_twice(axes: Sequence[Axis]) -> None:
    for axis, other in itertools.combinations(axes, 2):
        if axis.key == other.key:
            raise ConfigError(Note("swept_twice", other=other.place), axis.place)


def _check(key: str, value: Any, place: str, composer: Composer) -> None:
    """Refuse a key or an option that does not exist, or that cannot differ between runs."""
    group = key.split(".")[0]
    if group not in GROUPS:
        hint = suggestion(key, [*FIRST, *GROUPS, *words()], ours=True)
        raise ConfigError(Note("no_key_of_group", key=key, hint=hint, groups=cut(GROUPS, 20)), place)
    if group in SETTINGS:
        raise ConfigError(Note("one_for_sweep", key=key), place)
    if key != group:
        return
    if not isinstance(value, str):
        raise ConfigError(Note("swept_no_name", key=key, given=repr(value)), place)
    composer.require_option(group, value, place)


def flat(values: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested keys as dotted keys; ``+grid.model.x=…`` on the command line creates nested keys."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name in GROUPS:
            out |= flat(value, f"{name}.")
        else:
            out[name] = value
    return out
