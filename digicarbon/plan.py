"""From an experiment's columns, grid and the command line to a list of checked runs. Nothing is fitted here."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import HydraException

from digicarbon.compose import GROUPS, Composer, first_line, options
from digicarbon.errors import ConfigError, DigicarbonError, listing, nearest
from digicarbon.prepare import Prepared, Specs, Workshop, specify
from digicarbon.spec import Spec


@dataclass(frozen=True)
class Axis:
    """One varied key and its values.

    Attributes
    ----------
    key : str
        A config group, or a dotted key.
    values : tuple
    glob : bool
        Whether the values were found by ``glob(…)``, which takes whatever can run.
    """

    key: str
    values: tuple[Any, ...]
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
    globbed : frozenset of str
        Keys whose value a ``glob`` found.
    """

    label: str
    column: str | None
    values: Mapping[str, Any]
    varied: Mapping[str, Any]
    globbed: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Run:
    """One specification, checked against its panel and weights.

    Attributes
    ----------
    label : str
        Unique within the sweep.
    choice : Choice
    options : mapping of str to str
        The option of each config group.
    config : mapping
        The composed configuration, as plain values.
    specs : Specs
    prepared : Prepared
    key : str
        Content hash: equal for runs that fit the same model to the same numbers.
    """

    label: str
    choice: Choice
    options: Mapping[str, str]
    config: Mapping[str, Any]
    specs: Specs
    prepared: Prepared
    key: str


@dataclass
class Plan:
    """What an experiment would run.

    Attributes
    ----------
    name : str
    runs : list of Run
        Each distinct fit once, in the order of the experiment.
    same : mapping of str to list of str
        Labels that came to the same fit, by the label that is run.
    skipped : list of (str, str)
        Choices from a ``glob`` that cannot run, with the reason.
    excluded : int
        Combinations left out by ``exclude``.
    """

    name: str
    title: str
    runs: list[Run] = field(default_factory=list)
    same: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    excluded: int = 0


def read_overrides(overrides: Sequence[str], config_loader: ConfigLoader) -> tuple[list[str], list[Axis]]:
    """Split a command line into plain overrides and sweep axes.

    Parameters
    ----------
    overrides : sequence of str
        In Hydra's grammar.
    config_loader : ConfigLoader
        Knows the options that ``glob`` chooses from.
    """
    plain: list[str] = []
    axes: list[Axis] = []
    for override in _parse(overrides, config_loader):
        line = str(override.input_line)
        if override.is_sweep_override():
            axes.append(_axis(override, config_loader))
        else:
            plain.append(line)
    return plain, axes


def expand(composer: Composer, command_axes: Sequence[Axis]) -> tuple[list[Choice], int]:
    """Expand columns, grid and command line to choices; return them and the number of excluded ones.

    Precedence: body, command line, columns, grid. A command-line key that a column sets is refused, one that the grid
    sets replaces the grid's axis.

    Raises
    ------
    ConfigError
    """
    body = composer.sweep_keys()
    columns = _columns(composer, body["columns"])
    plain = {override.lstrip("+").split("=")[0] for override in composer.overrides}
    command = {axis.key: axis for axis in command_axes}
    for label, values in columns.items():
        for key in values:
            if key in plain or key in command:
                raise ConfigError(
                    f"command line: {key} is set by the column '{label}' of {composer.where('columns')}; a column's "
                    f"choice cannot be overridden. Leave {key}=… out, or copy the experiment and change the column."
                )
    grid = [axis for axis in _grid(composer, body["grid"]) if axis.key not in plain and axis.key not in command]
    zipped = [axis for axis in _zip(composer, body["zip"]) if axis.key not in plain and axis.key not in command]
    axes = [*grid, *command.values()]
    choices = []
    excluded = 0
    rules = _rules(composer, body["exclude"])
    for label, column in columns.items() if columns else [("", {})]:
        for row in _zip_rows(zipped):
            for point in itertools.product(*(axis.values for axis in axes)):
                varied = row | dict(zip((axis.key for axis in axes), point, strict=True))
                values = {**column, **varied}
                if any(_matches(rule, values, composer) for rule in rules):
                    excluded += 1
                    continue
                globbed = frozenset(axis.key for axis in axes if axis.glob)
                choices.append(Choice(_label(label, varied), label or None, values, varied, globbed))
    return _drawn(choices, body["draw"], composer), excluded


def plan(composer: Composer, command_axes: Sequence[Axis] = (), workshop: Workshop | None = None) -> Plan:
    """Expand an experiment, and build and check every run against its panel and weights.

    Raises
    ------
    DigicarbonError
        If a run that was named by hand cannot run; the message names it.
    """
    shop = workshop or Workshop()
    choices, excluded = expand(composer, command_axes)
    made = Plan(composer.name, str(composer.sweep_keys()["title"] or ""), excluded=excluded)
    by_key: dict[str, Run] = {}
    for choice in choices:
        try:
            run = check(composer, choice, shop)
        except DigicarbonError as error:
            if not choice.globbed:
                prefix = f"{choice.label}: " if choice.values else ""
                raise type(error)(f"{prefix}{error}") from error
            made.skipped.append((choice.label, str(error)))
            continue
        if run.key in by_key:
            made.same.setdefault(by_key[run.key].label, []).append(run.label)
            continue
        by_key[run.key] = run
        made.runs.append(run)
    if not made.runs:
        reasons = "; ".join(f"{label}: {reason}" for label, reason in made.skipped[:3])
        raise ConfigError(f"{composer.name}: nothing is left to run ({excluded} excluded). {reasons}")
    return made


def check(composer: Composer, choice: Choice, shop: Workshop) -> Run:
    """Build one choice's specifications and check them against its panel and weights.

    Raises
    ------
    DigicarbonError
    """
    config = composer.assemble(choice.values)
    chosen = composer.chosen() | {key: str(value) for key, value in choice.values.items() if key in GROUPS}
    try:
        specs = specify(_without_needless(config, composer, choice, chosen))
    except ConfigError as error:
        raise ConfigError(_placed(str(error), composer)) from error
    prepared = shop.prepare(specs)
    return Run(
        label=_run_label(choice, specs) or composer.name,
        choice=choice,
        options=chosen,
        config=config,
        specs=specs,
        prepared=prepared,
        key=content_hash(specs, prepared),
    )


def content_hash(specs: Specs, prepared: Prepared) -> str:
    """Return the SHA-256 of all that decides a run's numbers.

    It covers the model and the diagnostic with their defaults, the columns they read, the labels, the weights if they
    are taken, and the source of the code that computes.
    """
    content = {
        "model": _identity(specs.model),
        "diagnostic": _identity(specs.diagnostic),
        "terms": specs.terms,
        "panel": _panel_digest(specs, prepared),
        "weights": None if prepared.weights is None else prepared.weights.digest,
        "code": _code_digest(type(specs.model).__module__, type(specs.diagnostic).__module__),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _panel_digest(specs: Specs, prepared: Prepared) -> str:
    panel = prepared.panel
    sha = hashlib.sha256(repr((panel.units, panel.periods)).encode())
    for array in (panel.unit_codes, panel.period_codes, panel.array(specs.terms)):
        sha.update(array.tobytes())
    return sha.hexdigest()


def _identity(spec: Spec) -> dict[str, Any]:
    return {"class": f"{type(spec).__module__}.{type(spec).__qualname__}", **spec.model_dump(mode="json")}


@cache
def _code_digest(*modules: str) -> str:
    package = Path(__file__).parent
    files = sorted((package / "numeric").glob("*.py"))
    for name in sorted(set(modules)):
        files.append(Path(inspect.getfile(sys.modules[name])))
    sha = hashlib.sha256()
    for file in files:
        sha.update(file.read_bytes())
    return sha.hexdigest()


def _without_needless(
    config: dict[str, Any], composer: Composer, choice: Choice, options: Mapping[str, str]
) -> dict[str, Any]:
    """Refuse required keys without value, but not those of weights that nothing takes."""
    missing = composer.missing(choice.values)
    weights_only = [key for key in missing if key.startswith("weights.")]
    hard = [key for key in missing if key not in weights_only]
    if hard:
        raise ConfigError(_required(hard[0], options))
    if weights_only:
        specs = specify(config)
        if specs.weights is not None:
            raise ConfigError(_required(weights_only[0], options))
    return config


def _required(key: str, options: Mapping[str, str]) -> str:
    group = key.split(".")[0]
    return f"{key} is required by {group}={options.get(group, '…')}; give it in the YAML or as {key}=…"


def _placed(message: str, composer: Composer) -> str:
    """Put the file before a message that begins with a dotted key."""
    key = message.split(" ")[0].rstrip(":")
    return message if key.split(".")[0] not in GROUPS else f"{composer.where(key).rpartition(', ')[0]}: {message}"


def _parse(overrides: Sequence[str], config_loader: ConfigLoader) -> list[Override]:
    try:
        return OverridesParser.create(config_loader).parse_overrides(overrides=list(overrides))
    except HydraException as error:
        raise ConfigError(
            f"command line: {first_line(error)}. Put values with blanks, parentheses or Chinese characters in quotes: "
            "'key=\"value\"'."
        ) from error


def _axis(override: Override, config_loader: ConfigLoader) -> Axis:
    key = override.key_or_group
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
        if key not in GROUPS:
            raise ConfigError(f"{override.input_line}: glob(…) chooses among the options of a group; '{key}' is none.")
        names = [name for name in override.sweep_string_iterator() if name != "none"]
        if not names:
            known = options(config_loader, key)
            raise ConfigError(f"{override.input_line}: no option matches. Options: {listing(known, 40)}.")
        return Axis(key, tuple(names), glob=True)
    if not override.is_discrete_sweep():
        raise ConfigError(f"{override.input_line}: a sweep needs a list, range(…), choice(…) or glob(…).")
    texts = list(override.sweep_string_iterator())
    if key in GROUPS:
        return Axis(key, tuple(texts))
    return Axis(key, tuple(item.value() for item in _parse([f"{key}={text}" for text in texts], config_loader)))


def _columns(composer: Composer, columns: Any) -> dict[str, dict[str, Any]]:
    if not columns:
        return {}
    if not isinstance(columns, dict):
        raise ConfigError(f"{composer.where('columns')}: columns must map a label to choices, e.g. `SDM(1): {{measure: sector1}}`.")
    out = {}
    for label, values in columns.items():
        where = f"{composer.where('columns')}.{label}"
        if values is not None and not isinstance(values, dict):
            raise ConfigError(f"{where}: must be a mapping such as {{measure: sector1}}; got {values!r}.")
        out[str(label)] = {key: _value(key, value, where) for key, value in _flat(values or {}).items()}
    return out


def _grid(composer: Composer, grid: Any) -> list[Axis]:
    if not grid:
        return []
    where = composer.where("grid")
    if not isinstance(grid, dict):
        raise ConfigError(f"{where}: grid must map a key to a list, e.g. `inference: [classic, cluster]`.")
    axes = []
    for key, values in _flat(grid).items():
        if isinstance(values, str):
            # Hydra's sweep grammar is welcome in YAML too: glob(*), range(1,4), a,b
            overrides = _parse([f"{key}={values}"], composer.loader)
            axes.append(
                _axis(overrides[0], composer.loader)
                if overrides[0].is_sweep_override()
                else Axis(key, (_value(key, values, where),))
            )
        elif isinstance(values, list) and values:
            axes.append(Axis(key, tuple(_value(key, value, f"{where}.{key}") for value in values)))
        else:
            raise ConfigError(f"{where}.{key}: must be a list with at least one item; got {values!r}.")
    return axes


def _zip(composer: Composer, zipped: Any) -> list[Axis]:
    if not zipped:
        return []
    where = composer.where("zip")
    if not isinstance(zipped, dict) or not all(isinstance(values, list) and values for values in zipped.values()):
        raise ConfigError(f"{where}: zip must map keys to lists of equal length.")
    axes = [Axis(key, tuple(_value(key, value, where) for value in values)) for key, values in _flat(zipped).items()]
    lengths = {axis.key: len(axis.values) for axis in axes}
    if len(set(lengths.values())) > 1:
        raise ConfigError(f"{where}: the lists must have equal lengths; they have {lengths}.")
    return axes


def _zip_rows(axes: Sequence[Axis]) -> Iterator[dict[str, Any]]:
    if not axes:
        yield {}
        return
    for point in zip(*(axis.values for axis in axes), strict=True):
        yield dict(zip((axis.key for axis in axes), point, strict=True))


def _rules(composer: Composer, exclude: Any) -> list[dict[str, Any]]:
    if not exclude:
        return []
    if not isinstance(exclude, list) or not all(isinstance(rule, dict) and rule for rule in exclude):
        raise ConfigError(
            f"{composer.where('exclude')}: exclude must be a list of mappings, e.g. [{{model: sdm, sample: northeast}}]."
        )
    return [_flat(rule) for rule in exclude]


def _matches(rule: Mapping[str, Any], values: Mapping[str, Any], composer: Composer) -> bool:
    chosen: dict[str, Any] = {**composer.chosen(), **values}
    return all(chosen.get(key) == value for key, value in rule.items())


def _drawn(choices: list[Choice], draw: Any, composer: Composer) -> list[Choice]:
    if not draw:
        return choices
    where = composer.where("draw")
    if not isinstance(draw, dict) or set(draw) - {"n", "seed"} or not isinstance(draw.get("n"), int) or draw["n"] < 1:
        raise ConfigError(f"{where}: draw takes n and seed, whole numbers, e.g. {{n: 500, seed: 1}}; got {draw!r}.")
    if draw["n"] >= len(choices):
        return choices
    kept = sorted(random.Random(draw.get("seed", 0)).sample(range(len(choices)), draw["n"]))
    return [choices[index] for index in kept]


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


def _value(key: str, value: Any, where: str) -> Any:
    if key in GROUPS:
        if not isinstance(value, str):
            raise ConfigError(f"{where}: {key} chooses an option by name; got {value!r}.")
        return value
    if key.split(".")[0] not in GROUPS:
        raise ConfigError(f"{where}: unknown key '{key}'.{nearest(key, GROUPS)} Keys begin with {listing(GROUPS, 20)}.")
    return value


def _run_label(choice: Choice, specs: Specs) -> str:
    """Return a choice's label without the weights that its model does not take."""
    if specs.weights is not None or not choice.label:
        return choice.label
    varied = {key: value for key, value in choice.varied.items() if key.split(".")[0] != "weights"}
    return _label(choice.column or "", varied)


def _label(column: str, varied: Mapping[str, Any]) -> str:
    parts: Iterable[str] = (f"{key}={_text(value)}" for key, value in varied.items())
    return ", ".join([*([column] if column else []), *parts])


def _text(value: Any) -> str:
    return "[" + ",".join(str(item) for item in value) + "]" if isinstance(value, list | tuple) else str(value)
