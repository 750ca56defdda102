"""Combinations that cannot run: their number, and an ``exclude`` that drops them."""

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
"""The largest number of choices checked after the first one that cannot run."""
SECONDS = 5.0
"""The longest time, in seconds, spent on these checks."""
MOST_RULES = 4
"""The largest number of lines of ``exclude`` that are suggested."""


class Impossible:
    """The choices of a sweep that cannot run.

    Parameters
    ----------
    choices : int
        The number of choices.
    """

    def __init__(self, choices: int) -> None:
        self._choices = choices
        self._possible: list[Choice] = []
        self._failures: list[tuple[Choice, DigicarbonError]] = []
        # by column: the other columns are checked even if one column cannot run
        self._counts: Counter[str | None] = Counter()
        self._start: dict[str | None, float] = {}
        self._stopped = False

    def enough(self, choice: Choice) -> bool:
        """Return whether enough choices of a column were checked to report what is wrong."""
        start = self._start.get(choice.column)
        if start is not None and (self._counts[choice.column] > MOST or time.monotonic() - start > SECONDS):
            self._stopped = True
        return self._stopped

    def add(self, choice: Choice, error: DigicarbonError) -> None:
        """Record a choice that cannot run, and the error."""
        self._start.setdefault(choice.column, time.monotonic())
        self._failures.append((choice, error))
        self._counts[choice.column] += 1

    def pass_(self, choice: Choice) -> None:
        """Record a choice that can run."""
        self._possible.append(choice)
        self._counts[choice.column] += choice.column in self._start

    @property
    def columns(self) -> dict[str, list[tuple[Choice, DigicarbonError]]]:
        """The choices of columns that cannot run at all, if every other column can; otherwise empty.

        It is also empty if the user has to correct a mistake, because going on would hide it.
        """
        failures: dict[str, list[tuple[Choice, DigicarbonError]]] = {}
        possible = {choice.column for choice in self._possible}
        for choice, error in self._failures:
            if self._stopped or error.to_correct or choice.column is None or choice.column in possible or not possible:
                return {}
            failures.setdefault(choice.column, []).append((choice, error))
        return failures

    def refuse(self) -> None:
        """Raise the error of the first choice that cannot run, with their number and an ``exclude`` that drops them.

        Raises
        ------
        DigicarbonError
            If any choice cannot run.
        """
        if not self._failures:
            return
        choice, error = self._failures[0]
        if choice.values:
            raise error.anew(
                Note("choice_cannot_run", label=choice.label, why=error, many=self._many(error), offer=self._offer())
            ) from error
        raise with_hint(with_hint(error, self._many(error)), self._offer()) from error

    def _many(self, first: DigicarbonError) -> Note | str:
        """Return the note on how many others cannot run."""
        if len(self._failures) == 1:
            return ""
        checked, size = len(self._failures) + len(self._possible), self._choices
        reason = note_of(first)
        same = sum(note_of(error) == reason for _, error in self._failures)
        more = len(self._failures) - same
        of = Note("first_choices", seen=checked, choices=size) if self._stopped else Note("every_choice", choices=size)
        others = Note("choices_otherwise", choices=more) if more else ""
        return Note("choices_alike", same=same, of=of, others=others)

    def _offer(self) -> Note | str:
        """Return a short exclusion that drops exactly the choices that cannot run, if there is one.

        There is none if the user has to correct a mistake, because dropping the choices would hide it.
        """
        if any(error.to_correct for _, error in self._failures):
            return ""
        failed = [choice.values for choice, _ in self._failures]
        rules = rules_for(failed, [choice.values for choice in self._possible])
        if not rules:
            return ""
        text = yaml.safe_dump(rules, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000).strip()
        return Note("leave_it_out" if len(failed) == 1 else "leave_them_out", rules=text)


def rules_for(failed: Sequence[Mapping[str, Any]], passed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the shortest exclusion of one or two keys that matches all failed choices and no others.

    Parameters
    ----------
    failed, passed : sequence of mapping
        Values by key, of choices that cannot and that can run.
    """
    if not passed:
        return []
    keys = [key for key in failed[0] if all(key in values for values in (*failed, *passed))]
    for size in (1, 2):
        offers = []
        for names in itertools.combinations(keys, size):
            rules = {_code(values, names): {key: values[key] for key in names} for values in failed}
            if len(rules) <= MOST_RULES and rules.keys().isdisjoint({_code(values, names) for values in passed}):
                offers.append(list(rules.values()))
        if offers:
            return min(offers, key=len)
    return []


def _code(values: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(repr(values[key]) for key in keys)
