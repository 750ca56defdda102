"""`digicarbon package`: recorded experiments as a folder that a data editor can check and rebuild."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from digicarbon.cli.arguments import name_of
from digicarbon.config.compose import Composer, loader, options
from digicarbon.config.files import find, shown
from digicarbon.disk import folder as whole
from digicarbon.errors import ConfigError
from digicarbon.note import Language, Note, suggestion
from digicarbon.note.about import at
from digicarbon.note.language import said
from digicarbon.packs.deposit.package import answers as author
from digicarbon.packs.deposit.package.answers import Answers, listed
from digicarbon.packs.deposit.package.bibliography import replaced
from digicarbon.packs.deposit.package.build import BUILD, DRIVER, facts, with_rebuild
from digicarbon.packs.deposit.package.data import MODULE, paths, refuse_restricted
from digicarbon.packs.deposit.package.documents import documents, questions, sources
from digicarbon.packs.deposit.package.facts import Facts
from digicarbon.packs.deposit.package.member import members
from digicarbon.packs.deposit.package.project import Project
from digicarbon.packs.deposit.package.rebuild import rebuilt
from digicarbon.progress import phase


def package(experiments: Sequence[str], to: str, language: str, rebuild: bool, overrides: Sequence[str]) -> int:
    """Write a package of recorded experiments; return 0.

    ``experiments``: each one, or one that lists others. ``to``: the folder. ``language``: ``zh`` writes documents in
    Chinese beside those in English. ``rebuild``: before it is written: it then states time and memory, and none is
    written that differs. ``overrides``: of ``tracking``. Raises DigicarbonError if an experiment is not recorded as it
    stands, its data have changed, the folder holds other files, or an answer in ``experiments/package.yaml`` is wrong.
    """
    names = [name_of(word) for word in experiments]
    target = Path(to)
    if target.is_file():
        raise ConfigError(Note("export_to_is_file", file=to))
    whole.refuse_others(target, "--to", BUILD)
    file = author.path()
    answers = author.answers(file)
    chosen = members(names, overrides)
    project = Project(chosen)
    known = facts(project, answers, answers.title or _title(names))
    verdict = ""
    if rebuild:
        with phase(Note("phase_rebuild")):
            verdict, measured = rebuilt(known.files, paths(project))
        known = with_rebuild(known, measured)
    _refuse_unknown(answers, known)
    spoken: Language = "zh" if language == "zh" else "en"
    new = not file.exists()
    named = {source.option: [one.asked for one in source.files] for source in known.sources}
    author.ask(file, sources(known), spoken, named)
    with phase(Note("phase_documents")):
        files = {**known.files, **documents(known, answers, spoken)}
        # the documents name the bytes of all files, their own among them
        known = replace(known, measured=replace(known.measured, storage=sum(map(len, files.values()))))
        files |= documents(known, answers, spoken)
    refuse_restricted(known.sources, files)
    whole.write(target, files, "--to", BUILD)
    lines = _report(known, answers, to, verdict)
    if own := [key for key in replaced(answers) if key in known.references]:
        lines.append(Note("package_own_references", keys=own))
    still_open = questions(known, answers)
    if still_open:
        fresh = Note("package_file_new") if new else ""
        lines.append(Note("package_asks", file=shown(file), new=fresh, questions=len(still_open)))
    sys.stdout.writelines(f"{said(line)}\n" for line in lines)
    sys.stdout.write(listed(still_open))
    return 0


def _refuse_unknown(answers: Answers, known: Facts) -> None:
    """Raise a `ConfigError` if answers contradict each other, or name what there is not."""
    file = shown(author.path())
    for name in answers.in_paper:
        if find(name) is None:
            hint = suggestion(name, options(loader(), ""))
            raise at(ConfigError(Note("package_in_paper", key=f"package.in_paper.{name}", name=name, hint=hint)), file)
    given = sorted({one.option for one in known.sources if any(file.shared for file in one.files)})
    if answers.may_share is False and given:
        raise at(ConfigError(Note("package_may_share", key="package.may_share", sources=given)), file)
    here = list(sources(known))
    for name in answers.data:
        # answers may be about the data of another package
        parts = name.split("_")
        options_of = ["_".join(parts[:end]) for end in range(1, len(parts) + 1)]
        if (
            name not in here
            and not Path(name).is_file()
            and not any(find(f"{group}/{one}") for one in options_of for group in ("source", "weights"))
        ):
            hint = suggestion(name, here)
            raise at(
                ConfigError(Note("package_data_unknown", key=f"package.data.{name}", name=name, hint=hint, known=here)),
                file,
            )


def _title(names: Sequence[str]) -> str:
    return str(Composer(loader(), names[0]).sweep_keys()["title"] or names[0])


def _report(known: Facts, answers: Answers, to: str, verdict: str) -> list[Note]:
    tables = sum(display.kind == "table" for display in known.displays)
    lines = [
        Note(
            "packaged",
            experiments=len(known.experiments),
            folder=to,
            tables=tables,
            figures=len(known.displays) - tables,
            numbers=known.numbers,
        )
    ]
    if known.simulated:
        lines.append(Note("package_is_simulated"))
    if known.software.pack_wheels:
        lines.append(Note("package_packs", packs=list(known.software.pack_wheels)))
    for source in known.sources:
        if source.group == MODULE:
            places = [file.place for file in source.files]
            lines.append(Note("package_module_reads", module=source.option, files=places))
    for source in known.sources:
        if source.shared == "open" and answers.of(source.option).share:
            named = [*dict.fromkeys([*answers.of(source.option).files, *(file.asked for file in source.files)])]
            lines.append(Note("package_share_some", source=source.option, files=named))
    withheld = {file.place for source in known.sources for file in source.files if not file.shared}
    if withheld:
        lines.append(Note("package_files_withheld", files=len(withheld)))
    if verdict:
        return [*lines, Note("package_rebuilt", verdict=verdict)]
    return [*lines, Note("package_rebuild_with", driver=f"{to}/{DRIVER}", folder=f"{to}/{BUILD}")]
