"""A file of square regions, and the areas that a picture of it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COUNTIES = [f"county {number:02d}" for number in range(30)]


def areas(axes: Any) -> dict[str, Any]:
    return {patch.get_gid(): patch for patch in axes.patches}


def squares(folder: Path, names: list[str], key: str = "name", scale: float = 1.0) -> Path:
    """A file of unit squares in a row, as another country's regions."""
    corners = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
    features = [
        {
            "type": "Feature",
            "properties": {"id": number, key: name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[scale * (10 + number + dx), scale * (45 + dy)] for dx, dy in corners]],
            },
        }
        for number, name in enumerate(names)
    ]
    path = folder / "regions.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path
