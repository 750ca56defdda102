"""What a store knows about runs that are only planned: read without making or changing anything."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from digicarbon.tracking import _failures
from digicarbon.tracking._backend import Backend
from digicarbon.tracking._client import Client
from digicarbon.tracking._entry import Tracking
from digicarbon.tracking._places import SERVERS, SQLITE, absolute


@dataclass(frozen=True)
class Known:
    """What a store has of planned runs.

    Attributes
    ----------
    done : frozenset of str
        Content hashes of runs that are finished and not deleted.
    seconds : mapping of str to float
        How long a run took on average, by the option of its model.
    """

    done: frozenset[str] = frozenset()
    seconds: Mapping[str, float] = field(default_factory=dict)


def known(tracking: Tracking, keys: Collection[str], models: Collection[str]) -> Known | None:
    """Return what a store has of runs with these hashes; None if it does not answer.

    Parameters
    ----------
    tracking : Tracking
    keys : collection of str
        Content hashes.
    models : collection of str
        Options of the group ``model``.
    """
    if tracking.uri.startswith(SQLITE) and not Path(tracking.uri.removeprefix(SQLITE)).is_file():
        return Known()
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        with _backend(tracking.uri) as backend:
            done = frozenset(key for key, _ in backend.find(keys))
            found = {model: backend.seconds(model) for model in models}
    except _failures.kinds():
        return None
    return Known(done, {model: seconds for model, seconds in found.items() if seconds is not None})


@contextmanager
def _backend(uri: str) -> Iterator[Backend]:
    if not uri.startswith(SERVERS):
        from digicarbon.tracking import _database

        tables = _database.opened(uri)
        if tables is not None:
            with closing(tables):
                yield tables
            return
    from mlflow import MlflowClient

    yield Client(MlflowClient(tracking_uri=absolute(uri)))
