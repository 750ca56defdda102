"""From an experiment's columns, grid and zip and the command line to the points of a sweep."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import HydraException

from digicarbon.compose import Composer, first_line, options
from digicarbon.errors import ConfigError, listing, nearest
from digicarbon.explain import QUOTE
from digicarbon.files import GROUPS

COMMAND_LINE = "command line"
_SETTINGS = ("report", "executor", "tracking")


@dataclass(frozen=True)
class Axis:
    """One varied key and its values.

    Attributes
    ----------
    key : str
        A config group, or a dotted key.
    values : tuple
    place : str
        Where it is written, for messages.
    glob : bool
        Whether the values were found by ``glob(…)``, which takes whatever can run.
    """

    key: str
    values: tuple[Any, ...]
    place: str
    glob: bool = False


@dataclass(frozen=True)
class Choice:
    """One point of the sweep.

    Attributes
    ----------
    label : str
    column : str or None
        The column it belongs to.
    values : mapping
        What is chosen for each varied key, the column's choices among them.
    varied : mapping
        The same without the column's choices.
    places : mapping of str to str
        Where each of ``values`` is written, for messages.
    globbed : frozenset of str
        Keys whose value a ``glob`` found.
    """

    label: str
    column: str | None
    values: Mapping[str, Any]
    varied: Mapping[str, Any]
    places: Mapping[str, str]
    globbed: frozenset[str] = frozenset()

    def place(self, key: str) -> str | None:
        """Return where a dotted key is chosen, or None if the sweep does not choose it."""
        found = [name for name in self.places if key == name or (name not in GROUPS and key.startswith(f"{name}."))]
        return self.places[found[0]] if found else None


def read_overrides(overrides: Sequence[str], config_loader: ConfigLoader) -> tuple[list[str], list[Axis]]:
    """Split a command line into plain overrides and sweep axes.

    Parameters
    ----------
    overrides : sequence of str
        In Hydra's grammar.
    config_loader : ConfigLoader
        Knows the options that ``glob`` chooses from.

    Raises
    ------
    ConfigError
        If an override cannot be read or a sweep has no values.
    """
    plain: list[str] = []
    axes: list[Axis] = []
    for override in _parse(overrides, config_loader, COMMAND_LINE):
        if override.is_sweep_override():
            axes.append(_swept(override, config_loader, COMMAND_LINE))
        else:
            plain.append(str(override.input_line))
    return plain, axes


def expand(composer: Composer, command_axes: Sequence[Axis]) -> tuple[list[Choice], int]:
    """Expand columns, grid and command line to choices; return them and the number of excluded ones.

    Precedence: body, command line, columns, grid. A command-line key that a column sets is refused, one that the grid
    sets replaces the grid's axis.

    Raises
    ------
    ConfigError
        If a key, an option or a shape is wrong; the message names the place.
    """
    body = composer.sweep_keys()
    columns = _columns(composer, body["columns"])
    given = composer.given | {axis.key for axis in command_axes}
    _refuse_overridden(columns, given, composer)
    grid = [axis for axis in _grid(composer, body["grid"]) if axis.key not in given]
    zipped = [axis for axis in _zip(composer, body["zip"]) if axis.key not in given]
    _refuse_twice([*grid, *zipped])
    axes = [*grid, *command_axes]
    for axis in (*axes, *zipped):
        for value in axis.values:
            _check(axis.key, value, axis.place, composer)
    rules = _rules(composer, body["exclude"])
    every = list(_points(columns, zipped, axes, composer))
    _refuse_unknown(rules, every, composer)
    kept = [choice for choice in every if not any(_matches(rule, choice, composer) for rule in rules)]
    return _drawn(kept, body["draw"], composer), len(every) - len(kept)


def label_of(column: str, varied: Mapping[str, Any]) -> str:
    """Return a run's label: its column and what the sweep varies."""
    parts: Iterable[str] = (f"{key}={_text(value)}" for key, value in varied.items())
    return ", ".join([*([column] if column else []), *parts])


def _points(
    columns: Mapping[str, Mapping[str, Any]], zipped: Sequence[Axis], axes: Sequence[Axis], composer: Composer
) -> Iterator[Choice]:
    globbed = frozenset(axis.key for axis in axes if axis.glob)
    places = {axis.key: axis.place for axis in (*zipped, *axes)}
    rows = list(zip(*(axis.values for axis in zipped), strict=True)) if zipped else [()]
    keys = [axis.key for axis in (*zipped, *axes)]
    for label, column in columns.items() if columns else [("", {})]:
        here = dict.fromkeys(column, _column_place(composer, label))
        for row, point in itertools.product(rows, itertools.product(*(axis.values for axis in axes))):
            varied = dict(zip(keys, (*row, *point), strict=True))
            values = {**column, **varied}
            yield Choice(label_of(label, varied), label or None, values, varied, {**here, **places}, globbed)


def _parse(overrides: Sequence[str], config_loader: ConfigLoader, place: str) -> list[Override]:
    try:
        return OverridesParser.create(config_loader).parse_overrides(overrides=list(overrides))
    except HydraException as error:
        raise ConfigError(f"{place}: {', '.join(overrides)} cannot be read ({first_line(error)}). {QUOTE}") from error


def _swept(override: Override, config_loader: ConfigLoader, place: str) -> Axis:
    key, line = override.key_or_group, override.input_line
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
        if key not in GROUPS:
            raise ConfigError(f"{place}: {line}: glob(…) chooses among the options of a group; '{key}' is none.")
        names = [name for name in override.sweep_string_iterator() if name != "none"]
        if not names:
            known = options(config_loader, key)
            raise ConfigError(f"{place}: {line}: no option matches. Options: {listing(known, 40)}.")
        return Axis(key, tuple(names), place, glob=True)
    if not override.is_discrete_sweep():
        raise ConfigError(f"{place}: {line}: a sweep needs a list, range(…), choice(…) or glob(…).")
    items = _parse([f"{key}={text}" for text in override.sweep_string_iterator()], config_loader, place)
    return Axis(key, tuple(item.value() for item in items), place)


def _columns(composer: Composer, columns: Any) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for label, values in (columns or {}).items():
        place = _column_place(composer, str(label))
        if values is not None and not isinstance(values, dict):
            raise ConfigError(f"{place}: a column must be a mapping such as {{measure: sector1}}; got {values!r}.")
        out[str(label)] = _flat(values or {})
        for key, value in out[str(label)].items():
            _check(key, value, place, composer)
    return out


def _column_place(composer: Composer, label: str) -> str:
    return f"{composer.where(f'columns.{label}')}, columns.{label}"


def _grid(composer: Composer, grid: Any) -> list[Axis]:
    axes = []
    for key, values in _flat(grid or {}).items():
        place = f"{composer.where(f'grid.{key}')}, grid.{key}"
        if isinstance(values, str):
            axes.append(_grammar(key, values, composer, place))
        elif isinstance(values, list) and values:
            axes.append(Axis(key, tuple(values), place))
        else:
            raise ConfigError(f"{place}: must be a list with at least one item; got {values!r}.")
    return axes


def _grammar(key: str, text: str, composer: Composer, place: str) -> Axis:
    """Read Hydra's sweep grammar in YAML: ``glob(*)``, ``range(1,4)``, ``a,b``."""
    override = _parse([f"{key}={text}"], composer.loader, place)[0]
    return _swept(override, composer.loader, place) if override.is_sweep_override() else Axis(key, (text,), place)


def _zip(composer: Composer, zipped: Any) -> list[Axis]:
    place = f"{composer.where('zip')}, zip"
    axes = []
    for key, values in _flat(zipped or {}).items():
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{place}.{key}: must be a list with at least one item; got {values!r}.")
        axes.append(Axis(key, tuple(values), f"{place}.{key}"))
    lengths = {axis.key: len(axis.values) for axis in axes}
    if len(set(lengths.values())) > 1:
        shown = listing(f"{key} has {length}" for key, length in lengths.items())
        raise ConfigError(f"{place}: the lists must have equal lengths; {shown}.")
    return axes


def _rules(composer: Composer, exclude: Any) -> list[dict[str, Any]]:
    place = f"{composer.where('exclude')}, exclude"
    rules = []
    for rule in exclude or []:
        if not isinstance(rule, dict) or not rule:
            raise ConfigError(
                f"{place}: must be a list of mappings, e.g. [{{model: sdm, sample: northeast}}]; got {rule!r}."
            )
        rules.append(_flat(rule))
        for key, value in rules[-1].items():
            _check(key, value, place, composer)
    return rules


def _matches(rule: Mapping[str, Any], choice: Choice, composer: Composer) -> bool:
    chosen: dict[str, Any] = {**composer.chosen, **choice.values}
    unknown = set(rule) - set(chosen)
    if unknown:
        # a value that the sweep does not vary stands in an option's file
        config = composer.resolve(composer.merged(choice.values))
        chosen |= {key: _at(config, key) for key in unknown}
    return all(chosen[key] == value for key, value in rule.items())


def _refuse_unknown(rules: Sequence[Mapping[str, Any]], choices: Sequence[Choice], composer: Composer) -> None:
    """Refuse an exclusion whose key no run has; it would leave out nothing without a word."""
    for key in {key for rule in rules for key in rule if "." in key}:
        group, _, field = key.partition(".")
        known: set[str] = set()
        for option in {choice.values.get(group) for choice in choices}:
            values = {} if option is None else {group: option}
            known |= set(composer.merged(values)[group])
        if field.split(".")[0] not in known:
            raise ConfigError(
                f"{composer.where('exclude')}, exclude: no run has a key '{key}'."
                f"{nearest(key, [f'{group}.{name}' for name in known])}"
            )


def _at(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config


def _drawn(choices: list[Choice], draw: Any, composer: Composer) -> list[Choice]:
    if not draw:
        return choices
    wanted = {"n": 0, "seed": 0, **draw}
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in wanted.values())
    if set(wanted) != {"n", "seed"} or not whole or wanted["n"] < 1:
        raise ConfigError(
            f"{composer.where('draw')}, draw: takes n and seed, whole numbers, e.g. {{n: 500, seed: 1}}; got {draw!r}."
        )
    if wanted["n"] >= len(choices):
        return choices
    kept = sorted(random.Random(wanted["seed"]).sample(range(len(choices)), wanted["n"]))
    return [choices[index] for index in kept]


def _refuse_overridden(columns: Mapping[str, Mapping[str, Any]], given: frozenset[str], composer: Composer) -> None:
    for label, values in columns.items():
        for key in values:
            if key in given:
                raise ConfigError(
                    f"command line: {key} is set by {_column_place(composer, label)}; a column's choice cannot be "
                    f"overridden. Leave {key}=… out, or copy the experiment and change the column."
                )


def _refuse_twice(axes: Sequence[Axis]) -> None:
    for axis, other in itertools.combinations(axes, 2):
        if axis.key == other.key:
            raise ConfigError(f"{axis.place}: the key stands also in {other.place}; leave one of them out.")


def _check(key: str, value: Any, place: str, composer: Composer) -> None:
    """Refuse a key or an option that does not exist, or that cannot differ between runs."""
    group = key.split(".")[0]
    if group not in GROUPS:
        raise ConfigError(f"{place}: unknown key '{key}'.{nearest(key, GROUPS)} Keys begin with {listing(GROUPS, 20)}.")
    if group in _SETTINGS:
        raise ConfigError(f"{place}: {key} is one for the whole sweep; choose it with a single {key}=….")
    if key != group:
        return
    if not isinstance(value, str):
        raise ConfigError(f"{place}: {key} chooses an option by name; got {value!r}.")
    composer.require_option(group, value, place)


def _flat(values: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested keys as dotted ones; ``+grid.model.x=…`` on the command line makes nested ones."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name in GROUPS:
            out |= _flat(value, f"{name}.")
        else:
            out[name] = value
    return out


def _text(value: Any) -> str:
    return "[" + ",".join(str(item) for item in value) + "]" if isinstance(value, list | tuple) else str(value)
