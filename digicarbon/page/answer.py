"""What the runs of a sweep say, in a sentence or two made of their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.numeric.shape.influence import shares
from digicarbon.page.effects import Effects
from digicarbon.report import Labels
from digicarbon.report.focal import effect_of, text_of
from digicarbon.report.joint import Joint, decides
from digicarbon.report.specification_curve import Choice, choices_of

MANY = 10
"""From so many effects on, shares of them are named."""
FEWEST = 20
"""From so many effects on, the choice that moves them most is named."""
LEAST = 0.02
"""A choice that accounts for a smaller share of the variance is not named."""
NAMED = 3
"""How many terms and outcomes are named."""


def answer(
    effects: Effects, values: Mapping[str, Mapping[str, Any]], joint: Joint | None, labels: Labels
) -> list[Note]:
    """Return the answer of a sweep.

    Parameters
    ----------
    effects : Effects
    values : mapping of str to mapping of str to object
        The varied choices of each run by label.
    joint : Joint or None
        The joint test, if there is one.
    labels : Labels
        What terms and choices are called.
    """
    if not effects.numbers:
        return [_nothing(effects)]
    coef, p, *_ = effects.columns
    low = p < effects.level
    of = {
        "effect": effect_of(effects.quantity),
        "terms": _named(labels, effects.terms),
        "outcomes": _named(labels, effects.outcomes),
        "level": effects.level,
        "test": _test(effects),
    }
    if len(coef) < MANY:
        return [_few(effects, coef, p, low, of)]
    tested = (
        joint if joint is not None and len(joint.statistics) and joint.estimand == effects.run_effect.quantity else None
    )
    down = bool((coef < 0).sum() >= (coef > 0).sum())
    mask = coef < 0 if down else coef > 0
    sign = Note("sign_negative") if down else Note("sign_positive")
    facts = {
        "runs": len(coef),
        "sign": sign,
        "significant": _percent(mask & low),
        "joint": "" if tested is None else _joint(tested, effects.level),
        **of,
    }
    first = Note("answer_all", **facts) if mask.all() else Note("answer_share", share=_percent(mask), **facts)
    choices = [values[label] for label in effects.numbers]
    return [first, *_moves(effects, mask, sign, choices, labels)]


def _named(labels: Labels, terms: Sequence[str]) -> tuple[str | Note, ...]:
    """Return what terms are called; of many, how many they are and the first one."""
    names = tuple(dict.fromkeys(map(labels, terms)))
    return names if len(names) <= NAMED else (Note("answer_terms", terms=len(names), term=names[0]),)


def _nothing(effects: Effects) -> Note:
    if not effects.fits:
        return Note("answer_no_result")
    if all(note.code == "lacks_focal" for note in effects.lacking):
        return Note("answer_no_effect", runs=effects.fits)
    return Note("answer_no_estimate", runs=effects.fits, effect=effect_of(effects.run_effect.quantity))


def _few(effects: Effects, coef: FloatArray, p: FloatArray, low: NDArray[np.bool_], of: Mapping[str, Any]) -> Note:
    if len(coef) == 1:
        return Note("answer_one", coef=short(coef[0]), p=short(p[0]), **of)
    counts = {"runs": len(coef), "significant": int(low.sum()), **of}
    if effects.mixed:
        return Note("answer_mixed", negative=int((coef < 0).sum()), positive=int((coef > 0).sum()), **counts)
    return Note("answer_few", low=short(coef.min()), high=short(coef.max()), **counts)


def _test(effects: Effects) -> Note:
    if not effects.resampled:
        return Note("by_errors")
    return Note("by_bootstrap") if effects.resampled == len(effects.numbers) else Note("by_either")


def _joint(joint: Joint, level: float) -> Note:
    """Return the result of the joint test, and how many estimates are left if all are tested together."""
    if joint.each.empty:
        return Note("answer_joint", p=_joint_p(joint))
    survivors = int((joint.each["step_down"] < level).sum())
    return Note("answer_joint_and_each", p=_joint_p(joint), survivors=survivors)


def _joint_p(joint: Joint) -> Note | str:
    texts = [short(p) for p in sorted(joint.statistics["p"])]
    return texts[0] if texts[0] == texts[-1] else Note("span", low=texts[0], high=texts[-1])


def _moves(
    effects: Effects,
    mask: NDArray[np.bool_],
    sign: Note,
    choices: Sequence[Mapping[str, Any]],
    labels: Labels,
) -> Iterator[Note]:
    """Yield what moves the sign most; if all signs are equal, what moves the estimate most."""
    if len(mask) < FEWEST or (mask.all() and effects.mixed):
        return
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
        sign=sign,
        most=_percent(mask[choice.columns[:, most] > 0]),
        at_most=option(labels, choice.key, choice.values[most]),
        least=_percent(mask[choice.columns[:, least] > 0]),
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


def short(number: float) -> str:
    """Return a number with three significant digits, without an exponent where it would have few zeros."""
    text = f"{number:.3g}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _percent(mask: NDArray[np.bool_]) -> str:
    """Return a share in percent, which is 0 or 100 only if it is exactly so."""
    share = float(mask.mean()) if len(mask) else 0.0
    for decimals in range(4):
        text = f"{share:.{decimals}%}"
        if (float(text[:-1]) in (0.0, 100.0)) == (share in (0.0, 1.0)):
            return text
    return text
