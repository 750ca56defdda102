"""The words of a page around its tables, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from digicarbon.data import page_words
from digicarbon.report.labels import Language


@dataclass(frozen=True)
class Words:
    """Returns the words of a page in its language, which are rows of ``digicarbon/data/page.csv``."""

    language: Language = "en"

    def __call__(self, key: str, **values: object) -> str:
        """Return the words of a key, with values filled in."""
        return page_words()[key][self.language].format(**values)

    def listed(self, *keys: str) -> dict[str, str]:
        """Return the words of several keys without values, for the page's script."""
        return {key: page_words()[key][self.language] for key in keys}
