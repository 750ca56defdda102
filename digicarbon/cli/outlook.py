"""A forecast of a sweep: which of its runs are recorded already, and how long the others will take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digicarbon.errors import TrackingError
from digicarbon.model.tested import Tested, wild_draws
from digicarbon.note import Note
from digicarbon.plan.runs import Plan, Run
from digicarbon.report.kinds import multiverse_of
from digicarbon.sweep import provenance
from digicarbon.sweep.sweep import Settings, kind, sweep_key
from digicarbon.tracking import DONE, ELSEWHERE, FAILED, NEW, OTHER_VERSIONS, history, masked, obstacle

GUESS = 0.003
"""Assumed seconds of a run while none of its kind is recorded, times `Model.work_for` its panel."""
WRITING = 0.0015
"""Seconds that recording a run takes."""
USUAL = 999
"""Draws of the wild bootstrap to which the guess applies."""
MOST_PANELS = 100
"""In how many runs the largest panel is looked for."""
LONG = 3.0
"""Seconds from which the duration of a report is mentioned."""

UNKNOWN = "?"
"""The state of a run where the store cannot be read."""
STATES = {
    NEW: Note("state_new"),
    FAILED: Note("state_failed"),
    OTHER_VERSIONS: Note("state_other_versions"),
    ELSEWHERE: Note("state_elsewhere"),
    DONE: Note("state_done"),
    UNKNOWN: Note("state_unknown"),
}

Durations = Mapping[str, Mapping[int, tuple[int, float]]]
"""As in `digicarbon.tracking.History`."""


@dataclass(frozen=True)
class Outlook:
    """A forecast of a sweep.

    ``states``: by content hash: ``new``, ``done``, ``failed before``, ``done in another sweep`` or ``done under other
    versions``. ``said``: how many runs would be fitted, how long that, intervals of the wild bootstrap and a long
    report take, and the basis of the estimate.
    """

    states: Mapping[str, str]
    said: Note


def outlook(planned: Plan, chosen: Settings) -> Outlook:
    """Return the forecast by reading the store; nothing is fitted, created or changed."""
    forecast = _forecast(planned, chosen)
    reason = obstacle(chosen.tracking.uri)
    if not reason:
        return forecast
    return Outlook(
        forecast.states,
        Note("outlook_obstacle", outlook=forecast.said, store=masked(chosen.tracking.uri), reason=reason),
    )


def _forecast(planned: Plan, chosen: Settings) -> Outlook:
    try:
        deciding = {run.options.get("model", ""): run.specs.model.decides_time for run in planned.runs}
        past = history(chosen.tracking, sweep_key(planned, chosen), [run.key for run in planned.runs], deciding)
    except TrackingError as error:
        # a plan is also useful without the store
        return Outlook(dict.fromkeys((run.key for run in planned.runs), UNKNOWN), Note("outlook_unknown", why=error))
    states = {run.key: past.states.get(run.key, NEW) for run in planned.runs}
    remaining = [run for run in planned.runs if states[run.key] not in (DONE, ELSEWHERE, OTHER_VERSIONS)]
    shown = chosen.report.seconds(*_counted(planned, chosen))
    last = "" if shown < LONG else Note("outlook_report", time=_words(shown))
    if not remaining:
        return Outlook(states, Note("outlook_nothing", report=last))
    kinds = Counter(map(kind, remaining))
    guessed = [run for run in remaining if kind(run) not in past.durations]
    guesses = len(guessed)
    fits = [_duration(run, past.durations) for run in remaining]
    # one long run ends after the others
    seconds = max(sum(fits) / chosen.executor.width(), max(fits)) + WRITING * len(remaining)
    like = sum(count for one in kinds for count, _ in past.durations.get(one, {}).values())
    many = any(wild_draws(run.specs.model) > USUAL for run in guessed)
    ms = round(sum(map(_work, guessed)) / max(guesses, 1) * GUESS * 1000)
    guess = Note("guess_per_draws", ms=ms, draws=USUAL) if many else Note("guess_each", ms=ms)
    if not guesses:
        basis = Note("by_durations", runs=like)
    elif guesses == len(remaining):
        basis = Note("by_guess", guess=guess)
    else:
        basis = Note("by_both", runs=like, guess=guess, guesses=guesses)
    intervals = _intervals(remaining, past.durations, chosen.executor.width())
    time = _words(seconds)
    return Outlook(
        states, Note("outlook_fits", runs=len(remaining), time=time, basis=basis, intervals=intervals, report=last)
    )


def _counted(planned: Plan, chosen: Settings) -> tuple[int, int]:
    """Return how many runs a report counts together, and the rows of the largest of their panels."""
    multiverse = multiverse_of(provenance.roster(planned, chosen.kinds, chosen.claim))
    runs = len(planned.runs) if multiverse is None else sum(len(part.labels) for part in multiverse.main)
    return runs, max((math.prod(run.prepared.panel.shape) for run in planned.runs[:MOST_PANELS]), default=0)


def _duration(run: Run, durations: Durations) -> float:
    """Return the seconds that a run will take; those of draws and arrangements grow with their number."""
    model = run.specs.model
    draws = wild_draws(model)
    known = durations.get(kind(run))
    if known is None:
        return GUESS * _work(run) * max(draws, USUAL) / USUAL
    if draws in known:
        return known[draws][1]
    drawn = {each: seconds for each, (_, seconds) in known.items() if each}
    plain = known[0][1] if 0 in known else 0.0
    if not drawn:
        # a guess of what draws take on top of the rest
        return plain + GUESS * _work(run) * draws / USUAL
    nearest = min(drawn, key=lambda each: abs(math.log(each / draws)) if draws else each)
    return plain + max(drawn[nearest] - plain, 0.0) * draws / nearest if draws else drawn[nearest]


def _work(run: Run) -> float:
    return run.specs.model.work_for(*run.prepared.panel.shape)


def _intervals(remaining: Sequence[Run], durations: Durations, width: int) -> Note | str:
    """Return a note on what inverting wild tests costs, where that is long; else an empty text."""
    models = [(run.specs.model, _duration(run, durations) / width) for run in remaining]
    inverting = [(model, seconds) for model, seconds in models if isinstance(model, Tested) and model.inverts]
    of_p = sum(model.share_of_p * seconds for model, seconds in inverting)
    of_intervals = sum(seconds for _, seconds in inverting) - of_p
    if of_intervals < LONG:
        return ""
    return Note("outlook_intervals", runs=len(inverting), time=_words(of_intervals), p=_words(of_p))


def _words(seconds: float) -> Note:
    if seconds < 1.5:
        return Note("a_second")
    if seconds < 100:
        return Note("seconds_long", seconds=seconds)
    if seconds < 6000:
        return Note("minutes_long", minutes=seconds / 60)
    return Note("hours_long", hours=seconds / 3600)
