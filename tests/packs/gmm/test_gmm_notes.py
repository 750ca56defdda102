"""Old sentences of this pack."""

from __future__ import annotations

from digicarbon.note import Note
from digicarbon.note.recorded import read_all


def test_sentences_of_a_pack_are_read_as_notes() -> None:
    old = ["Of 9 instruments 8 are linearly independent; degrees of freedom count these."]
    assert read_all(old) == (Note("dependent_instruments", instruments=9, independent=8),)
