"""Benchmarks on the command line in place of those of a file."""

from __future__ import annotations

from pathlib import Path

from digicarbon.config.compose import Composer, loader


def write(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_a_list_or_an_empty_mapping_of_the_command_line_replaces_a_mapping_of_the_file(folder: Path) -> None:
    mapping = "{both: [ln_pgdp, ln_population]}"
    write(
        "experiments/mine.yaml",
        "# mine\ndefaults: [config, override diagnostic: omitted_variable, _self_]\n"
        f"diagnostic: {{benchmarks: {mapping}}}\n",
    )

    def benchmarks(*overrides: str) -> object:
        return Composer(loader(), "mine", overrides).config()["diagnostic"]["benchmarks"]

    assert benchmarks("diagnostic.benchmarks=[ln_pgdp]") == ["ln_pgdp"]
    assert benchmarks("diagnostic.benchmarks={}") == {}
