"""Draw the data of the simulated country for a copy without its pack: ``draw.py FIELDS FILE``, or ``draw.py FILE``.

Without fields the neighbours of its units are written. Drawn data have regions and places in columns.
"""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from digicarbon.data import adjacency, provinces
from digicarbon.source import SimulatedSource


def inputs(fields: str) -> bytes:
    """Return what the source gives, to be read again."""
    given = json.loads(fields)
    drawn = SimulatedSource(**given).load()
    facts = provinces().set_index("province")[["region", "longitude", "latitude"]]
    lacking = [name for name in facts.columns if name not in drawn.frame]
    return pickle.dumps(replace(drawn, frame=drawn.frame.join(facts[lacking], on="unit"), regions="region"))


def neighbours() -> bytes:
    """Return the names of units, and which of them are neighbours."""
    names = provinces()["province"].tolist()
    matrix = np.zeros((len(names), len(names)))
    for start, end in adjacency()[["province", "neighbour"]].itertuples(index=False):
        if start in names and end in names:
            matrix[names.index(start), names.index(end)] = matrix[names.index(end), names.index(start)] = 1.0
    return pickle.dumps((names, matrix))


if __name__ == "__main__":
    *words, target = sys.argv[1:]
    Path(target).write_bytes(inputs(*words) if words else neighbours())
