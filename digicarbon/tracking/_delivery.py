"""From a spool to its store: batches in their order, each run once, then what the sweep left at its end."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from digicarbon.tracking import _results, _rows
from digicarbon.tracking._backend import Backend
from digicarbon.tracking._client import Client
from digicarbon.tracking._journal import Journal
from digicarbon.tracking._places import local_folder, put
from digicarbon.tracking._spool import Spool

if TYPE_CHECKING:
    from mlflow import MlflowClient


def deliver(spool: Spool, backend: Backend, journal: Journal, files: Sequence[Path]) -> None:
    """Deliver batches; one that was interrupted goes on where it stopped."""
    sweep = spool.sweep
    for path in files:
        waiting = [row for row in _rows.rows(_results.read_part(path)) if row.run_id not in journal.done]
        if waiting:
            backend.deliver(sweep.experiment_id, waiting, journal)


def complete(spool: Spool, client: MlflowClient, backend: Backend, journal: Journal) -> None:
    """Hand over the results of delivered batches, what the sweep left at its end, and remove the spool."""
    sweep, end = spool.sweep, spool.end
    folder = local_folder(sweep.artifacts) if backend.keeps_ids else None
    if folder is None:
        _upload_results(spool, client, journal)
    else:
        for part in spool.parts:
            put(folder / _results.PARTS / part.name, part.read_bytes())
    for name, path in spool.files.items():
        client.log_artifact(sweep.parent_id, str(path), name.rpartition("/")[0] or None)
    if end is not None:
        close(client, sweep.parent_id, end.failed, end.done)
    spool.remove()


def close(client: MlflowClient, parent_id: str, failed: int, done: int) -> None:
    """Close a sweep."""
    for key, value in (("runs.done", done), ("runs.failed", failed)):
        client.log_metric(parent_id, key, float(value))
    client.set_terminated(parent_id, status="FAILED" if failed else "FINISHED")


def _upload_results(spool: Spool, client: MlflowClient, journal: Journal) -> None:
    """Add the batches to the file of results that the sweep has at its server."""
    files = spool.parts
    if not files:
        return
    with tempfile.TemporaryDirectory() as scratch:
        before = Client(client).files(spool.sweep.parent_id, Path(scratch))
        replaced = _results.replaced(files)
        earlier = _results.run_ids(before) - replaced
        target = Path(scratch) / _results.RESULTS

        def known(name: str) -> str | None:
            run_id = journal.done.get(name, name if name in earlier else None)
            return None if run_id in replaced else run_id

        _results.merge([*before, *files], target, known)
        client.log_artifact(spool.sweep.parent_id, str(target))
