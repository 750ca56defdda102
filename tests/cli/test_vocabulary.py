"""`digicarbon list GROUP -v`: fields of options in 80 columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from digicarbon.__main__ import main
from digicarbon.cli.vocabulary import WIDTH, told
from digicarbon.config.describe import options
from digicarbon.config.files import GROUPS


@pytest.mark.parametrize("group", [*GROUPS, "importer"])
def test_every_field_is_shown_in_80_columns(group: str) -> None:
    text = told(group)
    assert max(cell_len(line) for line in text.splitlines()) <= WIDTH
    blocks = text.split("\n\n")
    for option, block in zip(options(group), blocks, strict=True):
        assert block.startswith(option.name)
        for field in option.fields:
            assert f"\n  {field.name}: " in block


def test_list_shows_defaults_allowed_values_and_units(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "weights", "distance_band"]) == 0
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("  threshold: null")
    assert lines[place + 1] == "      number > 0 | null"
    assert lines[place + 2].startswith("      D, in kilometres or in the unit of the coordinates.")
    assert main(["list", "weights", "-v"]) == 0
    assert capsys.readouterr().out.count("\n  normalise: row\n      row | spectral | minmax | none\n") >= 10
    assert main(["list", "source", "table"]) == 0
    assert "\n  path: ??? (must be given)\n" in capsys.readouterr().out
    assert main(["list", "experiments", "-v"]) == 0
    assert "An experiment sets title, labels, columns, grid" in capsys.readouterr().out


def test_a_faulty_option_hides_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "conf" / "weights").mkdir(parents=True)
    (folder / "conf" / "weights" / "odd.yaml").write_text("# mine\n_target_: nowhere.Class\n", encoding="utf-8")
    assert main(["list", "weights", "-v"]) == 0
    shown = capsys.readouterr().out
    assert "odd: mine\n  conf/weights/odd.yaml._target_: the module 'nowhere'" in shown
    assert "\nqueen: " in shown
    assert main(["list", "weights", "odd"]) == 2


def test_a_broken_file_hides_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "conf" / "weights").mkdir(parents=True)
    (folder / "conf" / "weights" / "odd.yaml").write_text("# mine\na: [1\n", encoding="utf-8")
    (folder / "conf" / "weights" / "heir.yaml").write_text("defaults: [odd, _self_]\nk: 3\n", encoding="utf-8")
    assert main(["list", "weights", "-v"]) == 0
    shown = capsys.readouterr().out
    assert "\nodd: mine\n  conf/weights/odd.yaml is not valid YAML in line 2: the bracket [" in shown
    assert "heir\n  conf/weights/odd.yaml is not valid YAML in line 2: the bracket [" in shown
    assert "\nqueen: " in shown
    assert main(["list", "weights", "queen"]) == 0
    assert main(["list", "weights", "odd"]) == 2
    assert "conf/weights/odd.yaml is not valid YAML in line 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-v"], "list takes a group, an option of it, and -v for fields"),
        (["weights", "queen", "rook"], "list takes a group, an option of it, and -v for fields"),
        (
            ["-v", "model=median"],
            "takes a group and an option of it as two words: digicarbon list model median -v",
        ),
        (["modle=twfe"], "as two words: digicarbon list model twfe"),
        (["model.effects=unit"], "as two words: digicarbon list model"),
        (["xx=3"], "There is no group 'xx'. Groups: "),
        (["weights", "qeen"], "weights has no option 'qeen'. Did you mean 'queen'?"),
    ],
)
def test_a_wrong_command_is_a_sentence(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", *words]) == 2
    assert said in capsys.readouterr().err
