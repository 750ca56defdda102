"""Regressions whose slopes change where a variable passes a threshold."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.threshold.base import PanelThreshold as PanelThreshold

lazy(__name__)
