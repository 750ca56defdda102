"""How a run's configuration is put together.

The user's ``./experiments`` and ``./conf`` come before the shipped ones. Composing costs tens of milliseconds, so each
option of a sweep is composed once and runs are assembled from these nodes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from digicarbon.errors import ConfigError, listing, nearest
from digicarbon.explain import COMPOSITION_ERRORS, explain, unknown_option
from digicarbon.files import GROUPS, ROOT, SWEEP_KEYS, find, folders, lineage, shown

NOTHING: Mapping[str, Any] = MappingProxyType({})


def extend_search_path(search_path: ConfigSearchPath) -> None:
    """Put `digicarbon.files.folders` at the head of Hydra's search path."""
    for path in reversed(folders()):
        search_path.prepend(provider="digicarbon", path=path.as_uri())


def loader() -> ConfigLoader:
    """Return a configuration loader over `digicarbon.files.folders`, for use outside a Hydra application."""
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
    return sorted(name for name in names if group or (name != ROOT and not name.startswith("_")))


class Composer:
    """Composes an experiment's runs.

    Parameters
    ----------
    config_loader : ConfigLoader
    name : str
        The experiment's name, or ``config`` for the default sentence.
    overrides : sequence of str
        Overrides in Hydra's grammar, without sweeps.

    Raises
    ------
    ConfigError
        If the experiment's file or one that it inherits is wrong; see `digicarbon.files.lineage`.
    """

    def __init__(self, config_loader: ConfigLoader, name: str, overrides: Sequence[str] = ()) -> None:
        self.loader = config_loader
        self.name = name
        self.overrides = list(overrides)
        self.files = lineage(name)
        self._options: dict[str, list[str]] = {}
        self._nodes: dict[tuple[str, str], DictConfig | None] = {}

    @cached_property
    def base(self) -> DictConfig:
        """The experiment's configuration without sweeps, interpolations unresolved.

        Raises
        ------
        ConfigError
            If a file or an override is wrong.
        """
        config = self._load([])
        allowed = [*GROUPS, *SWEEP_KEYS]
        for key in map(str, config):
            if key not in allowed:
                raise ConfigError(
                    f"{self.where(key)}: unknown key '{key}'.{nearest(key, allowed)} "
                    f"An experiment has {listing(allowed, 30)}."
                )
        for group in GROUPS:
            self._refuse_bare_name(config, group)
        return config

    @property
    def given(self) -> frozenset[str]:
        """The keys that the command line sets."""
        return frozenset(_key(override) for override in self.overrides)

    @cached_property
    def chosen(self) -> Mapping[str, str]:
        """Which option each group of the base configuration has."""
        found = self._compose([]).hydra.runtime.choices
        return {str(key): str(option) for key, option in found.items() if key in GROUPS}

    def sweep_keys(self) -> dict[str, Any]:
        """Return the plain values of columns, grid, zip, exclude, draw, experiments and title."""
        plain = _container(self.base)
        return {key: plain.get(key) for key in SWEEP_KEYS}

    def options(self, group: str) -> list[str]:
        """Return the options of a group, or with an empty name the experiments."""
        if group not in self._options:
            self._options[group] = options(self.loader, group)
        return self._options[group]

    def fields(self, group: str) -> list[str]:
        """Return the dotted keys of a group, for the option that the command line chooses."""
        chosen = [override for override in self.overrides if _key(override) in GROUPS]
        node = Composer(self.loader, self.name, chosen).base[group]
        return [f"{group}.{field}" for field in node if field != "_target_"]

    def require_option(self, group: str, option: str, place: str = "") -> None:
        """Raise a `ConfigError` unless the group has such an option."""
        if option not in self.options(group):
            raise unknown_option(group, option, self, place)

    def merged(self, choices: Mapping[str, Any] = NOTHING) -> DictConfig:
        """Return a run's configuration, interpolations unresolved.

        Parameters
        ----------
        choices : mapping
            Option names by group, and values by dotted key; groups are applied first.

        Raises
        ------
        ConfigError
            If an option is unknown or its file is wrong.
        """
        groups = {key: str(value) for key, value in choices.items() if key in GROUPS}
        nodes = {group: self._node(group, option) for group, option in groups.items()}
        config = self._with_nodes({group: node for group, node in nodes.items() if node is not None})
        if None in nodes.values():
            # an option that writes outside its group can be trusted to a full composition only
            config = self._load([f"{group}={option}" for group, option in groups.items()])
        OmegaConf.set_struct(config, False)
        for key, value in choices.items():
            if key not in groups:
                OmegaConf.update(config, key, value, merge=False, force_add=True)
        for key in SWEEP_KEYS:
            config.pop(key, None)
        return config

    def resolve(self, config: DictConfig) -> dict[str, Any]:
        """Return a merged configuration, or a group's node in it, as plain values, interpolations resolved.

        Raises
        ------
        ConfigError
            If an interpolation cannot be resolved.
        """
        try:
            return _container(config, resolve=True)
        except OmegaConfBaseException as error:
            key = str(error.full_key or "")
            raise ConfigError(f"{self.where(key)}: {key}: {first_line(error)}.") from error

    def where(self, key: str, choices: Mapping[str, Any] = NOTHING) -> str:
        """Return where a dotted key is set: the command line, or the file as messages show it."""
        group = key.split(".")[0]
        if key in self.given or any(key.startswith(f"{given}.") for given in self.given - set(GROUPS)):
            return "command line"
        for file in self.files:
            if file.sets(key):
                return file.shown
        option = {**self.chosen, **choices}.get(group)
        name = self.name if option is None else f"{group}/{option}"
        path = find(name)
        return f"{name}.yaml" if path is None else shown(path)

    def _with_nodes(self, nodes: Mapping[str, DictConfig]) -> DictConfig:
        config = copy.deepcopy(self.base)
        with open_dict(config):
            for group, node in nodes.items():
                config[group] = copy.deepcopy(node)
        return config

    def _node(self, group: str, option: str) -> DictConfig | None:
        """Return an option's node, or None if the option writes outside its group."""
        if (group, option) not in self._nodes:
            self.require_option(group, option)
            config = self._load([f"{group}={option}"])
            same = _container(config, without=group) == _container(self.base, without=group)
            self._nodes[group, option] = config[group] if same else None
        return self._nodes[group, option]

    def _load(self, more: Sequence[str]) -> DictConfig:
        config = self._compose(more)
        with open_dict(config):
            del config["hydra"]
        return config

    def _compose(self, more: Sequence[str]) -> DictConfig:
        replaced = {_key(override) for override in more}
        kept = [override for override in self.overrides if _key(override) not in replaced]
        try:
            return self.loader.load_configuration(self.name, [*kept, *more], run_mode=RunMode.RUN)
        except COMPOSITION_ERRORS as error:
            raise explain(error, self.name, self) from error

    def _refuse_bare_name(self, config: DictConfig, group: str) -> None:
        """Refuse ``weights: w2_nested`` in a body, which would replace the option's fields by a text."""
        node = config._get_node(group)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
            return
        given = _container(config).get(group)
        raise ConfigError(
            f"{self.where(group)}: '{group}: {given}' does not choose an option; write it in the defaults list, "
            f"`defaults: [config, override {group}: {given}, _self_]`, or on the command line, {group}={given}."
        )


def missing(config: DictConfig) -> list[str]:
    """Return the dotted keys of a merged configuration that still need a value."""
    # OmegaConf.missing_keys would stop at an interpolation to a missing value
    return [key for key in _missing(_container(config), "") if key.split(".")[0] in GROUPS]


def _missing(node: object, key: str) -> Iterator[str]:
    if node == "???":
        yield key
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _missing(value, f"{key}.{name}" if key else str(name))


def subject(message: str) -> str:
    """Return the dotted key that a message begins with, or an empty text."""
    key = message.split(" ")[0].rstrip(":")
    return key if key.split(".")[0] in GROUPS else ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _key(override: str) -> str:
    return override.split("=")[0].lstrip("+~")


def _container(config: DictConfig, without: str = "", resolve: bool = False) -> dict[str, Any]:
    plain: Any = OmegaConf.to_container(config, resolve=resolve)
    return {str(key): value for key, value in plain.items() if key != without}
