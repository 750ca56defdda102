"""The codebook: every variable of a package, what it measures, and how it is made."""

from __future__ import annotations

from digicarbon.disk.cells import as_csv
from digicarbon.note import Language
from digicarbon.packs.deposit.package.facts import Facts, Variable
from digicarbon.packs.deposit.package.parts import Words, plain

COLUMNS = (
    "variable", "label_en", "label_zh", "role", "unit", "source", "file", "column", "how_made",
    "definition_en", "definition_zh", "defined_in", "least", "greatest",
    "rows", "missing", "counted_over",
)  # fmt: skip


def for_programs(facts: Facts) -> bytes:
    """Return the codebook as a CSV file."""
    return as_csv(COLUMNS, map(_row, facts.variables))


def _row(one: Variable) -> list[object]:
    return [
        one.name,
        *(one.words.get(language, one.name) for language in ("en", "zh")),
        one.role,
        one.unit,
        one.source,
        one.file,
        one.column,
        one.formula,
        *(one.definition.get(language, "") for language in ("en", "zh")),
        one.defined_in,
        *("" if end is None else repr(end) for end in (one.least, one.greatest)),
        one.rows,
        one.missing,
        one.over,
    ]


def as_markdown(facts: Facts, language: Language) -> str:
    """Return the codebook for readers."""
    words = Words(language)
    rows = [
        (
            f"`{one.name}`",
            plain(one.words.get(language, one.name)),
            words(f"role_{one.role}"),
            one.unit,
            one.source,
            _made(one, words),
            "" if one.least is None or one.greatest is None else f"{one.least:.6g} – {one.greatest:.6g}",
            f"{one.rows:,}",
            f"{one.missing:,}",
        )
        for one in facts.variables
    ]
    return f"# {words('codebook')}\n\n{words('codebook_lead')}\n\n{words.table('codebook', rows)}\n"


def _made(one: Variable, words: Words) -> str:
    if one.formula:
        said = [f"`{one.formula}`", one.definition.get(words.language, ""), one.defined_in and f"[{one.defined_in}]"]
        return " ".join(filter(None, said))
    column = words("column_of_file", column=one.column) if one.column else ""
    return words("read_from", file=f"`{one.file}`") + column if one.file else words("given_by_source")
