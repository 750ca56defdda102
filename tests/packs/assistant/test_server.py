"""`digicarbon mcp` as an assistant uses it: the client of the protocol's own package starts it and calls its tools."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Coroutine
from importlib import util
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import REPOSITORY, skip

from digicarbon.__main__ import main

Call = Callable[..., Coroutine[Any, Any, dict[str, Any]]]
EXPERIMENT = (
    "defaults: [table3_baseline, _self_]\nreplace: columns\ncolumns: {FE(1): {measure: ddl}, FE(2): {measure: ide}}\n"
)
OWN = "import digicarbon as dc\nprint('printed by mine')\nclass Mine(dc.PanelRegression):\n    pass\n"


def served(folder: Path, use: Callable[[Any, Call], Coroutine[Any, Any, None]], *flags: str) -> None:
    """Start the server in a folder, and use its client and a function that returns a tool's answer."""
    if util.find_spec("mcp") is None:
        skip("the package mcp is not installed")
    from mcp import Client, StdioServerParameters

    command = StdioServerParameters(
        command=sys.executable, args=["-P", "-m", "digicarbon", "mcp", *flags], cwd=folder, env=dict(os.environ)
    )

    async def session() -> None:
        async with Client(command) as client:

            async def call(tool: str, **arguments: Any) -> dict[str, Any]:
                result = await client.call_tool(tool, arguments)
                assert not result.is_error, result
                assert json.loads(result.content[0].text) == result.structured_content
                return dict(result.structured_content)

            await use(client, call)

    anyio.run(session)


@pytest.fixture
def study(project: Path) -> Path:
    (project / "experiments").mkdir()
    (project / "experiments" / "main.yaml").write_text(EXPERIMENT, encoding="utf-8")
    shutil.copy(REPOSITORY / "docs" / "example" / "panel.csv", project)
    (project / "mine.py").write_text(OWN, encoding="utf-8")
    # a module of a name that others import
    (project / "calendar.py").write_text("raise ValueError('not this one')\n", encoding="utf-8")
    return project


@pytest.mark.long
def test_from_the_options_to_the_table(study: Path) -> None:
    async def use(client: Any, call: Call) -> None:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"list_options", "schema", "read", "check", "plan", "run", "table", "compare"}
        models = (await call("list_options", group="model"))["options"]
        assert {"twfe", "sdm"} <= {option["name"] for option in models}
        fields = (await call("schema", group="model", option="sdm"))["json_schema"]["definitions"]
        assert "durbin" in fields["digicarbon.model.spatial_panel.SpatialPanel"]["properties"]
        assert "panel.csv" in (await call("read", files=["panel.csv"]))["text"]
        (refused,) = (await call("check", experiment="main", overrides=["model=sdmm"]))["errors"]
        assert refused["code"] == "no_such_option"
        (checked,) = (await call("check", experiment="main", overrides=["model=fe"]))["experiments"]
        assert [run["label"] for run in checked["runs"]] == ["FE(1)", "FE(2)"]
        nothing = (await call("table", experiment="main"))["errors"]
        assert len(nothing) == 1
        (fitted,) = (await call("run", experiment="main"))["experiments"]
        assert (fitted["recorded"], fitted["failed"]) == (2, 0)
        (planned,) = (await call("plan", experiment="main"))["experiments"]
        assert {run["state"] for run in planned["runs"]} == {"done"}
        (shown,) = (await call("table", experiment="main"))["experiments"]
        assert shown["sweep"] == fitted["sweep"]
        assert shown["table"].splitlines()[2:8] == fitted["table"].splitlines()[2:8]
        same = await call("compare", first="main", second=fitted["sweep"])
        assert "2 runs in both, none moved" in same["text"]

    served(study, use)


@pytest.mark.long
def test_what_is_outside_is_refused(study: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "panel.csv"
    outside.write_text("unit,time,y,x\na,1,2,3\n", encoding="utf-8")
    (study / "link.csv").symlink_to(outside)
    table = "defaults: [config, override source: table, _self_]\nsource: {path: %s, unit: unit, time: time}\n"
    for name, path in (("far", outside), ("linked", "link.csv")):
        (study / "experiments" / f"{name}.yaml").write_text(table % path, encoding="utf-8")
    (outside.parent / "there.yaml").write_text(EXPERIMENT, encoding="utf-8")
    inherits = f"defaults: [../../{outside.parent.name}/there, _self_]\n"
    (study / "experiments" / "heir.yaml").write_text(inherits, encoding="utf-8")

    async def use(client: Any, call: Call) -> None:
        async def code(tool: str = "check", **arguments: Any) -> str:
            answer = await call(tool, **arguments)
            assert answer["status"] == 2
            return str(answer["errors"][0]["code"])

        for name in ("far", "linked"):
            assert await code(experiment=name) == "confined_place"
        assert await code(experiment=f"../../{outside.parent.name}/there") == "confined_place"
        assert await code(experiment="heir") != "unforeseen"
        for word in (f"source.path={outside}", "tracking.uri=sqlite:////tmp/other.db", "tracking.uri=http://far:5000"):
            assert await code(experiment="main", overrides=["source=table", word]) == "confined_place"
        assert await code(experiment="main", overrides=["tracking.uri='http://far:5000'"]) == "confined_place"
        for word in ("executor.address=far:1", "executor.address=tcp://far:1"):
            refused = await code("run", experiment="main", overrides=["executor=dask", word])
            assert refused.startswith("confined_")
        shell = ["executor=slurm", "executor.prologue=[touch made]"]
        assert await code("run", experiment="main", overrides=shell) == "confined_reach"
        assert await code("read", files=[str(outside)]) == "confined_place"
        assert await code("read", files=["link.csv"]) == "confined_place"
        assert await code("compare", first="main", second=str(outside.parent)) == "confined_place"
        for word in ("--config-dir=/tmp", "hydra.searchpath=[/tmp]", "--force"):
            assert await code(experiment="main", overrides=[word]) == "mcp_word"
        assert await code(experiment="main", overrides=["model._target_=mine.Mine"]) == "confined_code"

    served(study, use)
    assert not (study / "made").exists()


@pytest.mark.long
def test_own_code_if_it_is_allowed(study: Path) -> None:
    async def use(client: Any, call: Call) -> None:
        (checked,) = (await call("check", experiment="main", overrides=["model._target_=mine.Mine"]))["experiments"]
        assert len(checked["runs"]) == 2

    served(study, use, "--own-code")


def test_the_extra_is_named_where_it_is_absent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("digicarbon.packs.assistant.cli.mcp.find_spec", lambda name: None)
    assert main(["mcp"]) == 2
    assert "pip install 'digicarbon[mcp]'" in capsys.readouterr().err
