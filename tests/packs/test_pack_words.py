"""Words of a pack: wrong rows are refused in sentences, and a pack's own tests find notes without words."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from test_broken_packs import NAMED, digicarbon

from digicarbon import pack
from digicarbon.note.pack_words import KINDS, check_words
from digicarbon.report import Labels

LABELS = """term,kind,en,zh
model=own,option,Own,自有
own_ragged,word,Share, of all,份额
own_empty,word,Share,
own_kind,words,Share,份额
small_sample=none,option,none,无
own_share,word,{share} of all,{part}占比
own_share,word,Share,份额
"""
NOTES = """code,en,zh
own_units,{units:d} unit[|s] of {y:term}.,{y:term}的{units:d}个个体。
few_units,Few.,少。
own_format,{units:trem},{units:trem}
own_alone,{units} units,若干个体
"""
WRONG = [
    "words/labels.csv, row 3, own_ragged: the row has 5 filled cells, but there must be one for each of term, kind, "
    "en, zh. A text with a comma stands in double quotes.",
    "words/labels.csv, row 4, own_empty: the row has 3 filled cells, but there must be one for each of term, kind, en, "
    "zh. A text with a comma stands in double quotes.",
    "words/labels.csv, row 5, own_kind: there is no kind 'words'. Did you mean 'word'? Kinds are variable, parameter, "
    "word, unit, choice, option, column.",
    "words/labels.csv, row 6: digicarbon has words for small_sample=none already, and these would replace them. Leave "
    "the row out, or take another name, e.g. one that begins with the pack's.",
    "words/labels.csv, row 7, own_share: only one of the languages has part, share.",
    "words/labels.csv, row 8: own_pack has words for own_share already, and these would replace them. Leave the row "
    "out, or take another name, e.g. one that begins with the pack's.",
    "words/notes.csv, row 3: gmm has words for few_units already, and these would replace them. Leave the row "
    "out, or take another name, e.g. one that begins with the pack's.",
    "words/notes.csv, row 4, own_format: 'trem' is no kind of a field and no format of a number. Did you mean 'term'?",
    "words/notes.csv, row 5, own_alone: only one of the languages has units.",
    "words/remarks.csv: nothing reads this table. Tables of words are labels.csv, notes.csv, brief.csv, errors.csv, "
    "commands.csv, page.csv.",
]
CODE = """from digicarbon.note import Note

GIVEN = [Note("own_unit", units=2), Note("own_units", unit=2, y="y"), Note("own_units", units=2, y="y"), Note("text")]
"""
SAID = [
    "code.py, line 3: the note own_unit has no words. Did you mean 'own_units'? Add a row to words/notes.csv, or to "
    "words/errors.csv if only errors use it.",
    "code.py, line 3: the note own_units is given no value for units, which its words have.",
]


def test_wrong_rows_are_refused_when_a_packs_words_are_read(tmp_path: Path) -> None:
    files = {"words/labels.csv": LABELS, "words/notes.csv": NOTES, "words/remarks.csv": "a,b\n"}
    done = digicarbon(tmp_path, {**files, "words/errors.csv": "code,zh,en\n"}, "list", "model")
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first == f"digicarbon: Words of the {NAMED} are wrong:"
    assert rest == ["words/errors.csv: the first row must be code,en,zh.", *WRONG]


def test_a_packs_own_tests_find_notes_without_words(tmp_path: Path) -> None:
    good = "".join(NOTES.splitlines(keepends=True)[:2])
    done = digicarbon(tmp_path, {"words/notes.csv": good, "code.py": CODE}, "list", "model")
    assert done.returncode == 0, done.stderr
    program = "from digicarbon.note.pack_words import check_words\ncheck_words('own_pack')\n"
    checked = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert checked.returncode == 1
    assert checked.stderr.splitlines()[-3:] == [
        f"digicarbon.errors.ConfigError: Words of the {NAMED} are wrong:",
        *SAID,
    ]


@pytest.mark.parametrize("package", [name for name in pack.packs() if name.startswith("digicarbon.packs.")])
def test_words_of_shipped_packs_are_whole(package: str) -> None:
    check_words(package)


def test_no_name_of_the_core_has_words_twice() -> None:
    with files("digicarbon.data").joinpath("labels.csv").open(encoding="utf-8") as file:
        names = Counter((KINDS[row["kind"]], row["term"]) for row in csv.DictReader(file))
    assert [name for name, count in names.items() if count > 1] == []


def test_fields_of_one_name_have_words_of_their_own() -> None:
    keys = ("weights.share", "panel.policy.share", "model.share")
    assert [Labels("en").choice(key) for key in keys] == [
        "Share of the first matrix",
        "Share",
        "Least share of the largest eigenvalue",
    ]
