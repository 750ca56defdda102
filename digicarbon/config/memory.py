"""What Hydra composed in this process, kept for as long as no file that it may have read changes.

A notebook, or a study of many experiments, asks for one composition again and again; Hydra takes tens of milliseconds.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig

from digicarbon.config.files import ConfigFile, is_plain
from digicarbon.note.about import GROUPS

_State = tuple[tuple[str, int, int], ...]
_COMPOSED: dict[tuple[str, tuple[str, ...], _State], bytes] = {}
MOST = 512
"""The largest number of compositions that are kept; each takes about forty kilobytes."""


def composed(loader: ConfigLoader, name: str, files: Sequence[ConfigFile], overrides: Sequence[str]) -> DictConfig:
    """Return what Hydra composes of an experiment's file and overrides; the result is the caller's own.

    ``files``: those that the experiment inherits, with its own. A composition is kept unless its choices may depend on
    anything but these files: an interpolation in a defaults list, or in an override, may name a variable of the
    environment, and Hydra may be told to search in other folders.
    """
    key = (name, tuple(overrides), _state(loader))
    if key in _COMPOSED:
        kept: DictConfig = pickle.loads(_COMPOSED[key])
        return kept
    config = loader.load_configuration(name, list(overrides), run_mode=RunMode.RUN)
    texts = [*overrides, *(str(file.content.get("defaults")) for file in files)]
    choices = config.hydra.runtime.choices.items()
    plain = all(is_plain(str(group), str(option)) for group, option in choices if group in GROUPS)
    if plain and not config.hydra.searchpath and not any("${" in text for text in texts):
        if len(_COMPOSED) >= MOST:
            _COMPOSED.clear()
        _COMPOSED[key] = pickle.dumps(config)
    return config


def _state(loader: ConfigLoader) -> _State:
    """Return all configuration files that a loader can see, with their times and sizes."""
    files: list[tuple[str, int, int]] = []
    for place in loader.get_search_path().get_path():
        scheme, _, folder = str(place.path).rpartition("://")
        if scheme in ("", "file", "digicarbon"):
            files += _files(folder)
    return tuple(files)


def _files(folder: str) -> _State:
    files = []
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".yaml"):
                path = Path(place, name)
                # a link to nowhere, or a file that an editor has just replaced
                with suppress(OSError):
                    stat = path.stat()
                    files.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(files)
