"""Errors that are sentences: what is wrong, where, what is allowed and what to do."""

from __future__ import annotations

import difflib
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Self


class DigicarbonError(Exception):
    """Base of all errors that a user can mend; its text is shown without a traceback.

    Parameters
    ----------
    said : Note or str
        What is wrong, what is allowed and what to do: a `digicarbon.note.Note`, whose words are made when they are
        shown; a class of one's own may give a sentence.
    where : str
        As the attribute.

    Attributes
    ----------
    to_correct : bool
        Whether a file or a field is wrong in itself; others may be a combination of choices that cannot run.
    where : str
        What sets what is wrong: the file, with a key of it if need be, or the command line; empty if not known.
    """

    to_correct: bool = False
    where: str = ""

    def __init__(self, said: object = "", where: str = "") -> None:
        super().__init__(said)
        self.where = where

    def __str__(self) -> str:
        """Return the English words."""
        return f"{self.where}: {self.said}" if self.where else str(self.said)

    @property
    def said(self) -> Any:
        """The note or sentence, without `where`."""
        return self.args[0]

    @property
    def key(self) -> str:
        """The dotted key that is wrong, as its note tells; empty where there is none."""
        return str(getattr(self.said, "key", ""))

    def anew(self, said: object, where: str = "") -> Self:
        """Return the same error with another note and place; what else it holds stays."""
        other = type(self).__new__(type(self), said)
        other.__dict__ |= self.__dict__ | {"where": where}
        return other


class ConfigError(DigicarbonError):
    """A configuration file or an override is wrong."""

    to_correct = True


class DataError(DigicarbonError):
    """A file, a column, a unit or a value is wrong or missing."""


class WeightsError(DigicarbonError):
    """A spatial weight matrix is wrong or does not fit the panel."""


class EstimationError(DigicarbonError):
    """A model cannot be estimated from this panel."""


class TrackingError(DigicarbonError):
    """Results cannot be written or read."""


class Interrupt(KeyboardInterrupt):
    """The user or the system asked this command to end; a plain `KeyboardInterrupt` may come from a model."""


class Caught(AbstractContextManager["Caught"]):
    """Keeps whatever its block raises, be it foreseen or not.

    Parameters
    ----------
    foreign : str
        Whose code runs in the block, e.g. ``The code of MyModel``. What it raises to end the process, e.g.
        `SystemExit`, is then kept, too; an `Interrupt` never is. Empty for code of ours.

    Attributes
    ----------
    sentence : str
        Empty if nothing was raised. It can be written as UTF-8, and so can the traceback.
    traceback : str
    """

    sentence: str = ""
    traceback: str = ""

    def __init__(self, foreign: str = "") -> None:
        self._foreign = foreign

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, DigicarbonError):
            self.sentence = legible(str(error))
        elif isinstance(error, Exception):
            self.sentence = legible(f"{type(error).__name__}: {text_of(error)}")
        elif error is not None and self._foreign and not isinstance(error, Interrupt):
            self.sentence = f"{self._foreign} {_asked(error)}; it must return a result or raise an error."
        else:
            return False
        self.traceback = legible("".join(traceback.format_exception(kind, error, trace)))
        return True


@contextmanager
def no_end(refusal: Callable[[BaseException], DigicarbonError]) -> Iterator[None]:
    """Turn what a user's code raises to end the process, e.g. `SystemExit`, into an error; Ctrl-C stays what it is.

    Parameters
    ----------
    refusal : callable
        Returns the error, e.g. `digicarbon.note.ending.ended`.

    Raises
    ------
    DigicarbonError
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise refusal(error) from error


@contextmanager
def told_apart() -> Iterator[None]:
    """Have Ctrl-C raise `Interrupt` in this block, so that a plain `KeyboardInterrupt` there was raised by code."""
    own = threading.current_thread() is threading.main_thread()
    # another handler is somebody's own, and none is heard where the signal is ignored
    if not own or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupt


def legible(text: str) -> str:
    """Return a text that can be written as UTF-8: half a letter (a lone surrogate) becomes its number."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _asked(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return legible(f"asked to end the process (exit status {text_of(error)})")
    return legible(f"raised {type(error).__name__}, which ends a process ({text_of(error) or 'without a reason'})")


def text_of(error: BaseException) -> str:
    """Return what an error says; one of a user's own class may fail to."""
    with suppress(Exception):
        return str(error)
    return "its text cannot be shown"


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def listing(items: Iterable[object], most: int = 6) -> str:
    """Return ``items`` as a comma-separated text, cut after ``most`` with a count of the rest."""
    texts = [str(item) for item in items]
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"


def columns_there(names: Iterable[object], text: Iterable[object] = (), most: int = 40) -> str:
    """Return ``Columns: a, 'b, c', d (text).``: names that hold a blank or a comma in quotation marks.

    Parameters
    ----------
    names : iterable
        Columns, those of text among them or not.
    text : iterable
        Which of these, or which further ones, hold text where a model needs numbers.
    most : int
        As for `listing`.
    """
    words = set(map(str, text))
    every = dict.fromkeys([*map(str, names), *map(str, text)])
    return f"Columns: {listing((_quoted(name) + ' (text)' * (name in words) for name in every), most)}."


def _quoted(name: str) -> str:
    return repr(name) if "," in name or name.split() != [name] else name


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest of ``allowed``, whatever its case, or an empty text."""
    close = closest(word, allowed)
    return f" Did you mean '{close}'?" if close else ""


def closest(word: str, allowed: Iterable[str]) -> str:
    """Return the closest of ``allowed``, whatever its case; an empty text where none is close."""
    by_form: dict[str, str] = {}
    for item in allowed:
        by_form.setdefault(item.casefold(), item)
    close = difflib.get_close_matches(word.casefold(), by_form, n=1, cutoff=0.6)
    return by_form[close[0]] if close else ""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, e.g. ``1 unit`` or ``3 units``; ``plural`` where it is not noun + s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
