"""`digicarbon lock`: a plan locked before its outcome is read, and what has changed since."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from digicarbon.cli.command import Request, counts_of, plans_of, say, terminal, warn
from digicarbon.config.compose import Composer
from digicarbon.config.files import ROOT, command_line, shown
from digicarbon.disk.files import put
from digicarbon.errors import DigicarbonError
from digicarbon.note import Note, cut, note_of
from digicarbon.note.language import said
from digicarbon.packs.deposit.lock.changes import MOST_CELLS
from digicarbon.packs.deposit.lock.content import content, software
from digicarbon.packs.deposit.lock.data import GIVEN, Reader
from digicarbon.packs.deposit.lock.file import SHOWN, Lock, LockError, moment, now, path_of, sealed
from digicarbon.packs.deposit.lock.stamp import StampError, stamped, tagged
from digicarbon.packs.deposit.lock.state import State, before, looks_at, state
from digicarbon.plan.runs import Plan
from digicarbon.result import AS_COEFFICIENT
from digicarbon.sweep.sweep import Settings, settings_for
from digicarbon.sweep.tables import store_name
from digicarbon.tracking import fitted_before


class PlanChangedError(DigicarbonError):
    """The plan differs from its lock."""


def lock(
    request: Request, check: bool = False, again: bool = False, why: str = "", tag: bool = False, tsa: str = ""
) -> None:
    """Lock the plan of an experiment, or say what has changed since.

    ``check``: compare only, and write nothing but when a change was noticed first. ``again``: lock the plan of today
    beside the earlier ones. ``why``: the reason for locking again. ``tag``: make a tag of Git with the hash. ``tsa``:
    the address of a time stamping authority. Raises LockError if there is no lock to compare with, or the plan has one
    from which it differs; PlanChangedError if something has changed and ``check``.
    """
    if check and (again or why or tag or tsa):
        raise LockError(Note("lock_check_alone"))
    if again != bool(why.strip()):
        raise LockError(Note("lock_again_needs_why"))
    if request.name == ROOT:
        raise LockError(Note("lock_needs_experiment"))
    changed = False
    for composer, planned in plans_of(request):
        chosen = settings_for(composer, planned)
        # a look at what the command line would change is no change
        known = state(composer, planned, chosen.report, remember=not (check and request.overrides))
        if known is not None and known.lock is None:
            raise LockError(known.note)
        if check:
            if known is None:
                raise LockError(
                    Note("lock_absent", experiment=planned.name, command=command_line("lock", planned.name))
                )
            _show(planned, known)
            changed = changed or bool(known.changes) or bool(known.lock and known.lock.broken)
        elif known is not None and known.lock is not None and not again:
            _refuse_changed(planned, known)
            say(Note("of_experiment", name=planned.name, said=known.note))
            _testify(planned, known.lock, tag, tsa)
        else:
            _testify(planned, _write(composer, planned, chosen, known, why.strip()), tag, tsa)
    if changed:
        raise PlanChangedError(Note("lock_differs"))


def _write(composer: Composer, planned: Plan, chosen: Settings, known: State | None, why: str) -> Lock:
    """Write a version of a plan's lock, and print what is in it."""
    old = known.lock if known is not None else None
    if old is None and why:
        raise LockError(Note("lock_nothing_before", experiment=planned.name))
    if known is not None and not known.changes and not (old and old.broken):
        raise LockError(Note("lock_again_unchanged", experiment=planned.name))
    reader = Reader()
    inner = content(composer, planned, chosen.report, reader)
    runs, first = fitted_before(
        chosen.tracking,
        store_name(planned),
        [run.key for run in planned.runs],
        looks_at(inner["estimand"]["y"]),
        any(run.prepared.simulated for run in planned.runs),
    )
    version = sealed(
        {
            "time": now(),
            "why": why,
            "software": software(),
            "fitted_before": {"runs": runs, "first": first},
            "earlier": "" if old is None else old.hash,
            "content": inner,
        }
    )
    if old is None:
        made = Lock(path_of(planned.name), (version,), {}, {})
    else:
        made = replace(old, versions=(*old.versions, version))
    made.write()
    say(Note("locked", name=planned.name, date=made.date, hash=made.hash[:SHOWN], file=shown(made.path)))
    for line in _summary(inner, planned):
        say(line)
    if runs:
        terminal().print(said(before(version)), style="yellow", soft_wrap=True)
    return made


def _summary(inner: Mapping[str, Any], planned: Plan) -> list[Note]:
    """Return notes on what is locked."""
    estimand = inner["estimand"]
    values = [choice.values for choice in planned.choices]
    varied = [key for key in planned.varied if len({repr(own.get(key)) for own in values}) > 1]
    # a coefficient is the total effect of a model where nothing spills over
    asked = estimand["quantity"]
    quantities = dict.fromkeys(
        asked if asked in own or asked not in AS_COEFFICIENT else own[-1]
        for own in (run.specs.model.quantities for run in planned.runs)
    )
    of, on = estimand["term"] or cut(estimand["x"]), cut(estimand["y"])
    lines = [
        Note("locked_choices", counts=counts_of(planned), keys=len(varied)),
        Note("locked_estimand", quantities=cut(quantities), of=of, on=on),
    ]
    if inner["seeds"]:
        seeds = [
            Note("locked_seed", key=key, values=cut(map(str, one["values"]))) for key, one in inner["seeds"].items()
        ]
        lines.append(Note("locked_seeds", seeds=seeds))
    for name, one in inner["data"].items():
        series = sum(len(grid["series"]) for name, grid in one["grids"].items() if name != GIVEN)
        cells = next(iter(one["grids"].values()), {"units": (), "periods": ()})
        lines.append(
            Note(
                "locked_data",
                name=name,
                series=series,
                units=len(cells["units"]),
                periods=len(cells["periods"]),
                unread=cut(one["only_outcome"]) or Note("locked_none"),
            )
        )
        if one["outcome_and_others"]:
            lines.append(Note("locked_shared", series=cut(one["outcome_and_others"])))
        if chosen := one.get("sample_by_outcome"):
            lines.append(Note("locked_sample", series=cut(chosen)))
        if weighs := one.get("weights_by_outcome"):
            lines.append(Note("locked_weighs", series=cut(weighs)))
    if inner["weights"]:
        matrices = [
            Note("locked_matrix", name=one["called"], units=len(one["units"]), hash=one["digest"][:6])
            for one in inner["weights"].values()
        ]
        lines.append(Note("locked_weights", matrices=cut(matrices)))
    return lines


def _refuse_changed(planned: Plan, known: State) -> None:
    if known.changes:
        words = ["--again", "--why", "…"]
        raise LockError(
            Note(
                "lock_there",
                experiment=planned.name,
                changes=cut([one.note for one in known.changes], MOST_CELLS),
                command=command_line("lock", planned.name, words),
            )
        )


def _show(planned: Plan, known: State) -> None:
    """Print whether a plan is as it was locked."""
    lock = known.lock
    if lock is None:
        return
    if not known.changes:
        say(Note("of_experiment", name=planned.name, said=known.note))
    else:
        say(Note("lock_changed_since", name=planned.name, date=lock.date, hash=lock.hash[:SHOWN]))
        for one, first in zip(known.changes, known.first, strict=True):
            kind = "exclude" if one.kind == "exclusions" else one.kind
            say(Note("lock_change", head=f"{kind:<11}", change=one.note, time=moment(first)))
        if lock.broken:
            say(known.note)
    for number, version in enumerate(lock.versions, 1):
        if len(lock.versions) > 1:
            why = Note("lock_version_why", why=version["why"]) if version["why"] else ""
            digest = version["hash"][:SHOWN]
            say(Note("lock_version", number=number, time=moment(version["time"]), hash=digest, why=why))
        for stamp in lock.stamps.get(version["hash"], ()):
            terminal().print(f"  {stamp}", soft_wrap=True)


def _testify(planned: Plan, made: Lock, tag: bool, tsa: str) -> None:
    """Make the tag and the time stamp that are asked for; the lock stays where there are none."""
    stamps: list[str] = []
    if tag:
        name = f"lock/{re.sub(r'[^-/.0-9A-Za-z_]+', '-', planned.name)}/{made.latest['time'][:10]}"
        message = f"{command_line('lock', planned.name)}\n\n{made.latest['time']}\nSHA-256 {made.hash}"
        try:
            made_tag = tagged(made.path.parent, name, message)
            stamps.append(f"tag of Git: {made_tag}")
            say(Note("lock_tagged", tag=made_tag, file=made.path.name))
        except StampError as error:
            warn(note_of(error))
    if tsa:
        try:
            stamp = stamped(made.hash, tsa)
            file = made.path.with_name(f"{made.path.name.removesuffix('.json')}.{made.hash[:SHOWN]}.tsr")
            put(file, stamp.answer)
            stamps.append(f"time stamp of {stamp.time}: {file.name}")
            say(Note("lock_stamped", time=stamp.time, file=shown(file)))
            verify = f"openssl ts -verify -digest {made.hash} -in {file.name} -CAfile CERTIFICATE.pem"
            terminal().print(f"  {verify}", soft_wrap=True)
        except (StampError, OSError) as error:
            warn(note_of(error if isinstance(error, StampError) else str(error)))
    if stamps:
        own = [*made.stamps.get(made.hash, ()), *stamps]
        replace(made, stamps={**made.stamps, made.hash: own}).write()
