"""The verbs ``rerun`` and ``compare``."""

from __future__ import annotations

from collections.abc import Mapping

from digicarbon.cli.language import FLAG, LANGUAGES
from digicarbon.cli.usage import Adder, Verb, Verbs, is_tracking
from digicarbon.note import Note


def _add(add: Adder, verbs: Mapping[str, Verb]) -> None:
    """Add the verbs."""
    add(
        "digicarbon rerun RUN [EXPERIMENT] [tracking=…]",
        "digicarbon.packs.compare.cli.rerun.rerun",
        Note("does_rerun"),
        "digicarbon rerun 3f9a2c81000b",
        "digicarbon rerun 'FE(1)' table3_baseline",
        needs=Note("needs_of_rerun"),
        names=("run", "experiment"),
        least=1,
        is_override=is_tracking,
    )
    compare = add(
        "digicarbon compare A B [--to FILE] [--experiment EXPERIMENT] [report.language=… tracking=…]",
        "digicarbon.packs.compare.cli.compare.compare_",
        Note("does_compare"),
        "digicarbon compare table3_baseline@a1b2c3d table3_baseline",
        "digicarbon compare 3f9a2c81000b table3_baseline --to moved.csv",
        "digicarbon compare 3f9a2c81000b table3_baseline report.language=zh",
        needs=Note("needs_of_compare"),
        names=("first", "second"),
        least=2,
        is_override=_is_language_or_tracking,
    )
    compare.add_flag("--to", metavar="FILE", says=Note("flag_to_moved"))
    compare.add_flag(FLAG, metavar="zh", choices=LANGUAGES, says=Note("flag_language_of_comparison"))
    compare.add_flag("--experiment", metavar="NAME", default="", says=Note("flag_experiment"))


def _is_language_or_tracking(word: str) -> bool:
    return word.startswith("report.language=") or is_tracking(word)


VERBS = Verbs(
    usage=(
        ("digicarbon rerun RUN_ID", Note("usage_rerun")),
        ("digicarbon compare A B [--to FILE]", Note("usage_compare")),
    ),
    add_to=_add,
)
