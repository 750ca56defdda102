"""The server: each tool is a command in a process of its own, which `digicarbon.packs.assistant.command` confines.

What such a process prints never reaches the protocol, its modules are those of today's files, and an assistant that
stops waiting ends it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from digicarbon.packs.assistant.command import OWN_CODE
from digicarbon.version import __version__

INSTRUCTIONS = """\
digicarbon estimates spatial panel models from experiment files in the folder experiments/, one file per table.
Look for options with list_options, change an experiment with overrides such as model=sdm or model.effects=time, check
it, then run it. Each answer is a JSON document: status is 0 if all went well, else errors say what is wrong,
where, and what is allowed."""
Answer = dict[str, Any]
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


def server(folder: Path, own_code: bool) -> MCPServer:
    """Return a server for a study's folder; ``own_code``: whether classes of the user's own are allowed."""
    made = MCPServer("digicarbon", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING")
    # two commands would share cores and store
    one_at_a_time = anyio.Lock()

    async def answer(verb: str, *words: str) -> Answer:
        flags = [OWN_CODE] if own_code else []
        command = [sys.executable, "-m", "digicarbon.packs.assistant.command", *flags, verb, *words]
        # modules are those that are installed, not files of the folder that happen to have their names
        environment = os.environ | {"PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}
        async with one_at_a_time:
            done = await anyio.run_process(command, stdin=DEVNULL, cwd=folder, env=environment, check=False)
        try:
            result: Answer = json.loads(done.stdout)
        except ValueError:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise ToolError(f"digicarbon {verb} ended with status {done.returncode}. {''.join(last)}") from None
        return result

    async def list_options(group: str = "", option: str = "") -> Answer:
        """List the groups; the options of a group; the fields of an option; or what an experiment is made of.

        group: e.g. model, weights, or experiments; empty for all groups. option: e.g. sdm; empty for all options.
        """
        return await answer("list", *filter(None, (group, option)))

    async def schema(group: str, option: str) -> Answer:
        """Return the JSON Schema of the fields of an option, e.g. of model and sdm."""
        return await answer("schema", group, option)

    async def read(files: list[str]) -> Answer:
        """Say what files of data hold, as text, and which lines of an experiment read them; nothing is written.

        files: e.g. ["panel.csv"], in the folder of the study.
        """
        return await answer("read", *files)

    async def check(experiment: str = "", overrides: list[str] | None = None) -> Answer:
        """Check an experiment against its data and return its runs, or what is wrong; nothing is fitted.

        experiment: the name of a file in experiments/; empty for the default one. overrides: e.g. ["model=sdm",
        "model.controls=[ln_pgdp]"].
        """
        return await answer("check", *_words(experiment, overrides))

    async def plan(experiment: str = "", overrides: list[str] | None = None) -> Answer:
        """Return the runs of an experiment, which of them are recorded, and how long the others take.

        experiment, overrides: as in check.
        """
        return await answer("plan", *_words(experiment, overrides))

    async def run(experiment: str = "", overrides: list[str] | None = None) -> Answer:
        """Fit the runs of an experiment that are not recorded yet, record them, and return the table in Markdown.

        experiment, overrides: as in check.
        """
        return await answer("run", *_words(experiment, overrides))

    async def table(experiment: str = "") -> Answer:
        """Return the table of the newest recorded sweep of an experiment in Markdown; nothing is fitted."""
        return await answer("table", *_words(experiment, None))

    async def compare(first: str, second: str) -> Answer:
        """Compare two recorded sweeps: which numbers moved, and by what.

        first, second: an experiment for its newest sweep, EXPERIMENT@COMMIT, or the id of a sweep or a run.
        """
        return await answer("compare", first, second)

    for tool in (list_options, schema, read, check, plan, table, compare):
        made.add_tool(tool, annotations=_READS)
    made.add_tool(run, annotations=_WRITES)
    return made


def _words(experiment: str, overrides: list[str] | None) -> list[str]:
    return [*filter(None, [experiment]), *(overrides or ())]
