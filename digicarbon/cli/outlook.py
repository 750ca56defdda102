"""What a sweep would do: which of its runs are recorded already, and how long the others will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from digicarbon.errors import TrackingError, counted
from digicarbon.plan.runs import Plan
from digicarbon.sweep.sweep import Settings, kind, sweep_key
from digicarbon.tracking import DONE, ELSEWHERE, NEW, OTHER_VERSIONS, history, masked, obstacle

GUESS = 0.003
"""Seconds that a run is taken to last while none of its kind is recorded."""
WRITING = 0.0015
"""Seconds that recording a run takes."""
LONG = 3.0
"""Seconds from which a report's time is worth a sentence."""


@dataclass(frozen=True)
class Outlook:
    """What a sweep would do.

    Attributes
    ----------
    states : mapping of str to str
        By content hash: ``new``, ``done``, ``failed before``, ``done in another sweep`` or ``done under other
        versions``.
    sentence : str
        How many runs would be fitted, how long that and a long report take, and how it is known.
    """

    states: Mapping[str, str]
    sentence: str


def outlook(planned: Plan, chosen: Settings) -> Outlook:
    """Look at the store; nothing is fitted, made or changed."""
    found = _seen(planned, chosen)
    lacking = obstacle(chosen.tracking.uri)
    if not lacking:
        return found
    return Outlook(
        found.states,
        f"{found.sentence} `digicarbon run` cannot record in {masked(chosen.tracking.uri)}: {lacking}; name another "
        "place with tracking.uri.",
    )


def _seen(planned: Plan, chosen: Settings) -> Outlook:
    try:
        known = history(chosen.tracking, sweep_key(planned), [run.key for run in planned.runs])
    except TrackingError as error:
        # a plan is of use without the store, too
        return Outlook(dict.fromkeys((run.key for run in planned.runs), "?"), f"What is recorded is not known: {error}")
    states = {run.key: known.states.get(run.key, NEW) for run in planned.runs}
    left = [run for run in planned.runs if states[run.key] not in (DONE, ELSEWHERE, OTHER_VERSIONS)]
    shown = chosen.report.seconds(len(planned.runs))
    last = "" if shown < LONG else f" The report takes about {_words(shown)}."
    if not left:
        return Outlook(states, f"Nothing is left to fit.{last}")
    kinds = Counter(map(kind, left))
    guessed = sum(count for one, count in kinds.items() if one not in known.durations)
    fitting = sum(count * known.durations.get(one, (0, GUESS))[1] for one, count in kinds.items())
    seconds = fitting / chosen.executor.width() + WRITING * len(left)
    like = sum(known.durations[one][0] for one in kinds if one in known.durations)
    if not guessed:
        source = f"by the recorded durations of {counted(like, 'run')} of the same models"
    elif guessed == len(left):
        source = f"a guess of {GUESS * 1000:g} ms each, as no run of these models is recorded yet"
    else:
        source = (
            f"by the recorded durations of {counted(like, 'run')} of the same models, and {GUESS * 1000:g} ms each for "
            f"{guessed} whose model has none"
        )
    fits = f"{counted(len(left), 'run')} to fit, about {_words(seconds)} after start-up ({source})."
    return Outlook(states, fits + last)


def _words(seconds: float) -> str:
    if seconds < 1.5:
        return "a second"
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
