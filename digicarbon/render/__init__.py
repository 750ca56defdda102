"""Finished tables and the formats in which they are read: text, Markdown, HTML, LaTeX, Word and Excel."""

from digicarbon.render.table import FORMATS as FORMATS
from digicarbon.render.table import Table as Table
from digicarbon.render.table import from_json as from_json
from digicarbon.render.table import save_all as save_all
from digicarbon.render.table import stacked as stacked
from digicarbon.render.table import to_json as to_json
