r"""A table as LaTeX with booktabs, to be read by ``\input``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from digicarbon.render.table import SENTENCE, Grid, Spans, in_lines, length, number, split, underlined

PORTRAIT, LANDSCAPE = 345.0, 550.0
"""How wide an article's page is, in points; a wider table is on a landscape page."""
SIZES = (("small", 9.0, 6.0), ("footnotesize", 8.0, 5.0), ("footnotesize", 8.0, 3.0))
"""Sizes of letters and the air on either side of a column, in points; the first that fits is used.

Smaller letters are hard to read: a table that does not fit is split by columns."""
PLACE = 0.55
"""How wide a character is at a size of one point."""
HEAD = 18
"""A longer head of a column is written in several lines, unless the cells of its column are as wide."""
LONG, LONG_WIDE = 45, 28
"""A table of more rows goes over several pages, upright and on a landscape page."""
LATIN, CHINESE = 0x17F, 0x2E7F
"""The last character that pdflatex prints, and the last before the Chinese ones."""
_GREEK = (
    *("alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "omicron", "pi", "rho", "varsigma", "sigma", "tau", "upsilon", "varphi", "chi", "psi", "omega"),
)
_NUMBERED = re.compile(r"(?:Table|表)\s*\w+\s*[:：.]\s*(?=\S)")
_PUNCTUATION = re.compile(r"[\W_]+")
_CAPITALS = {
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon",
    "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_SIGNS = {
    "×": "times", "±": "pm", "·": "cdot", "÷": "div", "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "∞": "infty",
    "→": "rightarrow", "←": "leftarrow", "ϕ": "phi", "ϵ": "epsilon", "√": "surd", "∑": "sum", "∈": "in",
}  # fmt: skip
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}", "<": "$<$", ">": "$>$",
    "`": r"\textasciigrave{}", '"': r"\textquotedbl{}", "−": "$-$", "–": r"\textendash{}", "—": r"\textemdash{}",
    "…": r"\ldots{}", "’": "'", "‘": "`", "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    **{chr(0x3B1 + place): rf"$\{name}$" for place, name in enumerate(_GREEK)},
    "ο": "o",
    **{letter: rf"$\{name}$" for letter, name in {**_CAPITALS, **_SIGNS}.items()},
    **{letter: f"$^{{{digit}}}$" for digit, letter in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{letter: f"$_{{{digit}}}$" for digit, letter in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}  # fmt: skip


def latex(grids: Sequence[Grid]) -> str:
    """Return tables one after the other, each in its own environment, after comments on the packages they need."""
    grids = [part for grid in grids for part in split(grid, lambda one: _width(one, *SIZES[-1][1:]) <= LANDSCAPE)]
    tables = "\n".join(map(_one, grids))
    needs = [r"% \usepackage[T1]{fontenc}", r"% \usepackage{booktabs}"]
    if any(map(_is_wide, grids)):
        needs.append(r"% \usepackage{pdflscape}")
    if any(map(_is_long, grids)):
        needs.append(r"% \usepackage{longtable}")
    highest = max(map(ord, tables), default=0)
    if highest > LATIN:
        package = "ctex" if highest > CHINESE else "fontspec"
        needs[0] = rf"% \usepackage{{{package}}}, and xelatex to compile it"
    return "\n".join(["% This table needs in the preamble:", *needs, tables])


def _one(grid: Grid) -> str:
    long, wide = _is_long(grid), _is_wide(grid)
    kinds = "".join(r"p{0.3\linewidth}" if sentence else "c" for sentence in grid.sentences)
    columns = rf"{{@{{}}l{kinds}}}"
    room = LANDSCAPE if wide else PORTRAIT
    size, _, air = next((one for one in SIZES if _width(grid, *one[1:]) <= room), SIZES[-1])
    look = [rf"\{size}", rf"\setlength{{\tabcolsep}}{{{air:g}pt}}"]
    # LaTeX numbers tables itself
    caption = [rf"\caption{{{escaped(_NUMBERED.sub('', grid.title))}}}{_label(grid)}"] if grid.title else []
    notes = [r"\noindent\begin{minipage}{\linewidth}\footnotesize", *(rf"{escaped(note)}\par" for note in grid.notes)]
    notes += [r"\end{minipage}"]
    head = [r"\toprule", *_heads(grid), r"\midrule"]
    if long:
        once = [rf"{line} \\" for line in caption]
        repeated = [*once, *head, r"\endfirsthead", *head, r"\endhead", r"\bottomrule", r"\endlastfoot"]
        table = [rf"\begin{{longtable}}{columns}", *repeated, *_body(grid), r"\end{longtable}"]
        lines = [r"\begingroup", *look, *table, *(notes if grid.notes else []), r"\endgroup"]
    else:
        table = [rf"\begin{{tabular}}{columns}", *head, *_body(grid), r"\bottomrule", r"\end{tabular}"]
        below = [r"\par\medskip", *notes] if grid.notes else []
        lines = [r"\begin{table}[htbp]", r"\centering", *caption, *look, *table, *below, r"\end{table}"]
    return "\n".join([r"\begin{landscape}", *lines, r"\end{landscape}", ""] if wide else [*lines, ""])


def _label(grid: Grid) -> str:
    """Return the label by which a paper refers to the table: its own, or its title's letters and digits."""
    if grid.label:
        return rf"\label{{{grid.label}}}"
    title = grid.title
    # Chinese letters as well
    words = "-".join(re.findall(rf"[a-z0-9{chr(CHINESE + 1)}-\U0010ffff]+", _PUNCTUATION.sub(" ", title.lower())))
    return rf"\label{{tab:{words}}}" if words else ""


def _body(grid: Grid) -> list[str]:
    lines = []
    for row, (label, cells) in enumerate(grid.rows):
        if row in grid.rules and row:
            lines.append(r"\midrule")
        words = rf"\textit{{{escaped(label)}}}" if row in grid.blocks else escaped(label)
        words = rf"\quad {words}" if row in grid.indented else words
        cells_of_row = [_first(words), *map(_cell, cells)]
        # no page break between a coefficient and the row beneath it
        lines.append(" & ".join(cells_of_row) + (r" \\*" if grid.stays(row) else r" \\"))
    return lines


def _heads(grid: Grid) -> list[str]:
    *corners, corner = map(escaped, grid.corners)
    over = (_over(level, words, len(grid.heads)) for level, words in zip(grid.levels, corners, strict=True))
    heads = (rf"\multicolumn{{1}}{{c}}{{{_stacked(lines)}}}" for lines in _lines_of_heads(grid))
    return [*(line for lines in over for line in lines), " & ".join([_first(corner), *heads]) + r" \\"]


def _over(level: Spans, corner: str, columns: int) -> list[str]:
    """Return a line of words over columns, and the rules below them."""
    cells, rules, at = [_first(corner)], [], 0
    for words, start, count in level:
        cells += [""] * (start - at)
        cells.append(rf"\multicolumn{{{count}}}{{c}}{{{escaped(words)}}}")
        rules.append(rf"\cmidrule(lr){{{start + 2}-{start + count + 1}}}")
        at = start + count
    return [" & ".join([*cells, *[""] * (columns - at)]) + r" \\", *(["".join(rules)] if underlined(level) else [])]


def _first(words: str) -> str:
    """Return the first cell of a row: LaTeX would read a bracket or star as an argument of the line's end before it."""
    return words if words[:1].isalnum() else "{}" + words


def _lines_of_heads(grid: Grid) -> list[list[str]]:
    """Return each head in lines that are no longer than its column's cells, or than `HEAD`."""
    wide = (max((HEAD, *map(_places, column))) for column in grid.columns_of_cells)
    return [in_lines(head, min(places, SENTENCE)) for head, places in zip(grid.heads, wide, strict=True)]


def _stacked(lines: list[str]) -> str:
    texts = [_first(line) for line in map(escaped, lines)]
    return escaped(lines[0]) if len(lines) == 1 else r"\shortstack{" + r"\\".join(texts) + "}"


def _cell(cell: str) -> str:
    """Return a cell; minus and stars take their width on both sides, so that numbers are aligned."""
    value = number(cell)
    if value is None:
        return escaped(cell)
    negative = value.digits.startswith("-")
    minus, minus_behind = (r"$-$", r"\phantom{$-$}") if negative else ("", "")
    stars = value.after if "*" in value.after else ""
    before = rf"\phantom{{{stars}}}" if stars else value.before
    return f"{before}{minus}{value.digits.removeprefix('-')}{value.after}{minus_behind}"


def _is_wide(grid: Grid) -> bool:
    """Return whether an upright page is too narrow."""
    return _width(grid, *SIZES[-1][1:]) > PORTRAIT


def _is_long(grid: Grid) -> bool:
    return len(grid.rows) > (LONG_WIDE if _is_wide(grid) else LONG)


def _width(grid: Grid, points: float, air: float) -> float:
    # only sentences are wrapped
    own = (
        SENTENCE if sentence else max(map(_places, (*lines, *column)), default=0)
        for lines, column, sentence in zip(_lines_of_heads(grid), grid.columns_of_cells, grid.sentences, strict=True)
    )
    places = grid.label_length + sum(map(max, own, grid.over))
    return places * PLACE * points + 2 * air * len(grid.heads)


def _places(cell: str) -> int:
    """Return how many places a cell takes: minus and stars of a number take theirs on both sides."""
    value = number(cell)
    twice = 0 if value is None else value.after.count("*") + value.digits.startswith("-")
    return length(cell) + twice


def escaped(text: str) -> str:
    """Return a text that LaTeX prints unchanged."""
    result = "".join(_ESCAPES.get(letter, letter) for letter in text)
    # LaTeX would join two of these signs
    return re.sub(r"([-,'])(?=\1)", r"\1{}", result)
