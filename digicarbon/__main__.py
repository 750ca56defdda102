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

from digicarbon import pack
from digicarbon.cli import document, language, usage
from digicarbon.cli.arguments import flags_of
from digicarbon.errors import DigicarbonError, legible, no_end
from digicarbon.note import Language, Note
from digicarbon.note.ending import Caught, broken_pack, ended
from digicarbon.note.language import said, speak, speaking
from digicarbon.secret import hidden
from digicarbon.version import __version__

STATUS = {"FailedRunsError": 1, "PlanChangedError": 1, "UndeliveredError": 1, "WaitingRunsError": 3}
"""Exit statuses of errors by name, so that their modules need not be loaded; 2 for any other error."""
COLLECT = (1_000_000, 20, 20)
"""Thresholds of the garbage collector, instead of 700, 10 and 10. Modules, configurations and plans stay in memory: to
search them for garbage repeatedly takes a sixth of the time of a single fit."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    ``arguments``: by default those of the process.
    """
    if arguments is not None:
        return _main(list(arguments))
    gc.set_threshold(*COLLECT)
    try:
        return _main(sys.argv[1:])
    finally:
        # at its end Python deletes all objects, which takes a tenth of the time of 1,000 runs
        gc.freeze()


def _main(words: list[str]) -> int:
    with speaking(language.of_system()):
        try:
            asked, words = language.asked(words)
        except DigicarbonError as error:
            if not usage.parser().has_flag(words[0], language.FLAG):
                return _complain(error, 2)
            # the verb says it with what it takes
            asked = None
        if asked is not None:
            speak(asked)
        if not (document.FLAG in words and usage.parser().answers_with(words, document.FLAG)):
            return _told(words, asked)
        with document.opened(words[0]) as answer:
            status = _told([word for word in words if word != document.FLAG], asked)
        return status if document.written(answer.fields(status)) else 1


def _told(words: list[str], asked: Language | None) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage.usage())
        return 0
    if words[0] == "--version":
        sys.stdout.write(f"digicarbon {__version__}\n")
        return 0
    try:
        Path.cwd()
    except OSError as error:
        return _complain(Note("folder_gone", reason=error.strerror), 2)
    broken = [legible(word) for word in words if legible(word) != word]
    if broken and words[0] in flags_of():
        return _complain(Note("line_no_text", word=broken[0]), 2)
    if asked is None and (of_experiment := language.of_experiment(words[1:])) is not None:
        speak(of_experiment)
    status = 0
    with Caught() as caught:
        status = _answer(words, asked)
    if caught.note is not None:
        sys.stderr.write(hidden(caught.traceback) if _wants_traceback() else "")
        return _complain(Note("unforeseen", error=caught.note.with_texts(_in_a_line)), 70)
    return status


def _answer(words: list[str], asked: Language | None) -> int:
    try:
        _refuse_wrong_packs()
        return _dispatch(words, asked)
    except pack.BrokenPackError as error:
        if _wants_traceback():
            sys.stderr.write(hidden(traceback.format_exc()))
        return _complain(broken_pack(error), 2)
    except DigicarbonError as error:
        if _wants_traceback():
            sys.stderr.write(hidden(traceback.format_exc()))
        return _complain(error, STATUS.get(type(error).__name__, 2))
    except KeyboardInterrupt as stop:
        kept = Note("nothing_was_written") if words[0] == "data" else Note("runs_are_kept")
        return _complain(Note("command_interrupted", what=_said_of(stop) or kept), 130)
    except BrokenPipeError:
        return 1


def _refuse_wrong_packs() -> None:
    """Raise an error if a pack of another distribution cannot be loaded, or its words are wrong."""
    pack.refuse_broken()
    if pack.distributions():
        from digicarbon.note.pack_words import check_packs

        check_packs()


def _dispatch(words: list[str], asked: Language | None) -> int:
    parser = usage.parser()
    if asked is not None and parser.has_flag(words[0], language.FLAG):
        # the language of what the verb writes, too
        words = [*words, language.FLAG, asked]
    words = language.of_tables(words, asked)
    try:
        options = vars(parser.parse_args(["run", *words] if words[0] in ("-sc", "--shell-completion") else words))
    except SystemExit as end:
        # argparse has written the help
        return int(end.code or 0)
    from digicarbon.config import written

    written.forget()
    module, _, function = options.pop("function").rpartition(".")
    with no_end(_ended):
        place = import_module(module if "." in module else f"digicarbon.cli.{module}")
        answer: Callable[..., Any] = getattr(place, function)
        if "rest" not in options:
            return int(answer(**options))
    from digicarbon.cli import application

    if (answered := document.current()) is not None:
        answered.refuse_flags(options["rest"])
    if "COMP_LINE" in os.environ:
        os.environ["COMP_LINE"] = application.completion_line(os.environ["COMP_LINE"], list(parser.verbs))
    rest, flags = options["rest"], options["flags"]
    if any("hydra" in word for word in rest):
        from digicarbon.cli import habits
        from digicarbon.cli.command import warn

        rest, notes = habits.translated(rest)
        for note in notes:
            warn(note)
        rest, folder = habits.folder_of(rest)
        if words[0] == "run":
            flags["configurations"] = folder
        elif folder:
            warn(Note("hydra_folder_of_run", folder=folder, verb=words[0]))
    # Hydra ends the process itself after --hydra-help
    application.run(no_end(_ended)(partial(answer, **flags)), options["experiment"], rest)
    return 0


def _ended(error: BaseException) -> DigicarbonError:
    return ended(error, Note("own_class"))


def _wants_traceback() -> bool:
    return os.environ.get("DIGICARBON_TRACEBACK") == "1"


def _said_of(stop: KeyboardInterrupt) -> Note | str:
    """Return what the code that was interrupted says; empty if nothing."""
    first = stop.args[0] if stop.args else ""
    return first if isinstance(first, Note) else str(stop)


def _in_a_line(text: str) -> str:
    return " ".join(text.split())


def _complain(what: Note | DigicarbonError, status: int) -> int:
    if (answer := document.current()) is not None:
        answer.refuse(what)
    else:
        from digicarbon.config.written import as_written

        sys.stderr.write(f"digicarbon: {hidden(said(as_written(what)))}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
