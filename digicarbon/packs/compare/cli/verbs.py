"""The verbs ``rerun`` and ``compare``."""

from __future__ import annotations

from collections.abc import Mapping

from digicarbon.cli.usage import Adder, Verb, Verbs, is_tracking
from digicarbon.note import Note


def _add(add: Adder, verbs: Mapping[str, Verb]) -> None:
    """Add the verbs."""
    add(
        "digicarbon rerun RUN [EXPERIMENT] [tracking=…]",
        "digicarbon.packs.compare.cli.rerun.rerun",
        "Fits a recorded run again, on today's data and code, and compares every number. A run is named by its id, "
        "the beginning of its id, or its label with the experiment.",
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
        "Compares two recorded sweeps: which numbers moved, and by what: data, a choice, code or packages. A and B are "
        "each an experiment (its latest sweep), EXPERIMENT@COMMIT (the latest one at a Git commit), or the id of a "
        "sweep or a run, or its beginning; or the folder of a package, whose expected numbers are compared. The status "
        "is 1 if a number moved. Words are in the language of B's report.",
        "digicarbon compare table3_baseline@a1b2c3d table3_baseline",
        "digicarbon compare 3f9a2c81000b table3_baseline --to moved.csv",
        "digicarbon compare 3f9a2c81000b table3_baseline report.language=zh",
        needs=Note("needs_of_compare"),
        names=("first", "second"),
        least=2,
        is_override=_is_language_or_tracking,
    )
    compare.add_argument(
        "--to", metavar="FILE", help="a row for each run as .csv, or the result as .md, .html, .docx …"
    )
    compare.add_argument(
        "--experiment", metavar="NAME", default="", help="where ids are searched, and whose sweeps @COMMIT means"
    )


def _is_language_or_tracking(word: str) -> bool:
    return word.startswith("report.language=") or is_tracking(word)


VERBS = Verbs(
    usage="""\
  digicarbon rerun RUN_ID                     fit a recorded run again and compare every number
  digicarbon compare A B [--to FILE]          two recorded sweeps: which numbers moved, and by what
""",
    add_to=_add,
)
