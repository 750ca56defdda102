"""`digicarbon mcp`: a server on standard input and output."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from digicarbon.errors import ConfigError
from digicarbon.note import Note


def mcp(own_code: bool) -> int:
    """Serve the folder in which the command was started until standard input ends; return the exit status.

    ``own_code``: whether classes of the user's own are allowed. Raises ConfigError without the package ``mcp``.
    """
    if find_spec("mcp") is None:
        raise ConfigError(Note("mcp_absent", extra="pip install 'digicarbon[mcp]'"))
    from digicarbon.packs.assistant.server import server

    server(Path.cwd(), own_code).run("stdio")
    return 0
