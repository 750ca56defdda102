"""Files of a new study in an editor that knows the schema of packages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from digicarbon.__main__ import main
from digicarbon.config.files import GROUPS


@pytest.fixture(params=["en", "zh"])
def study(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new study, which is the working directory."""
    assert main(["new", "my study", "--language", request.param]) == 0
    monkeypatch.chdir(folder / "my study")
    return folder / "my study"


def test_all_files_are_valid_in_the_editor(study: Path) -> None:
    settings = json.loads((study / ".vscode" / "settings.json").read_text(encoding="utf-8"))["yaml.schemas"]
    every = settings.pop("./.digicarbon/schema/experiment.json")
    assert every == ["experiments/**/*.yaml", "!experiments/package.yaml"]
    settings["./.digicarbon/schema/experiment.json"] = every[0]
    assert set(settings.values()) == {
        every[0],
        "experiments/package.yaml",
        *(f"conf/{name}/*.yaml" for name in (*GROUPS, "importer")),
    }
    files = sorted(study.rglob("*.yaml"))
    assert [path.name for path in files] == ["main.yaml"]
    for path in files:
        line = path.read_text(encoding="utf-8").splitlines()[1]
        schema = path.parent / line.removeprefix("# yaml-language-server: $schema=")
        mapped = next(
            place for place, pattern in settings.items() if path.relative_to(study).match(pattern.replace("**/", ""))
        )
        assert schema.resolve() == (study / mapped).resolve()
        validator = Draft7Validator(json.loads(schema.read_text(encoding="utf-8")))
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert list(validator.iter_errors(node)) == []
        assert list(validator.iter_errors({**node, "misspelt": 1})) != []
