"""The schema of a package's answers beside those of experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from digicarbon.__main__ import main
from digicarbon.cli.schema import editor_settings
from digicarbon.config.files import GROUPS, read

ALL = (*GROUPS, "importer")


def content(path: Path) -> Any:
    """A file as an editor sees it, where all keys are texts."""
    return json.loads(json.dumps(read(path)))


@pytest.mark.long
def test_command_writes_schemas_and_tells_the_editor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    out = capsys.readouterr().out
    settings = json.loads(out[out.index("{") : out.rindex("}") + 1])
    for schema, files in settings["yaml.schemas"].items():
        content = json.loads((folder / schema).read_text(encoding="utf-8"))
        Draft7Validator.check_schema(content)
        patterns = [files] if isinstance(files, str) else files
        assert all(one.removeprefix("!").startswith(("conf/", "experiments/")) for one in patterns)
    assert len(settings["yaml.schemas"]) == len(ALL) + 2
    line = "# yaml-language-server: $schema=../.digicarbon/schema/experiment.json"
    assert line in out
    assert main(["schema", "--to", "other"]) == 0
    assert len(list((folder / "other").iterdir())) == len(ALL) + 2


def fits(settings: dict[str, Any], file: str) -> list[str]:
    """The schemas of a file, as the language server chooses them: the last pattern that fits decides."""
    chosen = []
    for schema, patterns in settings["yaml.schemas"].items():
        fitting = [one for one in ([patterns] if isinstance(patterns, str) else patterns) if fits_pattern(one, file)]
        if fitting and not fitting[-1].startswith("!"):
            chosen.append(Path(schema).stem)
    return chosen


def fits_pattern(pattern: str, file: str) -> bool:
    return Path(file).match(pattern.removeprefix("!").replace("**/", ""))


def test_each_file_has_one_schema() -> None:
    settings = editor_settings()
    assert fits(settings, "experiments/main.yaml") == ["experiment"]
    assert fits(settings, "experiments/package.yaml") == ["package"]
    assert fits(settings, "experiments/main.lock.json") == []
    assert fits(settings, "conf/model/mine.yaml") == ["model"]
