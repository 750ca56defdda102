"""Notes under a table in two lines."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

from digicarbon.data import brief_words, note_words
from digicarbon.note import Note
from digicarbon.note._words import Field, pieces_of
from digicarbon.note.brief import NoteLine, in_brief, lines
from digicarbon.render.table import Table, from_json, to_json
from digicarbon.report.labels import Labels

CLUSTERED = Note("errors_are", errors=Note("clustered", by=("unit",), rule="stata"))
WILD = Note("wild_p_space", draws=Note("wild_draws", draws=999), filter=Note("wild_unfiltered"))
FEW = Note("few_units_wild", units=5, smallest=0.06)
WITHIN = Note("within_r2")


def fields(text: str) -> set[str]:
    return {piece.name for piece in pieces_of(text) if isinstance(piece, Field)}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_short_words_are_of_a_note_and_need_no_other_field(language: str) -> None:
    for code, words in brief_words().items():
        assert fields(words[language]) <= fields(note_words()[code][language]), code
        own = words[language] in ("+", "=")
        assert own or len(words[language]) < len(note_words()[code][language]), code
        assert (words["en"] in ("+", "=")) == own
        assert not own or words["en"] == words["zh"]


def test_the_method_is_one_line_a_caution_has_its_own_and_an_explanation_waits() -> None:
    notes = ("Outcome: y.", *lines([WITHIN, CLUSTERED, WILD, FEW], "en"))
    method = "Standard errors: clustered by unit (small-sample rule: stata). p values of focal terms: wild bootstrap, "
    assert in_brief(notes, "en") == ("Outcome: y.", f"{method}999 draws of signs.", str(notes[4]))
    assert in_brief(notes[:2], "en") == notes[:2]
    # plain texts alone are no report's
    assert in_brief(["One.", "Two.", "Three."], "en") == ("One.", "Two.", "Three.")


def test_a_caution_among_sentences_is_shown() -> None:
    both = Note("sentences", said=(WITHIN, FEW))
    assert [line.kind for line in lines([both, Note("sentences", said=(WITHIN, WITHIN))], "en")] == ["caution", "more"]


def test_what_holds_for_some_runs_comes_after_what_holds_for_all() -> None:
    def of(label: str, note: Note) -> Note:
        return Note("of_labels", labels=(label,), note=note)

    own = Note("spatial_weights", weights="borders")
    notes = Labels("en").notes([of("(1)", CLUSTERED), of("(2)", own), WILD, of("(1)", own)])
    _, second = ("", *in_brief(notes, "en"))
    assert second.startswith("p values of focal terms")
    assert second.count("(1): ") == 1
    assert second.endswith("(2): Spatial weights: borders.")
    two = [Note("of_runs", runs=2, every=4, note=note) for note in (CLUSTERED, own)]
    assert in_brief(Labels("en").notes(two), "en")[0].count("2 of 4 runs: ") == 2


def test_a_table_says_how_many_notes_wait_and_keeps_them() -> None:
    table = Table("t", pd.DataFrame({"a": ["1"]}), notes=("Outcome: y.", *lines([WITHIN, WILD, FEW], "en")))
    assert str(table).endswith("2 more notes: .with_notes()\n")
    assert "Within" not in table.to_markdown()
    assert "Within" in table.with_notes().to_markdown()
    again = from_json(to_json(table))
    assert again.shown_notes == table.shown_notes
    assert again.hidden_notes == 2
    line = table.notes[1]
    assert isinstance(line, NoteLine)
    assert pickle.loads(pickle.dumps(line)).kind == "more"
