"""The quick parser reads what OmegaConf's reads, and long lists come through Hydra as they are."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from digicarbon.config.compose import Composer, loader
from digicarbon.config.flat import in_full
from digicarbon.config.yaml_text import SEALED, parsed

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = sorted([*(REPOSITORY / "conf").rglob("*.yaml"), *(REPOSITORY / "experiments").rglob("*.yaml")])
PIECES = (
    *(
        "a",
        "b",
        "c d",
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ",",
        "'",
        '"',
        "#",
        " # ",
        " ",
    ),
    *("1", "1.5", "1e3", "1_0", "0o7", "0x1", "1:30", ".5", ".inf", "~", "null", "yes", "on", "True", "2020-01-01"),
    *("=", "%", "@", "`", "? ", "&x ", "*x", "<<", "!t ", "!!int ", "|\n", ">-\n", "\t", "\\", "---\n", "...\n", "-"),
    *("${a.b}", "碳", "，", "é", "\ufeff", "\u00a0", "\u2028", "\x7f", "(", ")", "/", ";", "<", "+", "^", "$"),
)


def outcome(read: Any, path: Path) -> Any:
    """What is read, comparable and with kinds; or that it is refused."""
    try:
        return repr(read(path))
    except yaml.YAMLError as error:
        return str(error)
    except (AttributeError, LookupError, ValueError) as error:
        return f"it holds what cannot be read ({error})"


def by_omegaconf(path: Path) -> Any:
    from omegaconf._utils import get_yaml_loader

    with path.open(encoding="utf-8") as file:
        return yaml.load(file, get_yaml_loader())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_shipped_files_are_read_alike(path: Path) -> None:
    assert parsed(path) == in_full(OmegaConf.to_container(OmegaConf.load(path), resolve=False), path)


NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for thousands of files: pytest looks through all that it made to name another."""
    return tmp_path_factory.mktemp("yaml")


@pytest.mark.long
@settings(max_examples=3000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("a: 1\na: 2\n")
@example("a: {b: 1, b: 2}\n")
@example("{a:1}\n")
@example("a: [b:c, d]\n")
@example("a: 1 \t# b\n")
@example("")
def test_any_text_is_read_alike(place: Path, text: str) -> None:
    # a name of its own: what was parsed is kept by name, time and size
    path = place / f"{next(NUMBERS)}.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    assert outcome(parsed, path) == outcome(by_omegaconf, path)
    path.unlink()


def test_a_file_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n", encoding="utf-8")
    assert parsed(path) == {"a": 1}
    path.write_text("a: 1234\n", encoding="utf-8")
    assert parsed(path) == {"a": 1234}


def test_a_long_list_comes_through_hydra_as_it_is(folder: Path) -> None:
    values = list(range(2000, 2000 + SEALED + 1))
    (folder / "experiments").mkdir()
    text = "defaults: [config, _self_]\ngrid: {source.seed: [%s], measure: [bea, ddl]}\n"
    (folder / "experiments" / "base.yaml").write_text(text % ", ".join(map(str, values)), encoding="utf-8")
    (folder / "experiments" / "heir.yaml").write_text(
        "defaults: [base, _self_]\ngrid: {measure: [ide]}\n", encoding="utf-8"
    )
    assert Composer(loader(), "base").sweep_keys()["grid"] == {"source.seed": values, "measure": ["bea", "ddl"]}
    assert Composer(loader(), "heir").sweep_keys()["grid"] == {"source.seed": values, "measure": ["ide"]}
    own = Composer(loader(), "heir", ["grid={source.seed:[1]}"]).sweep_keys()["grid"]
    assert own == {"source.seed": [1], "measure": ["ide"]}
