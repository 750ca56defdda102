"""Functions that all pictures use: the figure, its style, its fonts, and the bytes of its file."""

from __future__ import annotations

import io
import logging
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial, wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypedDict, cast

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.country import country
from digicarbon.data import unit_words, words
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Given = ParamSpec("_Given")
Format = Literal["png", "svg", "pdf"]
Language = Literal["en", "zh"]
Naming = Mapping[str, str] | Callable[[str], str] | None
"""What a term is called: by a mapping, by a function, or by itself."""

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#595959"
"""From Okabe & Ito's colours, which the colour-blind can distinguish; printed in grey, their lightness differs."""
SERIES = (
    (BLUE, "o"), (ORANGE, "s"), ("#009E73", "^"), ("#000000", "D"),
    ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"), (GREY, "h"),
)  # fmt: skip
"""Colour and marker of each series; in print without colour the markers differ."""

_STYLE = {
    "font.size": 9.0, "axes.labelsize": 9.0, "axes.titlesize": 9.0, "legend.fontsize": 8.0,
    "xtick.labelsize": 8.0, "ytick.labelsize": 8.0, "axes.linewidth": 0.6, "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "axes.spines.top": False, "axes.spines.right": False, "hatch.linewidth": 0.6,
    "legend.frameon": False, "axes.unicode_minus": True, "text.parse_math": False,
}  # fmt: skip
_SUPERSCRIPTS = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
_BASE = "DejaVu Sans"
_PREFERRED = (
    *("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Songti SC", "SimSun"),
    *("Noto Serif CJK SC", "Source Han Serif SC", "Droid Sans Fallback", "Arial Unicode MS", "AR PL UMing CN"),
)
"""Names of fonts with Chinese letters; the first one that is installed is used."""


@contextmanager
def drawing() -> Iterator[None]:
    """Set fonts and lines for pictures that are drawn in this context; a `ConfigError` without matplotlib."""
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise ConfigError(Note("needs_matplotlib")) from error
    # ignores the user's settings, so that the same input gives the same bytes everywhere
    style: Any = {**matplotlib.rcParamsDefault, **_STYLE, "font.family": list(families())}
    with matplotlib.rc_context(style), _silent("matplotlib.font_manager"):
        yield


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Hide a logger's warnings: that a font has no bold variant need not concern a user."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def new_figure(width: float, height: float, maps: bool = False) -> Figure:
    """Return an empty figure of a size in inches, whose parts make room for each other; maps keep their proportions."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="compressed" if maps else "constrained")


def one_panel(frame: Frame, width: float, height: float) -> tuple[Figure, Axes, Words]:
    """Return a figure of a size in inches, its one panel, and the words of the picture within a frame."""
    figure = new_figure(width, height)
    return figure, figure.subplots(), Words.of(frame)


def rendered(figure: Figure, kind: Format) -> bytes:
    """Return a figure as the content of a file; the same figure gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    # without this, svg and pdf contain the time and random names
    dates: Mapping[Format, str] = {"svg": "Date", "pdf": "CreationDate"}
    about: dict[str, str | None] = {dates[kind]: None} if kind in dates else {}
    if title := figure.get_suptitle():
        # screen readers read the title of an svg aloud
        about["Title"] = title.replace("\n", " ")
    with drawing(), matplotlib.rc_context({"svg.hashsalt": "digicarbon"}):
        _plain_letters(figure)
        if figure.get_layout_engine() is not None:
            # a second layout would start from the first one: lay out once, so that all formats show the same picture;
            # a figure that still has an engine is drawn twice for each file
            figure.draw_without_rendering()
            figure.set_layout_engine(None)
        figure.savefig(buffer, format=kind, dpi=200, metadata=about)
    return buffer.getvalue()


def head(figure: Figure, title: str, simulated: bool, language: Language) -> None:
    """Write the title above a figure, with a mark if its data are simulated."""
    # the English word in every language: nobody may take drawn numbers for real ones
    mark = {"en": words()["simulated"]["en"], "zh": f"SIMULATED：{words()['simulated']['zh']}"}[language]
    text = " ".join([title, f"({mark})" if title else mark]).strip() if simulated else title
    if text:
        # a Chinese letter is as wide as two others
        most = int(figure.get_figwidth() * (6.5 if language == "zh" else 13))
        figure.suptitle(textwrap.fill(drawable(text), most), x=0.01, ha="left", fontsize=10)


class Frame(TypedDict, total=False):
    """What is written around a picture without terms, and in which language: the last arguments of what draws one."""

    title: str
    """Above the picture; empty for none."""
    simulated: bool
    """Whether the picture says that the data are simulated."""
    language: Language


class NamedFrame(Frame, total=False):
    """The same of a picture with terms."""

    naming: Naming
    """What terms are called."""


_FRAME: Mapping[str, object] = {"title": "", "simulated": False, "language": "en", "naming": None}


def picture(draw: Callable[_Given, Figure]) -> Callable[_Given, Figure]:
    """Frame a function that draws a picture: it draws in our style, and its title is written above what it drew.

    ``draw``: its last arguments are ``title``, ``simulated``, ``language`` and ``naming``, or ``**frame:
    Unpack[NamedFrame]`` for all of them, which callers may give by place, too, after the others that have one. Returns
    with the same arguments, those of the frame by name among them; raises a ConfigError if matplotlib is not installed.
    """
    return _framed(draw, tuple(_FRAME))


def picture_without_terms(draw: Callable[_Given, Figure]) -> Callable[_Given, Figure]:
    """Frame a function that draws a picture without terms, whose last arguments are ``**frame: Unpack[Frame]``."""
    return _framed(draw, tuple(Frame.__annotations__))


def _framed(draw: Callable[_Given, Figure], names: tuple[str, ...]) -> Callable[_Given, Figure]:
    own, call = signature(draw), cast("Callable[..., Figure]", draw)
    written = [one for one in own.parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
    # a function that writes its frame's arguments one by one takes no other
    added = [name for name in names if name not in own.parameters] if len(written) < len(own.parameters) else []
    frame = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=_FRAME[name]) for name in added]
    # those that have a place come before those that have only a name
    every = own.replace(parameters=sorted([*written, *frame], key=lambda one: one.kind))

    @wraps(draw)
    def framed(*args: _Given.args, **kwargs: _Given.kwargs) -> Figure:
        given = every.bind(*args, **kwargs)
        given.apply_defaults()
        shown: Any = {**_FRAME, **given.arguments}
        with drawing():
            figure = call(**given.arguments)
            head(figure, shown["title"], shown["simulated"], Words(shown["language"]).language)
            _plain_letters(figure)
        return figure

    framed.__dict__["__signature__"] = every
    return framed


def _plain_letters(figure: Figure) -> None:
    """Have a figure drawn with our fonts where it chooses none, and its logarithmic scales in letters."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_fontfamily() == ["sans-serif"]:
            text.set_fontfamily(list(families()))
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for formatter in (axis.get_major_formatter(), axis.get_minor_formatter()):
                # matplotlib writes powers as formulas, which our style does not read: a name may have a dollar sign
                if "format_ticks" not in vars(formatter):
                    vars(formatter)["format_ticks"] = partial(_texts, formatter.format_ticks)


def _texts(written: Callable[[Any], list[str]], values: Any) -> list[str]:
    """Return the texts of ticks without formulas."""
    return list(map(_without_formula, written(values)))


def _without_formula(text: str) -> str:
    """Return the text of a tick with a formula of matplotlib in letters, e.g. ``2 × 10⁻³``; others unchanged."""
    formula = re.fullmatch(r"\$\\mathdefault\{(.*)\}\$", text)
    if formula is None:
        return text
    inside = re.sub(r"\\frac\{(.+?)\}\{(.+?)\}", r"\1/\2", formula[1])
    inside = re.sub(r"\^\{(.+?)\}", lambda power: power[1].translate(_SUPERSCRIPTS), inside)
    return re.sub(r"\s*\\(times|cdot)\s*", " × ", inside).replace("-", "\N{MINUS SIGN}")


def needed_table(tables: Mapping[str, pd.DataFrame], name: str, option: str) -> pd.DataFrame:
    """Return a table that a picture shows; a `ConfigError` names the diagnostic or model that makes it."""
    if name not in tables:
        raise ConfigError(Note("picture_without_table", table=name, option=option))
    return tables[name]


def with_minus(text: str) -> str:
    """Return a text of numbers whose minus signs are those of axes; tables have hyphens."""
    return text.replace("-", "\N{MINUS SIGN}")


def quiet_ticks(axes: Axes) -> None:
    """Remove ticks and frame, for maps."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


class Words:
    """The words of a picture, in letters that can be drawn; English ones where no font has Chinese letters."""

    def __init__(self, language: Language = "en", naming: Naming = None) -> None:
        self.language: Language = language if language == "en" or chinese() else "en"
        self._naming = naming

    @classmethod
    def of(cls, frame: Frame) -> Words:
        """Return the words of the picture within a frame."""
        given: Any = frame
        return cls(given["language"], given.get("naming"))

    def __call__(self, term: str) -> str:
        """Return what a term is called."""
        if self._naming is None:
            return drawable(term)
        name = self._naming.get(term, term) if isinstance(self._naming, Mapping) else self._naming(term)
        # the term itself often has Latin letters even if its name has not
        return name if _has_letters(name) else drawable(term)

    def say(self, key: str, **parts: object) -> str:
        """Return a shipped word in the language, with its parts filled in; an unknown key is returned unchanged."""
        return words().get(key, {}).get(self.language, key).format(**parts)

    def levels(self, levels: Iterable[float]) -> str:
        """Return the words for what intervals cover."""
        return self.say("level interval", level=" / ".join(f"{level:.0%}" for level in sorted(set(levels))))

    def unit(self, unit: str) -> str:
        """Return what a unit of measurement is called; an unknown one is returned unchanged."""
        return drawable(unit_words().get(unit, {}).get(self.language, unit))


def no_letters(texts: Iterable[str], language: Language = "en") -> tuple[Note, ...]:
    """Return a note if no installed font has the letters of the texts, or Chinese ones for the language."""
    try:
        undrawable = [text for text in dict.fromkeys(texts) if not _has_letters(text)]
    except ImportError:
        # without matplotlib there is no picture, which another message says
        return ()
    if language == "zh" and not chinese():
        fields = {"more": Note("labels_in_english", labels=cut(undrawable))} if undrawable else {}
        return (Note("no_chinese_font", **fields),)
    return (Note("no_font", labels=cut(undrawable)),) if undrawable else ()


def chinese() -> bool:
    """Return whether an installed font has Chinese letters."""
    return len(families()) > 1


@cache
def families() -> tuple[str, ...]:
    """Return the fonts for pictures: matplotlib's own, and the first installed one with Chinese letters."""
    from matplotlib.font_manager import fontManager

    for again in (False, True):
        if again:
            _look_for_new_fonts()
        installed = {font.name for font in fontManager.ttflist}
        for name in _PREFERRED:
            if name in installed and ord("数") in _letters(name):
                return _BASE, name
    return (_BASE,)


def _look_for_new_fonts() -> None:
    """Add fonts to matplotlib's list that were installed after it was made."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    add: Any = fontManager.addfont
    known = {font.fname for font in fontManager.ttflist}
    for file in sorted(set(findSystemFonts()) - known):
        # files that matplotlib cannot read as a font are skipped
        with suppress(Exception):
            add(file)


@cache
def _letters(family: str) -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    font: Any = get_font(fontManager.findfont(FontProperties(family=family)))
    return frozenset(font.get_charmap())


def _has_letters(text: str) -> bool:
    if text.isascii():
        return True
    return all(letter.isspace() or any(ord(letter) in _letters(font) for font in families()) for letter in text)


def drawable(text: str) -> str:
    """Return a text in letters that fonts have: a country's unit in English, other letters by number (U+6570)."""
    if _has_letters(text):
        return text
    place = country().find(text)
    if place is not None:
        return place
    return "".join(letter if _has_letters(letter) else f"U+{ord(letter):04X} " for letter in text).strip()


def grid_of(count: int) -> tuple[int, int]:
    """Return the numbers of rows and columns for ``count`` panels, at most three in a row, rows evenly filled."""
    rows = -(-count // 3)
    return rows, -(-count // rows)


def series(position: int) -> tuple[str, str]:
    """Return colour and marker of a series."""
    return SERIES[position % len(SERIES)]


def name_point(axes: Axes, at: tuple[float, float], text: str, colour: str = GREY, above: int = 4) -> None:
    """Write the name of a point to its right, some points above it."""
    axes.annotate(text, at, xytext=(5, above), textcoords="offset points", fontsize=6.5, color=colour)


def light_grid(axes: Axes, axis: Literal["x", "y"]) -> None:
    """Draw thin lines at the ticks of an axis, behind everything else."""
    axes.grid(axis=axis, color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)


def draw_observations(axes: Axes, x: FloatArray, words: Words, named: bool = True) -> None:
    """Draw how often values are observed, as a picture below another one; with the number of them beside it."""
    axes.hist(x, bins=30, range=(float(x.min()), float(x.max())), color=GREY, alpha=0.6)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    if named:
        count = words.say("number observed", number=len(x)).replace(" ", "\n")
        axes.set_ylabel(count, rotation=0, ha="right", va="center", fontsize=8)


def draw_intervals(
    axes: Axes, at: FloatArray, rows: pd.DataFrame, colour: str, width: float = 1.5, level: bool = False
) -> None:
    """Draw intervals as lines, upright or level; one without an end goes to the edge of the axes with an arrowhead.

    Rows have columns coef, low and high, missing ones without an interval; they are ``at`` places of the other axis.
    """
    coef, low, high = (rows[name].to_numpy(dtype=np.float64) for name in ("coef", "low", "high"))
    known = ~np.isnan(low) & ~np.isnan(high)
    draw = axes.hlines if level else axes.vlines
    near, far = np.where(np.isinf(low), coef, low)[known], np.where(np.isinf(high), coef, high)[known]
    draw(at[known], near, far, color=colour, linewidth=width)
    edge = axes.get_yaxis_transform() if level else axes.get_xaxis_transform()
    for ends, place in ((low, 0.0), (high, 1.0)):
        for here in np.flatnonzero(known & np.isinf(ends)):
            tip, tail = (place, float(at[here])), (float(coef[here]), float(at[here]))
            axes.annotate(
                "",
                tip if level else tip[::-1],
                tail if level else tail[::-1],
                xycoords=edge,
                textcoords="data",
                arrowprops={"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0.0, "shrinkB": 0.0},
            )
