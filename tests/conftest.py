"""Shared fixtures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def _skip(reason: str) -> None:
    if os.environ.get("DIGICARBON_REQUIRE_ALL") == "1":
        pytest.fail(f"DIGICARBON_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that holds the real data (`china/`, `panels/`, …), which never ships with the package."""
    folder = Path(os.environ.get("DIGICARBON_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "china").is_dir():
        _skip("the real data are not here; set DIGICARBON_DATA to the folder that holds china/")
    return folder
