"""Secrets of the environment are not in a run that is fitted again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from digicarbon.__main__ import main

Capture = pytest.CaptureFixture[str]
PLANTED = "pLaNtEd7"


def rows(address: str) -> Iterator[tuple[str, str]]:
    """Every row of every table of a database."""
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for row in connection.execute(sa.text(f'SELECT * FROM "{table}"')):
                yield table, str(row)
    engine.dispose()


def test_words_of_the_environment_are_not_recorded(
    project: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_FOLDER", PLANTED)
    Path(PLANTED).mkdir()
    frame = pd.DataFrame([(u, t, u * t + t % 3, u + t * t) for u in range(4) for t in range(5)], columns=list("utyx"))
    frame.to_csv(f"{PLANTED}/data.csv", index=False)
    own = ["source=table", "source.path=${oc.env:A_FOLDER}/data.csv", "source.unit=u", "source.time=t"]
    own += ["measure=none", "outcome=none", "model=pooled", "model.y=y", "model.x=[x]", "model.controls=[]"]
    assert main(["run", "-m", "executor=sequential", *own, "inference=classic,robust"]) == 0
    tags = [text for table, text in rows(f"sqlite:///{project}/mlruns/mlflow.db") if table == "tags"]
    assert PLANTED not in " ".join(text for text in tags if "digicarbon.config" in text)
    assert any("${oc.env:A_FOLDER}/data.csv" in text for text in tags)
    # a run recorded so is fitted again, exported, and not fitted a second time
    assert main(["rerun", "inference=robust"]) == 0
    assert "all are equal" in capfd.readouterr().out
    assert main(["export", "digicarbon", "--to", "sent"]) == 0
    assert PLANTED not in Path("sent/config/001.yaml").read_text(encoding="utf-8")
    capfd.readouterr()
    assert main(["run", "-m", "executor=sequential", *own, "inference=classic,robust"]) == 0
    assert "Nothing to fit" in capfd.readouterr().out
    monkeypatch.delenv("A_FOLDER")
    assert main(["rerun", "inference=robust"]) == 2
    assert "A_FOLDER" in capfd.readouterr().err
