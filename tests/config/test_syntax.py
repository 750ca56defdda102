"""A YAML file that cannot be read: the line, what is wrong there, and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.config.files import read
from digicarbon.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("report:\n\tlanguage: en\n", 2, "there is a tab, and YAML allows blanks only"),
        ("title: Robustness: my table\n", 1, 'put into quotes, as in `title: "One: two"`'),
        ("sample:\n  first: 1\n    last: 2\n", 3, "begins with 4 blanks and the line before with 2 blanks"),
        ("sample:\n  first: 1\n last: 2\n", 3, "begins with 1 blank and the line before with 2 blanks"),
        ("a: 1\n\n# said\n b: 2\n", 4, "begins with 1 blank and the line before with no blanks"),
        ('title: "open\ngrid: {}\n', 1, "a quote is opened and not closed"),
        ("a: 1\ntitle: 'open\n", 2, "a quote is opened and not closed"),
        ("controls: [a, b\nx: 1\n", 1, "the bracket [ is not closed"),
        ("a: {b: 1\n", 1, "the bracket { is not closed"),
        ("a: {b: 1}}\n", 1, "the bracket } closes nothing"),
        ("a: [b: c: d]\n", 1, "is put into quotes, also within brackets"),
        ("term:ln_ci\ncontrols: []\n", 1, "a blank is missing behind the colon of 'term:ln_ci'; write `term: …`"),
        ("columns:\n  SDM:{model: sdm, sample: east}\n", 2, "a blank is missing behind the colon of 'SDM:{model:'"),
        ("title: x\nterm\na: 1\n", 2, "a key needs a colon and a blank behind it"),
        ("title: a\ntitle: b\n", 2, "the key 'title' is repeated there"),
        ("term: @ln\n", 1, "a value that begins with @ is put into quotes"),
        ("term: *ln\n", 1, "a value that begins with * is put into quotes"),
        ('title: "a" b\n', 1, "a text goes on behind its closing quote"),
        ('title: "\\d"\n', 1, "found unknown escape character 'd'"),
    ],
)
def test_a_file_that_the_parser_refuses(folder: Path, text: str, line: int, said: str) -> None:
    path = folder / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"bad.yaml is not valid YAML in line {line}: ")
    assert said in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("text", ["columns:\n  A:{model: sdm}\n  B: {}\n", "columns: {A: {model:sdm}}\n"])
def test_a_missing_blank_that_the_parser_lets_pass(folder: Path, text: str) -> None:
    path = folder / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.yaml: a blank is missing behind the colon of '(A:\{model|model:sdm)'"):
        read(path)


def test_a_colon_in_a_label_is_none_of_these(folder: Path) -> None:
    path = folder / "good.yaml"
    path.write_text('report: {labels: {"a:C(b)": x}}\ncolumns: {East:West: {}, A:B: null}\n', encoding="utf-8")
    assert list(read(path)["columns"]) == ["East:West", "A:B"]
