"""What commands on the simulated country say in Chinese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from english import english

from digicarbon.__main__ import main
from digicarbon.cli.usage import parser
from digicarbon.config.files import GROUPS, SWEEP_KEYS

Capture = pytest.CaptureFixture[str]


def write(folder: Path, name: str, text: str) -> None:
    (folder / "experiments").mkdir(exist_ok=True)
    (folder / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")


NAMES = ["digicarbon", "Hydra", "MLflow", "Code", "Word", "Excel", "LaTeX", "Schema", "Ctrl", "Git", "Stata"]
TYPED = frozenset(
    [*GROUPS, *SWEEP_KEYS, *parser().verbs, *NAMES, "seed", "cd", "en", "sha", "openssl", "bib", "python"]
)
AS_TYPED = re.compile(
    r"`[^`]*`"
    r"|(?<=：)digicarbon .*"  # a line of usage
    r"|--?[a-z][\w-]*|\b[A-Z]{2,}\b|\{[^}]*\}"  # flags, names in capitals, values
    r"|\w+(?:, \w+)+"  # a list of names
    r"|(?:sqlite:/)?[./]*\w+/[\w./-]*|\./\w+"  # paths
    r"|（(?:no viable|No module)[^（）]*）",  # the reason in words of Python or Hydra
    re.ASCII,
)


def prose_of(text: str) -> list[str]:
    """Return the English words of a text that are not words as they are typed."""
    return [word for word in english(AS_TYPED.sub(" ", text)) if word not in TYPED]


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
