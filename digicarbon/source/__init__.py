"""Where raw inputs come from."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.source._checks import check_inputs as check_inputs
    from digicarbon.source.base import TABLES as TABLES
    from digicarbon.source.base import InputFile as InputFile
    from digicarbon.source.base import InputOutputTable as InputOutputTable
    from digicarbon.source.base import Inputs as Inputs
    from digicarbon.source.base import Source as Source
    from digicarbon.source.base import WatchedInputs as WatchedInputs
    from digicarbon.source.folder import FolderSource as FolderSource
    from digicarbon.source.table import TableSource as TableSource

lazy(__name__)
