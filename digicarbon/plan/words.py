"""What an experiment and the options of its runs call variables, choices and values in tables and pictures."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from digicarbon.config.compose import Composer
from digicarbon.config.files import GROUPS, LABELS, check_labels, check_printed
from digicarbon.data import variables
from digicarbon.note import Note
from digicarbon.panel import LOG_PREFIX, variables_of
from digicarbon.plan.runs import NO_NUMBERS, Plan
from digicarbon.spec import own_field

PRINTED = ("labels", "rows", "caption", "heading", "units")
"""Fields of reports, and of reports within them, whose texts stand in tables and pictures."""
ALIKE = 0.8
"""How alike a name is to the one that was meant, as `difflib` counts it."""


def labels(composer: Composer, planned: Plan) -> dict[str, str]:
    """Return the words of the user's files and of all options of a plan, over which those of the experiment go.

    Raises ConfigError if ``labels`` of an option is no mapping of names to texts.
    """
    options = {group: {composer.chosen[group]: None} for group in GROUPS if group not in NO_NUMBERS}
    for block in {id(run.choice.block): run.choice.block for run in planned.runs}.values():
        swept = ((axis.key, value) for axis, _ in block.axes for value in axis.values)
        for key, value in (*block.fixed.items(), *swept):
            if key in options:
                options[key][str(value)] = None
    words = _of_files(planned)
    for group, names in options.items():
        for option in names:
            node = composer.merged({group: option})[group]
            if LABELS in node and not own_field(node, LABELS, group):
                words |= check_labels(
                    node[LABELS], f"{group}.{LABELS}", composer.where(f"{group}.{LABELS}", {group: option})
                )
    return words | check_labels(composer.sweep_keys()[LABELS], LABELS, composer.where(LABELS))


def _of_files(planned: Plan) -> dict[str, str]:
    """Return what files of the user's own call their columns.

    A column that is called as one that the package makes, or as its logarithm, and has no label in the file, is called
    by its name: a column ``ci`` or ``ln_ci`` need not be carbon intensity.
    """
    words: dict[str, str] = {}
    for run in {id(run.prepared.shared): run for run in planned.runs}.values():
        if run.specs.source.own:
            inputs = run.prepared.inputs
            columns = [str(name) for name in inputs.frame.columns if name not in ("unit", "time")]
            ours = [name for name in columns if name.removeprefix(LOG_PREFIX) in variables()]
            words |= {name: name for name in ours} | dict(inputs.labels)
    return words


def check_texts_of_report(composer: Composer) -> None:
    """Raise a `ConfigError` if a text that the report shows has a variable of the environment."""

    def check(value: object, key: str, printed: bool) -> None:
        if isinstance(value, str) and printed:
            check_printed(value, key, composer.where(key))
        elif isinstance(value, Mapping):
            for name, part in value.items():
                check(part, f"{key}.{name}", printed or name in PRINTED)
        elif isinstance(value, list) and printed:
            for part in value:
                check(part, key, printed)

    check(composer.recorded()["report"], "report", printed=False)


def misspelt(composer: Composer, planned: Plan) -> list[Note]:
    """Return a note on each of an experiment's own words whose name is almost, but not quite, one of its runs."""
    report = composer.node("report").get(LABELS)
    given = {
        **dict.fromkeys(report if isinstance(report, Mapping) else (), f"report.{LABELS}"),
        **dict.fromkeys(composer.sweep_keys()[LABELS] or (), LABELS),
    }
    if not given:
        return []
    terms: dict[str, None] = {}
    for block in {id(run.choice.block): run.choice.block for run in planned.runs}.values():
        terms |= dict.fromkeys((*block.fixed, *(axis.key for axis, _ in block.axes)))
    for run in planned.runs:
        chosen = (f"{group}={option}" for group, option in run.options.items())
        terms |= dict.fromkeys((*run.specs.model.terms, *run.prepared.panel.names, *run.options, *chosen))
    variables = variables_of(tuple(terms))
    names = [*terms, *variables, *(name.removeprefix(LOG_PREFIX) for name in variables)]
    close = {name: difflib.get_close_matches(name, names, n=1, cutoff=ALIKE) for name in given if name not in names}
    return [
        Note("label_of_nothing", key=given[name], name=name, closest=matches[0])
        for name, matches in close.items()
        if matches
    ]
