"""Messages about numbers, stored as facts: a code with fields, which is put into words only when it is shown.

Models, sources and reports make a `Note`; only code that prints a note needs its words. The words are in
``digicarbon/data/notes.csv``, one row per code, in English and Chinese (`digicarbon.note._words`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, Union

from digicarbon.errors import COMMAND_LINE, OTHER_NAMES, DigicarbonError, closest
from digicarbon.note._words import Naming as Naming
from digicarbon.note._words import in_words

Value: TypeAlias = Union[str, int, float, "Note", tuple["Value", ...]]
"""The value of a field: a name, a number, a nested note, or several of these."""
Language: TypeAlias = Literal["en", "zh"]
PLAIN = "text"
"""The code of a plain sentence: one written by a user or by other software."""


@dataclass(frozen=True, slots=True, init=False)
class Note:
    """A message, e.g. under a table.

    Attributes
    ----------
    code : str
        The kind of message: a row of ``digicarbon/data/notes.csv``, or ``text`` for a plain sentence.
    fields : tuple of (str, value)
        The facts in the message, by name, in alphabetical order.

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
        """Return the code that creates the note."""
        return f"Note({', '.join([repr(self.code), *(f'{name}={value!r}' for name, value in self.fields)])})"

    def __getitem__(self, field: str) -> Any:
        """Return the value of a field.

        Raises KeyError if the note has no such field.
        """
        return dict(self.fields)[field]

    def text(self, language: Language = "en", named: Naming | None = None) -> str:
        """Return the words.

        Parameters
        ----------
        language : {"en", "zh"}
        named : Naming, optional
            Has the words of variables, choices and runs; without it they keep their names.
        """
        if self.code == PLAIN:
            return str(self["text"])
        return in_words(self.code, dict(self.fields), language, named)

    @property
    def key(self) -> str:
        """The dotted key that the note is about: its field ``key``, or the key of the note in its field ``first``."""
        fields = dict(self.fields)
        first = fields.get("first")
        return first.key if "key" not in fields and isinstance(first, Note) else str(fields.get("key", ""))

    def changed(self, **fields: Any) -> Note:
        """Return the note with new values for some fields."""
        return Note(self.code, **dict(self.fields) | fields)

    def parts(self) -> Iterator[Note]:
        """Yield the note, and each note in its fields."""
        yield self
        for _, value in self.fields:
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Note):
                    yield from item.parts()

    def with_parts(self, change: Callable[[Note], Note]) -> Note:
        """Return the note after a change of each nested note, and then of the note itself."""

        def of(value: Value) -> Value:
            if isinstance(value, tuple):
                return tuple(map(of, value))
            return value.with_parts(change) if isinstance(value, Note) else value

        return change(Note(self.code, **{name: of(value) for name, value in self.fields}))

    def with_texts(self, change: Callable[[str], str]) -> Note:
        """Return the note after a change of each text in its fields."""

        def of(value: Value) -> Value:
            if isinstance(value, tuple):
                return tuple(map(of, value))
            return change(value) if isinstance(value, str) else value

        return self.with_parts(lambda part: Note(part.code, **{name: of(value) for name, value in part.fields}))

    @property
    def texts(self) -> Iterator[str]:
        """The texts in its fields, including those of nested notes."""
        for part in self.parts():
            for _, value in part.fields:
                yield from (item for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, str))

    def to_json(self) -> dict[str, Any]:
        """Return the note as plain values for JSON."""
        return {"code": self.code, **{name: _plain(value) for name, value in self.fields}}

    @classmethod
    def from_json(cls, node: Mapping[str, Any]) -> Note:
        """Return the note of a result of `to_json`."""
        fields = {name: _read(value) for name, value in node.items() if name != "code"}
        return cls(node["code"], **fields)


def note_of(said: Note | str | DigicarbonError) -> Note:
    """Return a note unchanged, an error as a note with its place, and a sentence as a note that contains it."""
    if isinstance(said, DigicarbonError):
        return Note("placed", where=_place(said.where), said=note_of(said.said)) if said.where else note_of(said.said)
    return said if isinstance(said, Note) else Note(PLAIN, text=str(said))


def _place(where: str) -> Note | str:
    """Return the command line as a note, with the key after it, and a file, which has one name, unchanged."""
    place, comma, key = where.partition(", ")
    if place != COMMAND_LINE:
        return where
    return Note("place_of_key", place=Note("on_the_command_line"), key=key) if comma else Note("on_the_command_line")


def notes_of(said: Iterable[Note | str]) -> tuple[Note, ...]:
    """Return notes unchanged, and sentences as notes that contain them."""
    return tuple(map(note_of, said))


def cut(items: Iterable[Any], most: int = 6) -> tuple[Any, ...] | Note:
    """Return the items of a list for a note: all items, or the first ones with the number of the others."""
    all_items = tuple(items)
    return all_items if len(all_items) <= most else Note("and_more", items=all_items[:most], more=len(all_items) - most)


def labels_cut(labels: Iterable[str], most: int = 6) -> tuple[str, ...] | Note:
    """Return labels for a note as `cut` does, for a field with semicolons: a label has commas itself."""
    every = tuple(labels)
    return every if len(every) <= most else Note("labels_and_more", labels=every[:most], more=len(every) - most)


def suggestion(word: str, allowed: Iterable[str], ours: bool = False) -> Note | str:
    """Return `` Did you mean 'x'?`` for the closest of ``allowed``, ignoring case, or an empty text.

    Templates insert it as ``{hint:rest}``, without a blank before it. ``ours``: whether ``allowed`` are options, fields
    or flags of the package, which have other names in other programs; names in a user's data have none.
    """
    match = closest(word, allowed, OTHER_NAMES if ours else {})
    return Note("did_you_mean", name=match) if match else ""


def columns_there(names: Iterable[object], text: Iterable[object] = ()) -> Note:
    """Return ``Columns: a, 'b, c', d (text).``: names that hold a blank or a comma in quotation marks.

    ``names``: columns; those of text may be missing. ``text``: columns, among ``names`` or not, that hold text although
    a model needs numbers.
    """
    text_columns = set(map(str, text))
    columns = dict.fromkeys([*map(str, names), *map(str, text)])
    shown = [Note("text_column", column=_quoted(name)) if name in text_columns else _quoted(name) for name in columns]
    return Note("columns_there", columns=cut(shown, 40))


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
