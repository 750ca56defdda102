"""Errors as sentences: what is wrong, where, what is allowed and what to do."""

from __future__ import annotations

import difflib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType, MappingProxyType
from typing import Any, Self

COMMAND_LINE = "command line"
"""The place of what a command sets, in `DigicarbonError.where`; a comma and a key may follow."""


class DigicarbonError(Exception):
    """Base class of all errors that a user can correct; its text is shown without a traceback.

    Parameters
    ----------
    said : Note or str
        What is wrong, what is allowed and what to do: a `digicarbon.note.Note`, whose words are made when they are
        shown. A user's own class may pass a sentence.
    where : str
        See the attribute.

    Attributes
    ----------
    to_correct : bool
        Whether the user has to correct a file or a field; if not, only a combination of choices may be impossible.
    where : str
        Where the wrong value is set: a file, possibly with a key, or the command line; empty if unknown.
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
        """The dotted key that is wrong, from the note; empty if there is none."""
        return str(getattr(self.said, "key", ""))

    def anew(self, said: object, where: str = "") -> Self:
        """Return the same error with another note and place; its other attributes stay."""
        copy = type(self).__new__(type(self), said)
        copy.__dict__ |= self.__dict__ | {"where": where}
        return copy


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


@contextmanager
def no_end(refusal: Callable[[BaseException], DigicarbonError]) -> Iterator[None]:
    """Turn an exception of user code that ends the process, e.g. `SystemExit`, into an error, but not Ctrl-C.

    ``refusal``: returns the error, e.g. `digicarbon.note.ending.ended`.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise refusal(error) from error


@contextmanager
def told_apart() -> Iterator[None]:
    """Let Ctrl-C raise `Interrupt` in this block, so that a plain `KeyboardInterrupt` can come only from code."""
    is_main = threading.current_thread() is threading.main_thread()
    # another handler belongs to other code, and an ignored signal raises nothing
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
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


def text_of(error: BaseException) -> str:
    """Return the text of an error; a user's own class may fail to provide it."""
    with suppress(Exception):
        return str(error)
    return "its text cannot be shown"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its class name if the text is empty."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def listing(items: Iterable[object]) -> str:
    """Return items as a comma-separated text: the first six, and the number of the others."""
    texts = [str(item) for item in items]
    return ", ".join(texts[:6]) + (f" and {len(texts) - 6} more" if len(texts) > 6 else "")


OTHER_NAMES = {
    **dict.fromkeys(("ols", "pols", "lm", "reg"), "pooled"),
    **dict.fromkeys(("within", "xtreg"), "fe"),
    **dict.fromkeys(("reghdfe", "feols", "areg"), "twfe"),
    **dict.fromkeys(("2sls", "tsls", "ivreg", "ivreg2", "ivreghdfe"), "iv"),
    **dict.fromkeys(("durbin", "spdm"), "sdm"),
    **dict.fromkeys(("lag", "slm"), "sar"),
    **dict.fromkeys(("error", "spatial_error"), "sem"),
    **dict.fromkeys(("gmm", "xtabond2"), "gmm_system"),
    **dict.fromkeys(("diffgmm", "xtabond"), "gmm_difference"),
    **dict.fromkeys(("vce", "se", "std_errors"), "cluster"),
    **dict.fromkeys(("digits", "bdec"), "report.decimals decimals"),
    **dict.fromkeys(("dep", "depvar", "dependent", "lhs"), "y"),
    **dict.fromkeys(("indep", "indepvars", "independent", "regressors", "rhs", "treatment"), "x"),
    **dict.fromkeys(("covariates", "covars", "controlvars"), "controls"),
    **dict.fromkeys(("id", "entity", "panelvar", "individual"), "unit"),
    **dict.fromkeys(("timevar", "period"), "time"),
    **dict.fromkeys(("file", "filename"), "path data"),
    **dict.fromkeys(("w", "wmat", "wmatrix", "matrix", "spatial_weights"), "weights"),
    **dict.fromkeys(("years", "subset", "sample.years"), "sample.first first sample"),
    **dict.fromkeys(("if", "filter", "keep", "rows", "sample.where", "sample.if"), "where sample.query query"),
    **dict.fromkeys(("winsorize", "winsorise", "winsor", "winsor2", "panel.winsorize"), "sample.winsorise winsorise"),
    **dict.fromkeys(("t", "tstat", "parentheses", "report.parentheses", "report.below"), "report.beneath beneath"),
    **dict.fromkeys(("robust", "hc0", "hc1", "hc2", "hc3"), "cov=robust robust cov"),
    **dict.fromkeys(("both", "twoways", "twoway", "two-way", "two_ways"), "two_way"),
    **dict.fromkeys(("table", "tables", "esttab", "outreg2", "etable"), "regression"),
    "fe": "effects",
    "re": "random",
    "fd": "first_difference",
    "cs": "callaway_santanna",
}
"""Words of Stata, R and papers for what has another name here; of several the first one that is allowed counts."""


def closest(word: str, allowed: Iterable[str], others: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the one of ``allowed`` that is the word's other name or the closest, ignoring case; else an empty text.

    ``others``: other names of words, `OTHER_NAMES` where the words are the package's own. Names in a user's data, which
    may be the same, have none.
    """
    by_form: dict[str, str] = {}
    for item in allowed:
        by_form.setdefault(item.casefold(), item)
    bare = word.casefold().lstrip("-")
    for other in others.get(bare, bare).split():
        # a flag's suggestion is a flag
        for form in (other, f"--{other}"):
            if form in by_form:
                return by_form[form]
        # the field of a group, where groups are allowed
        if other.partition(".")[0] in by_form and "." in other:
            return other
    matches = difflib.get_close_matches(word.casefold(), by_form, n=1, cutoff=0.65)
    return by_form[matches[0]] if matches else ""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, e.g. ``1 unit`` or ``3 units``; ``plural`` if it is not noun + s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
