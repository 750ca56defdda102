"""Hydra plugins: where digicarbon's configurations are found and read, and the sweeper that reaches its engine.

Hydra imports this module in every application of the environment, so it is light and does nothing unless
``digicarbon`` is the command that runs.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class DigicarbonSearchPath(SearchPathPlugin):
    """Puts the user's and the shipped configurations on the search path, and nothing else of the package."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Extend the search path if digicarbon runs."""
        from digicarbon.cli.application import is_active

        if is_active():
            from digicarbon.config.compose import extend_search_path

            extend_search_path(search_path)
            # Hydra would offer the package's other folders as config groups
            places = search_path.get_path()
            for place in [place for place in places if place.path == "pkg://digicarbon"]:
                places.remove(place)


class DigicarbonSource(FileConfigSource):
    """Reads a folder of configuration files, each file once: a sweep is composed many times from the same ones."""

    _read: ClassVar[dict[tuple[str, int, int], bytes]] = {}
    """By path, time and size of the file. Hydra changes what it is given, and to unpickle is the quickest copy."""

    @staticmethod
    def scheme() -> str:
        """Return what the paths of such folders begin with."""
        return "digicarbon"

    def is_config(self, config_path: str) -> bool:
        """Return whether there is such a file; an option may also be a file of data, e.g. ``weights/mine.csv``."""
        from digicarbon.config.flat import data_file

        return super().is_config(config_path) if (data := data_file(config_path)) is None else data.is_file()

    def load_config(self, config_path: str) -> ConfigResult:
        """Return a file's content; a file that was changed is read anew.

        A file that inherits others and does not say where it comes in itself comes last; Hydra does so with a warning.
        """
        from digicarbon.config.flat import data_file, option

        if data_file(config_path) is not None:
            content = OmegaConf.create(option(config_path))
            return ConfigResult(self.provider, f"{self.scheme()}://{self.path}", content, self._get_header_dict(""))
        path = Path(self.path, self._normalize_file_name(config_path)).resolve()
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        if key not in self._read:
            self._read[key] = pickle.dumps(self._in_order(self._loaded(path), path))
        found: ConfigResult = pickle.loads(self._read[key])
        return found

    def _loaded(self, path: Path) -> ConfigResult:
        from digicarbon.config.files import check_content, check_defaults, read
        from digicarbon.config.yaml_text import for_hydra

        check_content(path)
        try:
            with path.open(encoding="utf-8") as file:
                header = self._get_header_dict(file.read(512))
            return ConfigResult(self.provider, f"{self.scheme()}://{self.path}", for_hydra(path), header)
        except ValueError:
            # Hydra does not say which file has the wrong item
            check_defaults(read(path), path)
            raise

    @staticmethod
    def _in_order(found: ConfigResult, path: Path) -> ConfigResult:
        from digicarbon.config.files import check_defaults, in_order

        config = found.config
        if isinstance(config, DictConfig) and "defaults" in config:
            content: Any = OmegaConf.to_container(config, resolve=False)
            check_defaults(content, path)
            if isinstance(content["defaults"], list) and not in_order(content, path):
                config.defaults.append("_self_")
        return found


class DigicarbonSweeper(Sweeper):
    """Hands the whole command line to digicarbon's engine instead of launching one job per combination."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra knows."""
        self._context = hydra_context
        self._task = task_function
        self._name = str(config.hydra.job.config_name)

    def sweep(self, arguments: Sequence[str]) -> Any:
        """Run the command once with the whole request."""
        from digicarbon.cli.command import Request

        request: Any = Request(self._context.config_loader, self._name, list(arguments))
        return self._task(request)
