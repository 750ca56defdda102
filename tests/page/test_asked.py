"""What was asked stands on a page as coloured YAML, without passwords and without marks of its own."""

from __future__ import annotations

import re
from html import unescape

import pytest
import yaml

from digicarbon.page.configuration import coloured, own_part

TEXT = """\
# a comment
title: "Table 7: W1 <b>"
columns:
  SDM(1): {measure: sector1}   # the first
  '数字 (2)':
    model.controls: []
grid:
  sample.first:
  - null
  - 2013
"""


def plain(html: str) -> str:
    return unescape(re.sub(r"</?span[^>]*>", "", html))


def test_the_text_is_the_same_under_its_colours() -> None:
    assert plain(coloured(TEXT)) == TEXT.rstrip()
    assert '<span class="k">columns:</span>' in coloured(TEXT)
    assert '<span class="c"># a comment</span>' in coloured(TEXT)
    assert "<b>" not in coloured(TEXT)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("uri: postgresql+psycopg://me:secret@host/db", "uri: postgresql+psycopg://me:***@host/db"),
        ("uri: http://127.0.0.1:5000", "uri: http://127.0.0.1:5000"),
    ],
)
def test_a_password_is_not_shown(line: str, shown: str) -> None:
    assert plain(coloured(f"{line}\nmail: a@b")) == f"{shown}\nmail: a@b"


def test_the_experiments_own_part_leaves_its_choices_out() -> None:
    config = (
        "source: {_target_: x}\nmodel: {y: ln_ci}\ntitle: A\ncolumns: {FE(1): {measure: 数字}}\ngrid: {}\ndraw: null\n"
    )
    assert yaml.safe_load(own_part(config)) == {"title": "A", "columns": {"FE(1)": {"measure": "数字"}}}
    assert own_part("title: ''\ncolumns: {}\n") == ""
