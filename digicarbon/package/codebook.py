"""The codebook: every variable of a package, what it measures, and how it is made."""

from __future__ import annotations

import csv
import io

from digicarbon.note import Language
from digicarbon.package.facts import Facts, Variable
from digicarbon.package.markdown import table

COLUMNS = (
    "variable", "label_en", "label_zh", "role", "unit", "source", "file", "how_made", "least", "greatest", "rows",
    "missing",
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
DRAWN = {"en": "drawn by the computer, or as the source gives it", "zh": "由计算机抽取，或由来源直接给出"}
TITLE = {"en": "Codebook", "zh": "变量说明"}
LEAD = {
    "en": "Every variable of the models, and every variable that they are made of. The same as a table for programs: "
    "`codebook.csv`. A range is over all rows of the panels. An empty unit is one that the data do not name.",
    "zh": "模型的全部变量，以及构成它们的全部变量。供程序读取的同一张表：`codebook.csv`。取值范围针对面板的全部行。"
    "单位为空表示数据未注明单位。",
}


def as_csv(facts: Facts) -> str:
    """Return the codebook for programs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in facts.variables:
        label = [one.words.get(language, one.name) for language in ("en", "zh")]
        ends = ["" if end is None else repr(end) for end in (one.least, one.greatest)]
        row = [one.name, *label, one.role, one.unit, one.source, one.file, one.formula, *ends, one.rows, one.missing]
        writer.writerow(row)
    return out.getvalue()


def as_markdown(facts: Facts, language: Language) -> str:
    """Return the codebook for readers."""
    rows = [
        (
            f"`{one.name}`",
            one.words.get(language, one.name),
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
        return one.formula
    return READ[language].format(f"`{one.file}`") if one.file else DRAWN[language]
