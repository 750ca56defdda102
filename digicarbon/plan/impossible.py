"""Combinations that cannot run: how many they are, and what leaves them out."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from digicarbon.errors import DigicarbonError
from digicarbon.note import Note, note_of
from digicarbon.note.about import with_hint
from digicarbon.plan.choice import Choice

MOST = 2000
"""So many choices are looked at after the first that cannot run, at most."""
SECONDS = 5.0
"""So long they are looked at, at most."""
MOST_RULES = 4
"""Lines of ``exclude`` that are offered."""


class Impossible:
    """The choices of a sweep that cannot run.

    Parameters
    ----------
    choices : int
        How many choices there are.
    """

    def __init__(self, choices: int) -> None:
        self._choices = choices
        self._passed: list[Choice] = []
        self._found: list[tuple[Choice, DigicarbonError]] = []
        # by column: what the others are is looked at whatever one of them lacks
        self._looked: Counter[str | None] = Counter()
        self._since: dict[str | None, float] = {}
        self._stopped = False

    def enough(self, choice: Choice) -> bool:
        """Return whether enough was seen of a choice's column to say what is wrong."""
        since = self._since.get(choice.column)
        if since is not None and (self._looked[choice.column] > MOST or time.monotonic() - since > SECONDS):
            self._stopped = True
        return self._stopped

    def add(self, choice: Choice, error: DigicarbonError) -> None:
        """Take a choice that cannot run, and why."""
        self._since.setdefault(choice.column, time.monotonic())
        self._found.append((choice, error))
        self._looked[choice.column] += 1

    def pass_(self, choice: Choice) -> None:
        """Take a choice that can run."""
        self._passed.append(choice)
        self._looked[choice.column] += choice.column in self._since

    @property
    def columns(self) -> dict[str, list[tuple[Choice, DigicarbonError]]]:
        """The choices of columns that cannot run at all, where all other columns can; empty where that is not so.

        A mistake that is to be corrected is none of them: to go on would hide it.
        """
        failed: dict[str, list[tuple[Choice, DigicarbonError]]] = {}
        passed = {choice.column for choice in self._passed}
        for choice, error in self._found:
            if self._stopped or error.to_correct or choice.column is None or choice.column in passed or not passed:
                return {}
            failed.setdefault(choice.column, []).append((choice, error))
        return failed

    def refuse(self) -> None:
        """Raise the error of the first choice that cannot run, with how many there are and what leaves them out.

        Raises
        ------
        DigicarbonError
            If there is one.
        """
        if not self._found:
            return
        choice, error = self._found[0]
        if choice.values:
            raise error.anew(
                Note("choice_cannot_run", label=choice.label, why=error, many=self._many(error), offer=self._offer())
            ) from error
        raise with_hint(with_hint(error, self._many(error)), self._offer()) from error

    def _many(self, first: DigicarbonError) -> Note | str:
        """Return how many others cannot run."""
        if len(self._found) == 1:
            return ""
        seen, every = len(self._found) + len(self._passed), self._choices
        why = note_of(first)
        same = sum(note_of(error) == why for _, error in self._found)
        more = len(self._found) - same
        of = Note("first_choices", seen=seen, choices=every) if self._stopped else Note("every_choice", choices=every)
        return Note("choices_alike", same=same, of=of, others=Note("choices_otherwise", choices=more) if more else "")

    def _offer(self) -> Note | str:
        """Return the exclusion that leaves out those that cannot run and no other, if a short one does.

        Where something is to be corrected there is none: to leave it out would hide the mistake.
        """
        if any(error.to_correct for _, error in self._found):
            return ""
        failed = [choice.values for choice, _ in self._found]
        rules = rules_for(failed, [choice.values for choice in self._passed])
        if not rules:
            return ""
        text = yaml.safe_dump(rules, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000).strip()
        return Note("leave_it_out" if len(failed) == 1 else "leave_them_out", rules=text)


def rules_for(failed: Sequence[Mapping[str, Any]], passed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the shortest exclusion of one or two keys that matches all of some choices and none of others.

    Parameters
    ----------
    failed, passed : sequence of mapping
        Values by key.
    """
    if not passed:
        return []
    keys = [key for key in failed[0] if all(key in values for values in (*failed, *passed))]
    for size in (1, 2):
        offers = []
        for chosen in itertools.combinations(keys, size):
            wanted = {_code(values, chosen): {key: values[key] for key in chosen} for values in failed}
            if len(wanted) <= MOST_RULES and wanted.keys().isdisjoint({_code(values, chosen) for values in passed}):
                offers.append(list(wanted.values()))
        if offers:
            return min(offers, key=len)
    return []


def _code(values: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(repr(values[key]) for key in keys)
