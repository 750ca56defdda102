"""Mediation: through what a variable has its effect."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.mediation.base import Mediation as Mediation

lazy(__name__)
