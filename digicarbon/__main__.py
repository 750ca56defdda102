"""The command line: a Hydra application behind a few verbs."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from digicarbon.errors import Caught, DigicarbonError, nearest

USAGE = """\
digicarbon: one YAML per table, every specification fitted and logged

  digicarbon run [EXPERIMENT] [overrides]     fit one run, or all runs of an experiment
  digicarbon run EXPERIMENT --force           fit all runs again, also those that are recorded
  digicarbon run -m model=twfe,sdm 'weights=glob(*)'    sweep in Hydra's grammar
  digicarbon plan [EXPERIMENT] [overrides]    list what would run; fit nothing; --all shows each of many runs
  digicarbon check [EXPERIMENT] [overrides]   check configurations and data; fit nothing
  digicarbon list [GROUP [OPTION]] [-v]       options of a config group, or all groups; `experiments` is one; -v: fields
  digicarbon data import KIND FILES… --to FOLDER        raw downloads become a data folder
  digicarbon data status|check|show           what a folder holds, what is odd in it, what a run's panel was made from
  digicarbon report EXPERIMENT --out FOLDER   a page of what is recorded, with its tables for Word, Excel and LaTeX
  digicarbon rerun RUN_ID                     fit a recorded run again and compare every number
  digicarbon export RUN_OR_EXPERIMENT --to DIR          data, weights, YAML, and scripts for Stata and R that check it
  digicarbon deliver [EXPERIMENT]             record runs that wait on this disk for a store that did not take them
  digicarbon new FOLDER [--language zh]       a small study that runs at once, to begin your own with
  digicarbon schema [--to FOLDER]             JSON Schema, by which an editor completes and checks YAML files
  digicarbon ui [EXPERIMENT]                  MLflow's interface on the project's store
  digicarbon --version

Overrides are `group=option` or `group.field=value`; your own ./conf and ./experiments come before the shipped ones.
`digicarbon run EXPERIMENT --cfg job` prints the composed configuration; --config-dir, --info and the tab completion of
Hydra work as its documentation says. DIGICARBON_TRACEBACK=1 shows a traceback with an error.
"""

HYDRA_VERBS = {"run": "run", "plan": "plan_", "check": "check"}
FLAGS = {"run": {"--force": "force"}, "plan": {"--all": "every"}}
"""Flags of ours, which Hydra does not know, and the verb's argument that each switches on."""
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
WITH_VALUE = frozenset(
    {
        "-c",
        "--cfg",
        "-p",
        "--package",
        "-cd",
        "--config-dir",
        "-cp",
        "--config-path",
        "-cn",
        "--config-name",
        "-i",
        "--info",
    }
)
"""Hydra's flags that the next word belongs to."""
VERBS = (*HYDRA_VERBS, *PLAIN_VERBS)
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
        sys.stdout.write(USAGE)
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
    status = 0
    with Caught() as caught:
        status = _answer(given)
    if caught.sentence:
        sys.stderr.write(caught.traceback if _wants_traceback() else "")
        return _complain(
            f"unexpected error {' '.join(caught.sentence.split())}; set DIGICARBON_TRACEBACK=1 and report it", 70
        )
    return status


def _answer(given: list[str]) -> int:
    try:
        return _dispatch(given)
    except DigicarbonError as error:
        if _wants_traceback():
            traceback.print_exc()
        return _complain(str(error), 2 if type(error).__name__ != "FailedRunsError" else 1)
    except KeyboardInterrupt as stop:
        return _complain(f"Interrupted; {str(stop) or 'the runs written so far are kept.'}", 130)
    except BrokenPipeError:
        return 1


def _dispatch(given: list[str]) -> int:
    if given[0] in ("-sc", "--shell-completion"):
        return _hydra("run", "config", given)
    verb, rest = given[0], given[1:]
    if verb not in VERBS:
        hint = nearest(verb, VERBS) or f" Verbs: {', '.join(VERBS)}."
        return _complain(f"There is no command '{verb}'.{hint} `digicarbon --help` lists them.", 2)
    if verb in PLAIN_VERBS:
        module, _, function = PLAIN_VERBS[verb].partition(".")
        return int(getattr(import_module(f"digicarbon.{module}"), function)(rest))
    experiment = "config"
    if rest and not rest[0].startswith("-") and "=" not in rest[0]:
        experiment = rest[0].replace("\\", "/").removeprefix("./").removeprefix("experiments/").removesuffix(".yaml")
        rest = rest[1:]
    if stray := _stray(rest):
        others = shlex.join(word for word in rest if word != stray)
        return _complain(
            f"'{stray}' is no override (group=option or group.field=value). An experiment comes first, before flags "
            f"such as -m, and one at a time: digicarbon {verb} {shlex.quote(stray)} {others}".rstrip(),
            2,
        )
    return _hydra(verb, experiment, rest)


def _stray(rest: Sequence[str]) -> str:
    """Return the first word that is neither a flag, nor its value, nor an override; empty if there is none."""
    for before, word in zip(("", *rest), rest, strict=False):
        if word and not word.startswith(("-", "~")) and "=" not in word and before not in WITH_VALUE:
            return word
    return ""


def _hydra(verb: str, experiment: str, rest: Sequence[str]) -> int:
    from digicarbon import application

    command: Callable[..., Any] = getattr(import_module("digicarbon.command"), HYDRA_VERBS[verb])
    flags = FLAGS.get(verb, {})
    command = partial(command, **{flags[word]: True for word in rest if word in flags})
    rest = [word for word in rest if word not in flags]
    if "COMP_LINE" in os.environ:
        os.environ["COMP_LINE"] = application.completion_line(os.environ["COMP_LINE"], VERBS)
    application.run(command, experiment, rest)
    return 0


def _wants_traceback() -> bool:
    return os.environ.get("DIGICARBON_TRACEBACK") == "1"


def _complain(sentence: str, status: int) -> int:
    sys.stderr.write(f"digicarbon: {sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
