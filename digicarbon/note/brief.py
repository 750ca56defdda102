"""Notes under a table in two lines: what describes the method is said in short, and a caution keeps its own line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from digicarbon.note import PLAIN, Language, Note, note_of
from digicarbon.note._words import Naming, in_short

Kind = Literal["method", "caution", "more"]
_AROUND = ("of_labels", "of_runs")
"""Codes of notes that name the runs of another one."""
LINES = 2
"""How many lines stand under a table at least, if it has as many notes."""


class NoteLine(str):
    """A note in words.

    Attributes
    ----------
    kind : {"method", "caution", "more"}
        Whether it says how numbers were made, warns of them, or explains further.
    short : str
        What stands for it in the line on the method.
    runs : str
        What comes before these words if the note holds for some runs only.
    """

    kind: Kind
    short: str
    runs: str

    def __new__(cls, words: str, kind: Kind = "more", short: str = "", runs: str = "") -> NoteLine:
        """Return the words with what is known of them."""
        line = super().__new__(cls, words)
        line.kind, line.short, line.runs = kind, short, runs
        return line

    @property
    def is_whole(self) -> bool:
        """Whether the line on the method has all of its words."""
        return self.runs + self.short == self

    def changed(self, change: Callable[[str], str]) -> NoteLine:
        """Return the note after a change of its words."""
        return NoteLine(change(self), self.kind, change(self.short), change(self.runs))

    def __getnewargs__(self) -> tuple[str, Kind, str, str]:  # type: ignore[override]
        return str(self), self.kind, self.short, self.runs


def lines(notes: Iterable[Note | str], language: Language, named: Naming | None = None) -> tuple[NoteLine, ...]:
    """Return notes in words, each with what stands for it under a table in two lines."""
    return tuple(NoteLine(note.text(language, named), *_short(note, language, named)) for note in map(note_of, notes))


def _short(note: Note, language: Language, named: Naming | None) -> tuple[Kind, str, str]:
    if note.code in _AROUND:
        kind, words, _ = _short(note["note"], language, named)
        if note.code == "of_runs":
            # as many runs need not be the same ones
            return kind, note.changed(note=Note(PLAIN, text=words)).text(language, named) if words else "", ""
        return kind, words, note.changed(note=Note(PLAIN, text="")).text(language, named)
    if note.code == "sentences":
        # a warning among them is not hidden by what stands beside it
        kinds = {_short(part, language, named)[0] for part in note["said"]}
        return ("caution" if "caution" in kinds else "more"), "", ""
    if note.code == PLAIN:
        return "method", str(note["text"]), ""
    match in_short(note.code, dict(note.fields), language, named):
        case "":
            return "more", "", ""
        case "+":
            return "method", note.text(language, named), ""
        case "=":
            return "caution", "", ""
        case words:
            return "method", words, ""


def in_brief(notes: Sequence[str], language: Language) -> tuple[str, ...]:
    """Return the lines for notes: one of all plain texts, one on the method, and each caution.

    Where these are fewer than `LINES`, the first of the other notes follow. Plain texts alone stay as they are.
    """
    between = "" if language == "zh" else " "
    plain = between.join(note for note in notes if note and not isinstance(note, NoteLine))
    known = [note for note in notes if isinstance(note, NoteLine)]
    if not known:
        return tuple(notes)
    # what holds for all runs comes first, and those of the others are named once
    of_runs: dict[str, dict[str, None]] = {"": {}}
    for note in known:
        if note.kind == "method":
            of_runs.setdefault(note.runs, {})[note.short] = None
    method = between.join(f"{runs}{between.join(words)}" for runs, words in of_runs.items() if words)
    more = [note for note in known if note.kind == "more"][: LINES - bool(plain) - bool(method)]
    return tuple(filter(None, (plain, *more, method, *(note for note in known if note.kind == "caution"))))
