"""Write the pages' outputs and pictures anew, after what the commands print or draw has changed.

``python tests/docs/refresh.py`` follows all pages, ``python tests/docs/refresh.py docs/tutorial.md`` the named ones.
With ``--pictures`` it makes the pictures, too; those of Word and of web pages need LibreOffice, poppler and Chromium.
Blocks of the Chinese pages follow those of the English ones. Read ``git diff`` afterwards.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from blocks import FENCE, MACHINE, Block, blocks, in_order
from PIL import Image, ImageChops

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DOCS = REPOSITORY / "docs"
PAGES = [
    REPOSITORY / "README.md",
    *(DOCS / f"{name}.md" for name in ("tutorial", "new", "inference", "inference_long", "gallery", "api")),
    *sorted(page for page in (DOCS / "how").glob("*.md") if page.stem != "index"),
]
"""Pages whose commands run in tests."""
PICTURE = re.compile(r"^!\[[^\]]*\]\((\S+\.png)\)$", re.MULTILINE)
WIDTH = 1000
"""Largest width of a picture."""


def refresh(page: Path, folder: Path, pictures: bool) -> None:
    """Follow a page in a folder, and write what was printed into its blocks."""
    text = page.read_text(encoding="utf-8")
    parts: list[str] = []
    printed: list[str] = []
    command, end = "", 0
    for found in FENCE.finditer(text):
        between = text[end : found.start()]
        if pictures and command:
            for name in PICTURE.findall(between):
                draw(command, printed, folder, page.parent / name)
        parts.append(between)
        block, end = Block(*found.groups()), found.end()
        whole = found[0]
        if block.language == "sh" and block.title not in MACHINE:
            for command in block.text.replace("\\\n", " ").splitlines():
                if command.startswith("cd "):
                    folder = folder / command.removeprefix("cd ")
                else:
                    printed = run(command, folder)
        elif block.language == "text" and not block.title:
            whole = "\n".join(["```text", *renewed(block.text.splitlines(), printed), "```"])
        elif block.title not in MACHINE and (block.language != "text" or not (folder / block.title).exists()):
            save(block, folder)
        parts.append(whole)
    if pictures and command:
        for name in PICTURE.findall(text[end:]):
            draw(command, printed, folder, page.parent / name)
    page.write_text("".join([*parts, text[end:]]), encoding="utf-8")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def save(block: Block, folder: Path) -> None:
    file = folder / block.title
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block.text, encoding="utf-8")


def run(command: str, folder: Path) -> list[str]:
    """Run a command and return the lines of its output."""
    say(f"  {' '.join(command.split())}")
    words = command.replace("digicarbon ", f"{sys.executable} -m digicarbon ", 1)
    words = re.sub(r"^python ", f"{sys.executable} ", words)
    done = subprocess.run(
        words, shell=True, cwd=folder, capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"}
    )
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout}{done.stderr}")
    return [line.rstrip() for line in done.stdout.splitlines()]


def renewed(old: list[str], printed: list[str]) -> list[str]:
    """Return the lines of a block as they are printed now: the same part, from its first line to its last."""
    if old and not in_order(old, printed):
        return old
    shown = [line for line in printed if not line.startswith(("Picture: ", "Map: "))]
    while shown and not shown[-1]:
        shown.pop()
    if not old:
        return shown
    ends = [closest(old[0], shown), closest(old[-1], shown)]
    return shown[min(ends) : max(ends) + 1]


def closest(line: str, lines: list[str]) -> int:
    return max(range(len(lines)), key=lambda place: difflib.SequenceMatcher(None, line, lines[place]).ratio())


def draw(command: str, printed: list[str], folder: Path, target: Path) -> None:
    """Write the picture of a command: its own, or that of the Word file or the web page that it made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    out = re.search(r"--out (\S+)", command)
    if out and target.stem.endswith("word"):
        image = word(folder / out[1] / "table.docx", folder)
    elif out and target.stem.endswith("page"):
        image = website(folder / out[1] / "index.html", folder)
    else:
        made = [Path(found) for found in re.findall(r"^Picture: (.+\.png)$", "\n".join(printed), re.MULTILINE)]
        image = next((file for file in made if file.stem == target.stem), made[0])
    small(image, target)
    say(f"  {target.relative_to(REPOSITORY)}: {target.stat().st_size // 1024} KB")


def word(file: Path, folder: Path) -> Path:
    call("soffice", "--headless", "--convert-to", "pdf", "--outdir", folder, file)
    call("pdftoppm", "-png", "-r", "110", "-singlefile", folder / "table.pdf", folder / "word")
    return folder / "word.png"


def website(file: Path, folder: Path) -> Path:
    target = folder / "page.png"
    words = ("--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1000,1100", f"--screenshot={target}")
    call(shutil.which("chromium") or "chromium-browser", *words, file.resolve().as_uri())
    return target


def call(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)


def small(image: Path, target: Path) -> None:
    """Write a picture without its white margins, not wider than ``WIDTH``, in few colours."""
    picture = Image.open(image).convert("RGB")
    white = Image.new("RGB", picture.size, "white")
    box = ImageChops.difference(picture, white).getbbox()
    if box:
        left, top, right, bottom = box
        wide, high = picture.size
        picture = picture.crop((max(left - 12, 0), max(top - 12, 0), min(right + 12, wide), min(bottom + 12, high)))
    if picture.width > WIDTH:
        picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    # rare colours stay: by area, those of a few markers would become one
    picture.quantize(96, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(target, optimize=True)


def translate(page: Path) -> None:
    """Give the Chinese page the blocks of the English one."""
    chinese = chinese_of(page)
    if chinese is None or len(blocks(page)) != len(blocks(chinese)):
        return
    ours = iter([found[0] for found in FENCE.finditer(page.read_text(encoding="utf-8"))])
    chinese.write_text(FENCE.sub(lambda _: next(ours), chinese.read_text(encoding="utf-8")), encoding="utf-8")


def chinese_of(page: Path) -> Path | None:
    """The Chinese page of an English one, if there is one."""
    place = REPOSITORY / "README.zh.md" if page.name == "README.md" else DOCS / "zh" / page.relative_to(DOCS)
    return place if place.is_file() else None


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, default=PAGES)
    parser.add_argument("--pictures", action="store_true")
    chosen = parser.parse_args()
    for page in (one.resolve() for one in chosen.pages):
        say(str(page.relative_to(REPOSITORY)))
        with tempfile.TemporaryDirectory() as folder:
            for example in (DOCS / "example").glob("*.csv"):
                shutil.copy(example, folder)
            refresh(page, Path(folder), chosen.pictures)
        translate(page)


if __name__ == "__main__":
    main()
