"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path


def put(path: Path, content: bytes | Path) -> None:
    """Write a file, or copy one, whole or not at all, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with half.open("wb") as file:
            if isinstance(content, Path):
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
