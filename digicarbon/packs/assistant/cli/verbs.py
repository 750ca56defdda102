"""The verb ``mcp``."""

from __future__ import annotations

from collections.abc import Mapping

from digicarbon.cli.usage import Adder, Verb, Verbs
from digicarbon.note import Note


def _add(add: Adder, verbs: Mapping[str, Verb]) -> None:
    """Add the verb."""
    add(
        "digicarbon mcp [--own-code]",
        "digicarbon.packs.assistant.cli.mcp.mcp",
        Note("does_mcp"),
        "digicarbon mcp",
        "digicarbon mcp --own-code",
        needs=Note("needs_of_mcp"),
    ).add_flag("--own-code", dest="own_code", action="store_true", says=Note("flag_own_code"))


VERBS = Verbs(usage=(("digicarbon mcp [--own-code]", Note("usage_mcp")),), add_to=_add)
