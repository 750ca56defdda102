"""The verbs of the command line: their calls of the engine and the output."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from hydra.core.config_loader import ConfigLoader
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable

from digicarbon import pack
from digicarbon.cli import document, habits
from digicarbon.cli.spanned import spanned
from digicarbon.config.compose import Composer, loader, options
from digicarbon.config.describe import line_of
from digicarbon.config.files import GROUPS, SWEEP_KEYS, command_line, find, headline
from digicarbon.config.missing import no_experiment, own_experiments
from digicarbon.config.written import as_written
from digicarbon.errors import ConfigError, DigicarbonError, closest
from digicarbon.note import Note, cut, note_of, suggestion
from digicarbon.note.about import at, key_of
from digicarbon.note.language import said
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Plan, Run, plan
from digicarbon.plan.words import misspelt
from digicarbon.render.table import Grid, before_span, columns_of, without_empty
from digicarbon.report import MOST_RUNS, Table
from digicarbon.secret import masked

if TYPE_CHECKING:
    from digicarbon.sweep.sweep import Finished


@dataclass(frozen=True)
class Request:
    """The request that Hydra hands to a verb.

    ``name``: the experiment.
    """

    config_loader: ConfigLoader
    name: str
    overrides: Sequence[str]


class WaitingRunsError(DigicarbonError):
    """Runs were fitted, but their store does not have them yet."""


class FailedRunsError(DigicarbonError):
    """Some runs failed; the others are recorded."""


def run(
    request: Request, force: bool = False, notes: bool = False, configurations: str = "", out_file: Path | None = None
) -> None:
    """Fit the runs of an experiment that are not recorded yet, record them and print the comparison table.

    ``force``: fit all runs, in a new sweep. ``notes``: print all notes of the table. ``configurations``: a folder for
    the configuration of each run. ``out_file``: where the table is written, too.

    Raises FailedRunsError if at least one run failed, or a column cannot run.
    """
    failures: list[tuple[tuple[str, Note], str]] = []
    waiting = 0
    where = [word for word in request.overrides if word.startswith("tracking")]
    plans = plans_of(request)
    if configurations:
        habits.write(Path(configurations), plans)
        say(Note("configurations_at", folder=configurations))
    answer = document.current()
    for composer, planned in plans:
        out = terminal()
        fields = {} if answer is None else answer.begin(planned.name)
        _print_left_out(planned)
        finished = _fitted(composer, planned, force)
        fields |= {"table": None, "recorded": finished.done, "failed": len(finished.failures)}
        fields |= {"store": finished.uri, "sweep": finished.parent_id}
        if finished.table is not None and len(finished.table.cells.columns) <= MOST_COLUMNS:
            if answer is None:
                show(finished.table.with_notes() if notes else finished.table, out)
            else:
                fields["table"] = finished.table.with_notes().to_markdown()
        elif finished.table is not None:
            columns = len(finished.table.cells.columns)
            say(Note("table_not_shown", columns=columns, place=finished.place))
        if finished.table is not None and out_file is not None:
            say(Note("table_at", file=finished.table.save(out_file)))
        if finished.estimates and finished.done > MOST_RUNS:
            say(Note("all_coefficients", file=finished.estimates))
        for notice in finished.notices:
            warn(notice)
        waiting += finished.waiting
        failures += zip(finished.failures, finished.tracebacks, strict=True)
        for option in _unshown(planned):
            say(Note("diagnostic_not_shown", option=option))
        for place in finished.pictures:
            say(Note("file_at" if place.endswith(".csv") else "picture_at", file=place))
        for line in _not_fitted(finished, len(planned.runs)):
            say(line)
        failed = len(finished.failures)
        say(
            Note(
                "runs_recorded",
                recorded=finished.done + failed,
                runs=len(planned.runs),
                uri=finished.uri,
                failed=Note("some_failed", runs=failed) if failed else "",
                experiment=finished.experiment,
                parent=finished.parent_id,
            )
        )
        say(Note("look_with", command=command_line("ui", planned.name, where)))
        # a page of the experiment has its own report
        shown = [word for word in request.overrides if word.partition("=")[0].split(".")[0] == "report"]
        # the newest sweep of the name may be another one
        heads = {word.lstrip("+~").partition("=")[0].split(".")[0] for word in request.overrides}
        other = not heads <= {"report", "tracking", "executor"}
        page = command_line("report", finished.parent_id if other else planned.name, [*shown, *where, "--out", "out/"])
        say(Note("page_with", command=page))
        if secret := [word.partition("=")[0] for word in where if masked(word) != word]:
            say(Note("secret_again", keys=secret))
    if failures:
        lines = [Note("sweep_runs_failed", runs=len(failures))]
        for (label, why), place in failures[:FIRST_ROWS]:
            lines += [Note("run_failed_line", run=label, why=why), Note("run_failed_traceback", file=place)]
        raise FailedRunsError(Note("lines", lines=[*lines, *_lost_columns(plans)]))
    if waiting:
        command = command_line("deliver", request.name, where)
        raise WaitingRunsError(Note("runs_undelivered", runs=waiting, command=command))
    refuse_columns(plans)


def _fitted(composer: Composer, planned: Plan, force: bool) -> Finished:
    """Run a sweep; errors of its settings get the place of the setting."""
    from digicarbon.sweep import sweep

    try:
        return sweep.run(composer, planned, force=force)
    except DigicarbonError as error:
        key = key_of(error)
        if error.where or not key:
            raise
        raise at(error, composer.where(key)) from error


def _lost_columns(plans: Sequence[tuple[Composer, Plan]]) -> list[Note]:
    """Return notes on the columns that cannot run."""
    return [note_of(reason) for _, planned in plans for reason in planned.failed.values()]


def refuse_columns(plans: Sequence[tuple[Composer, Plan]]) -> None:
    """Raise a `FailedRunsError` if a column cannot run."""
    if notes := _lost_columns(plans):
        raise FailedRunsError(Note("lines", lines=notes))


def _not_fitted(finished: Finished, runs: int) -> Iterator[Note]:
    """Yield notes on runs of a sweep that were not fitted now, since the store has them."""
    if finished.kept == runs:
        yield Note("run_kept") if runs == 1 else Note("all_runs_kept", runs=runs)
    elif finished.kept:
        yield Note("some_runs_kept", runs=finished.kept)
    if finished.reused:
        yield Note("runs_reused", runs=finished.reused)


def _unshown(planned: Plan) -> list[str]:
    """Return the diagnostics of runs whose table shows coefficients only, if a report would show them."""
    chosen = {run.options["diagnostic"] for run in planned.runs if run.options.get("report") == "regression"}
    return sorted(option for option in chosen if find(f"report/{option}"))


MOST_ROWS = 50
"""A plan of more runs shows its first `FIRST_ROWS` only."""
FIRST_ROWS = 20
FIRST_SAME = 5
"""Largest number of fits with several choices that are named."""


def plan_(request: Request, every: bool = False, **flags: str | bool) -> None:
    """Print the runs of an experiment; fit nothing.

    ``every``: show every run and every choice that is left out, even if there are many. ``**flags``: flags of packs,
    which then answer.
    """
    page = document.current()
    if flags:
        if page is not None:
            raise ConfigError(Note("json_alone", flag=f"--{next(iter(flags))}"))
        for answer in pack.offered("plan"):
            answer(request, every, **flags)
        return
    from digicarbon.cli.outlook import outlook
    from digicarbon.sweep.sweep import settings_for

    plans = plans_of(request)
    for composer, planned in plans:
        out = terminal()
        chosen = settings_for(composer, planned)
        ahead = outlook(planned, chosen)
        if page is not None:
            page.begin(planned.name, runs=[_fields_of(one, state=ahead.states[one.key]) for one in planned.runs])
        else:
            _show_first(planned, ahead.states, every, request.overrides, out)
        _print_left_out(planned, every)
        say(Note("plan_sum", counts=counts_of(planned)))
        for line in _stated(composer, planned):
            say(line)
        say(ahead.said, wraps=out.is_terminal)
    refuse_columns(plans)


def _show_first(planned: Plan, states: Mapping[str, str], every: bool, overrides: Sequence[str], out: Console) -> None:
    """Print the runs of a plan, of a large one the first unless ``every``; ``states``: as in `Outlook`."""
    from digicarbon.cli.outlook import STATES

    runs = planned.runs if every or len(planned.runs) <= MOST_ROWS else planned.runs[:FIRST_ROWS]
    _show_runs(planned, runs, {key: STATES[state] for key, state in states.items()}, out)
    if len(runs) < len(planned.runs):
        whole = command_line("plan", planned.name, [*overrides, "--all"])
        say(Note("more_rows", rows=len(planned.runs) - len(runs), command=whole))


def _fields_of(run: Run, **more: str) -> dict[str, Any]:
    """Return the fields of a run in a document."""
    units, periods = run.prepared.panel.shape
    choices = {key: _value(run, key, value) for key, value in run.choice.values.items()}
    fields = {"label": run.label, "column": run.choice.column, "choices": choices}
    return fields | {"units": units, "periods": periods, "hash": run.key, **more}


def _stated(composer: Composer, planned: Plan) -> Iterator[Note]:
    """Yield what an experiment says before it is fitted: the kinds of its choices with their parts, and its claim."""
    # what this loads is of no use to others
    if not planned.kinds and not planned.claim:
        return
    from digicarbon.report.kinds import multiverse_of
    from digicarbon.sweep.provenance import roster
    from digicarbon.sweep.sweep import settings_for

    chosen = settings_for(composer, planned)
    multiverse = multiverse_of(roster(planned, chosen.kinds, chosen.claim))
    if multiverse is None:
        return
    if multiverse.kinds:
        yield Note("plan_kinds")
        for key, kind in multiverse.kinds.items():
            values = [*kind.values[:FIRST_SAME], *["…"] * (len(kind.values) > FIRST_SAME)]
            meaning = {
                "equivalent": Note("kind_equivalent", values=values),
                "nonequivalent": Note("kind_nonequivalent", main=kind.values[0], values=values[1:]),
                "uncertain": Note("kind_uncertain", values=values),
            }
            yield Note("plan_kind", key=key, kind=kind.name, meaning=meaning[kind.name])
        if multiverse.unnamed:
            yield Note("plan_no_kind", keys=multiverse.unnamed)
        for part in multiverse.main:
            runs = len(part.labels)
            yield Note("plan_part", part=part.name, runs=runs) if part.name else Note("plan_whole", runs=runs)
        if multiverse.apart:
            runs = len(frozenset[str]().union(*(part.labels for part in multiverse.apart)))
            yield Note("plan_apart", runs=runs, parts=len(multiverse.apart))
    if chosen.claim is not None:
        yield chosen.claim.note


def _show_runs(planned: Plan, runs: Sequence[Run], states: Mapping[str, Note], console: Console) -> None:
    """Print the runs of a plan within the width of the console: what differs in a table, the rest above it."""
    rows = _rows(runs, states)
    alone = len(rows) == 1
    same = {str(key): str(rows[key].iloc[0]) for key in rows if key not in UNIQUE and rows[key].nunique() == 1}
    say(Note("plan_name", name=planned.name, runs=len(planned.runs)))
    if same and not alone:
        listed = [f"{_head(key)} {value}" for key, value in same.items() if value]
        all_shown = len(runs) == len(planned.runs)
        line = Note("same_in_all", choices=listed) if all_shown else Note("same_in_these", choices=listed)
        console.print(said(line), soft_wrap=not console.is_terminal)
    differing = rows if alone else rows.drop(columns=list(same))
    names = [_name(run, () if alone else same.keys()) for run in runs]
    chosen = [key for key in differing if key not in (*UNIQUE, "panel", "state")]
    widths = [max(map(cell_len, [str(head), *differing[head]])) + 3 for head in differing]
    narrow = max(map(cell_len, [run.choice.column or "" for run in runs])) + 4
    label = max(map(cell_len, names)) + 4
    if label + sum(widths) <= console.width:
        shown = names
    elif chosen and all(run.choice.column for run in runs) and narrow + sum(widths) <= console.width:
        # the columns hold what the names say after the experiment's column
        shown = [run.choice.column or "" for run in runs]
    else:
        # the names say everything that is chosen
        differing, shown = differing.drop(columns=chosen), names
    table = RichTable(title=None)
    table.add_column("", overflow="fold")
    for head in differing:
        table.add_column(_head(str(head)), no_wrap=True)
    for name, cells in zip(shown, differing.itertuples(index=False), strict=True):
        table.add_row(name, *cells)
    console.print(table)


UNIQUE = ("hash",)
"""Columns of a plan in which no two runs are alike."""
_HEADS = {"panel": Note("head_panel"), "hash": Note("head_hash"), "state": Note("head_state")}
"""Heads of the columns of a plan that are no choices."""


def _head(column: str) -> str:
    return said(_HEADS.get(column, column))


def _name(run: Run, same: Collection[str]) -> str:
    """Return a run's label without the choices that all runs share."""
    parts = run.label.split(", ")
    kept = [part for part in parts if part.partition("=")[0] not in same or "=" not in part]
    return ", ".join(kept) or run.label


def _rows(runs: Sequence[Run], states: Mapping[str, Note]) -> pd.DataFrame:
    """Return the choices of each run, the size of its panel, its hash and its state in the store."""
    values = [one.choice.values for one in runs]
    varied = list(dict.fromkeys(key for chosen in values for key in chosen))
    rows = []
    for one, chosen in zip(runs, values, strict=True):
        n, t = one.prepared.panel.shape
        cells = [_cell(_value(one, key, chosen[key])) if key in chosen else "" for key in varied]
        rows.append([*cells, f"{n} × {t}", one.key[:10], said(states[one.key])])
    return pd.DataFrame(rows, columns=[*varied, "panel", "hash", "state"])


def _value(run: Run, key: str, chosen: object) -> object:
    """Return what a run takes for a key: for a reference such as ``${inference.cov}``, the value of its field."""
    group, _, field = key.partition(".")
    return getattr(getattr(run.specs, group, None), field, chosen) if "${" in str(chosen) else chosen


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) or "[]" if isinstance(value, list | tuple) else str(value)


def counts_of(planned: Plan) -> Note:
    """Return a summary of the choices of a sweep: fits, and choices without one."""
    parts = [Note("counted_fits", fits=len(planned.runs))]
    if twins := sum(map(len, planned.same.values())):
        parts.append(Note("counted_same", choices=twins))
    if refused := len(planned.skipped) + planned.failed_count:
        parts.append(Note("counted_refused", choices=refused))
    if not planned.drawn:
        if planned.excluded:
            parts.append(Note("counted_excluded", choices=planned.excluded))
        return Note("choices_counted", choices=planned.left + planned.excluded, parts=parts)
    after = Note("after_exclude") if planned.excluded else ""
    return Note("choices_drawn", choices=planned.chosen_count, every=planned.left, after=after, parts=parts)


def check(request: Request) -> None:
    """Build and check every run against its data; fit nothing."""
    plans = plans_of(request, check_all=True)
    page = document.current()
    for composer, planned in plans:
        if page is not None:
            page.begin(planned.name, runs=list(map(_fields_of, planned.runs)))
        _print_left_out(planned)
        say(Note("runs_ready", name=planned.name, runs=len(planned.runs)))
        for line in _stated(composer, planned):
            say(line)
    refuse_columns(plans)


def list_(group: str, option: str, verbose: bool) -> int:
    """Print the options of a group with one line each, or all groups and experiments; fields with ``-v``.

    ``group``: a group, or an experiment; empty for all groups. ``option``: an option of the group, whose fields are
    shown, or an experiment, whose parts are shown. ``verbose``: show the fields of all options of the group. Raises
    ConfigError if there is no such group, option or experiment.
    """
    known = [*GROUPS, "importer", "experiments"]
    config_loader = loader()
    if "=" in group:
        raise ConfigError(_meant(group, option, known, verbose))
    if group and group not in known and not option and find(group) is not None:
        group, option = "experiments", group
    elif group and group not in known:
        raise ConfigError(
            Note("no_group", group=group, hint=suggestion(group, known, ours=True), groups=cut(known, 20))
        )
    if verbose and not group:
        raise ConfigError(Note("list_takes"))
    page = document.current()
    if (verbose or option) and (group != "experiments" or option):
        from digicarbon.cli import vocabulary

        if page is not None:
            page.add(**vocabulary.plain(config_loader, group, option))
        elif group == "experiments":
            sys.stdout.write(vocabulary.experiment(config_loader, option))
        else:
            sys.stdout.write(vocabulary.told(group, option))
        return 0
    lines = list(_lines(config_loader, group)) if group else []
    groups = [] if group else [(one, options(config_loader, "" if one == "experiments" else one)) for one in known]
    if page is not None and group:
        page.add(group=group, options=[{"name": name, "text": text} for name, text in lines])
    elif page is not None:
        page.add(groups=[{"name": name, "options": list(names)} for name, names in groups])
    else:
        table = RichTable(box=None, pad_edge=False)
        table.add_column(group or said(Note("head_group")), overflow="fold")
        table.add_column("", overflow="fold")
        for name, text in lines or [(name, ", ".join(names)) for name, names in groups]:
            table.add_row(name, text)
        terminal().print(table)
    if verbose:
        say(Note("experiment_sets", keys=SWEEP_KEYS))
    return 0


def _lines(config_loader: ConfigLoader, group: str) -> Iterator[tuple[str, str]]:
    """Yield each option of a group with its line; the user's own experiments first."""
    folder = "" if group == "experiments" else f"{group}/"
    own = own_experiments() if group == "experiments" else ()
    for name in sorted(options(config_loader, folder.rstrip("/")), key=lambda name: name not in own):
        path = find(f"{folder}{name}")
        shown = headline if group == "experiments" else line_of
        yield name, "" if path is None else shown(path)


def _meant(word: str, option: str, known: Sequence[str], verbose: bool) -> Note:
    """Return what to type in the place of an override: list takes a group and an option as two words."""
    key, _, value = word.partition("=")
    group = key.partition(".")[0]
    meant = group if group in known else closest(group, known)
    if not meant:
        return Note("no_group", group=group, hint="", groups=cut(known, 20))
    # the value of a field, e.g. model.effects=unit, is no option
    words = [meant, *([value] if value and "." not in key else []), *([option] if option else [])]
    return Note("list_override", word=word, command=" ".join(["digicarbon list", *words, *(["-v"] * verbose)]))


MOST_COLUMNS = 100
"""A table of more columns is not shown in the terminal."""
SENTENCE = 60
"""A column with longer cells holds sentences: it is wrapped at this width and aligned left."""


def show(table: Table, console: Console, remark: bool = True) -> None:
    """Print a table, in several blocks of columns if the terminal is too narrow.

    Sentences are wrapped; no cell is ever cut. ``remark``: say how many notes are not shown.
    """
    grid = table.grids[0]
    first = max(map(cell_len, (*grid.corners, *grid.labels)), default=0) + 4
    natural = [max(over, *map(cell_len, texts)) for over, texts in zip(grid.over, grid.columns, strict=True)]
    widths = [min(width, SENTENCE) + 3 for width in natural]
    room = console.width if console.is_terminal else sys.maxsize
    for number, block in enumerate(_blocks(widths, room - first, grid)):
        part = without_empty(columns_of(grid, block.start, block.stop), grid)
        rich_table = RichTable(title=table.title if number == 0 else None, title_justify="left")
        rich_table.add_column(grid.corners[-1], no_wrap=True, min_width=first - 4)
        for position, over in zip(block, part.over, strict=True):
            wraps = natural[position] > SENTENCE
            rich_table.add_column(
                grid.heads[position],
                justify="left" if wraps else "right",
                no_wrap=not wraps,
                overflow="fold",
                min_width=over,
                max_width=SENTENCE,
            )
        for row, (label, (_, cells)) in enumerate(zip(part.labels, part.rows, strict=True)):
            if row in part.rules:
                rich_table.add_section()
            rich_table.add_row(label, *cells)
        # rich cuts cells to its width, so it gets the width of the block
        width_needed = first + sum(widths[position] for position in block)
        wide = Terminal(
            file=console.file, width=max(console.width, width_needed), markup=False, emoji=False, highlight=False
        )
        if part.levels:
            with wide.capture() as printed:
                wide.print(rich_table)
            wide.print(spanned(part, printed.get()), end="")
        else:
            wide.print(rich_table)
    for note in table.shown_notes:
        console.print(note, style="dim", soft_wrap=True)
    if table.below is not None:
        console.print()
        show(table.below, console, remark=False)
    if remark and (more := table.hidden_notes):
        console.print(said(Note("notes_more", notes=more)), style="dim", soft_wrap=True)


def _blocks(widths: Sequence[int], room: int, grid: Grid) -> list[range]:
    """Return positions of columns in blocks that fit, at least one column each, which cut few words over columns."""
    blocks: list[range] = []
    start = 0
    while start < len(widths):
        end = start + 1
        while end < len(widths) and sum(widths[start : end + 1]) <= room:
            end += 1
        end = before_span(grid, start, end)
        blocks.append(range(start, end))
        start = end
    return blocks or [range(0)]


class Terminal(Console):
    """A terminal whose reader may leave, as ``head`` does: that is no exit that anybody asked for."""

    def on_broken_pipe(self) -> None:
        """Raise the error that ends the command without a word."""
        # what is still in the buffer must not fail again when the process ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise BrokenPipeError


def terminal(stderr: bool = False) -> Console:
    """Return the terminal for tables and sentences."""
    # labels can hold brackets, e.g. model.controls=[], which are not markup
    return Terminal(stderr=stderr, markup=False, emoji=False, highlight=False)


def say(note: Note, wraps: bool = False) -> None:
    """Print a note on a line of its own, however long, or add it to the document; ``wraps``: cut into several lines."""
    if (page := document.current()) is not None:
        page.note(note)
    else:
        terminal().print(said(as_written(note)), soft_wrap=not wraps)


def warn(note: Note, style: str = "yellow") -> None:
    """Print a note among the errors, on a line of its own, or add it to the document."""
    if (page := document.current()) is not None:
        page.note(note)
    else:
        terminal(stderr=True).print(said(as_written(note)), style=style, soft_wrap=True)


def plans_of(request: Request, check_all: bool = False) -> list[tuple[Composer, Plan]]:
    """Plan an experiment, or each one that it lists, before the first fit.

    Runs that the store has are not checked again, unless ``check_all``.
    """
    from digicarbon.sweep import sweep
    from digicarbon.tracking import finished

    plain, axes = read_overrides(request.overrides, request.config_loader)
    composers = list(_composers(request.config_loader, request.name, plain, ()))
    stores = [sweep.settings(composer).tracking for composer in composers]
    preparation = (
        Preparation()
        if check_all
        else Preparation(lambda: frozenset[str]().union(*map(finished, dict.fromkeys(stores))))
    )
    planned: list[tuple[Composer, Plan]] = []
    errors: list[tuple[str, DigicarbonError]] = []
    for composer in composers:
        try:
            planned.append((composer, plan(composer, axes, preparation)))
            sweep.settings_for(*planned[-1])
            planned[-1][1].remarks.extend(misspelt(*planned[-1]))
        except DigicarbonError as error:
            errors.append((composer.name, error))
    if errors and len(composers) == 1:
        raise errors[0][1]
    if errors:
        # every faulty experiment is reported, not the first one alone
        lines = [Note("experiments_cannot_run", experiment=request.name, wrong=len(errors), every=len(composers))]
        lines += [Note("experiment_cannot_run", experiment=name, why=error) for name, error in errors]
        raise ConfigError(Note("lines", lines=lines))
    return planned


def _composers(
    config_loader: ConfigLoader, name: str, overrides: Sequence[str], listed_by: tuple[str, ...]
) -> Iterator[Composer]:
    composer = Composer(config_loader, name, overrides)
    place = f"{composer.where('experiments')}, experiments"
    if name in listed_by:
        raise ConfigError(Note("experiments_go_round", place=place, chain=" > ".join([*listed_by, name])))
    if composer.instead is not None:
        path = find(composer.instead)
        line = "" if path is None else headline(path)
        warn(Note("stands_in", name=name, source=composer.chosen["source"], other=composer.instead, line=line))
        # the other experiment names its sources itself
        others = [override for override in overrides if not override.startswith("source=")]
        yield from _composers(config_loader, composer.instead, others, (*listed_by, name))
        return
    listed = composer.sweep_keys()["experiments"]
    for other in listed or ():
        if not isinstance(other, str):
            raise ConfigError(Note("experiments_are_names", place=place, value=repr(other)))
        if find(other) is None:
            raise no_experiment(other, composer.options(""), place)
        yield from _composers(config_loader, other, overrides, (*listed_by, name))
    if not listed:
        yield composer


def _print_left_out(planned: Plan, every: bool = False) -> None:
    every = every or document.current() is not None
    skipped = planned.skipped if every else planned.skipped[:FIRST_ROWS]
    for label, reason in skipped:
        warn(Note("skipped", run=label, why=reason))
    if len(skipped) < len(planned.skipped):
        warn(Note("skipped_more", runs=len(planned.skipped) - len(skipped)))
    if planned.excluded:
        warn(Note("left_out_by_exclude", combinations=planned.excluded), style="dim")
    for remark in planned.remarks:
        warn(remark)
    same = list(planned.same.items()) if every else list(planned.same.items())[:FIRST_SAME]
    for label, others in same:
        differing = cut([_differing(other, label) for other in others])
        warn(Note("one_fit", run=label, others=differing), style="dim")
    if len(same) < len(planned.same):
        warn(Note("more_fits", fits=len(planned.same) - len(same)), style="dim")


def _differing(label: str, other: str) -> Note | str:
    """Return the parts of a label that another one lacks; the whole label if there are none."""
    parts, known = label.split(", "), set(other.split(", "))
    own = [part for part in parts if part not in known]
    return Note("differing", parts=own) if len(own) > 1 else "".join(own) or label
