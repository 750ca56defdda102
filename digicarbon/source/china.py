"""The real panel of 30 Chinese provinces, read in place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Literal

from digicarbon.errors import DataError, listing
from digicarbon.source._read import read_table
from digicarbon.source.base import InputFile, Inputs, Source

_FILES = {
    "study": "panel_30prov_2012_2017_study.csv",
    "merged": "panel_30prov_2011_2022_merged.csv",
}

_VINTAGES = {
    "revised": {"gdp": "gdp_rev_100m", "population": "pop_rev_10k"},
    "original": {"gdp": "gdp_orig_100m", "population": "pop_orig_10k"},
}

_SERIES = {
    "adcode": "adcode",
    "secondary_va": "secondary_va_100m_cny",
    "tertiary_va": "tertiary_va_100m_derived",
    "ter_sec_ratio": "ter_sec_ratio",
    "tertiary_share": "ter_share",
    "urban_population": "urban_pop_10k",
    "urbanization": "urbanization",
    "gdp_index": "gdp_index_prevyear100",
    "gdp_real": "gdp_real2011_100m",
    "fiscal_expenditure": "fiscal_expenditure_100m_cny",
    "fixed_capital_formation": "gfcf_100m_cny",
    "employment": "employment_10k",
    "average_wage": "avg_wage_cny",
    "co2_sectoral": "co2_sectoral_mt",
    "co2_process": "co2_process_mt",
    "co2_apparent": "co2_apparent_mt",
    "coal": "coal_10kt",
    "coke": "coke_10kt",
    "crude_oil": "crude_oil_10kt",
    "gasoline": "gasoline_10kt",
    "kerosene": "kerosene_10kt",
    "diesel": "diesel_10kt",
    "fuel_oil": "fuel_oil_10kt",
    "natural_gas": "natgas_100m_m3_probable",
    "total_energy": "total_energy_tce",
    "coal_related_energy": "coal_related_tce",
    "energy_structure": "energy_structure",
    "so2": "so2_t",
    "wastewater": "wastewater_10kt",
    "digeco": "digeco",
    "digital_finance": "digital_finance",
    "patent_grants": "patent_grants",
    "rd_intensity": "rd_intensity_yao",
    "government_share": "gov_yao",
    "environmental_regulation": "env_reg_yao",
    "environmental_expenditure": "env_expenditure",
    "market_index": "market_index",
    "green_finance": "gf_index",
}

_CITATION = (
    "CO2 and energy: Carbon Emission Accounts and Datasets, CEADs (Shan et al. 2016, 2018, 2020; Guan et al. 2021)."
)


class ChinaSource(Source):
    """Official statistics, CEADs inventories and digital indices of 30 provinces, merged; never part of the package.

    Money is in 100m CNY at current prices (``gdp_real`` at those of 2011), population and employment in 10k persons,
    CO2 in million tonnes, fuels in 10k tonnes and natural gas in 100m cubic metres (magnitudes say so; the yearbook
    extract's header says 10k tonnes). ``tertiary_va`` is no published figure: it is ``ter_sec_ratio`` times
    ``secondary_va``, and that ratio comes from a digital-economy data set of another GDP vintage, so secondary and
    tertiary value added do not add up with GDP to a plausible primary sector everywhere (Beijing). Value added by
    industry, urban population and the urbanization rate are of the revised vintage whatever ``gdp_vintage`` says.
    ``digeco``, ``rd_intensity``, ``government_share`` and ``environmental_regulation`` come without a codebook.

    Attributes
    ----------
    gdp_vintage : {"revised", "original"}
        GDP and population as revised after the censuses, or as first published (to 2018 only).
    span : {"study", "merged"}
        2012 to 2017 (180 rows), or 2011 to 2022 (360 rows; many series end earlier).
    folder : str or None
        The folder that holds ``china/``; if None the environment variable DIGICARBON_DATA, else ``../shared/data``
        beside the working directory.
    """

    places: ClassVar[tuple[str, ...]] = ("folder",)

    gdp_vintage: Literal["revised", "original"] = "revised"
    span: Literal["study", "merged"] = "study"
    folder: str | None = None

    def load(self) -> Inputs:
        """Read the panel.

        Returns
        -------
        Inputs
            Series under plain names; gaps of the statistics are not-a-number.

        Raises
        ------
        DataError
            If the folder, the file or one of its columns is missing.
        """
        file = self._file()
        frame = read_table(str(file), "source", text=("province",))
        columns = {"unit": "province", "time": "year"} | _VINTAGES[self.gdp_vintage] | _SERIES
        absent = [name for name in columns.values() if name not in frame.columns]
        if absent:
            raise DataError(f"{file.name} lacks the columns {listing(absent)}; fetch the data folder anew.")
        tidy = frame[list(columns.values())].set_axis(list(columns), axis=1)
        return Inputs(
            tidy,
            source="china",
            unit_name="province",
            time_name="year",
            notes=(self._vintage_note(), _CITATION),
            files=(InputFile.of(file, list(columns)[2:]),),
        )

    def _vintage_note(self) -> str:
        if self.gdp_vintage == "revised":
            return "GDP and population are of the revised vintage (after the censuses)."
        return (
            "GDP and population are of the original vintage (as first published); value added by industry and the "
            "urbanization rate are of the revised one."
        )

    def _file(self) -> Path:
        given = self.folder or os.environ.get("DIGICARBON_DATA") or str(Path("..", "shared", "data"))
        file = Path(given, "china", _FILES[self.span])
        if not file.is_file():
            raise DataError(
                f"source=china: there is no file {file.absolute()}. Set the environment variable DIGICARBON_DATA "
                "(or source.folder) to the folder that holds china/; source=simulated works without these data."
            )
        return file
