"""Notes are facts: they are compared, kept and read back, and every code that the code names has words."""

from __future__ import annotations

import ast
import csv
import json
import pickle
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from code_facts import ladders, readings, sources, users

import digicarbon
from digicarbon.data import command_words, error_words, note_words
from digicarbon.note import Note, cut, note_of, notes_of
from digicarbon.note._words import Either, Field, template
from digicarbon.note.recorded import read_all, recognised
from digicarbon.result import Result

ROOT = Path(digicarbon.__file__).parent
WORDS = {**note_words(), **error_words(), **command_words()}
SEED = Note("placebo_weights", weights="W", seeds=Note("seed", seed=3))
SPECIMENS = [
    Note("exactly_identified"),
    Note("few_units", units=np.int64(4)),
    Note("at_boundary", parameter="rho", low=-1.25, high=1.0),
    Note("units_used", units=cut("abcdefgh", 3)),
    Note("of_runs", runs=2, every=9, note=SEED),
    note_of("注：初稿。"),
]


@pytest.mark.parametrize("note", SPECIMENS)
def test_a_note_is_kept_and_read_back(note: Note) -> None:
    for again in (
        pickle.loads(pickle.dumps(note)),
        deepcopy(note),
        Note.from_json(json.loads(json.dumps(note.to_json(), allow_nan=False))),
        eval(repr(note)),
    ):
        assert again == note
        assert hash(again) == hash(note)
        assert (str(again), again.text("zh")) == (str(note), note.text("zh"))


def test_notes_are_equal_by_code_and_fields() -> None:
    assert Note("trimmed", low=0.1, high=0.2) == Note("trimmed", high=0.2, low=np.float64(0.1))
    assert Note("trimmed", low=0.1, high=0.2) != Note("winsorised", low=0.1, high=0.2)
    assert note_of(SEED) is SEED
    assert len({*SPECIMENS, *SPECIMENS}) == len(SPECIMENS)
    with pytest.raises(AttributeError):
        SEED.__setattr__("code", "other")
    with pytest.raises(KeyError):
        SEED["nothing"]


def test_ends_that_are_shown_alike_are_one_number() -> None:
    def said(low: float, high: float, language: Literal["en", "zh"] = "en") -> str:
        span = Note("span", low=low, high=high)
        return Note("unit_leverage", unit="Chongqing", share=span, term="x").text(language)

    assert said(0.288, 0.292).startswith("Chongqing has 29% of the variation of x")
    assert said(0.28, 0.292).startswith("Chongqing has 28% to 29% of the variation of x")
    assert "29%至" not in said(0.288, 0.292, "zh")


def test_numbers_decide_endings() -> None:
    assert str(Note("runs_failed", runs=1, labels=("a",))) == "1 run failed and is not shown: a."
    assert str(Note("runs_failed", runs=2, labels=("a", "b"))) == "2 runs failed and are not shown: a, b."
    one = Note("not_in_joint", runs=1, every=7, why=Note("why_not_finite"), labels=("a",))
    assert str(one).startswith("1 of 7 runs is not in the joint test, since each has no finite coefficient: a.")
    iv = {"instruments": ("z",), "y": "y"}
    assert "through it alone" in str(Note("two_stage", endogenous=("x",), **iv))
    assert "through them alone" in str(Note("two_stage", endogenous=("x", "w"), **iv))


def test_parts_of_a_note_are_found_and_changed() -> None:
    assert [part.code for part in SPECIMENS[4].parts()] == ["of_runs", "placebo_weights", "seed"]
    other = SPECIMENS[4].with_parts(lambda part: Note("seed", seed=9) if part.code == "seed" else part)
    assert str(other) == "2 of 9 runs: PLACEBO: the units of W exchange their neighbours at random (seed 9)."
    assert str(SEED.with_texts(str.lower)) == str(SEED.changed(weights="w"))
    assert list(SPECIMENS[4].texts) == ["W"]


def test_a_code_of_a_later_version_says_what_it_holds() -> None:
    assert str(Note("not_yet_known", units=3)) == "not_yet_known: units 3"
    assert Note("not_yet_known").text("zh") == "not_yet_known"


def test_a_result_takes_sentences_and_tells_of_codes() -> None:
    result = Result("mine", "y", notes=("Said.", SEED), errors_note="Ours.", table_errors={"t": "Theirs."})
    assert result.notes == notes_of(["Said.", SEED])
    assert (str(result.errors_note), str(result.table_errors["t"])) == ("Ours.", "Theirs.")
    assert result.has_note("placebo_weights")
    assert not result.has_note("few_units")
    assert Result("mine", "y").errors_note is None


def test_sentences_of_old_stores_are_read_as_notes() -> None:
    old = ["2 of 9 rows lack a value, a logarithm or a lag and are left out.", "Mine.", SEED.to_json()]
    assert read_all(old) == (Note("rows_lacking", rows=2, every=9), note_of("Mine."), SEED)
    assert recognised("Drawn, seed 4.") == note_of("Drawn, seed 4.")


@pytest.mark.parametrize(
    "old",
    [
        Note("old_units_juodis", seed=3),
        Note("old_serial_upsets"),
        Note("old_lm_of_fixed_effects"),
        Note("old_no_lag_beside_error", y="ln_ci", effects=Note("unit_effects"), form=Note("corrected_form")),
        Note("old_choose_sdm_both", effects=Note("neither_effects")),
        Note(
            "old_moran_moments", given=Note("normality"), sided=Note("two_sided"), option="x", other=Note("normality")
        ),
        Note("old_singletons", labels=("Beijing",), kind="unit"),
    ],
)
def test_the_words_of_an_earlier_version_are_chinese_in_chinese(old: Note) -> None:
    assert recognised(str(old)).text("zh") == old.text("zh")


def test_notes_in_a_row_are_sentences_with_one_stop_each() -> None:
    first, more = Note("no_rows_left"), [Note("table_without_rows"), note_of("Ends without a stop")]
    both = Note("faults", first=first, others=more)
    assert str(both) == "No rows are left in the panel. The table has no rows. Ends without a stop"
    assert both.text("zh") == "面板中没有剩余的行。表中没有行。Ends without a stop"
    asked = Note("not_one_of", key="a", allowed=["'b'"], given="'c'", hint=Note("did_you_mean", name="b"))
    assert "Did you mean 'b'? The table" in str(Note("faults", first=asked, others=more))
    assert str(Note("not_tested", why=note_of("It ends."))) == "Not tested: It ends."
    # the stop of a name is its own
    assert str(Note("weights_file_empty", file="a.")) == "a. is empty."
    refused = Note("store_refuses", key="k", store="s", what=Note("store_not_read"), why=note_of("Damaged."))
    assert str(refused) == "k: the store s cannot be read (Damaged)."


# -- the table and the code -----------------------------------------------------------------------------------------


def codes_of(node: ast.expr) -> list[str]:
    """Return the codes that an expression can be; none where it is neither a text nor one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*codes_of(node.body), *codes_of(node.orelse)]
    return []


def made() -> Iterator[tuple[str, list[str], set[str], bool]]:
    """Yield where a note is made, its codes, the fields that are named, and whether there are more."""
    for path, tree in sources(ROOT):
        # these turn what was recorded, and any code, into notes
        if path.parent.name == "note" and path.stem in ("__init__", "recorded"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note":
                if isinstance(node.args[0], ast.Name) and node.args[0].id == "PLAIN":
                    # a sentence that is none of ours
                    continue
                given = {word.arg for word in node.keywords if word.arg}
                more = any(word.arg is None for word in node.keywords)
                yield f"{path}:{node.lineno}", codes_of(node.args[0]), given, more


def fields_of(code: str) -> dict[str, str]:
    return {piece.name: piece.kind for piece in template(code, "en") if isinstance(piece, Field)}


def test_every_note_that_is_made_has_words_and_all_their_fields() -> None:
    for where, codes, given, more in made():
        assert codes, f"{where} does not name its code"
        for code in codes:
            assert code in WORDS, f"{where}: {code}"
            fields = fields_of(code)
            assert given <= set(fields), f"{where}: {code}"
            needed = {name for name, kind in fields.items() if kind != "rest"}
            assert more or needed <= given, f"{where}: {code}"


NAMES = ("*notes.csv", "errors.csv", "commands.csv", "page.csv")
TABLES = sorted([*(path for name in NAMES for path in (ROOT / "data").glob(name)), *ROOT.glob("packs/*/words/*.csv")])


@pytest.mark.parametrize("table", TABLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_comma_cuts_the_words_of_a_note_short(table: Path) -> None:
    with table.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert [row for row in rows if len(row) != len(header)] == []


def test_a_code_has_words_in_one_table() -> None:
    tables = [table for table in TABLES if table.stem not in ("labels", "page", "brief")]
    codes = [row["code"] for table in tables for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())]
    assert len(codes) == len(set(codes))


def test_a_code_without_words_says_which_row_to_add() -> None:
    with pytest.raises(KeyError, match=r"add the row `no_such_code,ENGLISH,CHINESE` to digicarbon/data/notes\.csv"):
        template("no_such_code", "en")


def test_endings_ask_for_fields_that_there_are() -> None:
    for code in WORDS:
        for language in ("en", "zh"):
            words = template(code, language)
            assert "".join(str(piece) for piece in words).strip(), code
            fields = {piece.name for piece in words if isinstance(piece, Field)}
            assert {piece.by for piece in words if isinstance(piece, Either)} <= fields, code


@pytest.mark.long
def test_no_error_is_made_of_a_sentence() -> None:
    """Every error of ours holds a note: what is raised names a code."""
    trees = dict(sources(ROOT))
    ours, more = {"DigicarbonError"}, True
    while more:
        more = False
        for tree in trees.values():
            for node in ast.walk(tree):
                bases = {getattr(base, "id", "") for base in node.bases} if isinstance(node, ast.ClassDef) else set()
                if isinstance(node, ast.ClassDef) and node.name not in ours and bases & ours:
                    ours.add(node.name)
                    more = True
    assert {"ConfigError", "SpecError", "UnknownColumnError"} <= ours
    sentences = [
        f"{path}:{node.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ours
        and node.args
        and isinstance(node.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
    ]
    assert sentences == []


def test_nothing_reads_the_words_of_a_note_or_an_error() -> None:
    """No code searches a note, cuts it or compares it with a sentence: it asks for codes and fields."""
    assert readings(ROOT) == []


def test_only_what_reads_stores_turns_sentences_into_notes() -> None:
    """Old sentences are read where stores are read: a report, a source or a page has notes already."""
    stores = {"tracking/_results.py", "recorded/_sweep.py", "report/joint.py"}
    assert users(ROOT, "digicarbon.note.recorded") == stores


@pytest.mark.parametrize(
    "code",
    [
        'str(row["note"])',
        'SHAPES.get(str(row["note"]))',
        'frame.loc["model", "decision"].startswith("Fixed")',
        '"rejected" in frame["null"]',
        'note.startswith("maximum")',
    ],
)
def test_a_place_that_reads_the_words_of_a_cell_is_seen(code: str, tmp_path: Path) -> None:
    (tmp_path / "report.py").write_text(code, encoding="utf-8")
    assert readings(tmp_path) == ["report.py:1"]


def test_only_the_room_of_models_asks_for_the_class_of_a_model() -> None:
    assert ladders(ROOT) == []


@pytest.mark.parametrize("rely", ["anderson_rubin_set", "anderson_rubin_test"])
@pytest.mark.parametrize("more", [None, Note("cragg_donald", f=3.25, side=Note("below"), critical=16.38)])
def test_an_old_sentence_ends_its_fields_where_they_ended(rely: str, more: Note | None) -> None:
    made = Note(
        "weak_instruments",
        statistic=Note("effective_f"),
        f=1.83,
        rule=10.0,
        bias=Note("bias_liml"),
        rely=Note(rely),
        **({} if more is None else {"more": more}),
    )
    again = recognised(str(made))
    assert str(again) == str(made)
    assert again.text("zh") == made.text("zh")
    assert "the Anderson" not in again.text("zh")
