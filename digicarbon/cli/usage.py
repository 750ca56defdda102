"""The verbs of the command line: the words and flags of each, its function and its help text."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from textwrap import fill, indent
from typing import Any, NoReturn

from digicarbon import pack
from digicarbon.cli.arguments import read
from digicarbon.cli.language import FLAG, LANGUAGES
from digicarbon.errors import ConfigError
from digicarbon.note import Note, suggestion

_USAGE = """\
digicarbon: one YAML per table, every specification fitted and logged

  digicarbon run [EXPERIMENT] [overrides]     fit one run, or all runs of an experiment
  digicarbon run EXPERIMENT --force           fit all runs again, also those that are recorded
  digicarbon run -m model=twfe,sdm 'weights=glob(*)'    sweep in Hydra's grammar
  digicarbon plan [EXPERIMENT] [overrides]    list what would run; fit nothing; --all shows each of many runs
  digicarbon check [EXPERIMENT] [overrides]   check configurations and data; fit nothing
  digicarbon list [GROUP [OPTION]] [-v]       options of a config group, or all groups; -v: fields
  digicarbon list experiments [EXPERIMENT]    what can be run; what an experiment is made of
  digicarbon data import KIND FILES… --to FOLDER        raw downloads become a data folder
  digicarbon data status|check|show           what a folder holds, what is odd in it, what a run's panel was made from
  digicarbon report EXPERIMENT --out FOLDER   a page of what is recorded, with its tables for Word, Excel and LaTeX
  digicarbon export RUN_OR_EXPERIMENT --to DIR          data, weights, YAML, and scripts for Stata and R that check it
  digicarbon deliver [EXPERIMENT]             record runs that wait on this disk for a store that did not take them
  digicarbon new FOLDER [--language zh]       a small study that runs at once, to begin your own with
  digicarbon schema [--to FOLDER]             JSON Schema, by which an editor completes and checks YAML files
  digicarbon ui [EXPERIMENT]                  MLflow's interface on the project's store
{packs}  digicarbon COMMAND --help                   flags and examples of one of these
  digicarbon --version

Overrides are `group=option` or `group.field=value`; your own ./conf and ./experiments come before the shipped ones.
`digicarbon run EXPERIMENT --cfg job` prints the composed configuration; --config-dir, --info and the tab completion of
Hydra work as its documentation says. DIGICARBON_TRACEBACK=1 shows a traceback with an error.
"""
REQUEST = "verbs"
"""Packs offer `Verbs` to this request."""
Adder = Callable[..., "Verb"]


@dataclass(frozen=True)
class Verbs:
    """Verbs of a pack, and flags that it adds to verbs of the core.

    Attributes
    ----------
    usage : str
        A line for each verb, for the help of the program.
    add_to : callable
        Adds the verbs, by the function that it gets, and flags to those of the core, which it gets by name.
    flags : mapping of str to (sequence of str, sequence of str)
        Of verbs whose words Hydra reads: flags without a value, and flags with one.
    """

    usage: str
    add_to: Callable[[Adder, Mapping[str, Verb]], None]
    flags: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)


def usage() -> str:
    """Return the help of the program."""
    return _USAGE.replace("{packs}", "".join(one.usage for one in pack.offered(REQUEST)))


ABOUT_OVERRIDES = """\
Overrides are group=option or group.field=value, without blanks; put lists in quotes. `digicarbon list` shows the
groups, `digicarbon list model` the options of one, `digicarbon list model twfe` the fields of an option, and
`digicarbon list experiments` what can be run."""


class Verb(ArgumentParser):
    """The arguments of a verb: flags, which argparse reads, and names and overrides in any order around them.

    Parameters
    ----------
    examples : sequence of str
    needs : Note or str
        The words that the verb needs, for errors.
    names : sequence of str
        The names of its words, in their order; one that ends in ``…`` takes all remaining words.
    least : int
        Number of required names.
    is_override : callable, optional
        Whether a word is an override and no name.
    reader : {"", "hydra", "mlflow"}
        Another program that reads the words, or those that the verb does not know.
    others : dict
        Further arguments of `ArgumentParser`.
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
        **others: Any,
    ) -> None:
        super().__init__(add_help=False, allow_abbrev=False, **others)
        self._examples, self._needs, self._names, self._least = examples, needs, names, least
        self._is_override, self._reader = is_override, reader
        self.verbs: dict[str, Verb] = {}

    def add_verbs(self) -> Adder:
        """Return a function that adds a verb below this one, from its usage, function, description and examples."""
        below = self.add_subparsers(prog=self.prog, parser_class=Verb)

        def add(usage: str, function: str, description: str, *examples: str, **others: Any) -> Verb:
            name = usage.removeprefix(f"{self.prog} ").split()[0]
            one = below.add_parser(name, usage=usage, description=description, examples=examples, **others)
            one.set_defaults(function=function)
            self.verbs[name] = one
            return one

        return add

    def has_flag(self, verb: str, flag: str) -> bool:
        """Return whether a verb below this one has a flag of its own of that name."""
        return verb in self.verbs and any(flag in one.option_strings for one in self.verbs[verb]._actions)

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
            below = ((one.usage, fill(one.description or "", 114)) for one in self.verbs.values())
            return "".join(f"  {usage}\n{indent(does, '      ')}\n" for usage, does in below)
        flags = [(f"{', '.join(one.option_strings)} {one.metavar or ''}", one.help) for one in self._actions]
        mlflow = ("--help", "this text (-h NAME is MLflow's --host)")
        flags.append(mlflow if self._reader == "mlflow" else ("-h, --help", "this text"))
        lines = "\n".join(f"  {flag:<18}{help_}" for flag, help_ in flags if help_)
        examples = "\n".join(f"  {one}" for one in self._examples)
        parts = (self.usage, fill(self.description or "", 120), lines, self.epilog, examples)
        return "\n\n".join(filter(None, parts)) + "\n"

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Return the function of the verb and its arguments, or write the help and end."""
        words = list(args or ())
        if self._asks_for_help(words):
            sys.stdout.write(self.format_help())
            self.exit()
        if self.verbs and words[0] not in self.verbs:
            hint = suggestion(words[0], self.verbs) or Note("verb_list", verbs=list(self.verbs))
            raise ConfigError(Note("verb_unknown", word=words[0], hint=hint, program=self.prog))
        if self._reader == "hydra":
            experiment, own, rest = read(self.prog.split()[-1], words)
            flags = {
                one.dest: own[one.option_strings[0]] or True for one in self._actions if one.option_strings[0] in own
            }
            return Namespace(function=self.get_default("function"), experiment=experiment, flags=flags, rest=rest), []
        if not self.verbs:
            self._check_flags(words)
        options, others = super().parse_known_args(words, namespace)
        names = {} if self.verbs else {"words": others} if self._reader else self._named(others)
        return Namespace(**vars(options), **names), []

    def _asks_for_help(self, words: Sequence[str]) -> bool:
        if self.verbs:
            return not words or words[0] in ("help", "-h", "--help")
        return "--help" in words or "-h" in (words[-1:] if self._reader == "mlflow" else words)

    def _check_flags(self, words: Sequence[str]) -> None:
        """Refuse what argparse would refuse, in words of ours."""
        actions = {name: one for one in self._actions for name in one.option_strings}
        given = set()
        for word, following in pairwise([*words, "-"]):
            flag, equals, value = word.partition("=")
            if not word.startswith("-") or (self._reader and flag not in actions):
                continue
            if flag not in actions:
                known = [*actions, "--help"]
                hint = suggestion(flag, known)
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


def parser() -> Verb:
    """Return the parser of all verbs."""
    top = Verb(prog="digicarbon")
    add = top.add_verbs()
    _add_fits(add)
    _add_records(add)
    add(
        "digicarbon list [GROUP [OPTION]] [-v]\ndigicarbon list experiments [EXPERIMENT]",
        "command.list_",
        "Shows the groups, the options of one with a line each, the fields of an option, or what an experiment is "
        "made of.",
        "digicarbon list weights k_nearest",
        "digicarbon list experiments table7_spatial_w1",
        needs=Note("needs_of_list"),
        names=("group", "option"),
    ).add_argument(
        "-v", "--verbose", action="store_true", help="all options of a group with their fields, defaults and units"
    )
    _add_data(add("digicarbon data", "", "").add_verbs())
    add(
        "digicarbon new FOLDER [--language en|zh]",
        "new.new",
        "Makes a small study that runs at once on example data, to begin your own with.",
        "digicarbon new mystudy",
        "digicarbon new mystudy --language zh",
        needs=Note("needs_of_new"),
        names=("folder",),
        least=1,
    ).add_argument(
        FLAG,
        metavar="zh",
        choices=LANGUAGES,
        default=LANGUAGES[0],
        help="a Chinese README, and a table in Chinese; by default en",
    )
    add(
        "digicarbon schema [--to FOLDER]",
        "schema.schema",
        "Writes JSON Schemas, by which VS Code completes and checks the YAML files, and says how an editor takes them.",
        "digicarbon schema",
        "digicarbon schema --to schemas",
        needs=Note("needs_of_schema"),
    ).add_argument("--to", metavar="FOLDER", help="by default .digicarbon/schema")
    ui = add(
        "digicarbon ui [EXPERIMENT] [tracking=…] [flags of `mlflow ui`]",
        "ui.ui",
        "Opens MLflow's interface on the project's store; Ctrl+C ends it.",
        "digicarbon ui table3_baseline",
        "digicarbon ui --port 5001",
        needs=Note("needs_of_ui"),
        reader="mlflow",
    )
    ui.add_argument("--port", "-p", metavar="5001", help="another port than 5000")
    ui.add_argument("--host", "-h")
    for one in pack.offered(REQUEST):
        one.add_to(add, top.verbs)
    return top


def _add_fits(add: Adder) -> None:
    """Add the verbs whose words Hydra reads; their flags are declared for their help."""
    fits = [
        add(
            "digicarbon run [EXPERIMENT] [overrides] [flags]",
            "command.run",
            "Fits all runs of an experiment that are not recorded yet, records them and prints the table. Without an "
            "experiment: one run of the default sentence, with your overrides.",
            "digicarbon run table3_baseline inference=cluster",
            "digicarbon run -m model=twfe,sdm 'model.controls=[ln_pgdp]'",
            reader="hydra",
            epilog=ABOUT_OVERRIDES,
        ),
        add(
            "digicarbon plan [EXPERIMENT] [overrides] [flags]",
            "command.plan_",
            "Lists what would run, what is recorded already and how long the rest takes; fits nothing.",
            "digicarbon plan table7_spatial_w1",
            "digicarbon plan -m model=sar,sdm 'weights=glob(*)' --all",
            reader="hydra",
            epilog=ABOUT_OVERRIDES,
        ),
        add(
            "digicarbon check [EXPERIMENT] [overrides] [flags]",
            "command.check",
            "Builds every run and checks it against its data; fits nothing and writes nothing.",
            "digicarbon check main",
            "digicarbon check table3_baseline source=china",
            reader="hydra",
            epilog=ABOUT_OVERRIDES,
        ),
    ]
    fits[0].add_argument("--force", help="fit all runs again, also those that are recorded")
    fits[1].add_argument("--all", dest="every", help="show each of many runs")
    for one in fits:
        add_hydra(one)


def add_hydra(verb: Verb) -> None:
    """Add Hydra's flags to the help of a verb whose words Hydra reads."""
    verb.add_argument("-m", help="sweep: model=twfe,sdm is two runs")
    verb.add_argument("--cfg", metavar="job", help="print the composed configuration and do nothing")
    verb.add_argument("--hydra-help", help="Hydra's other flags")


def _add_records(add: Adder) -> None:
    """Add the verbs that read recorded runs."""
    report = add(
        "digicarbon report [EXPERIMENT or run id of a sweep] [--out FOLDER] [--one-file] [report=… tracking=…]",
        "report_command.report",
        "Makes a page of what is recorded, with its tables for Word, Excel and LaTeX; fits nothing.",
        "digicarbon report table3_baseline --out paper",
        "digicarbon report table3_baseline --out baseline.html",
        "digicarbon report table3_baseline report.decimals=3 report.language=zh",
        needs=Note("needs_of_report"),
        names=("name",),
        is_override=_is_pair,
    )
    report.add_argument("--out", metavar="FOLDER", help="where the page goes; by default out/EXPERIMENT")
    report.add_argument(
        "--one-file",
        action="store_true",
        help="one file with tables and pictures within, EXPERIMENT.html; also by --out page.html",
    )
    add(
        "digicarbon export RUN_OR_EXPERIMENT [EXPERIMENT] --to FOLDER [tracking=…]",
        "export.export",
        "Writes data, weights and configurations, with scripts for Stata and R that check the numbers, to a new "
        "folder.",
        "digicarbon export table3_baseline --to replication",
        "digicarbon export 'FE(1)' table3_baseline --to replication",
        needs=Note("needs_of_export"),
        names=("run", "experiment"),
        least=1,
        is_override=is_tracking,
    ).add_argument("--to", metavar="FOLDER", required=True, help="a folder that does not exist or is empty")
    add(
        "digicarbon deliver [EXPERIMENT] [tracking=…]",
        "deliver.deliver",
        "Records runs that wait on this disk since a store did not take them when they were fitted.",
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
        "Reads raw downloads (files, folders or patterns such as 'raw/*.xlsx') into tidy files with their "
        "provenance; `digicarbon list importer` shows the kinds.",
        "digicarbon data import nbs raw/nbs --to data",
        "digicarbon data import ceads_sectoral raw/*.xlsx --to data --add",
        needs=Note("needs_of_data_import"),
        names=("kind", "files…"),
        least=2,
        is_override=_is_no_path,
    )
    import_.add_argument("--to", metavar="FOLDER", required=True, help="the data folder to write to")
    import_.add_argument("--add", action="store_true", help="put rows beside those that the folder has")
    add(
        "digicarbon data status FOLDER | source=… [overrides]",
        "data_status.status",
        "Shows per series: first and last year, units, unit-years without a value, vintages, unit of measurement, "
        "file and its hash; per imported file: importer, raw files, and whether it was changed since.",
        "digicarbon data status data",
        "digicarbon data status source=china_folder",
        needs=Note("needs_of_data_status"),
        names=("folder",),
        is_override=_is_no_path,
    )
    add(
        "digicarbon data check FOLDER | source=… [--all]",
        "data_check.check",
        "Checks a data folder, or what a source delivers: impossible values, sums, gaps, copied years, outliers; "
        "errors first, one line for many alike; the status is 1 if there is an error.",
        "digicarbon data check data",
        "digicarbon data check source=china --all",
        needs=Note("needs_of_data_check"),
        names=("folder",),
        is_override=_is_no_path,
    ).add_argument("--all", dest="every", action="store_true", help="show every finding")
    add(
        "digicarbon data show RUN [EXPERIMENT]",
        "data_show.show",
        "Shows the files, hashes and choices behind a run's panel, and whether the files are still the same (status "
        "1 if not). RUN is an id or its beginning, or a label in the latest sweep (of EXPERIMENT), or an experiment "
        "for the whole of its latest sweep.",
        "digicarbon data show 'FE(1)' table3_baseline",
        "digicarbon data show table3_baseline",
        needs=Note("needs_of_data_show"),
        names=("run", "experiment"),
        least=1,
        is_override=is_tracking,
    )


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
