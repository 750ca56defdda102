"""Files and words that would hang a command, fill the memory, or run what they should not: each is a sentence."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from digicarbon.__main__ import main
from digicarbon.config.files import read
from digicarbon.disk import cells, files
from digicarbon.errors import ConfigError, DataError
from digicarbon.importer._sheets import sheets
from digicarbon.render.excel import _write_text
from digicarbon.sample import Sample
from digicarbon.source._read import read_table
from digicarbon.spec import locate

LAUGHS = "\n".join(
    ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise an error in what takes longer, before it has filled the memory."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {seconds:g} seconds")

    if os.name != "posix":
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run a command here; return its status and what it says."""
    capsys.readouterr()
    with within(60):
        status = main(words)
    told = capsys.readouterr().err
    assert "Traceback" not in told
    return status, told


def command(folder: Path, *words: str) -> tuple[int, str]:
    """Run a command as a process of its own, within a minute."""
    done = subprocess.run(
        [sys.executable, "-m", "digicarbon", *words], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("content", [LAUGHS, "a: &a [*a]", "a: &a {b: *a}"])
def test_aliases_that_stand_for_too_much_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    for name in ("experiments/laughs.yaml", "conf/model/laughs.yaml"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"laughs\.yaml: its aliases \(\*name\) expand to more than 100,000 values"):
        read(folder / "experiments" / "laughs.yaml")
    for words in (["check", "laughs"], ["check", "config", "model=laughs"]):
        status, told = said(capsys, *words)
        assert status == 2
        assert "laughs.yaml: its aliases" in told


def test_ordinary_aliases_are_read(tmp_path: Path) -> None:
    path = tmp_path / "fine.yaml"
    path.write_text("a: &a [1, 2]\nb: *a\nc: {d: *a}\n", encoding="utf-8")
    assert read(path)["c"] == {"d": [1, 2]}


def test_half_a_letter_in_a_file_or_a_word_is_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "experiments").mkdir(exist_ok=True)
    (folder / "experiments" / "half.yaml").write_text('title: "half \\ud800"\n', encoding="utf-8")
    status, told = said(capsys, "check", "half")
    assert status == 2
    assert r"half.yaml: 'half \ud800' has half a letter" in told
    assert main(["check", "config", "title=\udcff"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        "gdp > 9**9**9",
        "gdp > 9 ** (9 ** 9)",
        "gdp ** (9**9**9) > 1",
        "gdp > (1 << 99999999999)",
        "gdp > 1e300",
        "'a' * 99999999999 == region",
        "[1] * 99999999999 == gdp",
        "gdp @ gdp > 1",
    ],
)
def test_a_query_takes_no_more_time_than_its_columns(query: str) -> None:
    with pytest.raises(ConfigError, match="must be a condition on columns"):
        Sample(query=query)


@pytest.mark.parametrize("query", ["gdp ** 2 > 4", "2 ** gdp > 4", "(gdp > 1) & (region == 'west')", "-gdp * 2e6 < 3"])
def test_ordinary_arithmetic_is_taken(query: str) -> None:
    assert Sample(query=query).query == query


def test_a_module_without_the_class_is_not_run(folder: Path) -> None:
    (folder / "foreign.py").write_text(
        "from pathlib import Path\nPath('was_run').touch()\nclass Bare:\n    pass\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="'foreign' has no class 'Model'"):
        locate("foreign.Model", "model")
    assert not (folder / "was_run").exists()
    assert "foreign" not in sys.modules


@pytest.mark.long
@pytest.mark.parametrize("code", ["raise SystemExit", "raise SystemExit(0)", "import sys; sys.exit()", "exit()"])
def test_a_module_that_ends_the_process_is_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    (folder / "mine.py").write_text(
        f"from digicarbon.model import PanelRegression\nclass Mine(PanelRegression):\n    pass\n{code}\n",
        encoding="utf-8",
    )
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "model" / "own.yaml").write_text("_target_: mine.Mine\n", encoding="utf-8")
    words = ("check", "config", "model=own")
    # exit() closes what a process reads from; the others raise what the caller of main would get
    status, told = command(folder, *words) if code == "exit()" else said(capsys, *words)
    assert status == 2
    assert "the module 'mine' cannot be imported (SystemExit" in told


@pytest.mark.long
@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        ("raise KeyboardInterrupt", 2, "the module 'mine' cannot be imported (KeyboardInterrupt); correct it"),
        ("import signal; signal.raise_signal(signal.SIGINT)", 130, "Interrupted; "),
    ],
)
def test_ctrl_c_is_told_from_what_a_module_raises(folder: Path, code: str, status: int, sentence: str) -> None:
    (folder / "mine.py").write_text(
        f"from digicarbon.model import PanelRegression\n{code}\nclass Mine(PanelRegression):\n    pass\n",
        encoding="utf-8",
    )
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "model" / "own.yaml").write_text("# mine\n_target_: mine.Mine\n", encoding="utf-8")
    found, said = command(folder, "check", "config", "model=own")
    assert found == status
    assert sentence in said
    # the others' schemas are made all the same
    found, said = command(folder, "schema")
    assert found == (0 if status == 2 else status)
    assert sentence in said


def test_cells_of_text_are_no_formulas() -> None:
    for text in ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'/C calc'!A0", "-x"):
        assert cells.plain(text) == f"'{text}"
    for value in ("-0.12", "-0.12***", "+3", "-1e-5", "-", "-∞", "", "x=1", "-1,234.5", -0.12, None):
        assert cells.plain(value) == value
    table = pd.DataFrame({"=a": ["=b", "-0.1"], "c": [-0.12, 1.0]}, index=pd.Index(["@d", "e"], name="+f"))
    assert cells.plain_table(table).to_csv(lineterminator="\n") == "'+f,'=a,c\n'@d,'=b,-0.12\ne,-0.1,1.0\n"
    plain = pd.DataFrame({"a": ["-0.1"]})
    assert cells.plain_table(plain) is plain


def test_a_sheet_keeps_text_as_text() -> None:
    cell = _write_text(openpyxl.Workbook().active.cell(1, 1), "=1+1")
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert not _write_text(openpyxl.Workbook().active.cell(1, 1), "-0.12").quotePrefix


def bomb(path: Path) -> Path:
    """Write a workbook whose sheet has 67 million blanks in a file of less than a megabyte."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(4):
                sheet.write(b" " * (1 << 24))
    return path


def test_files_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 1 << 25)
    path = bomb(tmp_path / "bomb.xlsx")
    assert path.stat().st_size < 1e6
    for reader in (lambda: sheets(path), lambda: read_table(str(path), "source")):
        with pytest.raises(DataError, match=r"bomb\.xlsx has .* bytes and unpacks to more than 33,554,432"):
            reader()
    monkeypatch.setattr(files, "MOST", 1000)
    packed = tmp_path / "bomb.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b\n" * 1000))
    with pytest.raises(DataError, match="unpacks to more than 1,000"):
        read_table(str(packed), "source")


def test_a_large_table_of_all_provinces_is_not_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "mrio.xlsx"
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    row = np.random.default_rng(1).normal(size=300).tolist()
    for _ in range(300):
        sheet.append(row)
    book.save(path)
    # as many cells as China's 31 provinces by 42 sectors have take nineteen times that
    with zipfile.ZipFile(path) as archive:
        assert sum(item.file_size for item in archive.infolist()) * 1302**2 / 300**2 < files.MOST / 4
    files.check_zip(path)


ENDING = """
from digicarbon.model import PanelRegression
from digicarbon.outcome import NoOutcome
from digicarbon.source import SimulatedSource


class Stop(BaseException):
    pass


def end(how):
    raise {"exit": SystemExit(0), "stop": Stop("enough"), "interrupt": KeyboardInterrupt()}[how]


class Loads(SimulatedSource):
    how: str

    def load(self):
        end(self.how)


class Computes(NoOutcome):
    how: str

    def compute(self, inputs):
        end(self.how)


class Checks(PanelRegression):
    how: str

    def check(self, panel, weights=None):
        end(self.how)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "status", "sentence"),
    [
        ("exit", 2, "asked to end the process (exit status 0); it must return a result or raise an error."),
        ("stop", 2, "raised Stop, which ends a process (enough); it must return a result or raise an error."),
        ("interrupt", 130, "Interrupted; "),
    ],
)
def test_a_class_that_ends_the_process_while_planning_is_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], how: str, status: int, sentence: str
) -> None:
    (folder / "mine.py").write_text(ENDING, encoding="utf-8")
    for group, base, cls in (
        ("source", "simulated", "Loads"),
        ("outcome", "none", "Computes"),
        ("model", "fe", "Checks"),
    ):
        (folder / "conf" / group).mkdir(parents=True, exist_ok=True)
        text = f"defaults: [{base}]\n_target_: mine.{cls}\nhow: {how}\n"
        (folder / "conf" / group / "own.yaml").write_text(text, encoding="utf-8")
        for verb in ("plan", "check", "run"):
            assert main([verb, "config", "measure=ddl", "model.y=ln_ci", f"{group}=own"]) == status
            said = capsys.readouterr().err
            assert sentence in said
            assert how == "interrupt" or f"The code of mine.{cls}" in said
    assert not (folder / "mlruns").exists()
