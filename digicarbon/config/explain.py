"""Hydra's messages as our own errors, with the place and the nearest known word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from digicarbon.config import flat, written
from digicarbon.config.files import GROUPS, SWEEP_KEYS, content_of, find, not_yaml, shown
from digicarbon.config.missing import no_experiment
from digicarbon.errors import COMMAND_LINE, ConfigError
from digicarbon.note import Note, cut, note_of, suggestion

if TYPE_CHECKING:
    # it explains its own errors
    from digicarbon.config.compose import Composer

COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, yaml.YAMLError)
"""The errors that Hydra raises during composition."""


_REPORT = ("report.decimals",)
"""Keys of a report that another program has at the top."""
_YEARS = re.compile(r"(\d{4}) ?[-–:] ?(\d{4})")
"""Years as other programs write them."""
_OTHER_TERM = re.compile(r"#|\b(?:log|log1p|log10|ln|exp|sqrt|lag|lead|diff|factor|poly|I|C|L|F|D)\(")
"""The notation for terms in Stata, R and Python, and a dummy without quotes."""
_AMBIGUOUS = re.compile(r"(?:Ambiguous value for argument|Sweep parameters) '(.+?)' (?:1\.|requires?)")
_UNKNOWN_KEY = re.compile(r"Could not override '([^'@]+)")


def explain(error: Exception, name: str, known: Composer) -> ConfigError:
    """Turn an error of Hydra's composition into our own error.

    ``error``: one of `COMPOSITION_ERRORS`. ``name``: the experiment that was composed.
    """
    text = _one_line(error)
    place = _place(text)
    if isinstance(error, OverrideParseException):
        return unreadable(str(error.override), text, COMMAND_LINE)
    if match := _UNKNOWN_KEY.search(text):
        return _unknown_key(match[1], place, known)
    if match := _AMBIGUOUS.search(text):
        return ConfigError(Note("sweep_for_cfg", override=match[1]), COMMAND_LINE)
    if match := re.match(r"Could not delete from config\. '(.+?)' does not exist", text):
        return nothing_to_take_away(match[1], place, known)
    if match := re.match(r"Could not delete from config\. The value of '(.+?)' is (.+?) and not", text):
        return ConfigError(Note("deleted_value", key=match[1], value=match[2]), COMMAND_LINE)
    if match := re.match(r"In '(.+?)': Could not load '([^'/]+)/([^']+)'", text):
        return unknown_option(match[2], match[3], known, f"{place or match[1]}, defaults")
    if "Cannot merge DictConfig with" in text and (wrong := next(_no_mapping(known), None)):
        return wrong
    if match := re.search(r"(?:Could not find|Cannot find primary config) '([^']+)'", text):
        return _unknown_option(match[1], place, known)
    if isinstance(error, yaml.YAMLError):
        file = getattr(getattr(error, "problem_mark", None), "name", "")
        if Path(file).is_file():
            return not_yaml(error, Path(file))
        return ConfigError(Note("taken_file_no_yaml", reason=text), name)
    return ConfigError(note_of(text), place or name)


def unreadable(override: str, text: str, place: str) -> ConfigError:
    """Return the error for an override that is not in Hydra's grammar.

    ``text``: the message from Hydra.
    """
    key, equals, value = override.partition("=")
    if place == COMMAND_LINE:
        # as it was typed
        key = written.word_of(key)
        override = f"{key}{equals}{value}"
    if "^" in value:
        return ConfigError(Note("override_of_power", override=override, example=override.replace("^", "**")), place)
    if (value.startswith("[") or key.endswith((".y", ".term"))) and _OTHER_TERM.search(value):
        from digicarbon.panel import SPELLING

        return ConfigError(Note("override_of_terms", override=override, spelling=SPELLING, key=key), place)
    if override.startswith("~"):
        return ConfigError(Note("override_takes_away", override=override, example="columns: {FE(1): null}"), place)
    reason = Note("in_brackets", reason=text) if " at input" in text or "xpected" in text else ""
    remedy = Note("quote_values" if place == COMMAND_LINE else "write_sweeps")
    if place == COMMAND_LINE and equals and not value.startswith(("[", "{")):
        remedy, reason = Note("quote_this", line=_quoted(key, value)), ""
    return ConfigError(Note("override_unreadable", override=override, why=reason, cure=remedy), place)


def _quoted(key: str, value: str) -> str:
    """Return a word of the command line, as a shell takes it, that sets a key to a text."""
    plain = value.strip().strip('"')
    return f'"{key}=\\"{plain}\\""' if "'" in plain else f"'{key}=\"{plain}\"'"


def is_unknown_key(error: Exception) -> bool:
    """Return whether Hydra refused an override because the configuration has no such key."""
    return _UNKNOWN_KEY.search(_one_line(error)) is not None


def unknown_option(group: str, option: str, known: Composer, place: str = "") -> ConfigError:
    """Return the error for an option that does not exist, which may be the name of a file of data."""
    if flat.is_file(group, option):
        file = Path(option)
        folder = file.absolute().parent
        if not folder.is_dir():
            return ConfigError(Note("no_folder_of_file", key=group, file=option, folder=folder), place)
        hint = suggestion(file.name, sorted(item.name for item in folder.iterdir()))
        return ConfigError(Note("no_file_in_folder", key=group, file=file.name, folder=folder, hint=hint), place)
    options = known.options(group)
    if group in flat.FILES and Path(option).is_dir():
        # it loads pandas
        from digicarbon.source._read import is_folder

        return ConfigError(is_folder(option, group, flat.FILES[group]), place)
    if group == "sample" and (years := _YEARS.fullmatch(option)):
        return ConfigError(Note("sample_of_years", option=option, first=years[1], last=years[2]), place)
    there = [one.name for one in Path().iterdir() if flat.is_file(group, one.name)] if "." in option else []
    hint = suggestion(option, [*there, *options], ours=True)
    example = {"source": "panel.csv", "weights": "neighbours.csv"}.get(group)
    files = Note("option_or_file", example=example) if example and not hint else ""
    about = {"hint": hint, "files": files, "options": cut(options, 40)}
    return ConfigError(Note("no_such_option", group=group, option=option, **about), place)


def nothing_to_take_away(key: str, place: str, known: Composer) -> ConfigError:
    """Return the error for a key of the command line that is to be taken away and does not exist."""
    group = key.split(".")[0]
    if group not in SWEEP_KEYS:
        return _unknown_key(key, place, known)
    contents = [file.content.get(group) for file in known.files]
    below = [f"{group}.{name}" for content in contents if isinstance(content, Mapping) for name in content]
    keys = list(dict.fromkeys(below)) or SWEEP_KEYS
    return ConfigError(
        Note("no_such_key", key=key, hint=suggestion(key, keys, ours=True), keys=cut(keys, 40)), COMMAND_LINE
    )


def _unknown_key(key: str, place: str, known: Composer) -> ConfigError:
    group = key.split(".")[0]
    if group in SWEEP_KEYS and "." in key:
        return ConfigError(Note("new_key_of_sweep", of=group, key=key), COMMAND_LINE)
    keys = known.settable(group) if group in GROUPS else [*flat.FIRST, *GROUPS, *SWEEP_KEYS]
    mappings = known.mappings(group) if group in GROUPS else []
    if mapping := next((name for name in mappings if key == name or key.startswith(f"{name}.")), None):
        return ConfigError(Note("new_key", of=mapping, key=key), COMMAND_LINE)
    if group in GROUPS and (why := known.lacking(group, key.partition(".")[2])) is not None:
        return ConfigError(why, place or COMMAND_LINE)
    if key in keys:
        # the command line's option has the key, but the option that a column or a sweep chooses does not
        return ConfigError(Note("key_of_other_options", key=key, of=group), place or COMMAND_LINE)
    hint = suggestion(key, keys if group in GROUPS else [*keys, *flat.words(), *_REPORT], ours=True)
    if key in ("years", "sample.years"):
        hint = Note("years_of_sample", first=2012, last=2016)
    return ConfigError(Note("no_such_key", key=key, hint=hint, keys=cut(keys, 40)), place or COMMAND_LINE)


def _unknown_option(missing: str, place: str, known: Composer) -> ConfigError:
    group, _, option = missing.rpartition("/")
    if group in GROUPS:
        # Hydra names the file of the default, but the wrong word is in an experiment or on the command line
        return unknown_option(group, option, known, known.chooser(group))
    return no_experiment(missing, known.options(""), place)


def _no_mapping(known: Composer) -> Iterator[ConfigError]:
    """Yield an error for each field of an experiment that holds a list where an option has a mapping."""
    for file in known.files:
        for group in GROUPS:
            node = file.content.get(group)
            lists = {key: value for key, value in (node or {}).items() if isinstance(value, list)}
            for option in known.options(group) if lists else ():
                content = content_of(group, option)
                for key, value in lists.items():
                    if isinstance(content.get(key), Mapping):
                        note = Note("needs_mapping", key=f"{group}.{key}", field=key, given=repr(value))
                        yield ConfigError(note, file.shown)


def _place(text: str) -> str:
    match = re.match(r"In '([^']+)'", text)
    path = find(match[1]) if match else None
    return "" if path is None else shown(path)


def _one_line(error: BaseException) -> str:
    """Return an error's own lines and those of its cause, without Hydra's advice and listings."""
    message = re.split(r"\n\s*(?:Search path:|Available options|See https?:|To append to)", str(error).strip())[0]
    cause = "" if error.__cause__ is None else _one_line(error.__cause__)
    return " ".join(f"{message} {cause}".split())
