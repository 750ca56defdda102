"""The panel: labelled, sorted, read-only; the order of rows is decided only here."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.panel._index import Column as Column
    from digicarbon.panel._index import Index as Index
    from digicarbon.panel._index import label as label
    from digicarbon.panel._terms import LOG_PREFIX as LOG_PREFIX
    from digicarbon.panel._terms import SPELLING as SPELLING
    from digicarbon.panel._terms import canonical as canonical
    from digicarbon.panel._terms import constituents as constituents
    from digicarbon.panel._terms import numbered as numbered
    from digicarbon.panel._terms import parse as parse
    from digicarbon.panel._terms import spelt as spelt
    from digicarbon.panel._terms import variables_of as variables_of
    from digicarbon.panel._terms import without_logarithms as without_logarithms
    from digicarbon.panel.base import ColumnError as ColumnError
    from digicarbon.panel.base import Gaps as Gaps
    from digicarbon.panel.base import Panel as Panel
    from digicarbon.panel.base import TextColumnError as TextColumnError
    from digicarbon.panel.design import Assembled as Assembled
    from digicarbon.panel.design import PanelDesign as PanelDesign
    from digicarbon.panel.design import Selection as Selection
    from digicarbon.panel.design import UnknownColumnError as UnknownColumnError

lazy(__name__)
