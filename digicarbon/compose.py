"""Where configurations are found, and how a run's configuration is put together.

The user's ``./experiments`` and ``./conf`` come before the shipped ones. Composing costs tens of milliseconds, so each
option of a sweep is composed once and runs are assembled from these nodes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from digicarbon.errors import ConfigError, listing, nearest

GROUPS = (
    "source", "measure", "outcome", "panel", "sample", "weights", "model", "inference", "diagnostic", "report",
    "executor", "tracking",
)  # fmt: skip
SWEEP_KEYS = ("title", "columns", "grid", "zip", "exclude", "draw", "experiments")


def folders() -> list[Path]:
    """Return the folders that are searched, first come first: the user's, then the shipped ones."""
    package = Path(__file__).resolve().parent
    shipped = package if (package / "conf").is_dir() else package.parent
    bases = [Path.cwd(), shipped]
    found = [base / name for base in bases for name in ("experiments", "conf") if (base / name).is_dir()]
    return list(dict.fromkeys(path.resolve() for path in found))


def extend_search_path(search_path: ConfigSearchPath) -> None:
    """Put `folders` at the head of Hydra's search path."""
    for path in reversed(folders()):
        search_path.prepend(provider="digicarbon", path=path.as_uri())


def loader() -> ConfigLoader:
    """Return a configuration loader over `folders`, for use outside a Hydra application."""
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
    return sorted(name for name in names if group or name != "config")


class Composer:
    """Composes an experiment's runs.

    Parameters
    ----------
    config_loader : ConfigLoader
    name : str
        The experiment's name, or ``config`` for the default sentence.
    overrides : sequence of str
        Overrides in Hydra's grammar, without sweeps.
    """

    def __init__(self, config_loader: ConfigLoader, name: str, overrides: Sequence[str] = ()) -> None:
        self.loader = config_loader
        self.name = name
        self.overrides = list(overrides)
        self._nodes: dict[tuple[str, str], DictConfig | None] = {}

    @cached_property
    def base(self) -> DictConfig:
        """The experiment's configuration without sweeps, interpolations unresolved."""
        self._refuse_own_name()
        config = self._load([])
        for key in config:
            if key not in (*GROUPS, *SWEEP_KEYS):
                raise ConfigError(
                    f"{self.where(str(key))}: unknown key '{key}'.{nearest(str(key), [*GROUPS, *SWEEP_KEYS])} "
                    f"An experiment has {listing([*GROUPS, *SWEEP_KEYS], 30)}."
                )
        for group in GROUPS:
            value = config._get_node(group)
            if isinstance(value, DictConfig) and not value._is_none() and not value._is_interpolation():
                continue
            shown = OmegaConf.to_container(config, resolve=False)
            given = str(shown.get(group)) if isinstance(shown, dict) else ""
            raise ConfigError(
                f"{self.where(group)}: '{group}: {given}' does not choose an option; write it in the defaults list, "
                f"`defaults: [config, override {group}: {given}, _self_]`, or on the command line, {group}={given}."
            )
        return config

    def sweep_keys(self) -> dict[str, Any]:
        """Return the plain values of columns, grid, zip, exclude, draw, experiments and title."""
        plain = {key: self.base.get(key) for key in SWEEP_KEYS}
        return {
            key: OmegaConf.to_container(value, resolve=False) if isinstance(value, DictConfig | ListConfig) else value
            for key, value in plain.items()
        }

    def options(self, group: str) -> list[str]:
        """Return the options of a group."""
        return options(self.loader, group)

    def chosen(self) -> dict[str, str]:
        """Return which option each group of the base configuration has."""
        return dict(self._choices)

    def missing(self, choices: Mapping[str, Any]) -> list[str]:
        """Return the dotted keys that still need a value once ``choices`` are made."""
        config = self._merged(choices)
        return sorted(str(key) for key in OmegaConf.missing_keys(config) if str(key).split(".")[0] in GROUPS)

    def assemble(self, choices: Mapping[str, Any]) -> dict[str, Any]:
        """Return a run's configuration as plain values, interpolations resolved.

        Parameters
        ----------
        choices : mapping
            Option names by group, and values by dotted key; groups are applied first.

        Raises
        ------
        ConfigError
            If an option is unknown or an interpolation cannot be resolved.
        """
        config = self._merged(choices)
        for key in SWEEP_KEYS:
            config.pop(key, None)
        try:
            plain = OmegaConf.to_container(config, resolve=True)
        except OmegaConfBaseException as error:
            raise ConfigError(f"{self.name}: {first_line(error)}") from error
        if not isinstance(plain, dict):
            raise ConfigError(f"{self.name}: the configuration is not a mapping.")
        return {str(key): value for key, value in plain.items()}

    def where(self, key: str) -> str:
        """Return the file in which a dotted key is set, or the command line, for messages."""
        bare = [override.lstrip("+~").split("=")[0] for override in self.overrides]
        if key in bare:
            return f"command line, {key}"
        group = key.split(".")[0]
        candidates = [self.name]
        if group in GROUPS and group in self.__dict__.get("_choices", {}):
            candidates.append(f"{group}/{self._choices[group]}")
        for candidate in candidates:
            found = next((folder / f"{candidate}.yaml" for folder in folders() if (folder / f"{candidate}.yaml").is_file()), None)
            if found is None:
                continue
            inner = key if candidate == self.name else key.partition(".")[2]
            if candidate != self.name or OmegaConf.select(OmegaConf.load(found), inner, throw_on_missing=False) is not None:
                return f"{_short(found)}, {key}"
        return f"{self.name}.yaml, {key}"

    @cached_property
    def _choices(self) -> dict[str, str]:
        with_hydra = self._raw([])
        return {key: str(chosen) for key, chosen in with_hydra.hydra.runtime.choices.items() if key in GROUPS}

    def _merged(self, choices: Mapping[str, Any]) -> DictConfig:
        groups = {key: str(value) for key, value in choices.items() if key in GROUPS}
        nodes = {key: self._node(key, value) for key, value in groups.items()}
        if any(node is None for node in nodes.values()):
            # an option that writes outside its group can be trusted to a full composition only
            config = self._load([f"{key}={value}" for key, value in groups.items()])
        else:
            config = copy.deepcopy(self.base)
            with open_dict(config):
                for key, node in nodes.items():
                    config[key] = copy.deepcopy(node)
        OmegaConf.set_struct(config, False)
        for key, value in choices.items():
            if key not in groups:
                OmegaConf.update(config, key, value, merge=False, force_add=True)
        return config

    def _node(self, group: str, option: str) -> DictConfig | None:
        """Return an option's node, or None if the option writes outside its group."""
        if (group, option) not in self._nodes:
            known = self.options(group)
            if option not in known:
                raise ConfigError(
                    f"{group}={option}: there is no such option.{nearest(option, known)} Options: {listing(known, 40)}."
                )
            config = self._load([f"{group}={option}"])
            same = all(_plain(config, key) == _plain(self.base, key) for key in GROUPS if key != group)
            self._nodes[group, option] = config[group] if same else None
        return self._nodes[group, option]

    def _load(self, more: Sequence[str]) -> DictConfig:
        config = self._raw(more)
        with open_dict(config):
            del config["hydra"]
        return config

    def _raw(self, more: Sequence[str]) -> DictConfig:
        keys = {override.split("=")[0] for override in more}
        kept = [override for override in self.overrides if override.split("=")[0] not in keys]
        try:
            return self.loader.load_configuration(self.name, [*kept, *more], run_mode=RunMode.RUN)
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise explain(error, self.loader, self.name) from error

    def _refuse_own_name(self) -> None:
        found = [folder / f"{self.name}.yaml" for folder in folders() if (folder / f"{self.name}.yaml").is_file()]
        if not found:
            return
        try:
            config = OmegaConf.load(found[0])
        except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{_short(found[0])} is not valid YAML: {' '.join(str(error).split())}") from error
        defaults = config.get("defaults", []) if isinstance(config, DictConfig) else []
        if self.name in [item for item in defaults or [] if isinstance(item, str)]:
            raise ConfigError(
                f"{_short(found[0])} inherits an experiment of its own name, which would go round for ever; give your "
                "file another name."
            )


def explain(error: Exception, config_loader: ConfigLoader, name: str) -> ConfigError:
    """Turn one of Hydra's messages into a sentence with the nearest known word."""
    text = str(error)
    cause = error.__cause__
    quoted = text.split("'")
    first = quoted[1] if len(quoted) > 1 else ""
    if text.startswith("Could not override") or (cause is not None and "not in struct" in str(cause)):
        key = first.split("@")[0]
        known = [*GROUPS, *SWEEP_KEYS] if "." not in key else _known_keys(config_loader, name, key)
        return ConfigError(
            f"command line: there is no key '{key}'.{nearest(key, known)} "
            f"{'Keys' if '.' in key else 'Groups'}: {listing(known, 40)}."
        )
    if "Could not find" in text or text.startswith("Cannot find primary config") or "In '" in text:
        return _unknown_option(text, config_loader, name)
    return ConfigError(f"{name}: {first_line(error)}{'' if cause is None else ' ' + first_line(cause)}")


def _unknown_option(text: str, config_loader: ConfigLoader, name: str) -> ConfigError:
    wanted = next((part for part in text.split("'")[1::2] if "/" in part), "")
    group, _, option = wanted.rpartition("/")
    if group in GROUPS:
        known = options(config_loader, group)
        return ConfigError(
            f"{group}={option}: there is no such option.{nearest(option, known)} Options: {listing(known, 40)}."
        )
    known = options(config_loader, "")
    if name not in known and name != "config":
        return ConfigError(
            f"There is no experiment '{name}'.{nearest(name, known)} Experiments: {listing(known, 40)}."
        )
    return ConfigError(f"{name}: {' '.join(text.split())}")


def _known_keys(config_loader: ConfigLoader, name: str, key: str) -> list[str]:
    group = key.split(".")[0]
    if group not in GROUPS:
        return list(GROUPS)
    node = Composer(config_loader, name).base[group]
    return [f"{group}.{field}" for field in node if field != "_target_"]


def _plain(config: DictConfig, key: str) -> Any:
    return OmegaConf.to_container(config[key], resolve=False)


def _short(path: Path) -> str:
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return f"{path.parent.parent.name}/{path.parent.name}/{path.name}" if path.parent.name in GROUPS else f"{path.parent.name}/{path.name}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
