"""The delivered runs of a spool, so that an interrupted delivery continues where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path


class Journal:
    """Lines in a file: a run was begun, a run is done.

    Attributes
    ----------
    begun : set of str
        Our ids of runs that a store may know.
    done : dict of str to str
        The store's ids of runs that are complete, by ours.

    Raises
    ------
    ValueError
        If a line is not of this format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.begun: set[str] = set()
        self.done: dict[str, str] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._take(line)

    def begin(self, run_id: str) -> None:
        """Note that a run is about to be created."""
        self._note([[run_id]])

    def finish(self, runs: Mapping[str, str]) -> None:
        """Note that runs are complete, with their ids in the store."""
        self._note([[run_id, store_id] for run_id, store_id in runs.items()])

    def _note(self, records: Sequence[list[str]]) -> None:
        lines = [json.dumps(words) for words in records]
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        for line in lines:
            self._take(line)

    def _take(self, line: str) -> None:
        try:
            words = json.loads(line)
        except ValueError:
            if not line.startswith("["):
                raise
            # the last line of a process that was killed while writing it
            return
        if not isinstance(words, list) or len(words) not in (1, 2) or not all(isinstance(word, str) for word in words):
            raise ValueError(line)
        self.begun.add(words[0])
        if len(words) == 2:
            self.done[words[0]] = words[1]
