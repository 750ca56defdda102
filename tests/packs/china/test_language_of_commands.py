"""What commands on the simulated country say in Chinese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prose import prose_of

from digicarbon.__main__ import main

Capture = pytest.CaptureFixture[str]


def write(folder: Path, name: str, text: str) -> None:
    (folder / "experiments").mkdir(exist_ok=True)
    (folder / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")


SAID = (
    (["plan", "mine"], 0),
    (["plan", "mine", "--all", "sample=west", "model.level=0.9,0.95"], 0),
    (["check", "mine"], 0),
    (["run", "mine"], 0),
    (["run", "mine"], 0),
    (["rerun", "A", "mine"], 0),
    (["run", "mine", "-m", "sample=full,west"], 0),
    (["report", "mine"], 0),
    (["report", "mine", "--one-file"], 0),
    (["export", "mine", "--to", "replication"], 0),
    (["data", "show", "mine"], 0),
    (["data", "check", "source=simulated"], 0),
    (["data", "status", "source=simulated"], 0),
    (["lock", "mine"], 0),
    (["lock", "mine", "--check"], 0),
    (["lock", "mine", "--check", "model.level=0.9"], 1),
    (["compare", "mine", "mine"], 0),
    (["deliver"], 0),
    (["schema"], 0),
    (["new", "study"], 0),
    (["data", "show", "nothing"], 2),
)
NAMES_OF_DATA = re.compile(
    r"\b(?:ln_\w+|co2\w*|W\d?|[a-z]+_[a-z_0-9]+|province|gdp|population|year|mine|coal|coke|gasoline|kerosene|diesel"
    r"|geometry|index|pooled|outlier|tables|input-output"
    r"|simulated|coefficient|choice|replication|study|[0-9a-f]{10,}|\d+e-\d+)\b|（[^）]*）|\{[^}]*\}|\S*sha256\S*",
    re.ASCII,
)


@pytest.mark.long
def test_what_commands_say_is_chinese(project: Path, capsys: Capture) -> None:
    write(project, "mine", "defaults: [config, _self_]\nreport: {language: zh}\ncolumns: {A: {model: pooled}}\n")
    for words, status in SAID:
        assert main([*words, "--language", "zh"]) == status, words
        shown = capsys.readouterr()
        for line in [*shown.out.splitlines(), *shown.err.splitlines()]:
            # cells of tables are names; commands and YAML stay
            if re.match(r"\s*[\"{}│┃┏┡└├#]|  (?:cd|digicarbon) ", line):
                continue
            assert prose_of(NAMES_OF_DATA.sub(" ", line)) == [], (words, line)
