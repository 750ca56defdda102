"""Tables that the tests write, and readers of LaTeX."""

from __future__ import annotations

import re

import pandas as pd
from hypothesis import strategies as st

from digicarbon.render import Table

ODD = r"""|*&%_#$~^\{}<>'"`-[]=+@!?,;:.()/ aZ9é数字经济²₂ρσ×≤""" + "\n\t"
TEXTS = st.one_of(
    st.text(alphabet=ODD, max_size=12),
    st.sampled_from(["", "-0.1234***", "(0.0500)", "180", "-0.0000", "007", "=1+1", "#N/A", "[0.1, 0.2]", "1e5"]),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.4f}"),
)
TEX = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textbar{}": "|",
    r"\textasciigrave{}": "`", r"\textquotedbl{}": '"', r"\&": "&", r"\%": "%", r"\$": "$", r"\#": "#", r"\_": "_",
    r"\{": "{", r"\}": "}", "$<$": "<", "$>$": ">", r"$\rho$": "ρ", r"$\sigma$": "σ", r"$\times$": "×", r"$\leq$": "≤",
    "$^{2}$": "²", "$_{2}$": "₂", "$-$": "-", "{}": "",
}  # fmt: skip
_TOKEN = re.compile("|".join(map(re.escape, sorted(TEX, key=len, reverse=True))))


@st.composite
def tables(draw: st.DrawFn, below: bool = True) -> Table:
    """Tables of any texts, also empty ones, with spanners, rules, headings of blocks and a table below."""
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    cells = [[draw(TEXTS) for _ in range(columns)] for _ in range(rows)]
    frame = pd.DataFrame(
        cells, index=[draw(TEXTS) for _ in range(rows)], columns=[draw(TEXTS) for _ in range(columns)], dtype=object
    )
    first = draw(st.integers(1, columns))
    spanners = draw(st.sampled_from([(), ((draw(TEXTS), first),), (("", 1), ("a & b", columns - 1))]))
    return Table(
        title=draw(TEXTS),
        cells=frame,
        rules=tuple(draw(st.sets(st.integers(0, max(rows - 1, 0))))),
        notes=tuple(draw(st.lists(TEXTS, max_size=2))),
        below=draw(tables(below=False)) if below and draw(st.booleans()) else None,
        spanners=spanners,
        blocks=tuple(draw(st.sets(st.integers(0, max(rows - 1, 0))))),
    )


def one_line(text: object) -> str:
    """A text as every format shows it."""
    return " ".join(str(text).split())


def every(table: Table) -> list[Table]:
    """A table and those below it."""
    return [table] if table.below is None else [table, *every(table.below)]


def body(table: Table) -> list[list[str]]:
    """Heads and rows with their labels as texts."""
    rows = zip(table.cells.index, table.cells.to_numpy(), strict=True)
    texts = [["", *table.cells.columns], *([label, *row] for label, row in rows)]
    return [[one_line(text) for text in row] for row in texts]


def read_latex(text: str) -> list[list[list[str]]]:
    """The lines of cells of each table in LaTeX, lines of rules left out."""
    kinds = "(?:tabular|longtable)"
    found = re.findall(rf"\\begin\{{{kinds}\}}\{{@\{{\}}l[^\n]*\n(.*?)\\end\{{{kinds}\}}", text, re.S)
    return [[_cells(line) for line in part.splitlines() if re.search(r" \\\\\*?$", line)] for part in found]


def _cells(line: str) -> list[str]:
    # a backslash before the sign makes it a character
    return [_plain(cell.strip()) for cell in re.split(r"(?<!\\)&", re.sub(r" \\\\\*?$", "", line))]


def _plain(cell: str) -> str:
    for pattern in (r"\\multicolumn\{\d+\}\{c\}\{(.*)\}", r"(?:\{\})?\\textit\{(.*)\}"):
        match = re.fullmatch(pattern, cell)
        cell = cell if match is None else match[1]
    stacked = re.fullmatch(r"\\shortstack\{(.*)\}", cell)
    if stacked is not None:
        cell = " ".join(line.removeprefix("{}") for line in stacked[1].split(r"\\"))
    cell = re.sub(r"\\phantom\{(?:\*+|\$-\$)\}", "", cell)
    return _TOKEN.sub(lambda match: TEX[match[0]], cell)
