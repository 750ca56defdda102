"""What the runs of a sweep say together: a sentence made of their numbers for its page, a brief one for MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digicarbon.note import Note, cut
from digicarbon.numeric.significance import is_significant
from digicarbon.report import Labels
from digicarbon.report.focal import effect_of
from digicarbon.report.joint import Joint
from digicarbon.result import EFFECT
from digicarbon.secret import masked
from digicarbon.sweep.effects import Effects

if TYPE_CHECKING:
    from digicarbon.plan.runs import Plan

MANY = 10
"""From so many effects on, shares of them are named."""
NAMED = 3
"""How many terms, outcomes, effects and data sets are named."""


def answer(effects: Effects, joint: Joint | None, labels: Labels) -> Note:
    """Return the answer of a sweep.

    ``joint``: the joint test, if there is one. ``labels``: what terms and choices are called.
    """
    if not len(effects):
        return _nothing(effects)
    of = {
        "effect": effect_of(effects.quantity),
        "terms": _named(labels, effects.terms),
        "outcomes": _named(labels, effects.outcomes),
        "level": effects.level,
        "test": _test(effects),
    }
    if len(effects) < MANY:
        return _few(effects, of)
    tested = (
        joint if joint is not None and len(joint.statistics) and joint.estimand == effects.run_effect.quantity else None
    )
    down, mask = effects.usual
    facts = {
        "runs": len(effects),
        "sign": sign(down),
        "significant": percent(mask & effects.significant),
        "joint": "" if tested is None else _joint(tested, effects.level),
        **of,
    }
    return Note("answer_all", **facts) if mask.all() else Note("answer_share", share=percent(mask), **facts)


def brief(effects: Effects, labels: Labels) -> Note | None:
    """Return the effect of a single run, or how many of several have the usual sign; None where none has an effect."""
    if not len(effects):
        return None
    quantities = [_quantity(labels, quantity) for quantity in effects.called]
    names = Note("sweep_effect", effect=cut(quantities, NAMED), term=cut(map(labels, effects.terms), NAMED))
    if len(effects) == 1:
        coef, se, p, *_ = effects.columns[:, 0].tolist()
        return Note("sweep_one", effect=names, coef=f"{coef:.4g}", se=f"{se:.4g}", p=f"{p:.3g}")
    down, mask = effects.usual
    lacking = sum(effects.lacking.values())
    return Note(
        "sweep_negative" if down else "sweep_positive",
        effect=names,
        runs=len(effects),
        share=float(mask.mean()),
        significant=float((mask & effects.significant).mean()),
        level=effects.level,
        more=Note("sweep_lacking", runs=lacking) if lacking else "",
    )


def brief_of_parts(effects: Mapping[str, Effects], labels: Labels) -> Note | None:
    """Return the brief answers of parts as one note."""
    answers = {name: brief(one, labels) for name, one in effects.items()}
    notes = [note for name, one in answers.items() if one is not None for note in of_part(name, [one])]
    return notes[0] if len(notes) == 1 else Note("sentences", said=notes) if notes else None


def of_part(name: str, notes: Sequence[Note]) -> Iterator[Note]:
    """Yield notes with the name of the part that they are about; all runs together have none."""
    yield from (Note("of_labels", labels=(name,), note=note) if name else note for note in notes)


def description(
    planned: Plan, words: Labels, answer: Note | None, done: int, failed: int, judged: Sequence[Note] = ()
) -> str:
    """Return the Markdown of a sweep's page in MLflow: title, answer, counts, data and the command.

    ``words``: the report's. ``done``, ``failed``: numbers of runs. ``judged``: the experiment's claim, and whether it
    holds.
    """
    from digicarbon.config.files import command_line
    from digicarbon.sweep.provenance import data_name

    data = cut(dict.fromkeys(map(data_name, planned.runs)), NAMED)
    notes = [
        *judged,
        *([] if answer is None else [answer]),
        Note("sweep_counts", done=done, failed=failed),
        Note("sweep_data", data=data),
        Note("sweep_files"),
    ]
    command = masked(command_line("run", planned.name, planned.overrides))
    title = words.title(planned.title or planned.name, any(run.prepared.simulated for run in planned.runs))
    return "\n\n".join([f"**{title}**", *words.notes(notes), f"`{command}`"])


def sign(down: bool) -> Note:
    """Return the word for a sign."""
    return Note("sign_negative") if down else Note("sign_positive")


def percent(mask: NDArray[np.bool_]) -> str:
    """Return a share in percent, which is 0 or 100 only if it is exactly so."""
    share = float(mask.mean()) if len(mask) else 0.0
    for decimals in range(4):
        text = f"{share:.{decimals}%}"
        if (float(text[:-1]) in (0.0, 100.0)) == (share in (0.0, 1.0)):
            return text
    return text


def _quantity(labels: Labels, quantity: str) -> str:
    word = labels.word(quantity if quantity in ("coefficient", EFFECT) else f"{quantity} effect")
    return word.lower() if word.isascii() else word


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


def _few(effects: Effects, of: Mapping[str, Any]) -> Note:
    coef, _, p, *_ = effects.columns
    if len(coef) == 1:
        return Note("answer_one", coef=_short(coef[0]), p=_short(p[0]), **of)
    counts = {"runs": len(coef), "significant": int(effects.significant.sum()), **of}
    if effects.mixed:
        return Note("answer_mixed", negative=int((coef < 0).sum()), positive=int((coef > 0).sum()), **counts)
    return Note("answer_few", low=_short(coef.min()), high=_short(coef.max()), **counts)


def _test(effects: Effects) -> Note:
    if not effects.resampled:
        return Note("by_errors")
    return Note("by_wild") if effects.resampled == len(effects) else Note("by_either")


def _joint(joint: Joint, level: float) -> Note:
    """Return the result of the joint test, and how many estimates are left if all are tested together."""
    if joint.each.empty:
        return Note("answer_joint", p=_joint_p(joint))
    survivors = int(is_significant(joint.each["step_down"], level).sum())
    return Note("answer_joint_and_each", p=_joint_p(joint), survivors=survivors)


def _joint_p(joint: Joint) -> Note | str:
    texts = [_short(p) for p in sorted(joint.statistics["p"])]
    return texts[0] if texts[0] == texts[-1] else Note("span", low=texts[0], high=texts[-1])


def _short(number: float) -> str:
    """Return a number with three significant digits, without an exponent where it would have few zeros."""
    text = f"{number:.3g}"
    return text.replace("-", "−", 1) if text.startswith("-") else text
