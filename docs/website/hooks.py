"""Pages that stand at the repository's root, formulas as MathML, and the language of the Chinese pages."""

from __future__ import annotations

import html
import re
from pathlib import Path, PurePosixPath
from posixpath import relpath
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils.templates import TemplateContext

ROOT = Path(__file__).resolve().parent.parent.parent

PAGES = {
    "README.md": "index.md",
    "README.zh.md": "zh/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files at the root and the pages that they become."""

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
NAMES = (
    ('data-md-component="search" role="dialog"', "Search", "搜索"),
    ('data-md-toggle="search"', "Search", "搜索"),
    ('data-md-toggle="drawer"', "Navigation", "导航"),
)
"""Parts of a page that the theme leaves without a name, by their attributes."""
FENCE = re.compile(r"^```[^\n]*\n.*?^```$", re.MULTILINE | re.DOTALL)
"""A block of code."""
CELL = re.compile(r"<td[ >].*?</td>", re.DOTALL)


def page_of(target: str) -> str:
    """Return where a path from the root is among the pages."""
    return PAGES.get(target, target.removeprefix("docs/"))


def moved(text: str, page: str) -> str:
    """Return a root file's text with its links leading from the page that it becomes."""
    folder = str(PurePosixPath(page).parent)
    return LINK.sub(lambda link: f"]({relpath(page_of(link[1]), folder)}", text)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages whose text stands at the root."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=moved(text, page)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links out of docs/ to a root file into links to its page, and keep paragraphs apart from blocks of code."""
    folder = str(PurePosixPath(page.file.src_uri).parent)
    for name, target in PAGES.items():
        outside = relpath(f"docs/../{name}", f"docs/{folder}")
        markdown = markdown.replace(f"]({outside}", f"]({relpath(target, folder)}")
    # without empty lines around a block Python-Markdown puts the text at it into no paragraph
    return FENCE.sub(lambda block: f"\n{block[0]}\n", markdown)


def on_page_content(content: str, **_: Any) -> str:
    """Write formulas as MathML, which browsers show without a script, and bars in tables as bars."""

    def mathml(formula: re.Match[str]) -> str:
        display = "block" if formula[1] == "div" else "inline"
        return convert(html.unescape(formula[2]).strip(), display=display)

    # a bar within a cell is escaped in Markdown; Python-Markdown leaves the backslash in code
    content = CELL.sub(lambda cell: cell[0].replace("\\|", "|"), content)
    return FORMULA.sub(mathml, content)


def on_page_context(context: TemplateContext, page: Page, config: MkDocsConfig, nav: Navigation) -> None:
    """Give Chinese pages Chinese headings and buttons, and a browser Chinese glyphs; pages are rendered one by one."""
    config.theme["language"] = "zh" if page.file.src_uri.startswith("zh/") else "en"


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Give the search and the switches of a page names for those who hear it."""
    return named(output, chinese=page.file.src_uri.startswith("zh/"))


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """Do the same for the page of an address that does not exist."""
    return named(output_content, chinese=False) if template_name.endswith(".html") else output_content


def named(output: str, chinese: bool) -> str:
    """Return a page whose search and switches have names."""
    for old, english, translated in NAMES:
        output = output.replace(old, f'{old} aria-label="{translated if chinese else english}"')
    return output
