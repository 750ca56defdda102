"""How a run's configuration is put together.

The user's ``./experiments`` and ``./conf`` come before the shipped ones. Composing takes tens of milliseconds, so each
option of a sweep is composed once, and runs are assembled from these nodes (`digicarbon.config.assemble`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from digicarbon.config import flat, former, memory, yaml_text
from digicarbon.config.assemble import ComplicatedError, Node, Reference, interpolation, resolved, resolved_group
from digicarbon.config.explain import COMPOSITION_ERRORS, explain, is_unknown_key, nothing_to_take_away, unknown_option
from digicarbon.config.files import (
    GROUPS,
    REPLACEABLE,
    ROOT,
    SWEEP_KEYS,
    ConfigFile,
    bare_name,
    check_shape,
    combined,
    content_of,
    find,
    folders,
    headline,
    is_experiment,
    is_plain,
    lineage,
    read,
    refuse_settings,
    replaced,
    shown,
)
from digicarbon.config.missing import no_experiment
from digicarbon.errors import COMMAND_LINE, ConfigError, first_line
from digicarbon.note import Note, cut, suggestion
from digicarbon.secret import mapped

if TYPE_CHECKING:
    from digicarbon.spec import Spec

NOTHING: Mapping[str, Any] = MappingProxyType({})
_ITEM = re.compile(r"(\.\d+)+$")
_TAKES_AWAY = "~columns."
_WITHOUT = tuple(f"~hydra/{part}" for part in ("help", "hydra_help", "output", "env", "launcher"))
"""Parts of Hydra's own settings that only its application reads; they take a seventh of the time of a composition."""
MOST_POINTS = 4096
"""The largest number of option combinations whose nodes are cached."""


def extend_search_path(search_path: ConfigSearchPath) -> None:
    """Put `digicarbon.config.files.folders` at the head of Hydra's search path."""
    for path in reversed(folders()):
        # not as a URI: Hydra would look for "my%20study" where a folder is called "my study"
        search_path.prepend(provider="digicarbon", path=f"digicarbon://{path.as_posix()}")


def loader() -> ConfigLoader:
    """Return a configuration loader over `digicarbon.config.files.folders`, for use outside a Hydra application."""
    from hydra import version
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.utils import create_config_search_path
    from hydra.core.utils import setup_globals

    version.setbase("1.3")
    setup_globals()
    search_path = create_config_search_path(None)
    extend_search_path(search_path)
    return ConfigLoaderImpl(config_search_path=search_path)


def options(config_loader: ConfigLoader, group: str) -> list[str]:
    """Return the options of a config group, or with an empty name the experiments."""
    names = config_loader.get_group_options(group, results_filter=ObjectType.CONFIG)
    return sorted(name for name in names if group or is_experiment(name))


def column_taken_away(override: str) -> str:
    """Return the label of a column that an override takes away and that Hydra cannot read, e.g. ``~columns.FE(1)``.

    Hydra's keys have no blanks, parentheses or Chinese letters, and no quotes that would allow them. The label is empty
    for all other overrides.
    """
    if not override.startswith(_TAKES_AWAY) or "=" in override:
        return ""
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return override.removeprefix(_TAKES_AWAY)
    return ""


def replacing(override: str) -> tuple[str, ...]:
    """Return an override; before a list or empty mapping of a field, which Hydra would merge, one that clears it."""
    key, _, value = override.partition("=")
    field = _key(override)
    if field.partition(".")[0] in GROUPS and "." in field and (value.startswith("[") or value.strip() == "{}"):
        return f"{key}=null", override
    return (override,)


@dataclass(frozen=True, eq=False)
class Point:
    """The result of a choice of options: each group's node and option."""

    nodes: Mapping[str, Node]
    options: Mapping[str, str]


class Composer:
    """Composes an experiment's runs.

    ``name``: the experiment's name, or ``config`` for the default sentence. ``overrides``: overrides in Hydra's
    grammar, without sweeps, and those of `column_taken_away`. Raises ConfigError if the experiment's file or one that
    it inherits is wrong; see `digicarbon.config.files.lineage`.
    """

    def __init__(self, config_loader: ConfigLoader, name: str, overrides: Sequence[str] = ()) -> None:
        self.loader = config_loader
        self.name = name
        self.overrides = [former.current(override) for override in overrides]
        self.files = lineage(name)
        self._options: dict[str, list[str]] = {}
        self._option_nodes: dict[tuple[str, str], Mapping[str, Node] | None] = {}
        self._points: dict[tuple[tuple[str, str], ...], Point] = {}
        self._places: dict[tuple[str, str | None], str] = {}
        self._latest: tuple[Mapping[str, Any], Mapping[str, Node]] | None = None

    @cached_property
    def _composed(self) -> tuple[DictConfig, Mapping[str, str]]:
        return self._compose([])

    @cached_property
    def base(self) -> DictConfig:
        """The experiment's configuration without sweeps, interpolations unresolved.

        Raises ConfigError if a file or an override is wrong.
        """
        config, _ = self._composed
        allowed = [*GROUPS, *SWEEP_KEYS]
        for key in map(str, config):
            if key not in allowed:
                hint = suggestion(key, [*allowed, *flat.words()], ours=True)
                keys = [*flat.FIRST, *allowed]
                raise ConfigError(Note("no_key_of_experiment", key=key, hint=hint, keys=cut(keys, 40)), self.where(key))
        plain = _container(config)
        for key in SWEEP_KEYS:
            check_shape(key, plain.get(key), self.where(key))
        for group in GROUPS:
            self._refuse_bare_name(config, group)
        for group, option in self.chosen.items():
            # only an option that writes outside its group can reach Hydra's settings
            path = find(f"{group}/{option}")
            if path is not None and not is_plain(group, option):
                refuse_settings(path, read(path))
        return config

    @property
    def instead(self) -> str | None:
        """The experiment to run in place of this one, if ``instead`` in its file names one for the chosen source.

        Only a source chosen on the command line counts, and only if the command line does not choose a measure as well.
        An inherited ``instead`` is ignored, because an experiment with other columns is another experiment.
        """
        if (
            "source" not in self.given
            or "measure" in self.given
            or not self.files
            or "instead" not in self.files[0].content
        ):
            return None
        name = (self.sweep_keys()["instead"] or {}).get(self.chosen["source"])
        if name is not None and find(str(name)) is None:
            raise no_experiment(
                str(name), self.options(""), f"{self.where('instead')}, instead.{self.chosen['source']}"
            )
        return None if name is None else str(name)

    @property
    def given(self) -> frozenset[str]:
        """The keys that the command line sets."""
        return frozenset(_key(override) for override in self.overrides)

    @cached_property
    def chosen(self) -> Mapping[str, str]:
        """The option of each group in the base configuration."""
        return self._composed[1]

    def sweep_keys(self) -> dict[str, Any]:
        """Return the plain values of `digicarbon.config.files.SWEEP_KEYS`."""
        return {key: self._plain.get(key) for key in SWEEP_KEYS}

    @cached_property
    def _plain(self) -> dict[str, Any]:
        """The plain values of the base configuration, which must not be changed."""
        return _container(self.base)

    def options(self, group: str) -> list[str]:
        """Return the options of a group, or with an empty name the experiments."""
        if group not in self._options:
            self._options[group] = options(self.loader, group)
        return self._options[group]

    def fields(self, group: str) -> list[str]:
        """Return the dotted keys in the file of a group's option, the one that the command line chooses."""
        return [f"{group}.{field}" for field in map(str, self._chosen_node(group)) if field != "_target_"]

    def settable(self, group: str) -> list[str]:
        """Return the dotted keys of a group's option, those of its file and then those of its class alone."""
        keys = [*self.fields(group), *(f"{group}.{field}" for field in self.of_class(group))]
        return list(dict.fromkeys(keys))

    def mappings(self, group: str) -> list[str]:
        """Return the dotted keys of a group whose values are mappings, for the option that the command line chooses."""
        node = self._chosen_node(group)
        return [f"{group}.{field}" for field in map(str, node) if isinstance(node._get_node(field), DictConfig)]

    def _chosen_node(self, group: str) -> DictConfig:
        node: DictConfig = self._of_options(self.overrides).base[group]
        return node

    def _of_options(self, overrides: Sequence[str]) -> Composer:
        """Return the composer of the options that overrides choose, without the other overrides."""
        return Composer(self.loader, self.name, [override for override in overrides if _key(override) in GROUPS])

    def require_option(self, group: str, option: str, place: str = "") -> None:
        """Raise a `ConfigError` unless the group has such an option."""
        if option not in self.options(group) and find(f"{group}/{option}") is None:
            raise unknown_option(group, option, self, place)

    def compose_options(self, wanted: Mapping[str, Iterable[str]]) -> None:
        """Compose options of groups that a sweep will need, one of each group in a composition.

        One that is wrong, or not plain, is composed separately when a run uses it.
        """
        known = {*self._option_nodes, *self.chosen.items()}
        new = {
            group: [name for name in dict.fromkeys(names) if (group, name) not in known and is_plain(group, name)]
            for group, names in wanted.items()
        }
        for group in [group for group, names in new.items() if names and self._untouched(group)]:
            for name in new.pop(group):
                with suppress(ConfigError):
                    self._option_nodes[group, name] = {group: Node(group, content_of(group, name))}
        for row in itertools.zip_longest(*new.values()):
            options = {group: name for group, name in zip(new, row, strict=True) if name is not None}
            if options:
                with suppress(ConfigError):
                    self._option_nodes |= self._composed_options(options)

    def _untouched(self, group: str) -> bool:
        """Return whether an option of a group equals the content of its file, because nothing else sets the group."""
        keys = {key.split(".")[0] for key in self.given} | {str(key) for file in self.files for key in file.content}
        return group not in keys and self._all_plain

    @cached_property
    def _all_plain(self) -> bool:
        """Whether no option of the base configuration writes outside its group."""
        return all(is_plain(group, option) for group, option in self.chosen.items())

    def reaches_out(self, group: str, option: str) -> bool:
        """Return whether an option writes outside its group."""
        return self._nodes_of_option(group, option) is None

    def options_of(self, choices: Mapping[str, Any] = NOTHING) -> Mapping[str, str]:
        """Return the option of each group in a run."""
        return self._point(choices).options

    def merged(self, choices: Mapping[str, Any] = NOTHING) -> Mapping[str, Any]:
        """Return a run's configuration as plain values, interpolations unresolved; for reading only.

        ``choices``: option names by group, and values by dotted key; groups are applied first. Raises ConfigError if an
        option is unknown or its file is wrong.
        """
        try:
            return {group: node.content for group, node in self._nodes(choices).items()}
        except ComplicatedError:
            return _updated(self._point(choices).nodes, choices)

    def missing(self, choices: Mapping[str, Any] = NOTHING) -> list[str]:
        """Return the dotted keys of a run that still need a value."""
        try:
            return [key for node in self._nodes(choices).values() for key in node.missing]
        except ComplicatedError:
            return missing(self.merged(choices))

    def config(self, choices: Mapping[str, Any] = NOTHING) -> Mapping[str, Any]:
        """Return a run's configuration as plain values, interpolations resolved.

        Runs with equal values for a group mostly share one object, and one list may appear in several places. The
        result is for reading only. ``choices``: as for `merged`. Raises ConfigError if an interpolation cannot be
        resolved.
        """
        try:
            return resolved(self._nodes(choices))
        except ComplicatedError:
            return self.resolve(self.merged(choices), choices=choices)

    def recorded(self, choices: Mapping[str, Any] = NOTHING) -> Mapping[str, Any]:
        """Return a run's configuration as it is recorded: as `config`, but without secrets.

        Interpolations of environment variables are not resolved. If only OmegaConf can resolve a configuration, none of
        its interpolations is: their values might contain an environment variable.

        ``choices``: as for `merged`.
        """
        try:
            return resolved({group: node.seal() for group, node in self._nodes(choices).items()})
        except ComplicatedError:
            return {group: mapped(content) for group, content in self.merged(choices).items()}

    @property
    def requested(self) -> dict[str, Any]:
        """The base configuration without secrets, as plain values."""
        plain: dict[str, Any] = mapped(self._plain)
        return plain

    def node(self, group: str) -> Mapping[str, Any]:
        """Return the node of one group of the base configuration, interpolations resolved.

        Raises ConfigError if an interpolation in it cannot be resolved.
        """
        try:
            plain: Mapping[str, Any] = resolved_group(group, self._base_nodes)
        except ComplicatedError:
            return self.resolve(self.merged(), group)
        return plain

    def resolve(
        self, merged: Mapping[str, Any], group: str = "", choices: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """Return a merged configuration, or a group of it, with interpolations resolved by OmegaConf.

        Raises ConfigError if an interpolation cannot be resolved.
        """
        try:
            config = OmegaConf.create(dict(merged))
            return _container(config[group] if group else config, resolve=True)
        except OmegaConfBaseException as error:
            raise self._unresolved(str(error.full_key or ""), merged, choices, error) from error

    def _unresolved(
        self, key: str, merged: Mapping[str, Any], choices: Mapping[str, Any], error: Exception
    ) -> ConfigError:
        """Return the error for a reference to a missing key, with the file that refers to it or that should hold it."""
        place = self.where(key, choices)
        options = {**self.chosen, **choices}
        absent = re.search(r"Interpolation key '(.+?)' not found", first_line(error))
        if absent is None:
            return ConfigError(Note("unresolved", key=key, reason=first_line(error)), place)
        group, _, field = absent[1].partition(".")
        node = merged.get(group)
        if group not in GROUPS or not isinstance(node, Mapping):
            known = [name for name in merged if name in GROUPS]
            hint = suggestion(group, known)
            return ConfigError(
                Note("reference_to_no_group", key=key, reference=absent[1], hint=hint, groups=cut(known, 20)), place
            )
        fields = [str(name) for name in node if name != "_target_"]
        referrer, owner = (find(f"{name}/{options.get(name)}") for name in (key.split(".")[0], group))
        shipped = referrer is not None and referrer.is_relative_to(folders()[-1]) and place == shown(referrer)
        if shipped and owner is not None and owner.is_relative_to(folders()[-1]):
            return ConfigError(Note("reference_unset", setting=key, place=place, reference=absent[1]))
        if shipped and owner is not None:
            # a shipped file refers only to fields that every option of the group should have
            return ConfigError(
                Note(
                    "reference_lacking",
                    reference=absent[1],
                    key=key,
                    place=place,
                    field=field,
                    fields=cut(fields, 30) if fields else Note("no_field_there"),
                ),
                shown(owner),
            )
        return ConfigError(
            Note(
                "reference_to_nothing",
                key=key,
                reference=absent[1],
                hint=suggestion(field, fields),
                of=group,
                fields=cut(fields, 30),
            ),
            place,
        )

    def column_file(self, label: str) -> str | None:
        """Return the nearest file that defines a column; None if only the command line does."""
        files = self.files_of("columns")
        return next((file.shown for file in files if label in map(str, file.content.get("columns") or {})), None)

    def inherits_column(self, label: str) -> bool:
        """Return whether a file has choices for a column, so that setting it to null drops it."""
        all_items = ((file.content.get("columns") or {}).items() for file in self.files)
        return any(str(name) == label and values is not None for items in all_items for name, values in items)

    def where(self, key: str, choices: Mapping[str, Any] = NOTHING) -> str:
        """Return where a dotted key is set: the command line, or the file as messages show it."""
        group = key.split(".")[0]
        if group in GROUPS:
            # an item is set where its list is set
            key = _ITEM.sub("", key)
        option = {**self.chosen, **choices}.get(group)
        if (key, option) not in self._places:
            self._places[key, option] = self._place(key, option)
        return self._places[key, option]

    def origin(self, key: str, choices: Mapping[str, Any] = NOTHING) -> str:
        """Return the key that supplies a key's value through interpolations; the key itself if it is set directly.

        ``key``: e.g. ``model.controls``, which comes from ``outcome.controls``. ``choices``: as for `merged`.
        """
        merged = self.merged(choices)
        seen: set[str] = set()
        while key not in seen:
            seen.add(key)
            key = _referred(merged, key) or key
        return key

    def _place(self, key: str, option: str | None) -> str:
        if key in self.given or any(key.startswith(f"{other}.") for other in self.given - set(GROUPS)):
            return COMMAND_LINE
        if key.split(".")[0] in SWEEP_KEYS and any(other.startswith(f"{key}.") for other in self.given):
            return COMMAND_LINE
        for file in self.files:
            if file.sets(key):
                return file.shown
        group = key.split(".")[0]
        if option is not None and flat.is_file(group, option):
            # a file of data sets nothing
            return self.chooser(group)
        name = self.name if option is None else f"{group}/{option}"
        path = find(name)
        return f"{name}.yaml" if path is None else shown(path)

    def chooser(self, group: str) -> str:
        """Return where the option of a group is chosen: the command line, or the file as messages show it."""
        if group in self.given:
            return COMMAND_LINE
        return next((file.shown for file in self.files if file.chooses(group)), f"{ROOT}.yaml")

    def _nodes(self, choices: Mapping[str, Any]) -> Mapping[str, Node]:
        """Return the nodes of a run, with its values applied."""
        # a run needs its missing keys and its values, both from the same mapping, which never changes
        if self._latest is not None and self._latest[0] is choices:
            return self._latest[1]
        nodes = self._point(choices).nodes
        values: dict[str, list[tuple[str, Any]]] = {}
        for key, value in choices.items():
            if key not in GROUPS:
                values.setdefault(key.split(".")[0], []).append((key, value))
        nodes = {**nodes, **{group: nodes[group].with_values(items) for group, items in values.items()}}
        self._latest = choices, nodes
        return nodes

    def _point(self, choices: Mapping[str, Any]) -> Point:
        """Return the `Point` of the options among a run's choices."""
        groups = tuple((key, str(value)) for key, value in choices.items() if key in GROUPS)
        if groups not in self._points:
            if len(self._points) >= MOST_POINTS:
                self._points.clear()
            self._points[groups] = self._new_point(dict(groups))
        return self._points[groups]

    def _new_point(self, groups: Mapping[str, str]) -> Point:
        chosen = [self._nodes_of_option(group, option) for group, option in groups.items()]
        if any(nodes is None for nodes in chosen):
            # an option that writes outside its group needs a full composition
            config, _ = self._compose([f"{group}={option}" for group, option in groups.items()])
            nodes = _nodes(config)
        else:
            replacements = (item for option_nodes in chosen if option_nodes for item in option_nodes.items())
            nodes = {**self._base_nodes, **dict(replacements)}
        return Point(nodes, {**self.chosen, **groups})

    @cached_property
    def _base_nodes(self) -> Mapping[str, Node]:
        return _nodes(self.base)

    def _nodes_of_option(self, group: str, option: str) -> Mapping[str, Node] | None:
        """Return an option's node by its group, or None if the option writes outside its group."""
        if (group, option) not in self._option_nodes:
            self._option_nodes[group, option] = self._composed_option(group, option)
        return self._option_nodes[group, option]

    def _composed_options(self, options: Mapping[str, str]) -> dict[tuple[str, str], Mapping[str, Node] | None]:
        """Return the nodes of plain options of several groups."""
        config, _ = self._compose([f"{group}={option}" for group, option in options.items()])
        nodes = _nodes(config)
        return {(group, option): {group: nodes[group]} for group, option in options.items()}

    def _composed_option(self, group: str, option: str) -> Mapping[str, Node] | None:
        if option == self.chosen[group]:
            return {group: self._base_nodes[group]}
        self.require_option(group, option)
        config, _ = self._compose([f"{group}={option}"])
        same = _container(config, without=group) == _container(self.base, without=group)
        return {group: _nodes(config)[group]} if same else None

    def _compose(self, more: Sequence[str]) -> tuple[DictConfig, Mapping[str, str]]:
        """Return a full composition and the option of each group in it."""
        keys = {_key(override) for override in more}
        unchanged = [
            override
            for override in self.overrides
            if _key(override) not in keys and override not in self._columns_taken_away
        ]
        overrides = [part for override in (*unchanged, *more) for part in replacing(override)]
        try:
            config = self._loaded(overrides)
        except COMPOSITION_ERRORS as error:
            raise explain(error, self.name, self) from error
        chosen = {str(key): str(option) for key, option in config.hydra.runtime.choices.items() if key in GROUPS}
        with open_dict(config):
            del config["hydra"]
        self._take_columns_away(config)
        self._drop_replaced(config)
        self._drop_title(config)
        self._drop_unshown(config, chosen["report"])
        return config, chosen

    def _loaded(self, overrides: Sequence[str]) -> DictConfig:
        """Return what Hydra composes, with fields that only an option's class has."""
        try:
            return self.by_hydra(overrides)
        except COMPOSITION_ERRORS as error:
            added = self.of_classes(overrides, overrides) if is_unknown_key(error) else {}
            if not added:
                raise
        return self.by_hydra([added.get(override, override) for override in overrides])

    def by_hydra(self, overrides: Sequence[str]) -> DictConfig:
        """Return what Hydra composes of the experiment's file and overrides, with Hydra's own settings."""
        return memory.composed(self.loader, self.name, self.files, [*overrides, *_WITHOUT])

    def of_classes(self, overrides: Sequence[str], chosen: Sequence[str]) -> dict[str, str]:
        """Return overrides of fields that the class of the chosen option has and its file lacks, with plus signs.

        Hydra knows the keys of files alone, and adds others only with plus signs. ``chosen`` are overrides without
        sweeps, those that choose options among them.
        """
        out, options = {}, self._of_options(chosen)
        for override in overrides:
            key, equals, _ = override.partition("=")
            group, _, field = key.partition(".")
            if equals and group in GROUPS and field:
                name = field.partition(".")[0]
                if f"{group}.{name}" not in options.fields(group) and name in options.of_class(group):
                    out[override] = f"++{override}"
        return out

    def of_class(self, group: str) -> Iterable[str]:
        """Return the fields of the class of a group's option; none where it has no class that can be imported."""
        found = self._class(group)
        return () if found is None else found.model_fields

    def lacking(self, group: str, field: str) -> Note | None:
        """Return why the class of a group's option has no such field, where it says so."""
        found = self._class(group)
        if found is None or field in found.model_fields or (why := found.why_lacking(field)) is None:
            return None
        return Note("field_lacking", key=f"{group}.{field}", cls=found.__name__, why=why)

    def _class(self, group: str) -> type[Spec] | None:
        from digicarbon.config.describe import find_option

        try:
            return find_option(group, self._of_options(self.overrides).chosen[group]).spec
        except ConfigError:
            return None

    @cached_property
    def _columns_taken_away(self) -> Mapping[str, str]:
        """The columns of `column_taken_away`, by override."""
        labels = {override: column_taken_away(override) for override in self.overrides}
        return {override: label for override, label in labels.items() if label}

    def _take_columns_away(self, config: DictConfig) -> None:
        for override, label in self._columns_taken_away.items():
            columns = config.columns if isinstance(config._get_node("columns"), DictConfig) else {}
            if label not in (columns or {}):
                raise nothing_to_take_away(_key(override), COMMAND_LINE, self)
            with open_dict(config):
                del config.columns[label]

    def _drop_title(self, config: DictConfig) -> None:
        """Give an experiment without a title its name and first line, instead of an inherited title."""
        own, *others = self.files or (None,)
        above = [file for file in others if file is not None and file.name != ROOT]
        if own is None or not above or "title" in own.content or "title" in self.given:
            return
        if any("title" in file.content for file in above):
            comment = headline(own.path)
            with open_dict(config):
                config["title"] = f"{self.name}: {comment}" if comment else self.name

    def _drop_unshown(self, config: DictConfig, option: str) -> None:
        """Drop fields of the experiment's own report that another one, which the command line looks with, lacks."""
        for key in self._unshown(option):
            with open_dict(config):
                del config["report"][key]

    @cached_property
    def unshown(self) -> tuple[str, ...]:
        """The fields of the experiment's own report that do not apply to the one that the command line looks with."""
        return self._unshown(self.chosen["report"])

    def _unshown(self, option: str) -> tuple[str, ...]:
        if "report" not in self.given or find(f"report/{option}") is None:
            return ()
        fields = dict.fromkeys(str(key) for file in self.files for key in file.content.get("report") or {})
        if not fields:
            return ()
        stated = Composer(
            self.loader, self.name, [one for one in self.overrides if _key(one).split(".")[0] != "report"]
        )
        shown = content_of("report", option)
        if shown.get("_target_") == content_of("report", stated.chosen["report"]).get("_target_"):
            return ()
        return tuple(key for key in fields if key not in shown and f"report.{key}" not in self.given)

    def _drop_replaced(self, config: DictConfig) -> None:
        """Drop inherited values under the keys that the command line or a file replaces."""
        for key in REPLACEABLE:
            files = self.files_of(key, config)
            if len(files) == len(self.files):
                continue
            values = _container(config)
            value = _without(values.get(key), combined(files, key), combined(self.files[len(files) :], key))
            with open_dict(config):
                # the default sentence has every key
                config[key] = combined(self.files[-1:], key) if value is None else value

    def files_of(self, key: str, config: DictConfig | None = None) -> Sequence[ConfigFile]:
        """Return the files whose values for a sweep key count, nearest first, up to one that replaces the key."""
        if "replace" in self.given:
            value = _container(self.base if config is None else config).get("replace")
            if key in replaced(value, COMMAND_LINE):
                return []
        for number, file in enumerate(self.files, start=1):
            if key in replaced(file.content.get("replace"), file.shown):
                return self.files[:number]
        return self.files

    def _refuse_bare_name(self, config: DictConfig, group: str) -> None:
        """Refuse ``weights: w2_nested`` in a body, which would replace the option's fields with a text."""
        node = config._get_node(group)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
            return
        if (path := find(f"{group}/{self.chosen[group]}")) is not None:
            # a file that holds a list replaces the group with the list; reading it raises the error
            read(path)
        raise bare_name(group, _container(config).get(group), self.where(group))


def _without(value: Any, own: Any, inherited: Any) -> Any:
    """Return a composed value without inherited parts; values from the command line stay.

    ``own`` are the values in the experiment's own files, ``inherited`` those in files whose values are replaced.
    """
    if own is None and value == inherited:
        return None
    ours = {} if own is None else own
    if not all(isinstance(one, Mapping) for one in (value, ours, inherited)):
        return value
    result = {}
    for name in [*ours, *(name for name in value if name not in ours)]:
        if name in value and name in ours:
            result[name] = _without(value[name], ours[name], inherited.get(name))
        elif name in value and (name not in inherited or value[name] != inherited[name]):
            result[name] = _without(value[name], None, inherited.get(name))
    return result


def missing(merged: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys of a merged configuration that still need a value."""
    # OmegaConf.missing_keys would stop at an interpolation to a missing value
    return [key for group in GROUPS if group in merged for key in Node(group, merged[group]).missing]


def _referred(merged: Mapping[str, Any], key: str) -> str:
    """Return the key that an interpolation along the path of a key refers to; empty if there is none."""
    value: Any = merged
    names = key.split(".")
    for depth, name in enumerate(names, start=1):
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, str) and "${" in value:
            with suppress(ComplicatedError):
                parts = interpolation(value).parts
                # oc.select may name a key that does not exist
                if len(parts) == 1 and isinstance(parts[0], Reference) and _is_there(merged, parts[0].key):
                    return ".".join([parts[0].key, *names[depth:]])
    return ""


def _is_there(merged: Mapping[str, Any], key: str) -> bool:
    group, _, field = key.partition(".")
    node = merged.get(group)
    return isinstance(node, Mapping) and (not field or field.split(".")[0] in node)


def _key(override: str) -> str:
    return override.split("=")[0].lstrip("+~")


def _nodes(config: DictConfig) -> dict[str, Node]:
    return {group: Node(group, content) for group, content in _container(config).items() if group not in SWEEP_KEYS}


def _updated(nodes: Mapping[str, Node], choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return nodes with values applied by OmegaConf, which supports keys that lead through lists."""
    config = OmegaConf.create({group: node.content for group, node in nodes.items()})
    for key, value in choices.items():
        if key not in GROUPS:
            OmegaConf.update(config, key, value, merge=False, force_add=True)
    return _container(config)


def _container(config: DictConfig, without: str = "", resolve: bool = False) -> dict[str, Any]:
    return {str(key): value for key, value in yaml_text.plain(config, resolve).items() if key != without}
