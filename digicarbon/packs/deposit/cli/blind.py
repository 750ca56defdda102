"""`digicarbon plan --blind`: power and smallest effects of a plan, from outcomes that are exchanged between units."""

from __future__ import annotations

import pandas as pd

from digicarbon.cli.command import FIRST_ROWS, MOST_ROWS, Request, plans_of, refuse_columns, say, show, terminal
from digicarbon.config.files import ROOT, command_line
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.note.language import said
from digicarbon.packs.deposit import lock
from digicarbon.packs.deposit.sweep import blind as exchange
from digicarbon.packs.deposit.sweep.blind import COLUMNS, Blind, Counted
from digicarbon.report import Labels, Table
from digicarbon.report.kinds import multiverse_of
from digicarbon.sweep.provenance import roster
from digicarbon.sweep.sweep import settings_for

DEFAULTS = {"draws": "200", "effect": "0.1", "seed": "1"}
"""What the flags are where they are not given."""


def plan(request: Request, every: bool, blind: bool = False, **numbers: str) -> None:
    """Answer ``plan --blind``: print the power of each specification; the real outcome is fitted by none.

    ``every``: show each of many specifications. ``numbers``: ``draws``, ``effect`` and ``seed`` as the command line
    gives them. Raises ConfigError if a flag is no number or is given without ``--blind``, or no run can be done.
    """
    if not blind:
        raise ConfigError(Note("blind_flag_alone", flag=f"--{next(iter(numbers))}"))
    many, start = (_whole(f"--{flag}", numbers.get(flag, DEFAULTS[flag])) for flag in ("draws", "seed"))
    size = _number("--effect", numbers.get("effect", DEFAULTS["effect"]))
    plans = plans_of(request)
    out = terminal()
    for composer, planned in plans:
        chosen = settings_for(composer, planned)
        known = lock.state(composer, planned, chosen.report, remember=False)
        if planned.name == ROOT:
            say(Note("blind_without_experiment"))
        elif known is None:
            command = command_line("lock", planned.name)
            say(Note("blind_not_locked", command=command))
        else:
            say(known.note)
        found = exchange.blind(
            planned.runs,
            chosen.report.run_effect,
            many,
            start,
            size,
            multiverse_of(roster(planned, chosen.kinds, chosen.claim)),
            chosen.claim,
        )
        rows = len(found.table)
        cells = found.table if every or rows <= MOST_ROWS else found.table.iloc[:FIRST_ROWS]
        title = Note("blind_title", name=planned.name, specifications=rows, draws=many)
        show(Table(said(title), _cells(cells, size)), out)
        if len(cells) < rows:
            words = [*request.overrides, "--blind", "--all"]
            whole = command_line("plan", planned.name, words)
            say(Note("more_rows", rows=rows - len(cells), command=whole))
        for note in _about(found, sum(getattr(run.specs.inference, "test", "") == "wild" for run in planned.runs)):
            say(note)
    refuse_columns(plans)


def _cells(numbers: pd.DataFrame, effect: float) -> pd.DataFrame:
    """Return the table as it is printed."""
    heads = {
        "off": Note("head_off"),
        "sd": Note("head_sd"),
        "se": Note("head_se"),
        "size": Note("head_size"),
        "smallest": Note("head_smallest"),
        "power": Note("head_power", effect=effect),
    }
    shares = ("size", "power")
    columns = {said(heads[name]): [_cell(value, name in shares) for value in numbers[name]] for name in COLUMNS}
    return pd.DataFrame(columns, index=numbers.index)


def _cell(value: float, share: bool) -> str:
    if pd.isna(value):
        return said(Note("blind_none"))
    return f"{100 * value:.1f} %" if share else f"{value:.4g}"


def _about(found: Blind, wild: int) -> list[Note]:
    """Return what is said below the table; ``wild`` runs have p values of the wild bootstrap in their own table."""
    numbers, centre = found.table, found.table.dropna(subset=["smallest"])
    notes = []
    if len(centre) < len(numbers):
        labels = cut(numbers.index.difference(centre.index, sort=False))
        notes.append(Note("blind_off_centre", runs=len(numbers) - len(centre), labels=labels))
    if found.claim is not None:
        notes.append(found.claim.note)
    for part in found.parts:
        own = _of_part(part, found)
        notes += [Note("blind_of_part", part=part.name, said=own)] if part.name and own else own
    counted_runs = {label for part in found.parts for label in part.table.index}
    if apart := [label for label in numbers.index if label not in counted_runs]:
        notes.append(Note("blind_apart", runs=len(apart), labels=cut(apart)))
    notes.append(Note("blind_how", draws=found.draws, seed=found.seed))
    if wild:
        notes.append(Note("blind_wild", runs=wild))
    if found.unmoved:
        notes.append(Note("units_in_place", units=found.unmoved))
    if found.single:
        notes.append(Note("blind_single", runs=found.single))
    reasons: dict[Note, list[str]] = {}
    for label, why in found.absent:
        reasons.setdefault(why, []).append(label)
    every = len(numbers) + len(found.absent)
    notes += [
        Note("blind_absent", runs=len(labels), every=every, why=why, labels=cut(labels))
        for why, labels in reasons.items()
    ]
    return notes


def _of_part(part: Counted, found: Blind) -> list[Note]:
    """Return what is said of specifications that are counted together."""
    numbers, centre = part.table, part.table.dropna(subset=["smallest"])
    notes = []
    if len(centre) > 1:
        spans = {
            f"{name}_{which}": float(getattr((numbers if name == "size" else centre)[name], how)())
            for name in ("smallest", "size", "power")
            for which, how in (("low", "min"), ("mid", "median"), ("high", "max"))
        }
        notes.append(Note("blind_over_part" if part.name else "blind_over_all", effect=found.effect, **spans))
    if part.joint:
        words = Labels("en")
        powers = [Note("blind_of_statistic", name=words.word(name), power=value) for name, value in part.joint.items()]
        notes.append(Note("blind_joint", effect=found.effect, powers=powers))
    elif part.no_joint is not None and len(numbers) > 1:
        notes.append(Note("blind_no_joint", reason=part.no_joint))
    if part.claim is not None:
        without, power = part.claim
        facts = {"effect": abs(found.effect), "runs": part.judged, "power": power, "without": without}
        notes.append(Note("blind_claim", **facts))
    elif found.claim is not None:
        notes.append(Note("blind_no_claim"))
    return notes


def _whole(flag: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise ConfigError(Note("blind_whole_number", flag=flag, given=text))
    return int(text)


def _number(flag: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(Note("blind_number", flag=flag, given=text)) from None
