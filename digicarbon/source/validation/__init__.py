"""Checks of data for impossible, inconsistent, missing, odd or copied values; they report and never drop a row."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.source.validation._tables import BROKEN as BROKEN
    from digicarbon.source.validation._tables import COMPONENTS as COMPONENTS
    from digicarbon.source.validation._tables import OPTIONAL as OPTIONAL
    from digicarbon.source.validation._tables import with_units as with_units
    from digicarbon.source.validation.checks import check_datasets as check_datasets
    from digicarbon.source.validation.checks import check_folder as check_folder
    from digicarbon.source.validation.checks import check_import as check_import
    from digicarbon.source.validation.checks import check_series as check_series
    from digicarbon.source.validation.checks import check_sums as check_sums
    from digicarbon.source.validation.checks import check_tables as check_tables
    from digicarbon.source.validation.finding import LEVELS as LEVELS
    from digicarbon.source.validation.finding import Finding as Finding
    from digicarbon.source.validation.finding import InvalidDataError as InvalidDataError
    from digicarbon.source.validation.finding import count as count
    from digicarbon.source.validation.finding import note as note
    from digicarbon.source.validation.finding import ordered as ordered
    from digicarbon.source.validation.finding import refuse as refuse

lazy(__name__)
