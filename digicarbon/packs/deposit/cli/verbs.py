"""The verbs ``lock`` and ``package``, and the flags of ``plan --blind``."""

from __future__ import annotations

from collections.abc import Mapping

from digicarbon.cli.language import FLAG, LANGUAGES
from digicarbon.cli.usage import ABOUT_OVERRIDES, Adder, Verb, Verbs, add_hydra, is_tracking
from digicarbon.note import Note


def _add(add: Adder, verbs: Mapping[str, Verb]) -> None:
    """Add the verbs, and the flags of a blind plan."""
    plan = verbs["plan"]
    plan.add_flag("--blind", says=Note("flag_blind"))
    plan.add_flag("--draws", metavar="200", says=Note("flag_draws"))
    plan.add_flag("--effect", metavar="0.1", says=Note("flag_effect"))
    plan.add_flag("--seed", metavar="1", says=Note("flag_seed"))
    lock = add(
        "digicarbon lock EXPERIMENT [overrides] [flags]",
        "digicarbon.packs.deposit.cli.lock.lock",
        Note("does_lock"),
        "digicarbon lock table7_spatial_w1",
        "digicarbon lock table7_spatial_w1 --check",
        reader="hydra",
        more=ABOUT_OVERRIDES,
    )
    lock.add_flag("--check", says=Note("flag_check"))
    lock.add_flag("--again", says=Note("flag_again"))
    lock.add_flag("--why", metavar="WORDS", says=Note("flag_why"))
    lock.add_flag("--tag", says=Note("flag_tag"))
    lock.add_flag("--tsa", metavar="URL", says=Note("flag_tsa"))
    add_hydra(lock)
    package = add(
        "digicarbon package EXPERIMENT… --to FOLDER [--rebuild] [--language en|zh] [tracking=…]",
        "digicarbon.packs.deposit.cli.package_command.package",
        Note("does_package"),
        "digicarbon package paper --to package",
        "digicarbon package table3_baseline table7_spatial_w1 --to package --rebuild",
        needs=Note("needs_of_package"),
        names=("experiments…",),
        least=1,
        is_override=is_tracking,
    )
    package.add_flag("--to", metavar="FOLDER", required=True, says=Note("flag_to_package"))
    package.add_flag("--rebuild", action="store_true", says=Note("flag_rebuild"))
    package.add_flag(FLAG, metavar="zh", choices=LANGUAGES, default=LANGUAGES[0], says=Note("flag_language_of_package"))


VERBS = Verbs(
    usage=(
        ("digicarbon plan EXPERIMENT --blind", Note("usage_blind")),
        ("digicarbon lock EXPERIMENT [--check]", Note("usage_lock")),
        ("digicarbon package EXPERIMENT… --to DIR", Note("usage_package")),
    ),
    add_to=_add,
)
