"""A table as HTML, for a page, a notebook or alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from digicarbon.render.table import Grid, Spans, number, underlined

STYLE = """<style>
.dc-table{margin:0 0 1.5em;max-width:100%;overflow-x:auto;font-family:"Times New Roman",Times,"Songti SC",SimSun,serif}
.dc-table table{border-collapse:collapse;border:0;border-top:2px solid;border-bottom:2px solid;font-size:15px;
line-height:1.35;margin:0;font-variant-numeric:tabular-nums lining-nums}
.dc-table caption{caption-side:top;text-align:left;font-weight:bold;padding:0 0 .4em;color:inherit}
.dc-table th,.dc-table td{border:0;background:none;padding:.1em 1.1em;text-align:center;font-weight:normal;
white-space:nowrap;vertical-align:top}
.dc-table tbody th,.dc-table thead tr>:first-child{text-align:left;padding-left:.3em}
.dc-table tr.dc-head>*{border-bottom:1px solid}
.dc-table th.dc-over{background:linear-gradient(currentColor,currentColor) 50% 100%/calc(100% - 1em) 1px no-repeat}
.dc-table tr.dc-rule>*{border-top:1px solid}
.dc-table tr.dc-block th{font-style:italic}
.dc-table tr.dc-in th{padding-left:1.5em}
.dc-table td.dc-words{text-align:left;white-space:normal;min-width:16em;max-width:32em}
.dc-table .dc-n{position:relative}
.dc-table .dc-s{position:absolute;left:100%}
.dc-table .dc-notes{font-size:13px;margin:.4em 0 0;max-width:60em}
.dc-table .dc-notes p{margin:.15em 0}
.dc-table tbody td a,.dc-table tbody th a{color:inherit;text-decoration:none}
.dc-table a:hover{text-decoration:underline}
@media print{.dc-table{overflow:visible}.dc-table tr{break-inside:avoid}}
</style>"""


def html(grids: Sequence[Grid]) -> str:
    """Return tables one below the other as a piece of a page, their style included."""
    return "\n".join([STYLE, pieces(grids)])


def pieces(grids: Sequence[Grid], links: Mapping[str, str] | None = None) -> str:
    """Return tables one below the other without their style, with links as in `Table.to_html_piece`."""
    return "\n".join(_one(grid, links or {}) for grid in grids)


def page(grids: Sequence[Grid]) -> str:
    """Return tables as a whole page."""
    title = escape(grids[0].title)
    return (
        f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n</head>\n'
        f'<body style="margin:2em">\n{html(grids)}\n</body>\n</html>\n'
    )


def _one(grid: Grid, links: Mapping[str, str]) -> str:
    caption = [f"<caption>{escape(grid.title)}</caption>"] if grid.title else []
    lines = ['<div class="dc-table">', "<table>", *caption, "<thead>"]
    *corners, corner = map(_corner, grid.corners)
    lines += [
        f"<tr>{words}{''.join(_over(level, len(grid.heads)))}</tr>"
        for words, level in zip(corners, grid.levels, strict=True)
    ]
    heads = "".join(
        f'<th scope="col">{_linked(escape(head), links.get(name))}</th>'
        for head, name in zip(grid.heads, grid.names, strict=True)
    )
    lines += [f'<tr class="dc-head">{corner}{heads}</tr>', "</thead>", "<tbody>"]
    words = grid.sentences
    for row, (label, cells) in enumerate(grid.rows):
        kinds = (("dc-rule", grid.rules), ("dc-block", grid.blocks), ("dc-in", grid.indented))
        names = [name for name, rows in kinds if row in rows]
        kind = f' class="{" ".join(names)}"' if names else ""
        row_link = links.get(label)
        texts = "".join(
            f"<td{' class=dc-words' if long else ''}>{_linked(_cell(cell), row_link or links.get(name))}</td>"
            for name, cell, long in zip(grid.names, cells, words, strict=True)
        )
        lines.append(f'<tr{kind}><th scope="row">{_linked(escape(label), row_link)}</th>{texts}</tr>')
    lines += ["</tbody>", "</table>"]
    if grid.notes:
        lines.append(f'<div class="dc-notes">{"".join(f"<p>{escape(note)}</p>" for note in grid.notes)}</div>')
    return "\n".join([*lines, "</div>"])


def _corner(words: str) -> str:
    # a head without words would be read out as one
    return f'<th scope="row">{escape(words)}</th>' if words else "<td></td>"


def _over(level: Spans, columns: int) -> list[str]:
    """Return the cells of a line of words over columns."""
    cells, at = [], 0
    for words, start, count in level:
        cells += ["<td></td>"] * (start - at)
        kind = ' class="dc-over"' if underlined(level) else ""
        scope = f'scope="colgroup" colspan="{count}"' if count > 1 else 'scope="col"'
        cells.append(f"<th{kind} {scope}>{escape(words)}</th>")
        at = start + count
    return [*cells, *["<td></td>"] * (columns - at)]


def _cell(cell: str) -> str:
    """Return a cell; stars have no width, so that numbers are aligned."""
    value = number(cell)
    if value is None or "*" not in value.after:
        return escape(cell)
    return f'<span class="dc-n">{value.digits}<span class="dc-s">{value.after}</span></span>'


def _linked(cell: str, address: str | None) -> str:
    """Return the HTML of a cell as a link, if it has a text and an address."""
    return f'<a href="{escape(address)}">{cell}</a>' if address and cell else cell
