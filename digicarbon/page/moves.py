"""Which choice of a sweep moves the sign of its effects most, or their size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.note import Note
from digicarbon.numeric.shape.influence import shares
from digicarbon.report import Labels
from digicarbon.report.choices import Choice, choices_of
from digicarbon.report.focal import text_of
from digicarbon.report.joint import decides
from digicarbon.sweep.answer import percent, sign
from digicarbon.sweep.effects import Effects

FEWEST = 20
"""From so many effects on, the choice that moves them most is named."""
LEAST = 0.02
"""A choice that accounts for a smaller share of the variance is not named."""


def moves(effects: Effects, values: Mapping[str, Mapping[str, Any]], labels: Labels) -> Iterator[Note]:
    """Yield what moves the sign most; if all signs are equal, what moves the estimate most; choices are by run."""
    down, mask = effects.usual
    if len(mask) < FEWEST or (mask.all() and effects.mixed):
        return
    choices = [values[label] for label in effects.labels]
    keys = list(dict.fromkeys(key for values in choices for key in values if decides(key)))
    rows = pd.DataFrame({key: [text_of(values[key]) if key in values else "" for values in choices] for key in keys})
    every = [_with_rest(choice) for choice in choices_of(rows, keys)[0] if choice.columns.size]
    if not every:
        return
    columns = [choice.columns for choice in every]
    if mask.all():
        alone = shares(effects.columns[0], columns).alone
        place = int(alone.argmax())
        if alone[place] >= LEAST:
            yield Note("answer_moves_size", choice=labels.choice(every[place].key), share=f"{alone[place]:.1%}")
        return
    # choices that go together, such as a model and its effects, would otherwise take each other's part
    unique = shares(mask.astype(np.float64), columns).unique
    if unique.max() < LEAST:
        return
    choice = every[int(unique.argmax())]
    means = mask @ choice.columns / choice.columns.sum(axis=0)
    least, most = int(means.argmin()), int(means.argmax())
    yield Note(
        "answer_moves_sign",
        choice=labels.choice(choice.key),
        sign=sign(down),
        most=percent(mask[choice.columns[:, most] > 0]),
        at_most=option(labels, choice.key, choice.values[most]),
        least=percent(mask[choice.columns[:, least] > 0]),
        at_least=option(labels, choice.key, choice.values[least]),
    )


def _with_rest(choice: Choice) -> Choice:
    """Return a choice with two values or more: a single member of a list beside the runs without it."""
    if choice.columns.shape[1] > 1:
        return choice
    return replace(choice, values=(*choice.values, ""), columns=np.hstack([choice.columns, 1 - choice.columns]))


def option(labels: Labels, key: str, text: str) -> str:
    """Return what a value of a choice is called, of lists as reports write them, too."""
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return labels.option(key, inside) or "∅"
