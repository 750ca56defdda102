"""Tables on a page: cells of a run's column or row link to it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

from digicarbon.report import Table

LONG = 60
"""A column of longer cells holds sentences."""


def table_html(table: Table, addresses: Mapping[str, str], name: str) -> Markup:
    """Return a table, and the one below it, as HTML.

    Parameters
    ----------
    table : Table
    addresses : mapping of str to str
        Of runs, by label.
    name : str
        Unique on the page.
    """
    cells = table.cells
    heads = [str(head) for head in cells.columns]
    words = [max((len(str(cell)) for cell in cells.iloc[:, k]), default=0) > LONG for k in range(len(heads))]
    over = Markup("").join(
        Markup('<th scope="col">{}</th>').format(_linked(head, addresses.get(head))) for head in heads
    )
    lines = [
        Markup('<div class="table"><table><caption>{}</caption>').format(table.title),
        Markup("<thead><tr><td></td>{}</tr></thead><tbody>").format(over),
    ]
    for place, (label, row) in enumerate(zip(cells.index, cells.to_numpy(), strict=True)):
        own = addresses.get(str(label))
        texts = Markup("").join(
            Markup('<td class="words">{}</td>' if long else "<td>{}</td>").format(
                _linked(str(cell), own or addresses.get(head)) if not long else str(cell)
            )
            for head, cell, long in zip(heads, row, words, strict=True)
        )
        rule = Markup(' class="rule"') if place in table.rules else Markup("")
        lines.append(Markup('<tr{}><th scope="row">{}</th>{}</tr>').format(rule, _linked(str(label), own), texts))
    lines.append(Markup("</tbody></table>"))
    lines += [Markup('<p class="note">{}</p>').format(note) for note in table.notes]
    lines.append(Markup("</div>"))
    if table.below is not None:
        lines.append(table_html(table.below, addresses, f"{name}-below"))
    return Markup("\n").join(lines)


def _linked(text: str, address: str | None) -> Markup:
    """Return a text that links to its run, where it says something."""
    if not address or not re.search(r"\w", text):
        return escape(text)
    return Markup('<a href="{}">{}</a>').format(address, text)
