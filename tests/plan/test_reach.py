"""What enters a run's hash of its code: what it can reach, and of that what computes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from digicarbon.diagnostic import NoDiagnostic
from digicarbon.model import PanelIV, PanelRegression, SpatialPanel
from digicarbon.plan import reach
from digicarbon.spec import Spec, locate

CODE = '''"""What it is."""
from digicarbon.model import PanelRegression
import helper


class Mine(PanelRegression):
    """A model."""

    extra: int = 1
    """A field."""

    def fit(self, panel, weights=None):
        text = "a # is no comment"
        return helper.same(super().fit(panel, weights))
'''
HELPER = "def same(result):\n    return result\n"


def digest(code: str = CODE, helper: str = HELPER) -> str:
    """Return the digest of a class in files of the working directory, read anew."""
    for name in ("mine", "helper"):
        sys.modules.pop(name, None)
    Path("mine.py").write_text(code, encoding="utf-8")
    Path("helper.py").write_text(helper, encoding="utf-8")
    cls = locate("mine.Mine", "model")
    assert isinstance(cls, type)
    assert issubclass(cls, Spec)
    return reach.code_digest(cls)


def modules(*classes: type[Spec]) -> set[str]:
    return {name.removeprefix("digicarbon.") for name, _ in reach._reached(classes)}


@pytest.mark.parametrize(
    "code",
    [
        CODE.replace("What it is.", "What else it is."),
        CODE.replace("A model.", "A model,\n\n    of mine."),
        CODE.replace("A field.", "The field."),
        CODE.replace("extra: int = 1", "# why\n    extra: int = 1  # because 'it' is \"so\""),
        CODE.replace("\n\n\nclass", "\n\n\n\nclass"),
    ],
)
def test_words_do_not_change_a_digest(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert digest(code) == digest()


@pytest.mark.parametrize(
    ("code", "helper"),
    [
        (CODE.replace("extra: int = 1", "extra: int = 2"), HELPER),
        (CODE.replace("a # is no comment", "a # is a comment"), HELPER),
        (CODE.replace("        return", "        if panel:\n            return"), HELPER),
        (CODE, HELPER.replace("return result", "return None")),
    ],
)
def test_code_does(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, helper: str) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert digest(code, helper) != digest()


@pytest.fixture
def study(folder: Path, monkeypatch: pytest.MonkeyPatch) -> type[Spec]:
    """A class in a package of the working directory, which imports relatively."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name, text in {
        "study/__init__.py": "",
        "study/deep/__init__.py": "from . import own\n",
        "study/deep/own.py": CODE.replace("import helper", "from .. import helper\nfrom ..more.last import LAST"),
        "study/helper.py": HELPER,
        "study/more/__init__.py": "",
        "study/more/last.py": "LAST = 1\n",
    }.items():
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        Path(name).write_text(text, encoding="utf-8")
    return fresh()


def fresh() -> type[Spec]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "study"]:
        sys.modules.pop(name)
    cls = locate("study.deep.own.Mine", "model")
    assert isinstance(cls, type)
    assert issubclass(cls, Spec)
    return cls


def test_own_code_has_a_digest_for_each_file_that_is_reached(study: type[Spec]) -> None:
    before = reach.own_code(study)
    assert set(before) == {"study/deep/own.py", "study/helper.py", "study/more/last.py"}
    whole = reach.code_digest(study)
    for name in sorted(before):
        path = Path(name)
        content = path.read_text(encoding="utf-8")
        path.write_text(f"{content}MORE = 1\n", encoding="utf-8")
        now = fresh()
        assert [file for file, sha in reach.own_code(now).items() if sha != before[file]] == [name]
        # relative imports count, or a run would be taken as done that other code makes
        assert reach.code_digest(now) != whole
        path.write_text(f"{content}# why\n", encoding="utf-8")
        assert reach.own_code(fresh()) == before
        path.write_text(content, encoding="utf-8")
    assert reach.own_code(PanelRegression) == {}


def test_a_digest_covers_what_a_class_can_reach_and_nothing_else() -> None:
    linear, spatial, moments = (modules(cls, NoDiagnostic) for cls in (PanelRegression, SpatialPanel, PanelIV))
    assert {"model.panel_regression", "model.base", "numeric.linear.within", "numeric.linear.covariance"} <= linear
    assert {"model.spatial_panel", "numeric.spatial.operator", "numeric.spatial.likelihood"} <= spatial
    assert {"model.panel_iv", "numeric.iv.anderson_rubin"} <= moments
    for own in (linear, spatial):
        assert not {name for name in own if "gmm" in name or "anderson_rubin" in name}
    assert not {name for name in moments if name.startswith(("numeric.accounts", "model.spatial_panel", "packs"))}
    # a class of the package's own room of results or panels enters by its values
    assert not {name for name in linear | spatial | moments if name.startswith(("panel", "result", "report"))}


@pytest.mark.long
def test_files_of_the_package_are_read_as_if_they_were_parsed() -> None:
    files = sorted(reach.PACKAGE.rglob("*.py"))
    assert len(files) > 300
    for file in files:
        parsed, scanned = reach.parsed(file.read_bytes()), reach.scanned(file.read_bytes())
        assert (scanned.digest, scanned.needed) == (parsed.digest, parsed.needed), file
        assert sorted(scanned.imports) == sorted(parsed.imports), file


def test_imports_inside_functions_are_followed() -> None:
    source = reach.parsed(
        b"def f():\n    if f:\n        from digicarbon.numeric.linear import within\n    return within\n"
    )
    assert [reach._home(*one) for one in source.imports] == ["digicarbon.numeric.linear.within"]
    assert reach._home("digicarbon.model", "SpatialPanel") == "digicarbon.model.spatial_panel"


def test_what_a_model_is_in_r_and_stata_changes_no_digest() -> None:
    for cls in (PanelRegression, SpatialPanel):
        assert not [name for name in modules(cls) if name.startswith(("script", "replication"))]


def test_what_is_imported_for_type_checkers_computes_nothing() -> None:
    assert "model.spatial_panel" not in modules(PanelRegression)
    assert "model.panel_regression" not in modules(SpatialPanel)
