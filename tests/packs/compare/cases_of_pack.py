"""Cases of this pack in tests of all models, diagnostics and commands, see `tests/cases.py`."""

from __future__ import annotations

READERS = [["rerun", "abcd"]]
"""Commands that read a store."""
