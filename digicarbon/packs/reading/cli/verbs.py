"""The arguments of the verb ``read``."""

from __future__ import annotations

from collections.abc import Mapping

from digicarbon.cli.usage import Adder, Verb, Verbs
from digicarbon.note import Note


def _add(add: Adder, verbs: Mapping[str, Verb]) -> None:
    """Add the verb."""
    add(
        "digicarbon read FILE… [--save FILE]",
        "digicarbon.packs.reading.cli.read.read",
        Note("does_read"),
        "digicarbon read yearbook.xlsx",
        "digicarbon read yearbook.xlsx --save experiments/first.yaml",
        needs=Note("needs_of_read"),
        names=("files…",),
        least=1,
    ).add_flag("--save", metavar="FILE", says=Note("flag_save_block"))


VERBS = Verbs(usage=(("digicarbon read FILE… [--save FILE]", Note("usage_read")),), add_to=_add)
