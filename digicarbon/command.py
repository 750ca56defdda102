"""The verbs of the command line: what each asks of the engine and how its answer is shown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hydra.core.config_loader import ConfigLoader
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from digicarbon.compose import GROUPS, Composer, loader, options
from digicarbon.errors import ConfigError, DigicarbonError, listing, nearest
from digicarbon.plan import Plan, plan, read_overrides
from digicarbon.prepare import Workshop
from digicarbon.report import Table


@dataclass(frozen=True)
class Request:
    """What Hydra hands to a verb.

    Attributes
    ----------
    config_loader : ConfigLoader
    name : str
        The experiment.
    overrides : sequence of str
    """

    config_loader: ConfigLoader
    name: str
    overrides: Sequence[str]


class FailedRunsError(DigicarbonError):
    """Some runs failed; the others are recorded."""


def run(request: Request) -> None:
    """Fit all runs of an experiment, record them and print the comparison table.

    Raises
    ------
    FailedRunsError
        If at least one run failed.
    """
    from digicarbon import sweep

    failures: list[tuple[str, str]] = []
    for composer, planned in _plans(request):
        out = _console()
        _say_skipped(planned)
        with _bar(len(planned.runs)) as advance:
            finished = sweep.run(composer, planned, advance)
        if finished.table is not None:
            show(finished.table, out)
        failures += finished.failures
        out.print(
            f"{finished.done} of {len(planned.runs)} runs recorded in {finished.uri}, "
            f"MLflow experiment {finished.experiment}, parent run {finished.parent_id}.",
            soft_wrap=True,
        )
        out.print(f"Look at it with: digicarbon ui {planned.name}", soft_wrap=True)
    if failures:
        lines = "\n".join(f"  {label}: {sentence}" for label, sentence in failures[:20])
        raise FailedRunsError(f"{len(failures)} runs failed; they are recorded as FAILED:\n{lines}")


def plan_(request: Request) -> None:
    """Print the runs of an experiment; fit nothing."""
    for _, planned in _plans(request):
        table = RichTable(title=f"{planned.name}: {len(planned.runs)} runs")
        varied = list(dict.fromkeys(key for run in planned.runs for key in run.choice.values))
        for head in ("run", *varied, "panel", "hash"):
            table.add_column(head)
        for one in planned.runs:
            n, t = one.prepared.panel.shape
            cells = [str(one.choice.values.get(key, "")) for key in varied]
            table.add_row(one.label, *cells, f"{n} × {t}", one.key[:10])
        _console().print(table)
        _say_skipped(planned)


def check(request: Request) -> None:
    """Build and check every run against its data; fit nothing."""
    for _, planned in _plans(request):
        _say_skipped(planned)
        _console().print(f"{planned.name}: {len(planned.runs)} runs are ready.", soft_wrap=True)


def list_(arguments: Sequence[str]) -> None:
    """Print the options of a group with one line each, or all groups and experiments."""
    from digicarbon.compose import folders

    group = arguments[0] if arguments else ""
    if group and group not in GROUPS and group != "experiments":
        known = [*GROUPS, "experiments"]
        raise ConfigError(f"There is no group '{group}'.{nearest(group, known)} Groups: {listing(known, 20)}.")
    config_loader = loader()
    table = RichTable(box=None, pad_edge=False)
    table.add_column(group or "group")
    table.add_column("")
    if group:
        directory = "" if group == "experiments" else group
        for name in options(config_loader, directory):
            path = next(p for p in (f / directory / f"{name}.yaml" for f in folders()) if p.is_file())
            table.add_row(name, path.read_text(encoding="utf-8").split("\n")[0].lstrip("# "))
    else:
        for name in (*GROUPS, "experiments"):
            table.add_row(name, ", ".join(options(config_loader, "" if name == "experiments" else name)))
    _console().print(table)


def ui(arguments: Sequence[str]) -> None:
    """Open MLflow's own interface on the project's store."""
    from digicarbon.spec import build
    from digicarbon.tracking import Tracking

    name = arguments[0] if arguments and not arguments[0].startswith("-") else "config"
    extra = arguments[1:] if name != "config" else arguments
    tracking = build(Composer(loader(), name).assemble({})["tracking"], Tracking, "tracking")
    if tracking.uri.startswith(("http://", "https://")):
        _console().print(f"The store is a server; open {tracking.uri} in a browser.")
        return
    subprocess.run([sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracking.uri, *extra], check=False)


def show(table: Table, console: Console) -> None:
    """Print a table, in several blocks of columns where the terminal is too narrow for one; no cell is ever cut."""
    labels = [str(label) for label in table.cells.index]
    widths = [max(map(len, [str(head), *map(str, table.cells[head])])) + 3 for head in table.cells.columns]
    room = (console.width if console.is_terminal else sys.maxsize) - max(map(len, labels), default=0) - 4
    for number, block in enumerate(_blocks(widths, room)):
        rich_table = RichTable(title=table.title if number == 0 else None, title_justify="left")
        rich_table.add_column("", no_wrap=True)
        for position in block:
            rich_table.add_column(str(table.cells.columns[position]), justify="right", no_wrap=True)
        for row, label in enumerate(labels):
            if row in table.rules:
                rich_table.add_section()
            rich_table.add_row(label, *(str(table.cells.iat[row, position]) for position in block))
        # rich cuts cells to its width: give it what the block needs
        needed = max(map(len, labels), default=0) + 4 + sum(widths[position] for position in block)
        _console(width=max(console.width, needed, len(table.title))).print(rich_table)
    for note in table.notes:
        console.print(note, style="dim", soft_wrap=True)


def _blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Return positions of columns in blocks that fit, at least one column each."""
    blocks: list[list[int]] = [[]]
    used = 0
    for position, width in enumerate(widths):
        if blocks[-1] and used + width > room:
            blocks.append([])
            used = 0
        blocks[-1].append(position)
        used += width
    return blocks


def _console(stderr: bool = False, width: int | None = None) -> Console:
    # labels hold brackets, e.g. model.controls=[], which are no markup
    return Console(stderr=stderr, width=width, markup=False, highlight=False)


def _plans(request: Request) -> Iterator[tuple[Composer, Plan]]:
    """Plan an experiment, or each of those that it lists, before the first is fitted."""
    plain, axes = read_overrides(request.overrides, request.config_loader)
    composer = Composer(request.config_loader, request.name, plain)
    listed = composer.sweep_keys()["experiments"]
    composers = [Composer(request.config_loader, str(name), plain) for name in listed] if listed else [composer]
    shop = Workshop()
    yield from [(one, plan(one, axes, shop)) for one in composers]


def _say_skipped(planned: Plan) -> None:
    err = _console(stderr=True)
    for label, reason in planned.skipped:
        err.print(f"skipped {label}: {reason}", style="yellow", soft_wrap=True)
    for label, others in planned.same.items():
        err.print(f"{label}: one fit for {len(others) + 1} choices that come to the same.", style="dim", soft_wrap=True)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn("fitting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console(stderr=True), transient=True) as progress:
        task = progress.add_task("fitting", total=total)
        yield lambda done, _: progress.update(task, completed=done)
