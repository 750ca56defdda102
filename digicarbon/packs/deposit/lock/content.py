"""What a lock holds of a plan: its choices, estimand, seeds, code, and hashes of its data without the outcome."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from digicarbon.config.assemble import dotted
from digicarbon.config.compose import Composer
from digicarbon.errors import COMMAND_LINE
from digicarbon.packs.deposit.lock.data import Reader, place_of, weights_of
from digicarbon.plan.choice import Choice
from digicarbon.plan.reach import code_digest, own_file
from digicarbon.plan.runs import Plan
from digicarbon.report import Report
from digicarbon.secret import mapped
from digicarbon.sweep.provenance import seeds
from digicarbon.tracking import COMMIT, DIRTY, VERSION, VERSIONS, provenance

WORDS = frozenset({"title", "labels"})
"""Keys of an experiment whose values are words."""
NOT_LOCKED = WORDS | {"experiments", "instead", "replace"}
"""Keys of an experiment that name other files: what is inherited from them is locked."""
LOOKS = frozenset({"labels", "language", "decimals", "pictures", "most_runs", "stars", "width", "height"})
"""Fields of a report that change how a table or picture looks, and no number."""
GROUPS = ("source", "measure", "outcome", "panel", "sample", "weights", "inference", "model", "diagnostic")
"""The groups whose options and fields are choices of a plan."""
SEED = "seed"


def content(composer: Composer, planned: Plan, report: Report, reader: Reader | None = None) -> dict[str, Any]:
    """Return what a lock holds of a plan; nothing of it depends on the values of the outcome.

    ``report``: of the plan, see `digicarbon.sweep.sweep.settings_for`. ``reader``: takes in what the runs read.
    """
    reader = reader or Reader()
    reader.read(planned.runs)
    weights = weights_of(planned.runs)
    groups = [group for group in GROUPS if weights or group != "weights"]
    values, every = _choices(composer, planned.choices, groups)
    body = {key: value for key, value in composer.sweep_keys().items() if key not in NOT_LOCKED and value}
    asked = report.run_effect
    return {
        "experiment": planned.name,
        "overrides": ["=".join(map(_plain, one.split("=", 1))) for one in planned.overrides],
        "estimand": {
            "quantity": asked.quantity,
            "term": asked.term or "",
            "y": sorted({run.specs.model.y for run in planned.runs}),
            "x": sorted({term for run in planned.runs for term in run.specs.model.x}),
        },
        "runs": {"choices": len(planned.choices), "sha256": every, "excluded": planned.excluded, "left": planned.left},
        "plan": mapped(_plain(body)),
        "swept": _swept(planned.choices),
        "options": _options(composer, planned.choices, groups),
        "values": values,
        "seeds": _seeds(composer, planned),
        "report": {key: value for key, value in _plain(mapped(composer.node("report"))).items() if key not in LOOKS}
        | {"option": composer.chosen["report"]},
        "code": _code(planned),
        "data": {name: one.print() for name, one in sorted(reader.sets.items())},
        "weights": dict(sorted(weights.items())),
    }


def software() -> dict[str, Any]:
    """Return the versions of what computes, and the commit of the user's folder."""
    tags = provenance()
    commit = tags.get(COMMIT, "")
    return {
        "digicarbon": tags[VERSION],
        "packages": json.loads(tags[VERSIONS]),
        **({"commit": commit, "uncommitted": tags[DIRTY] == "True"} if commit else {}),
    }


def _choices(composer: Composer, choices: Sequence[Choice], groups: Sequence[str]) -> tuple[dict[str, list[Any]], str]:
    """Return each value of each key over all choices, and a hash of all choices with all their values.

    References such as ``${inference.cov}`` stay what they are, so that a change is one change. The order of choices is
    in no hash: columns and values may be written in another order. Seeds are locked by themselves.
    """
    values: dict[str, dict[str, Any]] = {}
    texts: dict[int, tuple[object, str]] = {}
    hashes = []
    for choice in choices:
        merged, options = composer.merged(choice.values), composer.options_of(choice.values)
        parts = [choice.column or ""]
        for group in groups:
            node = merged[group]
            if id(node) not in texts:
                flat = {key: value for key, value in dotted({group: _plain(mapped(node))}) if not is_seed(key)}
                texts[id(node)] = node, _text(flat)
                for key, value in flat.items():
                    values.setdefault(key, {})[_text(value)] = value
            option = options.get(group, "")
            values.setdefault(group, {})[_text(option)] = option
            parts += [option, texts[id(node)][1]]
        hashes.append(hashlib.sha256("\x1f".join(parts).encode()).hexdigest())
    every = hashlib.sha256("\x1e".join(sorted(hashes)).encode()).hexdigest()
    return {key: [own[text] for text in sorted(own)] for key, own in sorted(values.items())}, every


def _swept(choices: Sequence[Choice]) -> dict[str, list[Any]]:
    """Return the keys that the command line gives several values, with these values."""
    axes = {id(axis): axis for choice in choices for axis, _ in choice.block.axes if axis.place == COMMAND_LINE}
    return {axis.key: _plain(mapped(list(axis.values))) for axis in axes.values()}


def _options(composer: Composer, choices: Sequence[Choice], groups: Sequence[str]) -> dict[str, Any]:
    """Return the fields of each option that is used, without what columns and grids choose of them.

    By group: the option that is used where columns and grids choose none (empty if they always do), and the fields of
    each option.
    """
    out: dict[str, Any] = {group: {"default": "", "fields": {}} for group in groups}
    seen: set[tuple[tuple[str, Any], ...]] = set()
    for choice in choices:
        own = {key: value for key, value in choice.values.items() if key in GROUPS}
        if tuple(own.items()) in seen:
            continue
        seen.add(tuple(own.items()))
        merged, options = composer.merged(own), composer.options_of(own)
        for group in groups:
            option = options.get(group, "")
            if group not in own:
                out[group]["default"] = option
            fields = {key: value for key, value in dotted({group: _plain(mapped(merged[group]))}) if not is_seed(key)}
            out[group]["fields"].setdefault(option, fields)
    return out


def is_seed(key: str) -> bool:
    """Return whether a dotted key is that of a seed, which a lock holds beside the choices."""
    return key.rpartition(".")[2] == SEED


def _seeds(composer: Composer, planned: Plan) -> dict[str, Any]:
    """Return every seed by the key that sets it, with its place."""
    every: dict[str, dict[int, None]] = {}
    origins: dict[str, str] = {}
    places: dict[str, str] = {}
    for run in planned.runs:
        for key, value in seeds(run.specs).items():
            if key not in origins:
                origins[key] = composer.origin(key, run.choice.values)
                places[origins[key]] = run.choice.place(origins[key]) or composer.where(origins[key])
            every.setdefault(origins[key], {})[value] = None
    body = {**composer.sweep_keys(), "report": composer.node("report")}
    for part in ("draw", "report"):
        for key, value in dotted({part: _plain(body.get(part) or {})}):
            if is_seed(key) and isinstance(value, int):
                every.setdefault(key, {})[value] = None
    return {
        key: {"values": sorted(own), "place": places.get(key) or composer.where(key)}
        for key, own in sorted(every.items())
    }


def _code(planned: Plan) -> dict[str, dict[str, str]]:
    """Return the hash of the code that each kind of model and diagnostic can reach, and of the user's own classes.

    Of shipped classes of other groups the version of digicarbon is locked.
    """
    pairs = dict.fromkeys((type(run.specs.model), type(run.specs.diagnostic)) for run in planned.runs)
    out = {
        " + ".join(dict.fromkeys(one.__name__ for one in pair if one.__name__ != "NoDiagnostic")): {
            "sha256": code_digest(*pair),
            "file": next(filter(None, map(own_file, pair)), ""),
        }
        for pair in pairs
    }
    others = dict.fromkeys(type(getattr(run.specs, group)) for run in planned.runs for group in GROUPS)
    for cls in others:
        if (file := own_file(cls)) and cls.__name__ not in out:
            out[cls.__name__] = {"sha256": code_digest(cls), "file": file}
    return out


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, int | float | bool):
        return value
    # a lock is published: the folders of this computer are nobody's business, and another computer has others
    return place_of(str(value)) if Path(str(value)).is_absolute() else str(value)
