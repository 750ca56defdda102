"""The command line: a Hydra application behind a few verbs."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from digicarbon.cli import usage
from digicarbon.cli.arguments import FLAGS, read
from digicarbon.errors import Caught, DigicarbonError, legible, nearest, no_end
from digicarbon.secret import hidden

HYDRA_VERBS = {"run": "run", "plan": "plan_", "check": "check"}
OWN = "A class of your own"
PLAIN_VERBS = {
    "list": "command.list_",
    "ui": "ui.ui",
    "rerun": "rerun.rerun",
    "export": "export.export",
    "deliver": "deliver.deliver",
    "data": "data_command.data",
    "report": "report_command.report",
    "new": "new.new",
    "schema": "schema.schema",
}
VERBS = (*HYDRA_VERBS, *PLAIN_VERBS)
STATUS = {"FailedRunsError": 1, "WaitingRunsError": 3}
"""Exit statuses of errors by their names, whose modules need not be loaded; 2 for any other."""
COLLECT = (50_000, 20, 20)
"""Thresholds of the garbage collector, for 700, 10 and 10. Modules, configurations and plans stay: to search them for
garbage again and again is a sixth of the time of a single fit."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    if arguments is not None:
        return _main(list(arguments))
    gc.set_threshold(*COLLECT)
    try:
        return _main(sys.argv[1:])
    finally:
        # at its end Python takes apart all that is left, a tenth of the time of 1,000 runs
        gc.freeze()


def _main(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage.USAGE)
        return 0
    if given[0] == "--version":
        sys.stdout.write(f"digicarbon {import_module('digicarbon').__version__}\n")
        return 0
    try:
        Path.cwd()
    except OSError as error:
        return _complain(
            f"The folder that this command was started in is gone ({error.strerror}): it was deleted or moved. Go to "
            "one that is there (cd), and start the command again.",
            2,
        )
    broken = [legible(word) for word in given if legible(word) != word]
    if broken and given[0] in HYDRA_VERBS:
        return _complain(f"command line: '{broken[0]}' is no text in UTF-8; write it anew.", 2)
    status = 0
    with Caught() as caught:
        status = _answer(given)
    if caught.sentence:
        sys.stderr.write(hidden(caught.traceback) if _wants_traceback() else "")
        return _complain(
            f"unexpected error {' '.join(caught.sentence.split())}; set DIGICARBON_TRACEBACK=1 and report it", 70
        )
    return status


def _answer(given: list[str]) -> int:
    try:
        return _dispatch(given)
    except DigicarbonError as error:
        if _wants_traceback():
            sys.stderr.write(hidden(traceback.format_exc()))
        return _complain(str(error), STATUS.get(type(error).__name__, 2))
    except KeyboardInterrupt as stop:
        return _complain(f"Interrupted; {str(stop) or 'the runs written so far are kept.'}", 130)
    except BrokenPipeError:
        return 1


def _dispatch(given: list[str]) -> int:
    if given[0] in ("-sc", "--shell-completion"):
        return _hydra("run", *read("run", given))
    verb, rest = given[0], given[1:]
    if verb in usage.HELP and usage.is_asked_for(verb, rest):
        sys.stdout.write(usage.HELP[verb])
        return 0
    if verb not in VERBS:
        hint = nearest(verb, VERBS) or f" Verbs: {', '.join(VERBS)}."
        return _complain(f"There is no command '{verb}'.{hint} `digicarbon --help` lists them.", 2)
    if verb in PLAIN_VERBS:
        module, _, function = PLAIN_VERBS[verb].partition(".")
        with no_end(OWN):
            return int(getattr(import_module(f"digicarbon.cli.{module}"), function)(rest))
    return _hydra(verb, *read(verb, rest))


def _hydra(verb: str, experiment: str, flags: Sequence[str], rest: Sequence[str]) -> int:
    from digicarbon.cli import application

    command: Callable[..., Any] = getattr(import_module("digicarbon.cli.command"), HYDRA_VERBS[verb])
    command = partial(command, **{FLAGS[verb][flag]: True for flag in flags})
    if "COMP_LINE" in os.environ:
        os.environ["COMP_LINE"] = application.completion_line(os.environ["COMP_LINE"], VERBS)
    # Hydra ends the process itself after --help
    application.run(no_end(OWN)(command), experiment, rest)
    return 0


def _wants_traceback() -> bool:
    return os.environ.get("DIGICARBON_TRACEBACK") == "1"


def _complain(sentence: str, status: int) -> int:
    sys.stderr.write(f"digicarbon: {hidden(sentence)}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
