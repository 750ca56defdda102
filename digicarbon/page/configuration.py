"""The configuration of a sweep as coloured YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from markupsafe import Markup, escape

from digicarbon.config.files import GROUPS, SETTINGS, SWEEP_KEYS
from digicarbon.recorded import RecordedSweep
from digicarbon.report.focal import text_of
from digicarbon.tracking import masked

MOST = 12
"""How many values of a key are listed."""
_LINE = re.compile(r"(?P<indent>[ -]*)(?P<key>[^\s#][^:#]*?:(?=\s|$))?(?P<value>[^#\n]*?)(?P<comment>\s#.*|^\s*#.*)?$")


def coloured(text: str) -> Markup:
    """Return YAML with its keys and comments marked, and without passwords in addresses."""
    return Markup("\n").join(_line(masked(line)) for line in text.rstrip().split("\n"))


def own_part(config: str) -> str:
    """Return the part of a composed configuration that an experiment's file adds to its choices; empty if none."""
    content: Mapping[str, Any] = yaml.safe_load(config) or {}
    part = {key: content[key] for key in SWEEP_KEYS if content.get(key)}
    return yaml.safe_dump(part, allow_unicode=True, sort_keys=False, width=100) if part else ""


def choices(sweep: RecordedSweep) -> list[tuple[str, str]]:
    """Return each group with the options that the runs have, and each further key that varies with its values."""
    options_by_key: dict[str, dict[str, None]] = {group: {} for group in GROUPS if group not in SETTINGS}
    for run in sweep.roster.runs:
        for group, option in run.options.items():
            if group in options_by_key:
                options_by_key[group][str(option)] = None
        for key, value in run.values.items():
            if key not in GROUPS:
                options_by_key.setdefault(key, {})[text_of(value)] = None
    if sweep.data and not any(entry["weights"] for entry in sweep.data):
        # an experiment may name weights although none of its models uses them
        options_by_key["weights"] = {}
    return [(key, _listed(list(values))) for key, values in options_by_key.items() if values]


def _listed(values: Sequence[str]) -> str:
    more = f" … ({len(values)})" if len(values) > MOST else ""
    return ", ".join(values[:MOST]) + more


def _line(line: str) -> Markup:
    match = _LINE.match(line)
    if match is None:
        return escape(line)
    parts = {name: escape(part or "") for name, part in match.groupdict().items()}
    key = Markup('<span class="k">{}</span>').format(parts["key"]) if parts["key"] else Markup("")
    comment = Markup('<span class="c">{}</span>').format(parts["comment"]) if parts["comment"] else Markup("")
    return parts["indent"] + key + parts["value"] + comment
