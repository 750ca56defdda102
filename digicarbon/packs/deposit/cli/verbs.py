"""The verbs ``lock`` and ``package``, and the flags of ``plan --blind``."""

from __future__ import annotations

from collections.abc import Mapping

from digicarbon.cli.language import FLAG, LANGUAGES
from digicarbon.cli.usage import ABOUT_OVERRIDES, Adder, Verb, Verbs, add_hydra, is_tracking
from digicarbon.note import Note


def _add(add: Adder, verbs: Mapping[str, Verb]) -> None:
    """Add the verbs, and the flags of a blind plan."""
    plan = verbs["plan"]
    plan.add_argument("--blind", help="power from outcomes that are exchanged between units; no estimate is shown")
    plan.add_argument("--draws", metavar="200", help="with --blind: how many exchanged outcomes")
    plan.add_argument("--effect", metavar="0.1", help="with --blind: the effect whose power is shown")
    plan.add_argument("--seed", metavar="1", help="with --blind: of the exchanges")
    lock = add(
        "digicarbon lock EXPERIMENT [overrides] [flags]",
        "digicarbon.packs.deposit.cli.lock.lock",
        "Writes what is planned to experiments/EXPERIMENT.lock.json: choices, estimand, seeds, code, and hashes of "
        "the data without the outcome. Later runs, tables and pages say whether something has changed.",
        "digicarbon lock table7_spatial_w1",
        "digicarbon lock table7_spatial_w1 --check",
        reader="hydra",
        epilog=ABOUT_OVERRIDES,
    )
    lock.add_argument("--check", help="compare only: what has changed; the status is 1 if something has")
    lock.add_argument("--again", help="lock the plan of today, too; earlier versions stay in the file")
    lock.add_argument("--why", metavar="WORDS", help="the reason for locking again")
    lock.add_argument("--tag", help="make a tag of Git with the hash")
    lock.add_argument("--tsa", metavar="URL", help="ask a time stamping authority (RFC 3161) for a stamp")
    add_hydra(lock)
    package = add(
        "digicarbon package EXPERIMENT… --to FOLDER [--rebuild] [--language en|zh] [tracking=…]",
        "digicarbon.packs.deposit.cli.package_command.package",
        "Writes what a data editor asks for to a folder: README, checklists and codebook, experiments, data that may "
        "be passed on, every number, and run_all.py, which rebuilds all tables and compares. An experiment that lists "
        "others, e.g. paper, is packaged with all of them. What only you know is asked in experiments/package.yaml.",
        "digicarbon package paper --to package",
        "digicarbon package table3_baseline table7_spatial_w1 --to package --rebuild",
        needs=Note("needs_of_package"),
        names=("experiments…",),
        least=1,
        is_override=is_tracking,
    )
    package.add_argument("--to", metavar="FOLDER", required=True, help="a new folder, or one of an earlier package")
    package.add_argument("--rebuild", action="store_true", help="rebuild it first, which also measures time and memory")
    package.add_argument(
        FLAG,
        metavar="zh",
        choices=LANGUAGES,
        default=LANGUAGES[0],
        help="documents in Chinese beside the English ones",
    )


VERBS = Verbs(
    usage="""\
  digicarbon plan EXPERIMENT --blind          power and smallest effects that show, from exchanged outcomes
  digicarbon lock EXPERIMENT [--check]        write the plan down; what has changed since
  digicarbon package EXPERIMENT… --to DIR     the whole package for a data editor: README, data, tables, and its rebuild
""",
    add_to=_add,
    flags={
        "plan": (("--blind",), ("--draws", "--effect", "--seed")),
        "lock": (("--check", "--again", "--tag"), ("--why", "--tsa")),
    },
)
