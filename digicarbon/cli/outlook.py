"""A forecast of a sweep: which of its runs are recorded already, and how long the others will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digicarbon.errors import TrackingError, counted
from digicarbon.model.tested import Tested
from digicarbon.plan.runs import Plan, Run
from digicarbon.sweep.sweep import Settings, kind, sweep_key
from digicarbon.tracking import DONE, ELSEWHERE, NEW, OTHER_VERSIONS, history, masked, obstacle

GUESS = 0.003
"""Assumed seconds of a run while none of its kind is recorded."""
WRITING = 0.0015
"""Seconds that recording a run takes."""
LONG = 3.0
"""Seconds from which the duration of a report is mentioned."""


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
    fitting = sum(count * past.durations.get(one, (0, GUESS))[1] for one, count in kinds.items())
    seconds = fitting / chosen.executor.width() + WRITING * len(remaining)
    like = sum(past.durations[one][0] for one in kinds if one in past.durations)
    if not guesses:
        source = f"by the recorded durations of {counted(like, 'run')} of the same models"
    elif guesses == len(remaining):
        source = f"a guess of {GUESS * 1000:g} ms each, as no run of these models is recorded yet"
    else:
        source = (
            f"by the recorded durations of {counted(like, 'run')} of the same models, and {GUESS * 1000:g} ms each for "
            f"{guesses} whose model has none"
        )
    fits = f"{counted(len(remaining), 'run')} to fit, about {_words(seconds)} after start-up ({source})."
    return Outlook(states, fits + _intervals(remaining, past.durations, chosen.executor.width()) + last)


def _intervals(remaining: Sequence[Run], durations: Mapping[str, tuple[int, float]], width: int) -> str:
    """Return a sentence on what inverting wild tests costs, where that is long; else an empty text."""
    models = [(run.specs.model, durations.get(kind(run), (0, GUESS))[1] / width) for run in remaining]
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
