"""A forecast of a sweep: which of its runs are recorded already, and how long the others will take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digicarbon.errors import TrackingError, counted
from digicarbon.model.tested import Tested, wild_draws
from digicarbon.plan.runs import Plan, Run
from digicarbon.sweep.sweep import Settings, kind, sweep_key
from digicarbon.tracking import DONE, ELSEWHERE, NEW, OTHER_VERSIONS, history, masked, obstacle

GUESS = 0.003
"""Assumed seconds of a run while none of its kind is recorded."""
WRITING = 0.0015
"""Seconds that recording a run takes."""
USUAL = 999
"""Draws of the wild bootstrap to which the guess applies."""
LONG = 3.0
"""Seconds from which the duration of a report is mentioned."""

Durations = Mapping[str, Mapping[int, tuple[int, float]]]
"""As in `digicarbon.tracking.History`."""


@dataclass(frozen=True)
class Outlook:
    """A forecast of a sweep.

    Attributes
    ----------
    states : mapping of str to str
        By content hash: ``new``, ``done``, ``failed before``, ``done in another sweep`` or ``done under other
        versions``.
    sentence : str
        How many runs would be fitted, how long that, intervals of the wild bootstrap and a long report take, and the
        basis of the estimate.
    """

    states: Mapping[str, str]
    sentence: str


def outlook(planned: Plan, chosen: Settings) -> Outlook:
    """Return the forecast by reading the store; nothing is fitted, created or changed."""
    forecast = _forecast(planned, chosen)
    reason = obstacle(chosen.tracking.uri)
    if not reason:
        return forecast
    return Outlook(
        forecast.states,
        f"{forecast.sentence} `digicarbon run` cannot record in {masked(chosen.tracking.uri)}: {reason}; name another "
        "place with tracking.uri.",
    )


def _forecast(planned: Plan, chosen: Settings) -> Outlook:
    try:
        past = history(chosen.tracking, sweep_key(planned, chosen), [run.key for run in planned.runs])
    except TrackingError as error:
        # a plan is also useful without the store
        return Outlook(dict.fromkeys((run.key for run in planned.runs), "?"), f"What is recorded is not known: {error}")
    states = {run.key: past.states.get(run.key, NEW) for run in planned.runs}
    remaining = [run for run in planned.runs if states[run.key] not in (DONE, ELSEWHERE, OTHER_VERSIONS)]
    shown = chosen.report.seconds(len(planned.runs))
    last = "" if shown < LONG else f" The report takes about {_words(shown)}."
    if not remaining:
        return Outlook(states, f"Nothing is left to fit.{last}")
    kinds = Counter(map(kind, remaining))
    guesses = sum(count for one, count in kinds.items() if one not in past.durations)
    fitting = sum(_duration(run, past.durations) for run in remaining)
    seconds = fitting / chosen.executor.width() + WRITING * len(remaining)
    like = sum(count for one in kinds for count, _ in past.durations.get(one, {}).values())
    many = any(kind(run) not in past.durations and _duration(run, past.durations) > GUESS for run in remaining)
    guess = f"{GUESS * 1000:g} ms {f'per {USUAL} draws' if many else 'each'}"
    if not guesses:
        source = f"by the recorded durations of {counted(like, 'run')} of the same models"
    elif guesses == len(remaining):
        source = f"a guess of {guess}, as no run of these models is recorded yet"
    else:
        source = (
            f"by the recorded durations of {counted(like, 'run')} of the same models, and {guess} for {guesses} "
            "whose model has none"
        )
    fits = f"{counted(len(remaining), 'run')} to fit, about {_words(seconds)} after start-up ({source})."
    return Outlook(states, fits + _intervals(remaining, past.durations, chosen.executor.width()) + last)


def _duration(run: Run, durations: Durations) -> float:
    """Return the seconds that a run will take; those of a wild bootstrap grow with its draws."""
    model = run.specs.model
    draws = wild_draws(model)
    known = durations.get(kind(run))
    if known is None:
        return GUESS * max(draws, USUAL) / USUAL
    if draws in known:
        return known[draws][1]
    drawn = {each: seconds for each, (_, seconds) in known.items() if each}
    plain = known[0][1] if 0 in known else 0.0
    if not drawn:
        # a guess of what draws take on top of the rest
        return plain + GUESS * draws / USUAL
    nearest = min(drawn, key=lambda each: abs(math.log(each / draws)) if draws else each)
    return plain + max(drawn[nearest] - plain, 0.0) * draws / nearest if draws else drawn[nearest]


def _intervals(remaining: Sequence[Run], durations: Durations, width: int) -> str:
    """Return a sentence on what inverting wild tests costs, where that is long; else an empty text."""
    models = [(run.specs.model, _duration(run, durations) / width) for run in remaining]
    inverting = [(model, seconds) for model, seconds in models if isinstance(model, Tested) and model.inverts]
    of_p = sum(model.share_of_p * seconds for model, seconds in inverting)
    of_intervals = sum(seconds for _, seconds in inverting) - of_p
    if of_intervals < LONG:
        return ""
    return (
        f" Intervals of {counted(len(inverting), 'run')} take about {_words(of_intervals)} of it, their p values "
        f"{_words(of_p)}; `inference.intervals=false` leaves intervals out."
    )


def _words(seconds: float) -> str:
    if seconds < 1.5:
        return "a second"
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
