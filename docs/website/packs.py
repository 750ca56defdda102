"""Names that packs add to rooms, where the pages of the Python interface look for them."""

from __future__ import annotations

from typing import Any

import griffe

from digicarbon import pack


class Packs(griffe.Extension):
    """Puts an alias of each name of a pack into the room that the name is added to."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Add the names after the whole package has been read."""
        for package, one in pack.packs().items():
            for room, names in one.names.items():
                for name, module in names.items():
                    pkg[room].set_member(name, griffe.Alias(name, f"{package}.{module}.{name}"))
