"""MLflow's rules for names and lengths, checked before anything is written: SQL would accept what its client refuses.

Tests compare them with MLflow's own validators, whose import would cost more than a sweep of hundreds of runs.
"""

from __future__ import annotations

import os
import posixpath
import re

from digicarbon.note import Note
from digicarbon.tracking._metrics import LONGEST_NAME
from digicarbon.tracking._rows import LONGEST_PARAM, LONGEST_TAG, Row

NAME = re.compile(r"[/\w.\- ]+" if os.name == "nt" else r"[/\w.\- :]+")
LONGEST_DATA_NAME = 500
LONGEST_DIGEST = 36
LONGEST_PROFILE = 16_777_215
SHOWN = 80
MOST_NAMES = 100_000
KINDS = {"parameter": Note("store_parameter"), "tag": Note("store_tag"), "metric": Note("store_metric")}
_KNOWN: set[str] = set()


class RefusedError(ValueError):
    """A run holds a name or a value that MLflow does not accept."""


def validate(row: Row) -> None:
    """Check a run's names and lengths.

    Raises
    ------
    RefusedError
        If MLflow would not accept the run.
    """
    for kind, names in (("parameter", row.params), ("tag", row.tags), ("metric", row.metrics)):
        # most names repeat from run to run, so each is checked once
        if not _KNOWN.issuperset(names):
            for name in names:
                check_name(kind, name)
            if len(_KNOWN) > MOST_NAMES:
                _KNOWN.clear()
            _KNOWN.update(names)
    for kind, texts, longest in (("parameter", row.params, LONGEST_PARAM), ("tag", row.tags, LONGEST_TAG)):
        for name, text in texts.items():
            check_value(kind, name, text, longest)
    check_data(row.data_name, row.data_digest, row.data_profile)


def check_name(kind: str, name: str) -> None:
    """Check the name of a parameter, tag or metric: it may become the path of a file.

    Raises
    ------
    RefusedError
        If MLflow would not accept it.
    """
    if not NAME.fullmatch(name):
        raise RefusedError(Note("store_name_signs", kind=KINDS[kind], name=name[:SHOWN]))
    if posixpath.normpath(name) != name or name == "." or name.startswith(("..", "/")):
        raise RefusedError(Note("store_name_path", kind=KINDS[kind], name=name[:SHOWN]))
    if len(name) > LONGEST_NAME:
        raise _too_long(Note("store_name_of", kind=KINDS[kind], name=name[:SHOWN]), name, LONGEST_NAME)


def check_value(kind: str, name: str, text: str, longest: int) -> None:
    """Check the length of the value of a parameter or tag.

    Raises
    ------
    RefusedError
        If MLflow would not accept it.
    """
    if len(text) > longest:
        raise _too_long(Note("store_value_of", kind=KINDS[kind], name=name), text, longest)


def _too_long(what: Note, value: str, longest: int) -> RefusedError:
    return RefusedError(Note("store_too_long", what=what, characters=len(value), most=longest))


def check_data(name: str, digest: str, profile: str) -> None:
    """Check the description of a data set.

    Raises
    ------
    RefusedError
        If MLflow would not accept it.
    """
    if len(name) > LONGEST_DATA_NAME:
        raise _too_long(Note("store_data_name"), name, LONGEST_DATA_NAME)
    if len(digest) > LONGEST_DIGEST:
        raise _too_long(Note("store_data_fingerprint"), digest, LONGEST_DIGEST)
    if len(profile) > LONGEST_PROFILE:
        raise _too_long(Note("store_data_profile"), profile, LONGEST_PROFILE)
