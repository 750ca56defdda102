"""What an experiment and the options of its runs call variables, choices and values in tables and pictures."""

from __future__ import annotations

from digicarbon.config.compose import Composer
from digicarbon.config.files import GROUPS, LABELS, check_labels
from digicarbon.plan.runs import NO_NUMBERS, Plan
from digicarbon.spec import own_field


def labels(composer: Composer, planned: Plan) -> dict[str, str]:
    """Return the words of all options of a plan, over which those of the experiment go.

    Parameters
    ----------
    composer : Composer
    planned : Plan

    Raises
    ------
    ConfigError
        If ``labels`` of an option is no mapping of names to texts.
    """
    options = {group: {composer.chosen[group]: None} for group in GROUPS if group not in NO_NUMBERS}
    for block in {id(run.choice.block): run.choice.block for run in planned.runs}.values():
        swept = ((axis.key, value) for axis, _ in block.axes for value in axis.values)
        for key, value in (*block.fixed.items(), *swept):
            if key in options:
                options[key][str(value)] = None
    words: dict[str, str] = {}
    for group, names in options.items():
        for option in names:
            node = composer.merged({group: option})[group]
            if LABELS in node and not own_field(node, LABELS, group):
                words |= check_labels(
                    node[LABELS], f"{group}.{LABELS}", composer.where(f"{group}.{LABELS}", {group: option})
                )
    return words | check_labels(composer.sweep_keys()[LABELS], LABELS, composer.where(LABELS))
