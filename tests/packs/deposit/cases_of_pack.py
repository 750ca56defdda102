"""Cases of this pack in tests of all models, diagnostics and commands, see `tests/cases.py`."""

from __future__ import annotations

FLAGS = [
    ("main --blind --draws 50 a=1 --effect=0.2", {"--blind": "", "--draws": "50", "--effect": "0.2"}, ["a=1"]),
    ("main --effect -0.2 --blind", {"--effect": "-0.2", "--blind": ""}, []),
]
"""Words after ``plan``, the flags among them, and the others."""
