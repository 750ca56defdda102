"""The programs that users open the files with: LibreOffice, pdflatex."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from random_tables import tables

from digicarbon.render import Table

pytestmark = pytest.mark.outside

HEADS = [f"SDM({k})" for k in range(1, 8)]
WIDE = Table(
    "Table 7: spatial, of 7 columns",
    pd.DataFrame([[f"-{row}.{k}234***" for k in range(7)] for row in range(60)], columns=HEADS),
    notes=("* p < 0.1", "Odd: |*&%_#$~^\\{}<>[]"),
)
SMALL = Table(
    "Table 3: R² of ρ & CO₂",
    pd.DataFrame([["-0.3000***", "数字"], ["(0.1000)", ""]], index=["ln(x)²", ""], columns=["FE(1)", "FE(2)"]),
    rules=(1,),
    notes=("Clustered.",),
    spanners=(("ln_ci & more", 2),),
    below=Table("Below", pd.DataFrame([["1"]], index=["n"], columns=["[a]"])),
)


def pages(pdf: Path) -> list[str]:
    """The text of each page."""
    text = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, text=True).stdout
    return text.split("\f")[:-1]


def converted(path: Path) -> list[str]:
    home = path.parent / "office"
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation={home.as_uri()}", "--convert-to", "pdf", "--outdir",
         str(path.parent), str(path)],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return pages(path.with_suffix(".pdf"))


def typeset(text: str, folder: Path) -> tuple[list[str], str]:
    """The pages that pdflatex makes of a table with the packages it asks for, and its log."""
    needs = "\n".join(re.findall(r"^% (\\usepackage.*)$", text, re.M))
    (folder / "table.tex").write_text(text, encoding="utf-8")
    (folder / "paper.tex").write_text(
        f"\\documentclass{{article}}\n{needs}\n\\begin{{document}}\n\\input{{table.tex}}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    for _ in range(2):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"], cwd=folder, capture_output=True
        )
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    return pages(folder / "paper.pdf"), done.stdout.decode(errors="replace")


@pytest.mark.parametrize("suffix", [".docx", ".xlsx"])
def test_libreoffice_opens_and_prints_it(suffix: str, tmp_path: Path) -> None:
    text = "\n".join(converted(SMALL.save(tmp_path / f"small{suffix}")))
    for words in (
        "Table 3: R² of ρ & CO₂",
        "ln_ci & more",
        "FE(1)",
        "-0.3000***",
        "(0.1000)",
        "数字",
        "Clustered.",
        "[a]",
    ):
        assert words in text


@pytest.mark.parametrize("suffix", [".docx", ".xlsx"])
def test_libreoffice_repeats_the_head_and_cuts_no_number(suffix: str, tmp_path: Path) -> None:
    found = converted(WIDE.save(tmp_path / f"wide{suffix}"))
    assert len(found) > 1
    for page in found[:2]:
        assert all(head in page for head in HEADS)
    for row in (0, 59):
        for k in range(7):
            assert f"-{row}.{k}234***" in "\n".join(found)


def test_pdflatex_prints_it_within_the_page(tmp_path: Path) -> None:
    found, log = typeset(WIDE.to_latex(), tmp_path)
    assert len(found) > 1
    for page in found[:2]:
        assert all(head in page for head in HEADS)
    assert "Overfull" not in log
    assert "Odd: |*&%_#$~" in "\n".join(found)


LONG = [f"{name}({k})" for k, name in enumerate(["ln_digital_output", "ln_co2_emissions", "ln_broadband"] * 4)]
NAMED = Table(
    "Table 3: long names",
    pd.DataFrame(
        [["-0.1234***"] * 12, ["(-3.23)"] * 12],
        index=["ln_industrial_digitalization_of_all_cities", ""],
        columns=LONG,
    ),
)


@pytest.mark.parametrize("columns", [4, 8, 12])
def test_long_names_are_whole_in_word_and_within_the_page_in_latex(columns: int, tmp_path: Path) -> None:
    table = replace(NAMED, cells=NAMED.cells.iloc[:, :columns])
    printed = "\n".join(converted(table.save(tmp_path / "table.docx")))
    typed, log = typeset(table.to_latex(), tmp_path)
    assert "Overfull" not in log
    for text in (printed, "\n".join(typed).replace("−", "-")):
        assert [name for name in (*LONG[:columns], NAMED.cells.index[0]) if name not in text] == []
        assert (text.count("-0.1234***"), text.count("(-3.23)")) == (columns, columns)


def test_libreoffice_shows_a_negative_t_within_its_parentheses(tmp_path: Path) -> None:
    text = "\n".join(converted(NAMED.save(tmp_path / "table.xlsx")))
    assert "(-3.23)" in text
    assert "-(3.23)" not in text


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables())
def test_pdflatex_compiles_any_table(table: Table, tmp_path: Path) -> None:
    text = re.sub("[数字经济]+", "C", table.to_latex())
    needs = text.replace(r"% \usepackage{ctex}, and xelatex to compile it", r"% \usepackage[T1]{fontenc}")
    assert typeset(needs, tmp_path)[0]
