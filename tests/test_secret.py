"""Passwords and tokens stand nowhere but in the process: not in the store, its files, an export or what is printed."""

import json
from pathlib import Path

import pytest

from digicarbon.config.assemble import Node, resolved
from digicarbon.recorded import plain
from digicarbon.secret import hidden, learn, masked
from digicarbon.tracking import _spool


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:a/b-PW@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:a@PW@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:a?PW@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:a PW@h/db", "postgresql://u:***@h/db"),
        ("postgresql://h/db?sslmode=require&password=PW", "postgresql://h/db?sslmode=require&password=***"),
        ("postgresql://h/db?user=x@y&password=PW", "postgresql://h/db?user=***&password=***"),
        ("postgresql://PW@h/db", "postgresql://***@h/db"),
        ("https://PW@h/x", "https://***@h/x"),
        ("https://PW:x-oauth@h/x", "https://***@h/x"),
        ("postgresql://u:${oc.env:NAME}@h/db", "postgresql://u:${oc.env:NAME}@h/db"),
        ("postgresql://u:${oc.env:NAME,PW}@h/db", "postgresql://u:***@h/db"),
        ("${oc.env:NAME,postgresql://u:PW@h/db}", "${oc.env:NAME,postgresql://u:***@h/db}"),
        ("sqlite:///a@b/c.db", "sqlite:///a@b/c.db"),
        # mistyped
        ("u:PW@h/db", "u:***@h/db"),
        ("u:a/b@PW@h/db", "u:***@h/db"),
        ("u:${oc.env:NAME}@h/db", "u:${oc.env:NAME}@h/db"),
        ("postgresql//u:PW@h/db", "postgresql//u:***@h/db"),
        ("postgresql:/u:PW@h/db", "postgresql:/u:***@h/db"),
        ("postgresql:///u:PW@h/db", "postgresql://u:***@h/db"),
        ("sqlite:///C:/a@b/c.db", "sqlite:///C:/a@b/c.db"),
        ("a ratio of 3:4 @ b", "a ratio of 3:4 @ b"),
    ],
)
def test_an_address_is_shown_without_its_secret(address: str, shown: str) -> None:
    assert masked(address) == shown
    assert masked(f"  uri: {address}") == f"  uri: {shown}"


def test_the_secret_of_a_mistyped_address_is_known() -> None:
    learn("u:mistyped-PW@h/db")
    learn("postgresql:///u:slashed-PW@h/db")
    assert hidden("mistyped-PW, slashed-PW") == "***, ***"


def test_a_driver_says_no_piece_of_a_secret() -> None:
    learn("postgresql://u:first/second@third9@h/db")
    assert (
        hidden("cannot resolve host 'third9@h'; invalid port: 'first'")
        == "cannot resolve host '***@h'; invalid port: '***'"
    )


def test_a_word_of_the_environment_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_WORD", "PLANTED")
    nodes = {
        "tracking": Node("tracking", {"uri": "postgresql://u:${oc.env:A_WORD}@h/db"}),
        "source": Node("source", {"folder": "${oc.env:A_WORD}/x", "copy": "${tracking.uri}"}),
    }
    assert "PLANTED" in json.dumps(resolved(nodes))
    kept = resolved({group: node.seal() for group, node in nodes.items()})
    assert "PLANTED" not in json.dumps(kept)
    assert kept["source"]["copy"] == "postgresql://u:${oc.env:A_WORD}@h/db"
    # read again it comes to the same; the store's own words are not asked for
    assert plain("source: {folder: '${oc.env:A_WORD}/x'}\ntracking: {uri: '${oc.env:NOT_THERE}'}", "id") == {
        "source": {"folder": "PLANTED/x"},
        "tracking": {"uri": "${oc.env:NOT_THERE}"},
    }


def test_a_spool_of_another_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "temporary"
    monkeypatch.setattr(_spool, "fallback", lambda: home)
    sweep = {"uri": "x", "experiment": "x", "experiment_id": "1", "parent_id": "abc", "artifacts": "file:///x"}
    folder = home / "abc"
    _spool.make_own(home, folder)
    assert home.stat().st_mode & 0o777 == folder.stat().st_mode & 0o777 == 0o700
    (folder / "sweep.json").write_text(json.dumps(sweep))
    assert [spool.folder for spool in _spool.spools()] == [folder]
    (folder / "sweep.json").write_text(json.dumps({**sweep, "parent_id": "../../up"}))
    assert not list(_spool.spools())
    (folder / "sweep.json").write_text(json.dumps(sweep))
    home.chmod(0o777)
    assert not list(_spool.spools())
    with pytest.raises(PermissionError, match="open to others"):
        _spool.make_own(home)
