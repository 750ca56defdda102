"""What there is to say of numbers, as facts: a code with fields, whose words come from a table when they are shown.

Models, sources and reports make a `Note`; nothing asks for its words but what prints it. The words stand in
``digicarbon/data/notes.csv``, a row per code, in English and in Chinese (`digicarbon.note._words`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, Union

from digicarbon.errors import DigicarbonError, closest
from digicarbon.note._words import in_words

Value: TypeAlias = Union[str, int, float, "Note", tuple["Value", ...]]
"""What a field holds: a name, a number, a note that is a part of this one, or several of these."""
Named: TypeAlias = Callable[[str], str]
Language: TypeAlias = Literal["en", "zh"]
PLAIN = "text"
"""The code of a sentence that has no other: a user's own, or one that came from elsewhere."""


@dataclass(frozen=True, slots=True, init=False)
class Note:
    """Something to be said, e.g. under a table.

    Attributes
    ----------
    code : str
        What is said: a row of ``digicarbon/data/notes.csv``, or ``text`` for a sentence as it is.
    fields : tuple of (str, value)
        Of what it is said, by name, in the order of the alphabet.

    Examples
    --------
    >>> note = Note("few_units", units=5)
    >>> note["units"]
    5
    >>> str(Note("left_at_end", periods=1)), Note("left_at_end", periods=2).text("zh")
    ('Left out at the end: 1 period.', '剔除末尾的2个时期。')
    """

    code: str
    fields: tuple[tuple[str, Value], ...]

    def __init__(self, code: str, /, **fields: Any) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "fields", tuple((name, _value(fields[name])) for name in sorted(fields)))

    def __str__(self) -> str:
        """Return the English words."""
        return self.text()

    def __repr__(self) -> str:
        """Return what makes the note."""
        return f"Note({', '.join([repr(self.code), *(f'{name}={value!r}' for name, value in self.fields)])})"

    def __getitem__(self, field: str) -> Any:
        """Return the value of a field.

        Raises
        ------
        KeyError
            If the note has no such field.
        """
        return dict(self.fields)[field]

    def text(self, language: Language = "en", named: Named | None = None) -> str:
        """Return the words.

        Parameters
        ----------
        language : {"en", "zh"}
        named : callable, optional
            Returns what a variable is called in Chinese, and anything else as it is. English words keep the names.
        """
        if self.code == PLAIN:
            return str(self["text"])
        return in_words(self.code, dict(self.fields), language, named)

    @property
    def key(self) -> str:
        """The dotted key that it is about: its field ``key``, or that of the note in its field ``first``."""
        fields = dict(self.fields)
        first = fields.get("first")
        return first.key if "key" not in fields and isinstance(first, Note) else str(fields.get("key", ""))

    def changed(self, **fields: Any) -> Note:
        """Return the note with other values of some fields."""
        return Note(self.code, **dict(self.fields) | fields)

    def parts(self) -> Iterator[Note]:
        """Yield the note, and each note in its fields."""
        yield self
        for _, value in self.fields:
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Note):
                    yield from item.parts()

    def with_parts(self, change: Callable[[Note], Note]) -> Note:
        """Return the note with each note in its fields changed, and then itself."""

        def of(value: Value) -> Value:
            if isinstance(value, tuple):
                return tuple(map(of, value))
            return value.with_parts(change) if isinstance(value, Note) else value

        return change(Note(self.code, **{name: of(value) for name, value in self.fields}))

    def with_texts(self, change: Callable[[str], str]) -> Note:
        """Return the note with each text in its fields changed."""

        def of(value: Value) -> Value:
            if isinstance(value, tuple):
                return tuple(map(of, value))
            return change(value) if isinstance(value, str) else value

        return self.with_parts(lambda part: Note(part.code, **{name: of(value) for name, value in part.fields}))

    @property
    def texts(self) -> Iterator[str]:
        """The texts of its fields, and of the notes in these."""
        for part in self.parts():
            for _, value in part.fields:
                yield from (item for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, str))

    def to_json(self) -> dict[str, Any]:
        """Return the note as plain values that JSON holds."""
        return {"code": self.code, **{name: _plain(value) for name, value in self.fields}}

    @classmethod
    def from_json(cls, node: Mapping[str, Any]) -> Note:
        """Return what `to_json` gave."""
        fields = {name: _read(value) for name, value in node.items() if name != "code"}
        return cls(node["code"], **fields)


def note_of(said: Note | str | DigicarbonError) -> Note:
    """Return a note as it is, what an error says and where, and a sentence as a note that holds it."""
    if isinstance(said, DigicarbonError):
        return Note("placed", where=said.where, said=note_of(said.said)) if said.where else note_of(said.said)
    return said if isinstance(said, Note) else Note(PLAIN, text=str(said))


def notes_of(said: Iterable[Note | str]) -> tuple[Note, ...]:
    """Return notes as they are, and sentences as notes that hold them."""
    return tuple(map(note_of, said))


def cut(items: Iterable[Any], most: int = 6) -> tuple[Any, ...] | Note:
    """Return what a list in a note shows: all items, or the first ones and how many more there are."""
    every = tuple(items)
    return every if len(every) <= most else Note("and_more", items=every[:most], more=len(every) - most)


def suggestion(word: str, allowed: Iterable[str]) -> Note | str:
    """Return `` Did you mean 'x'?`` for the closest of ``allowed``, whatever its case, or an empty text.

    Templates take it as ``{hint:rest}``, with no blank before it.
    """
    close = closest(word, allowed)
    return Note("did_you_mean", name=close) if close else ""


def columns_there(names: Iterable[object], text: Iterable[object] = (), most: int = 40) -> Note:
    """Return ``Columns: a, 'b, c', d (text).``: names that hold a blank or a comma in quotation marks.

    Parameters
    ----------
    names : iterable
        Columns, those of text among them or not.
    text : iterable
        Which of these, or which further ones, hold text where a model needs numbers.
    most : int
        As for `cut`.
    """
    words = set(map(str, text))
    every = dict.fromkeys([*map(str, names), *map(str, text)])
    shown = [Note("text_column", column=_quoted(name)) if name in words else _quoted(name) for name in every]
    return Note("columns_there", columns=cut(shown, most))


def _quoted(name: str) -> str:
    return repr(name) if "," in name or name.split() != [name] else name


def _value(value: Any) -> Value:
    if isinstance(value, list | tuple):
        return tuple(map(_value, value))
    if type(value).__module__ == "numpy" and not getattr(value, "ndim", 1):
        value = value.item()
    if isinstance(value, DigicarbonError):
        return note_of(value)
    return value if isinstance(value, Note | int | float) else str(value)


def _plain(value: Value) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.to_json() if isinstance(value, Note) else value


def _read(node: Any) -> Any:
    if isinstance(node, list):
        return [_read(item) for item in node]
    return Note.from_json(node) if isinstance(node, Mapping) else node
