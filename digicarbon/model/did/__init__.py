"""Difference-in-differences."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.did.base import DiD as DiD

lazy(__name__)
