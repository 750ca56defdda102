"""The codebook: every variable of a package, what it measures, and how it is made."""

from __future__ import annotations

from digicarbon.disk.cells import as_csv
from digicarbon.note import Language
from digicarbon.packs.deposit.package.facts import Facts, Variable
from digicarbon.packs.deposit.package.parts import plain, table

COLUMNS = (
    "variable", "label_en", "label_zh", "role", "unit", "source", "file", "column", "how_made",
    "definition_en", "definition_zh", "defined_in", "least", "greatest",
    "rows", "missing", "counted_over",
)  # fmt: skip
HEADS = {
    "en": ("Variable", "Meaning", "Role", "Unit", "Source", "How it is made", "Range", "Rows", "Missing"),
    "zh": ("变量", "含义", "角色", "单位", "来源", "如何得到", "取值范围", "行数", "缺失"),
}
ROLES = {
    "en": {"outcome": "outcome", "regressor": "regressor", "other": "part of another variable"},
    "zh": {"outcome": "被解释变量", "regressor": "解释变量", "other": "其他变量的组成部分"},
}
READ = {"en": "read from {}", "zh": "读自{}"}
COLUMN = {"en": ", column `{}`", "zh": "的列`{}`"}
DRAWN = {"en": "given by the source", "zh": "由来源给出"}
TITLE = {"en": "Codebook", "zh": "变量说明"}
LEAD = {
    "en": "Every variable of the models, and every variable that they are made of. The same as a table for programs: "
    "`codebook.csv`. Variables of models are counted over the rows that the models use, which have no gaps; columns "
    "of the data, and what a measure or an outcome makes of them, over all their rows (`counted_over` in "
    "`codebook.csv`). An empty unit is one that the data do not name. In brackets: the work that defines a variable.",
    "zh": "模型的全部变量，以及构成它们的全部变量。供程序读取的同一张表：`codebook.csv`。"
    "模型的变量按模型所用的行计，这些行没有缺失；数据中的列以及由指标或结果变量生成的列按其全部行计"
    "（见`codebook.csv`的`counted_over`）。单位为空表示数据未注明单位。方括号内为定义该变量的文献。",
}


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
    rows = [
        (
            f"`{one.name}`",
            plain(one.words.get(language, one.name)),
            ROLES[language].get(one.role, one.role),
            one.unit,
            one.source,
            _made(one, language),
            "" if one.least is None or one.greatest is None else f"{one.least:.6g} – {one.greatest:.6g}",
            f"{one.rows:,}",
            f"{one.missing:,}",
        )
        for one in facts.variables
    ]
    return f"# {TITLE[language]}\n\n{LEAD[language]}\n\n{table(HEADS[language], rows)}\n"


def _made(one: Variable, language: Language) -> str:
    if one.formula:
        said = [f"`{one.formula}`", one.definition.get(language, ""), one.defined_in and f"[{one.defined_in}]"]
        return " ".join(filter(None, said))
    column = COLUMN[language].format(one.column) if one.column else ""
    return READ[language].format(f"`{one.file}`") + column if one.file else DRAWN[language]
