"""Words for scripts in R and Stata: what an estimator's part of a script is written with."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.script.extract import Extract as Extract
    from digicarbon.script.names import Names as Names
    from digicarbon.script.part import Part as Part
    from digicarbon.script.r import RPart as RPart
    from digicarbon.script.stata import StataPart as StataPart

lazy(__name__)
