"""Words for what tables and pictures name: variables, parameters, and the heads of rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import yaml

from digicarbon.data import choice_words, column_words, option_words, terms, unit_words, words
from digicarbon.note import Language as Language
from digicarbon.note import Note
from digicarbon.note.brief import lines
from digicarbon.panel import LOG_PREFIX, parse
from digicarbon.result import numbered

_LEVEL = re.compile(r"(?P<variable>[^\[\]]+)\[(?P<level>.+)\]\Z")
_BAND = re.compile(r"(?P<ends>[\d.e+]+-[\d.e+]+) km")
_REGIME = re.compile(r"(?P<low>-?[\d.e+-]+<)?(?P<variable>[^\d<>=][^<>=]*)(?P<high>(?:<=|>)-?[\d.e+-]+)\Z")
"""Which values of a variable a regime has."""
_SIGNS = re.compile("<=|<|>")
_CHANGED = re.compile(r"(?P<title>.+?) \((?P<changes>[^\W\d]\w*(?:\.\w+)*=.+)\)")
"""A title with the changes that the command line made to the experiment."""
_KEY = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
_BETWEEN_SETTINGS = re.compile(r", (?=[^\W\d]\w*(?:\.\w+)*=)")
_PLAIN: Mapping[str, str] = {
    "true": "yes",
    "false": "no",
    "none": "nothing",
    "[]": "nothing",
    "{}": "nothing",
    "as configured": "unchanged",
}
"""Values that mean the same for every choice, and the key of their words."""
BESIDE = "|"
"""Stands between an option and a field in the key of the words that the option has if runs differ in the field."""
MOST_ENTRIES = 3
"""How many entries of a mapping are shown."""
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOMENTS: Mapping[Language, Mapping[str, str]] = {
    "en": {"L": "{} (lag {n})", "F": "{} (lead {n})", "D": "{} (difference {n})", "centred": "{} (centred)"},
    "zh": {"L": "{}（滞后{n}期）", "F": "{}（前置{n}期）", "D": "{}（{n}阶差分）", "centred": "{}（中心化）"},
}


@dataclass(frozen=True)
class Labels:
    """Returns the words for a term, a statistic or the head of a row.

    Attributes
    ----------
    language : {"en", "zh"} or None
        Of the shipped words. None leaves variables and parameters as the specification names them; heads of rows are
        then English.
    extra : mapping of str to str
        The user's own words, which take precedence over the shipped ones: of whole terms (``ln_e^2``), of variables
        (``e``), of choices (``model.effects``) and of their values (``weights=w1``). A variable whose word is its name,
        e.g. a column of a file that is called as one of the package is by chance, has none.
    beside : frozenset of str
        Which options have other words since runs of them differ in a field that their usual words name, see
        `options_with_other_words`.

    Examples
    --------
    >>> Labels("en")("W_ln_e^2", lag_of="ln_e^2")
    'W × [ln(Digital economy)]²'
    >>> Labels("zh", {"e": "数字经济规模"})("L.ln_e")
    'ln(数字经济规模)（滞后1期）'
    >>> Labels()("ln_e"), Labels().word("nobs")
    ('ln_e', 'Observations')
    >>> Labels("en").choice("model.effects"), Labels("en").option("model.effects", "two_way")
    ('Fixed effects', 'unit and time')
    """

    language: Language | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()

    def __call__(self, term: str, lag_of: str = "", by: int = 1) -> str:
        """Return the words for a term; a term without words for any part is returned unchanged.

        ``lag_of``: the term of which this one is the spatial lag. ``by``: the number of the W that it is a lag by.
        """
        # a name that is a word already stands for itself, while within a product it has no words
        own_words = self.extra.get(term) or self._known(term)
        if own_words is None and lag_of and (self.language or self.extra):
            # next to W × ln(…), a plain W_z would look like something else
            return f"{numbered(by)} × {self(lag_of)}"
        return own_words or self._composed(term) or term

    def word(self, key: str) -> str:
        """Return the head of a row or another fixed word, e.g. of ``nobs``; an unknown key is returned unchanged."""
        return self.extra.get(key) or words().get(key, {}).get(self.language or "en", key)

    def choice(self, key: str) -> str:
        """Return what a choice of an experiment is called; one without words is returned unchanged.

        ``key``: a config group (``weights``), or a field of one (``model.effects``). The user's words are those of the
        whole key: ``x`` alone is a variable.
        """
        return self._of_key(key) or self._within(key) or key

    def level(self, name: str) -> str:
        """Return the head of a level of rows; one of the package (``x``) never has the words of a variable."""
        own = name in words() or name in choice_words()
        labels = replace(self, extra={}) if own else self
        word = labels(name)
        return word if self.language is None else labels.word(word)

    def _of_key(self, key: str) -> str | None:
        """Return the words of a config group or of a field; shipped ones of a field alone hold in every group."""
        name = key.rpartition(".")[2]
        return self._chosen(choice_words(), key) or replace(self, extra={})._chosen(choice_words(), name)

    def _within(self, key: str) -> str | None:
        """Return the words of a key within a field, such as ``panel.policy.pilot``, if the field has words."""
        group, *names = key.split(".")
        whole = self._of_key(f"{group}.{names[0]}") if len(names) > 1 else None
        inside = [self._field(group, name) for name in names[1:]]
        return None if whole is None else self._bracketed(whole, self._between.join(inside))

    def _field(self, group: str, name: str) -> str:
        return self._of_key(f"{group}.{name}") or self(name)

    def _bracketed(self, word: str, inside: str) -> str:
        return f"{word}（{inside}）" if self.language == "zh" else f"{word} ({inside})"

    def option(self, key: str, value: str) -> str:
        """Return what a value of a choice is called; one without words is returned unchanged.

        ``value``: an option of the group, or a value of the field; a term or a list of them, as of ``model.controls``,
        has the words of variables; a mapping, as of ``panel.policy``, those of its names and values.
        """
        name = key.rpartition(".")[2]
        own = f"{key}={value}"
        beside = [one for one in sorted(self.beside) if one.startswith(f"{own}{BESIDE}") and own not in self.extra]
        if known := self._chosen(option_words(), *beside, own, f"{name}={value}"):
            return known
        plain = _PLAIN.get(value.lower())
        if plain is not None and self.language is not None:
            return self.word(plain)
        if self.language is not None and (mapping := _mapping(value)) is not None:
            return self._entries(key.partition(".")[0], mapping)
        parts = [part.strip() for part in value.removeprefix("[").removesuffix("]").split(",")]
        named = [self._chosen(option_words(), f"{key}={part}", f"{name}={part}") or self(part) for part in parts]
        return self._between.join(named) if self.language is not None or named != parts else value

    def _entries(self, group: str, mapping: Mapping[object, object]) -> str:
        shown = [self._entry(group, str(name), value) for name, value in list(mapping.items())[:MOST_ENTRIES]]
        more = [f"… ({len(mapping)})"] if len(mapping) > MOST_ENTRIES else []
        return self._between.join([*shown, *more])

    def _entry(self, group: str, name: str, value: object) -> str:
        word = self._field(group, name)
        if isinstance(value, Mapping):
            return self._bracketed(word, self._entries(group, value))
        return f"{word} = {self.option(f'{group}.{name}', str(value))}"

    def row(self, key: str, value: str) -> str:
        """Return the head of a row for a value of a choice, e.g. ``Sample: East``.

        Without words for either, the result is ``key=value``.
        """
        return self._named(key, value, self.colon)

    def _setting(self, key: str, value: str, between: str) -> str:
        """Return a choice with its value; an option of a config group stands for itself."""
        option = self.option(key, value)
        named = option != value or f"{key}={value}" in self.extra
        return option if "." not in key and named else self._named(key, value, between)

    def _named(self, key: str, value: str, between: str) -> str:
        choice, option = self.choice(key), self.option(key, value)
        return f"{key}={value}" if (choice, option) == (key, value) else f"{choice}{between}{option}"

    def head(self, label: str) -> str:
        """Return the words of a run's label: of its column, and of each ``key=value`` that it chooses."""
        return self._label(label, self.colon)

    def run(self, label: str) -> str:
        """Return the same within a sentence, in which a colon would separate other things."""
        return self._label(label, " = ")

    def _label(self, label: str, between: str) -> str:
        if self.language is None and not self.extra:
            return label
        parts = (self._part(part, between) for part in _BETWEEN_SETTINGS.split(label))
        return ("，" if self.language == "zh" else ", ").join(parts)

    def _part(self, part: str, between: str) -> str:
        key, _, value = part.partition("=")
        return self._setting(key, value, between) if value and _KEY.fullmatch(key) else self.column(part)

    def column(self, name: str) -> str:
        """Return what a column of the experiment, or its title, is called; one without words is returned unchanged."""
        return self._chosen(column_words(), name) or name

    @property
    def colon(self) -> str:
        """The colon of the language, with the space that follows it."""
        return "：" if self.language == "zh" else ": "

    @property
    def _between(self) -> str:
        return "、" if self.language == "zh" else ", "

    def _chosen(self, shipped: Mapping[str, Mapping[str, str]], *keys: str) -> str | None:
        own = next((self.extra[key] for key in keys if self.extra.get(key, key) != key), None)
        if own is not None or self.language is None:
            return own
        return next((shipped[key][self.language] for key in keys if key in shipped), None)

    def unit(self, unit: str) -> str:
        """Return what a unit of measurement is called; an unknown one is returned unchanged."""
        return unit_words().get(unit, {}).get(self.language or "en", unit)

    def cell(self, said: Note | str) -> str:
        """Return the words of a cell or row: of a note in the language, of English words in Chinese if they have any.

        A key, which is no word of English, has its words by `word`.
        """
        if isinstance(said, Note):
            return said.text(self.spoken, self)
        return self.word(said) if self.language == "zh" else said

    def notes(self, notes: Iterable[Note | str]) -> tuple[str, ...]:
        """Return the words of notes under a table: in Chinese if that is the language, else in English."""
        return lines(notes, self.spoken, self)

    @property
    def spoken(self) -> Language:
        """The language of notes and of heads of rows: English if none is chosen."""
        return self.language or "en"

    def title(self, title: str, simulated: bool) -> str:
        """Return the title of a table, which says if its data are simulated."""
        if match := _CHANGED.fullmatch(title):
            name, changes = self.column(match["title"]), self.head(match["changes"])
            title = f"{name}（{changes}）" if self.language == "zh" else f"{name} ({changes})"
        else:
            title = self.column(title)
        if not simulated:
            return title
        # the English word in every language: nobody may take drawn numbers for real ones
        return (
            f"{title}（SIMULATED：{self.word('simulated')}）" if self.language == "zh" else f"{title} (SIMULATED data)"
        )

    def _known(self, term: str) -> str | None:
        if term in self.extra:
            return None if self.extra[term] == term else self.extra[term]
        return None if self.language is None else terms().get(term, {}).get(self.language)

    def _composed(self, term: str) -> str | None:
        """Return the words for a product, if at least one factor has words."""
        parts = [part.strip() for part in _factors(term)]
        factors = [self._factor(part) for part in parts]
        return " × ".join(words or part for part, words in zip(parts, factors, strict=True)) if any(factors) else None

    def _factor(self, part: str) -> str | None:
        """Return the words for a variable, its logarithm, power, lag, lead or difference, or one of its values."""
        variable = self._variable(part)
        if variable is not None:
            return variable
        if match := _LEVEL.match(part):
            name, level = match["variable"], match["level"]
            labels = self._variable(name), self._variable(level) or self._regime(level)
            return f"{labels[0] or name}: {labels[1] or level}" if any(labels) else None
        factors = parse(part)
        if factors is None or len(factors) != 1 or factors[0].dummies:
            return None
        atom, power = factors[0].atom, factors[0].power
        words = self._variable(atom.variable)
        if words is not None and atom.operator:
            words = _MOMENTS[self.language or "en"][atom.operator].format(words, n=atom.order)
        if words is not None and atom.centred:
            words = _MOMENTS[self.language or "en"]["centred"].format(words)
        if words is None or power == 1:
            return words
        # ln(x)² could be read as the logarithm of the square
        return f"{words if words.isalnum() else f'[{words}]'}{str(power).translate(_SUPERSCRIPTS)}"

    def _regime(self, level: str) -> str | None:
        match = _REGIME.match(level)
        words = match and self._factor(match["variable"])
        if match is None or not words:
            return None
        low, high = (_SIGNS.sub(lambda sign: f" {sign[0]} ", match[end] or "") for end in ("low", "high"))
        return f"{low}{words}{high}".replace("<=", "\N{LESS-THAN OR EQUAL TO}")

    def _variable(self, name: str) -> str | None:
        label = self._known(name)
        if label is None and name in self.extra:
            # a column `ln_ci` of a user need not be the logarithm of the package's
            return None
        if label is None and name.startswith(LOG_PREFIX):
            base = self._known(name.removeprefix(LOG_PREFIX))
            return None if base is None else f"ln({base})"
        if label is None and self.language is not None and (match := _BAND.fullmatch(name)):
            return self.word("kilometres").format(value=match["ends"])
        return label


def options_with_other_words(runs: Sequence[tuple[Mapping[str, str], Mapping[str, object]]]) -> frozenset[str]:
    """Return the keys of words that options have since runs of them differ in a field.

    Two-way fixed effects, e.g., are no name of a model beside which a table says that its effects are those of units.

    ``runs``: the option of each group, and the varied choices.
    """
    found = []
    for key in (key for key in option_words() if BESIDE in key):
        option, _, name = key.partition(BESIDE)
        group, _, value = option.partition("=")
        if len({str(values.get(name)) for options, values in runs if options.get(group) == value}) > 1:
            found.append(key)
    return frozenset(found)


def _factors(term: str) -> list[str]:
    """Return the factors of a product: a colon within brackets is one of a group's name, such as ``x[so: uth]``."""
    if "[" not in term:
        return term.split(":")
    depth, parts = 0, [""]
    for sign in term:
        depth += (sign == "[") - (sign == "]")
        if sign == ":" and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    if depth == 0:
        return parts
    # brackets of a name such as ``a[b`` do not close
    first = term.index("[")
    *others, last = term[:first].split(":")
    return [*others, last + term[first:]]


def _mapping(value: str) -> Mapping[object, object] | None:
    """Return the mapping that a value is as YAML, or as Hydra takes it without blanks; None if it is no mapping."""
    if not (value.startswith("{") and value.endswith("}")):
        return None
    try:
        node = yaml.safe_load(re.sub(r":(?=[^\s\\/])", ": ", value))
    except yaml.YAMLError:
        return None
    return node if isinstance(node, Mapping) else None
