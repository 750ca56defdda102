"""A command speaks the language that is asked for, that of its experiment, or that of the system."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prose import prose_of
from rich.cells import cell_len

from digicarbon.__main__ import main
from digicarbon.cli.language import asked, of_experiment, of_system, of_tables
from digicarbon.cli.usage import parser
from digicarbon.data import command_words
from digicarbon.errors import COMMAND_LINE, ConfigError
from digicarbon.note import Note
from digicarbon.note._words import Field, template
from digicarbon.note.language import said, speak, speaking, spoken

Capture = pytest.CaptureFixture[str]
CHINESE = "defaults: [config, _self_]\nreport: {language: zh}\n"
WRONG = ["check", "model=nosuch"]


def complaint(capsys: Capture, *words: str, status: int = 2) -> str:
    capsys.readouterr()
    assert main(words) == status
    return capsys.readouterr().err


def is_chinese(text: str) -> bool:
    return re.search("[\u4e00-\u9fff]", text) is not None


def write(folder: Path, name: str, text: str) -> None:
    (folder / "experiments").mkdir(exist_ok=True)
    (folder / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")


# ---- which language


def test_the_flag_comes_before_the_experiment_and_the_experiment_before_the_system(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "mine", CHINESE)
    write(folder, "heir", "defaults: [mine, _self_]\n")
    write(folder, "theirs", CHINESE.replace("zh", "en"))
    assert not is_chinese(complaint(capsys, *WRONG))
    for words in (
        ["check", "mine", "model=nosuch"],
        ["check", "heir", "model=nosuch"],
        ["check", "experiments/mine.yaml", "model=nosuch"],
        ["check", "report.language=zh", "model=nosuch"],
        [*WRONG, "--language", "zh"],
        [*WRONG, "--language=zh"],
        ["--language", "zh", *WRONG],
        ["check", "theirs", "model=nosuch", "--language", "zh"],
        ["export", "mine"],
    ):
        assert is_chinese(complaint(capsys, *words)), words
    assert not is_chinese(complaint(capsys, "check", "mine", "model=nosuch", "--language", "en"))
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert is_chinese(complaint(capsys, *WRONG))
    assert not is_chinese(complaint(capsys, "check", "theirs", "model=nosuch"))
    # the language of one command is not that of the next
    assert spoken() == "en"


def test_the_flag_is_the_language_of_tables_unless_the_words_choose_another(folder: Path) -> None:
    assert of_tables(["run", "mine"], "zh") == ["run", "mine", "report.language=zh"]
    assert of_tables(["report", "mine"], "en") == ["report", "mine", "report.language=en"]
    for words in (["run", "report.language=en"], ["run", "+report.language=en"], ["plan", "mine"], []):
        assert of_tables(words, "zh") == words
    with speaking("zh"):
        assert of_tables(["fit", "a.csv"], None) == ["fit", "a.csv", "report.language=zh"]
        assert of_tables(["run", "mine"], None) == ["run", "mine"]
    assert of_tables(["fit", "a.csv"], None) == ["fit", "a.csv"]


def test_an_experiment_that_cannot_be_read_is_told_in_the_language_of_the_system(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "mine", "report: {language: zh\n")
    assert "mine.yaml" in complaint(capsys, "check", "mine")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert is_chinese(complaint(capsys, "check", "mine"))
    # one that inherits itself says its language first
    write(folder, "round", "defaults: [round, _self_]\n")
    assert of_experiment(["round"]) is None


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "", "LC_MESSAGES": "zh_CN"}, "zh"),
    ],
)
def test_the_system_says_its_language_in_variables(
    variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert of_system() == language


def test_there_are_two_languages(folder: Path, capsys: Capture) -> None:
    assert asked(["run", "--language", "en", "a", "--language=zh"]) == ("zh", ["run", "a"])
    for words in (["run", "--language", "fr"], ["run", "--language"], ["run", "--language="]):
        assert "--language must be one of en, zh; got '" in complaint(capsys, *words)


def verbs() -> list[str]:
    every = parser().verbs
    return [*every, *(f"data {verb}" for verb in every["data"].verbs)]


@pytest.mark.parametrize("verb", verbs())
def test_the_help_of_a_verb_is_chinese(verb: str, folder: Path, capsys: Capture) -> None:
    for words in ([*verb.split(), "--help", "--language", "zh"], ["--language=zh", *verb.split(), "-h"]):
        if words[-1] == "-h" and verb == "ui":
            # MLflow's --host
            words[-1] = "--help"
        assert main(words) == 0
        said = capsys.readouterr().out
        lines = [line for line in said.splitlines() if not line.strip().startswith("digicarbon ")]
        assert any(map(is_chinese, lines))
        # what a flag is called stands in twenty columns
        assert [(line, word) for line in lines for word in prose_of(line[20 * line.startswith("  -") :])] == []
        assert max(map(cell_len, said.splitlines())) <= 120


def test_the_help_of_the_program_is_in_both_languages(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--help"]) == 0
    in_english = capsys.readouterr().out.splitlines()
    assert main(["--language", "zh"]) == 0
    in_chinese = capsys.readouterr().out.splitlines()
    assert len(in_english) == len(in_chinese)
    for one, other in zip(in_english, in_chinese, strict=True):
        assert not is_chinese(one)
        typed = one.rstrip().rpartition("  ")[0]
        assert other.startswith(typed)
        assert is_chinese(other) or other in ("", "  digicarbon --version")
        assert prose_of(other.removeprefix(typed)) == [] or other == "  digicarbon --version"


def test_python_speaks_english_until_a_program_says_otherwise() -> None:
    note = Note("runs_are_kept")
    assert said(note) == "the runs written so far are kept."
    with speaking("zh"):
        assert (said(note), str(note)) == ("已写入的回归予以保留。", "the runs written so far are kept.")
        speak("en")
        assert said(note) == str(note)
    assert spoken() == "en"


def test_the_command_line_is_a_place_with_a_name_in_both_languages() -> None:
    for where, english_words, chinese in (
        (COMMAND_LINE, "command line: ", "命令行："),
        (f"{COMMAND_LINE}, draw", "command line, draw: ", "命令行, draw："),
        ("experiments/a.yaml, draw", "experiments/a.yaml, draw: ", "experiments/a.yaml, draw："),
    ):
        error = ConfigError(Note("no_rows_left"), where)
        assert str(error) == said(error) == f"{english_words}No rows are left in the panel."
        with speaking("zh"):
            assert said(error) == f"{chinese}面板中没有剩余的行。"


# ---- words


def test_what_commands_print_has_the_same_fields_in_both_languages_and_no_english() -> None:
    for code in command_words():
        fields = [{piece.name for piece in template(code, one) if isinstance(piece, Field)} for one in ("en", "zh")]
        assert fields[0] == fields[1], code
        assert prose_of("".join(piece for piece in template(code, "zh") if isinstance(piece, str))) == [], code
        assert not is_chinese("".join(map(str, template(code, "en")))), code


MISTAKES = [
    ["check", "--nonsense"],
    ["pln"],
    ["frobnicate"],
    ["data", "frobnicate"],
    ["check", "table3_basline"],
    ["check", "wieghts=w1_adjacency"],
    ["check", "weights=w1_adjacncy"],
    ["check", "model.contrls=[]"],
    ["check", "model.x=de"],
    ["check", "model.effects=twoway"],
    ["check", "model.x=[ln_ee]"],
    ["check", "measure=a(b"],
    ["check", "hydra/sweeper=basic"],
    ["check", "hydra.mode=RUN"],
    ["check", "source=table"],
    ["check", "model=sdm", "weights=matrix"],
    ["check", "model._target_=os.system"],
    ["check", "model._target_=nowhere.Model"],
    ["check", "model._target_=digicarbon.model.SpatialPanl"],
    ["check", "+draw.n=0"],
    ["check", "title=[a]"],
    ["check", "~weights"],
    ["check", "experiments=[nosuch]"],
    ["check", "grid={model:[fee]}"],
    ["list", "weigths"],
    ["list", "model=sdm"],
    ["new"],
    ["new", "mine", "yours"],
    ["export", "table3_baseline"],
    ["report", "--out"],
    ["report", "table3_baseline"],
    ["rerun", "table3_baseline"],
    ["compare", "table3_baseline"],
    ["data", "show", "nothing"],
    ["data", "status", "nowhere"],
    ["data", "import", "nbs"],
    ["package", "table3_baseline"],
    ["run", "model", "sdm"],
    ["run", "--cfg", "job", "-m"],
    ["check", "model.y.z=1"],
    ["check", "measure=ddl,bea", "measure.column=gdp", "-m"],
]


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_is_told_in_chinese(words: list[str], folder: Path, capsys: Capture) -> None:
    told = complaint(capsys, *words, "--language", "zh")
    assert told.startswith("digicarbon: ")
    assert is_chinese(told)
    assert prose_of(told.removeprefix("digicarbon: ")) == [], told


"""What is called the same in both languages: columns, checks and states."""
