"""The verbs of the command line: the words and flags of each, its function and its help text."""

from __future__ import annotations

import re
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from textwrap import fill, indent
from typing import Any, NoReturn
from unicodedata import east_asian_width

from digicarbon import pack
from digicarbon.cli import document
from digicarbon.cli.arguments import read
from digicarbon.cli.language import FLAG, LANGUAGES
from digicarbon.errors import ConfigError
from digicarbon.note import Note, suggestion
from digicarbon.note.language import said, spoken

_USAGE = (
    ("digicarbon fit FILE 'y ~ x + z | unit + time'", Note("usage_fit")),
    ("digicarbon run [EXPERIMENT] [overrides]", Note("usage_run")),
    ("digicarbon run EXPERIMENT --force", Note("usage_force")),
    ("digicarbon run -m model=twfe,sdm 'weights=glob(*)'", Note("usage_sweep")),
    ("digicarbon plan [EXPERIMENT] [overrides]", Note("usage_plan")),
    ("digicarbon check [EXPERIMENT] [overrides]", Note("usage_check")),
    ("digicarbon list [GROUP [OPTION]] [-v]", Note("usage_list")),
    ("digicarbon list experiments [EXPERIMENT]", Note("usage_experiments")),
    ("digicarbon data import KIND FILES… --to FOLDER", Note("usage_import")),
    ("digicarbon data status|check|show", Note("usage_data")),
    ("digicarbon report EXPERIMENT --out FOLDER", Note("usage_report")),
    ("digicarbon export RUN_OR_EXPERIMENT --to DIR", Note("usage_export")),
    ("digicarbon deliver [EXPERIMENT]", Note("usage_deliver")),
    ("digicarbon new FOLDER [--language zh]", Note("usage_new")),
    ("digicarbon schema [--to FOLDER]", Note("usage_schema")),
    ("digicarbon ui [EXPERIMENT]", Note("usage_ui")),
)
"""A line for each use of a verb, and what it does."""
REQUEST = "verbs"
"""Packs offer `Verbs` to this request."""
Adder = Callable[..., "Verb"]


@dataclass(frozen=True)
class Verbs:
    """Verbs of a pack, and flags that it adds to verbs of the core.

    ``usage``: a use of each verb and what it does, for the help of the program. ``add_to``: adds the verbs, by the
    function that it gets, and flags to those of the core, which it gets by name.
    """

    usage: Sequence[tuple[str, Note]]
    add_to: Callable[[Adder, Mapping[str, Verb]], None]


def usage() -> str:
    """Return the help of the program."""
    of_packs = [use for one in pack.offered(REQUEST) for use in one.usage]
    of_all = [
        ("digicarbon COMMAND --help", Note("usage_help")),
        ("digicarbon COMMAND --language zh", Note("usage_language")),
    ]
    uses = [*_USAGE, *of_packs, *of_all]
    lines = "".join(f"{_use(typed, does)}\n" for typed, does in uses)
    return f"{said(Note('usage_head'))}\n\n{lines}  digicarbon --version\n\n{said(Note('usage_tail'))}\n"


def _use(typed: str, does: Note) -> str:
    # a blank after what is typed: longer uses have a column of their own
    return f"  {typed:<{44 if len(typed) < 44 else 54}}{said(does)}"


ABOUT_OVERRIDES = Note("about_overrides")


class Verb(ArgumentParser):
    """The arguments of a verb: flags, which argparse reads, and names and overrides in any order around them.

    ``needs``: the words that the verb needs, for errors. ``names``: those of its words, in their order; one that ends
    in ``…`` takes all remaining words. ``least``: number of required names. ``is_override``: whether a word is an
    override and no name. ``reader``: another program that reads the words, or those that the verb does not know:
    ``hydra`` or ``mlflow``. ``does``: what the verb does, for its help. ``more``: further words of its help, below its
    flags. ``others``: further arguments of `ArgumentParser`.
    """

    def __init__(
        self,
        *,
        examples: Sequence[str] = (),
        needs: Note | str = "",
        names: Sequence[str] = (),
        least: int = 0,
        is_override: Callable[[str], bool] | None = None,
        reader: str = "",
        does: Note | None = None,
        more: Note | None = None,
        **others: Any,
    ) -> None:
        super().__init__(add_help=False, allow_abbrev=False, **others)
        self._does, self._more = does, more
        self._says: dict[str, Note] = {}
        self._examples, self._needs, self._names, self._least = examples, needs, names, least
        self._is_override, self.reader = is_override, reader
        self.verbs: dict[str, Verb] = {}

    def add_verbs(self) -> Adder:
        """Return a function that adds a verb below this one, from its usage, function, description and examples."""
        below = self.add_subparsers(prog=self.prog, parser_class=Verb)

        def add(usage: str, function: str, does: Note | None, *examples: str, **others: Any) -> Verb:
            name = usage.removeprefix(f"{self.prog} ").split()[0]
            one = below.add_parser(name, usage=usage, does=does, examples=examples, **others)
            one.set_defaults(function=function)
            self.verbs[name] = one
            return one

        return add

    def add_flag(self, *names: str, says: Note | None = None, **others: Any) -> None:
        """Add a flag as `add_argument` does; without words for it the help does not have it."""
        self.add_argument(*names, **others)
        if says is not None:
            self._says[names[0]] = says

    @property
    def own_flags(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Our own flags, not Hydra's: those without a value, and those with one, which have a word for it."""
        own = [one for one in self._actions if one.option_strings[0] not in _OF_HYDRA]
        plain, valued = ([one.option_strings[0] for one in own if bool(one.metavar) == has] for has in (False, True))
        return tuple(plain), tuple(valued)

    def has_flag(self, verb: str, flag: str) -> bool:
        """Return whether a verb below this one has a flag of its own of that name."""
        return verb in self.verbs and any(flag in one.option_strings for one in self.verbs[verb]._actions)

    def answers_with(self, words: Sequence[str], flag: str) -> bool:
        """Return whether words are of a verb that has a flag of that name, and do not ask for its help."""
        return self.has_flag(words[0], flag) and not self.verbs[words[0]]._asks_for_help(words[1:])

    def error(self, message: str) -> NoReturn:
        """Raise a `ConfigError` with a fault that only argparse knows, the arguments of the verb, and an example."""
        self._refuse(message)

    def _refuse(self, wrong: Note | str) -> NoReturn:
        usage = str(self.usage).partition("\n")[0]
        example = self._examples[0]
        raise ConfigError(Note("verb_misused", wrong=wrong, needs=self._needs, example=example, usage=usage))

    def format_help(self) -> str:
        """Return the usage and description of the verb, its flags, and examples at the end."""
        if self.verbs:
            below = ((one.usage, _filled(one._does, 114)) for one in self.verbs.values())
            return "".join(f"  {usage}\n{indent(does, '      ')}\n" for usage, does in below)
        flags = [
            (f"{', '.join(one.option_strings)} {one.metavar or ''}", self._says[one.option_strings[0]])
            for one in self._actions
            if one.option_strings[0] in self._says
        ]
        if FLAG not in self._says:
            flags.append((f"{FLAG} zh", Note("help_language")))
        mlflow = ("--help", Note("help_this_of_mlflow"))
        flags.append(mlflow if self.reader == "mlflow" else ("-h, --help", Note("help_this")))
        width = max(len(flag) for flag, _ in flags) + 1
        lines = "\n".join(f"  {flag:<{max(width, 18)}}{said(says)}" for flag, says in flags)
        examples = "\n".join(f"  {one}" for one in self._examples)
        more = "" if self._more is None else said(self._more)
        parts = (self.usage, _filled(self._does, 120), lines, more, examples)
        return "\n\n".join(filter(None, parts)) + "\n"

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Return the function of the verb and its arguments, or write the help and end."""
        words = list(args or ())
        if self._asks_for_help(words):
            sys.stdout.write(self.format_help())
            self.exit()
        if self.verbs and words[0] not in self.verbs:
            # reads the options, which takes long
            from digicarbon.cli.elsewhere import line_for

            hint = suggestion(words[0], self.verbs) or Note("verb_list", verbs=list(self.verbs))
            if line := line_for(words[0], words[1:], self.verbs):
                hint = Note("verb_elsewhere", line=line)
            raise ConfigError(Note("verb_unknown", word=words[0], hint=hint, program=self.prog))
        if self.reader == "hydra":
            experiment, own, rest = read(self.prog.split()[-1], words)
            flags = {
                one.dest: own[one.option_strings[0]] or True for one in self._actions if one.option_strings[0] in own
            }
            return Namespace(function=self.get_default("function"), experiment=experiment, flags=flags, rest=rest), []
        if not self.verbs:
            self._check_flags(words)
        options, others = super().parse_known_args(words, namespace)
        names = {} if self.verbs else {"words": others} if self.reader else self._named(others)
        return Namespace(**vars(options), **names), []

    def _asks_for_help(self, words: Sequence[str]) -> bool:
        if self.verbs:
            return not words or words[0] in ("help", "-h", "--help")
        return "--help" in words or "-h" in (words[-1:] if self.reader == "mlflow" else words)

    def _check_flags(self, words: Sequence[str]) -> None:
        """Refuse what argparse would refuse, in words of ours."""
        actions = {name: one for one in self._actions for name in one.option_strings}
        given = set()
        for word, following in pairwise([*words, "-"]):
            flag, equals, value = word.partition("=")
            if not word.startswith("-") or (self.reader and flag not in actions):
                continue
            if flag not in actions:
                known = [*actions, "--help"]
                hint = suggestion(flag, [*known, "cov=robust"] if self._is_override else known, ours=True)
                raise ConfigError(Note("verb_no_flag", program=self.prog, flag=flag, hint=hint, flags=known))
            action = actions[flag]
            given.add(action.dest)
            if action.nargs == 0:
                if equals:
                    self._refuse(Note("verb_flag_alone", flag=flag, value=value))
                continue
            value = value if equals else "" if following.startswith("-") else following
            if not value.strip():
                self._refuse(Note("verb_flag_without_value", flag=flag))
            if action.choices is not None and value not in action.choices:
                self._refuse(Note("verb_flag_of_choices", flag=flag, choices=list(action.choices), given=repr(value)))
        if missing := [one.option_strings[0] for one in self._actions if one.required and one.dest not in given]:
            self._refuse(Note("verb_flag_missing", flag=missing[0]))

    def _named(self, words: Sequence[str]) -> dict[str, Any]:
        """Return the values of names and overrides, by parameter."""
        overrides = [word for word in words if self._is_override and self._is_override(word)]
        rest = [word for word in words if word not in overrides]
        if len(rest) < self._least:
            self._refuse(Note("verb_name_missing", name=self._names[len(rest)].rstrip("…").upper()))
        result: dict[str, Any] = {"overrides": overrides} if self._is_override else {}
        for name in self._names:
            if name.endswith("…"):
                result[name.rstrip("…")], rest = rest, []
            else:
                result[name] = rest.pop(0) if rest else ""
        if rest:
            self._refuse(Note("verb_word_too_many", word=rest[0]))
        return result


def _filled(note: Note | None, width: int) -> str:
    """Return the words of a note in lines of at most a width, Chinese letters counting as two."""
    words = "" if note is None else said(note)
    if spoken() == "en":
        return fill(words, width)
    lines = [""]
    for part in re.findall(rf"(?:[!-~]+|[^!-~])[{_CLOSING}]*", words):
        if lines[-1] and sum(2 if east_asian_width(sign) in "WF" else 1 for sign in lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.strip() for line in lines)


_CLOSING = "，。；：、）？"
"""Marks that begin no line."""


@cache
def parser() -> Verb:
    """Return the parser of all verbs."""
    top = Verb(prog="digicarbon")
    add = top.add_verbs()
    _add_fits(add)
    _add_records(add)
    list_ = add(
        "digicarbon list [GROUP [OPTION]] [-v] [--json]\ndigicarbon list experiments [EXPERIMENT] [--json]",
        "command.list_",
        Note("does_list"),
        "digicarbon list weights k_nearest",
        "digicarbon list experiments table7_spatial_w1",
        needs=Note("needs_of_list"),
        names=("group", "option"),
    )
    list_.add_flag("-v", "--verbose", action="store_true", says=Note("flag_verbose"))
    _add_json(list_)
    _add_data(add("digicarbon data", "", None).add_verbs())
    add(
        "digicarbon new FOLDER [--language en|zh]",
        "new.new",
        Note("does_new"),
        "digicarbon new mystudy",
        "digicarbon new mystudy --language zh",
        needs=Note("needs_of_new"),
        names=("folder",),
        least=1,
    ).add_flag(FLAG, metavar="zh", choices=LANGUAGES, default=LANGUAGES[0], says=Note("flag_language_of_study"))
    add(
        "digicarbon schema [--to FOLDER]",
        "schema.schema",
        Note("does_schema"),
        "digicarbon schema",
        "digicarbon schema --to schemas",
        needs=Note("needs_of_schema"),
    ).add_flag("--to", metavar="FOLDER", says=Note("flag_to_schemas"))
    ui = add(
        "digicarbon ui [EXPERIMENT] [tracking=…] [flags of `mlflow ui`]",
        "ui.ui",
        Note("does_ui"),
        "digicarbon ui table3_baseline",
        "digicarbon ui --port 5001",
        needs=Note("needs_of_ui"),
        reader="mlflow",
    )
    ui.add_flag("--port", "-p", metavar="5001", says=Note("flag_port"))
    ui.add_flag("--host", "-h")
    for one in pack.offered(REQUEST):
        one.add_to(add, top.verbs)
    return top


_SWEEP = "-m model=twfe,sdm 'model.controls=[ln_pgdp]'"
_FITS = (
    ("run", "command.run", Note("does_run"), "table3_baseline inference=cluster", _SWEEP),
    ("plan", "command.plan_", Note("does_plan"), "table7_spatial_w1", "-m model=sar,sdm 'weights=glob(*)' --all"),
    ("check", "command.check", Note("does_check"), "main", "table3_baseline source=china"),
)
"""Verbs whose words Hydra reads: name, function, what it does, and what follows it in two examples."""


def _add_fits(add: Adder) -> None:
    """Add the verbs whose words Hydra reads; their flags are declared for their help."""
    fits = {
        name: add(
            f"digicarbon {name} [EXPERIMENT] [overrides] [flags]",
            function,
            does,
            f"digicarbon {name} {first}",
            f"digicarbon {name} {second}",
            reader="hydra",
            more=ABOUT_OVERRIDES,
        )
        for name, function, does, first, second in _FITS
    }
    fits["run"].add_flag("--force", says=Note("flag_force"))
    fits["run"].add_flag("--notes", action="store_true", says=Note("flag_notes"))
    fits["plan"].add_flag("--all", dest="every", says=Note("flag_all_runs"))
    for one in fits.values():
        _add_json(one)
        add_hydra(one)
    fit = add(
        "digicarbon fit FILE FORMULA… [flags] [overrides]",
        "fit.fit",
        Note("does_fit"),
        "digicarbon fit panel.csv 'ln_ci ~ ln_digital + ln_pgdp + urban | city + year'",
        "digicarbon fit panel.csv 'ln_ci ~ ln_digital + ln_pgdp | city + year' --model sdm --weights neighbours.csv",
        "digicarbon fit panel.csv 'ln_ci ~ ln_digital | city + year' --columns 'fe; twfe; twfe, cluster=time'",
        needs=Note("needs_of_fit"),
        names=("file", "formulas…"),
        least=2,
        is_override=_is_choice,
    )
    for flag, metavar, says in _OF_FIT:
        fit.add_flag(flag, metavar=metavar, says=says)
    fit.add_flag("--notes", action="store_true", says=Note("flag_notes"))


def _add_json(verb: Verb) -> None:
    """Add the flag that `digicarbon.__main__` takes out before the verb reads its words."""
    verb.add_flag(document.FLAG, action="store_true", default=SUPPRESS, says=Note("flag_json"))


_OF_FIT = (
    ("--model", "sdm", Note("flag_fit_model")),
    ("--weights", "FILE", Note("flag_fit_weights")),
    ("--cluster", "COLUMN", Note("flag_fit_cluster")),
    ("--columns", "'fe; sdm'", Note("flag_fit_columns")),
    ("--focal", "NAMES", Note("flag_fit_focal")),
    ("--unit", "COLUMN", Note("flag_fit_unit")),
    ("--time", "COLUMN", Note("flag_fit_time")),
    ("--title", "TEXT", Note("flag_fit_title")),
    ("--to", "FILE", Note("flag_fit_to")),
    ("--save", "NAME", Note("flag_fit_save")),
)
"""Flags of ``fit``, each with what it takes and what it does."""
_OF_HYDRA = ("-m", "--cfg", "--hydra-help")


def add_hydra(verb: Verb) -> None:
    """Add Hydra's flags to the help of a verb whose words Hydra reads."""
    verb.add_flag("-m", says=Note("flag_sweep"))
    verb.add_flag("--cfg", metavar="job", says=Note("flag_cfg"))
    verb.add_flag("--hydra-help", says=Note("flag_hydra_help"))


def _add_records(add: Adder) -> None:
    """Add the verbs that read recorded runs."""
    report = add(
        "digicarbon report [EXPERIMENT or run id of a sweep] [--out FOLDER] [--one-file] [--notes] "
        "[report=… tracking=…]",
        "report_command.report",
        Note("does_report"),
        "digicarbon report table3_baseline --out paper",
        "digicarbon report table3_baseline --out baseline.html",
        "digicarbon report table3_baseline report.decimals=3 report.language=zh",
        needs=Note("needs_of_report"),
        names=("name",),
        is_override=_is_pair,
    )
    report.add_flag("--out", metavar="FOLDER", says=Note("flag_out"))
    report.add_flag("--one-file", action="store_true", says=Note("flag_one_file"))
    report.add_flag("--notes", action="store_true", says=Note("flag_notes"))
    add(
        "digicarbon export RUN_OR_EXPERIMENT [EXPERIMENT] --to FOLDER [tracking=…]",
        "export.export",
        Note("does_export"),
        "digicarbon export table3_baseline --to replication",
        "digicarbon export 'FE(1)' table3_baseline --to replication",
        needs=Note("needs_of_export"),
        names=("run", "experiment"),
        least=1,
        is_override=is_tracking,
    ).add_flag("--to", metavar="FOLDER", required=True, says=Note("flag_to_new"))
    add(
        "digicarbon deliver [EXPERIMENT] [tracking=…]",
        "deliver.deliver",
        Note("does_deliver"),
        "digicarbon deliver",
        "digicarbon deliver tracking=server tracking.uri=http://localhost:5000",
        needs=Note("needs_of_deliver"),
        names=("experiment",),
        is_override=_is_pair,
    )


def _add_data(add: Adder) -> None:
    """Add the verbs of data folders."""
    import_ = add(
        "digicarbon data import KIND FILES… --to FOLDER [--add] [option=value …]",
        "data_command.import_",
        Note("does_data_import"),
        "digicarbon data import nbs raw/nbs --to data",
        "digicarbon data import ceads_sectoral raw/*.xlsx --to data --add",
        needs=Note("needs_of_data_import"),
        names=("kind", "files…"),
        least=2,
        is_override=_is_no_path,
    )
    import_.add_flag("--to", metavar="FOLDER", required=True, says=Note("flag_to_data"))
    import_.add_flag("--add", action="store_true", says=Note("flag_add"))
    add(
        "digicarbon data status FOLDER | source=… [overrides]",
        "data_status.status",
        Note("does_data_status"),
        "digicarbon data status data",
        "digicarbon data status source=china_folder",
        needs=Note("needs_of_data_status"),
        names=("folder",),
        is_override=_is_no_path,
    )
    add(
        "digicarbon data check FOLDER | source=… [--all]",
        "data_check.check",
        Note("does_data_check"),
        "digicarbon data check data",
        "digicarbon data check source=china --all",
        needs=Note("needs_of_data_check"),
        names=("folder",),
        is_override=_is_no_path,
    ).add_flag("--all", dest="every", action="store_true", says=Note("flag_all_findings"))
    add(
        "digicarbon data show RUN [EXPERIMENT]",
        "data_show.show",
        Note("does_data_show"),
        "digicarbon data show 'FE(1)' table3_baseline",
        "digicarbon data show table3_baseline",
        needs=Note("needs_of_data_show"),
        names=("run", "experiment"),
        least=1,
        is_override=is_tracking,
    )


_CHOICE = re.compile(r"[~+]{0,2}[\w./@]+=[^~]*\Z", re.DOTALL)


def _is_choice(word: str) -> bool:
    """Return whether a word is an override and no formula, which has a tilde."""
    return _CHOICE.match(word) is not None


def _is_pair(word: str) -> bool:
    return "=" in word


def is_tracking(word: str) -> bool:
    """Return whether a word is an override of the store."""
    return word.startswith("tracking")


def _is_no_path(word: str) -> bool:
    """Return whether a word is an override, not a file or folder with an equals sign in its name."""
    # an override may be longer than a path can be
    with suppress(OSError):
        return "=" in word and not Path(word).exists()
    return True
