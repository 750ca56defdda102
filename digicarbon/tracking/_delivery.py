"""From a spool to its store: batches in their order, each run once, then the files and end of the sweep."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from digicarbon.note import Note
from digicarbon.tracking import _failures, _results
from digicarbon.tracking._backend import Backend, Parent
from digicarbon.tracking._connection import Connection, connected, refuse_silent
from digicarbon.tracking._entry import Tracking
from digicarbon.tracking._journal import Journal
from digicarbon.tracking._places import absolute, local_folder, masked, put
from digicarbon.tracking._spool import DamagedError, End, Spool, Sweep, lock_path, locked, spools


@dataclass(frozen=True)
class Delivered:
    """The outcome of `deliver`.

    Attributes
    ----------
    uri : str
        Of the store, without its password.
    runs : int
        Number of delivered runs.
    waiting : int
        Number of runs that still wait for the store.
    notices : sequence of str
        Why they wait.
    elsewhere : mapping of str to int
        Number of runs in this folder that wait for other stores, by address.
    damaged : int
        Number of waiting sweeps whose files cannot be read; the notices name them.
    """

    uri: str
    runs: int
    waiting: int
    notices: Sequence[str]
    elsewhere: Mapping[str, int]
    damaged: int = 0


def deliver(tracking: Tracking) -> Delivered:
    """Deliver the runs in this folder that wait for a store.

    Raises
    ------
    TrackingError
        If the store cannot be opened, or does not answer.
    """
    uri = masked(absolute(tracking.uri))
    own = [spool.sweep.experiment for spool in spools() if spool.sweep.uri == uri]
    count, shown, notices = 0, masked(tracking.uri), []
    if own:
        # with an existing experiment, so that none is created
        store = connected(tracking, own[0])
        count = deliver_all(store)
        store.backend.close()
        shown, notices = store.uri, store.notices
    else:
        refuse_silent(tracking.uri)
    counts: dict[str, int] = {}
    damaged = []
    for spool in spools():
        try:
            spool.check()
            counts[spool.sweep.uri] = counts.get(spool.sweep.uri, 0) + spool.waiting()
        except DamagedError as error:
            damaged.append(str(error))
    waiting = counts.pop(uri, 0)
    elsewhere = {address: runs for address, runs in counts.items() if runs}
    return Delivered(shown, count, waiting, list(dict.fromkeys([*notices, *damaged])), elsewhere, len(damaged))


def deliver_all(store: Connection) -> int:
    """Deliver the runs in the spools of this folder for an open store; return how many were delivered.

    A spool of a running sweep is left alone. The store's notices report what could not be delivered.
    """
    count = 0
    for spool in spools():
        sweep = spool.sweep
        own = sweep.uri == store.full_uri
        if own and not _is_of(store, sweep, spool):
            continue
        lock = locked(lock_path(spool, store.folder(sweep.artifacts))) if own else None
        if lock is None:
            continue
        try:
            spool.check()
            waiting = spool.waiting()
            journal = spool.journal()
            deliver_parts(spool, store.backend, journal, spool.parts)
            complete(spool, store.backend, journal)
            count += waiting
        except DamagedError as error:
            store.notices.append(str(error))
        except _failures.kinds() as error:
            undelivered = Note(
                "store_runs_undelivered",
                runs=spool.waiting(),
                experiment=sweep.experiment,
                folder=spool.folder,
                store=store.uri,
                why=_failures.reason(error),
                later=store.later,
            )
            store.notices.append(str(undelivered))
        finally:
            lock.release()
    return count


def _is_of(store: Connection, sweep: Sweep, spool: Spool) -> bool:
    """Return whether a store has a sweep, with the same folder of artifacts: nothing is written anywhere else."""
    try:
        if store.backend.artifacts(sweep.parent_id) == sweep.artifacts:
            return True
        why = Note("store_other_artifacts")
    except _failures.kinds() as error:
        why = _failures.reason(error)
    store.notices.append(str(Note("store_spool_undelivered", folder=spool.folder, store=store.uri, why=why)))
    return False


def deliver_parts(spool: Spool, backend: Backend, journal: Journal, files: Sequence[Path]) -> None:
    """Deliver batches; an interrupted delivery continues where it stopped."""
    sweep = spool.sweep
    for path in files:
        waiting = [row for row in spool.rows(path) if row.run_id not in journal.done]
        if waiting:
            backend.deliver(sweep.experiment_id, waiting, journal)


def complete(spool: Spool, backend: Backend, journal: Journal) -> None:
    """Deliver the results of delivered batches and the files and end of the sweep, and remove the spool."""
    sweep, end = spool.sweep, spool.end
    parent = Parent(sweep.parent_id, sweep.artifacts)
    folder = local_folder(sweep.artifacts) if backend.keeps_ids else None
    if folder is None:
        _upload_results(spool, parent, backend, journal)
    else:
        for part in spool.parts:
            put(folder / _results.PARTS / part.name, part)
    for name, path in spool.files.items():
        backend.put(parent, name, path)
    if end is not None:
        close(backend, sweep.parent_id, end)
    spool.remove()


def close(backend: Backend, parent_id: str, end: End) -> None:
    """Close a sweep."""
    numbers = {**end.metrics, "runs.done": float(end.done), "runs.failed": float(end.failed)}
    backend.end(parent_id, "FAILED" if end.failed else "FINISHED", numbers)


def _upload_results(spool: Spool, parent: Parent, backend: Backend, journal: Journal) -> None:
    """Add the batches to the sweep's file of results at the server."""
    files = spool.parts
    if not files:
        return
    with tempfile.TemporaryDirectory() as scratch:
        before = backend.files(parent.run_id, Path(scratch))
        replaced = _results.replaced(files)
        earlier = _results.run_ids(before) - replaced
        target = Path(scratch) / _results.RESULTS

        def store_id(name: str) -> str | None:
            run_id = journal.done.get(name, name if name in earlier else None)
            return None if run_id in replaced else run_id

        _results.merge([*before, *files], target, store_id)
        backend.put(parent, _results.RESULTS, target)
