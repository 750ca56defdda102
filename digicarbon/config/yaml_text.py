"""YAML as text and back, with explanations of syntax errors and remedies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import AnyNode, DictConfig, OmegaConf
from omegaconf._utils import get_omega_conf_dumper, get_yaml_loader

from digicarbon.config import flat, former
from digicarbon.errors import legible
from digicarbon.note import Note

_KEY = r"[^\s:#'\"{}\[\],&*!|>%@`-][^:#'\"{}\[\],]*"
_NO_BLANK = re.compile(rf"\s*(?:- +)*(?P<key>{_KEY}):(?P<value>[^\s/:].*)")
_TWO_COLONS = re.compile(rf"\s*(?:- +)*{_KEY}:\s+[^'\"{{\[].*:(?:\s|$)")


MOST_VALUES = 100_000
"""The largest number of values in a file after its aliases (``*name``) are expanded."""


def repeats_too_much(path: Path) -> bool:
    """Return whether the aliases of a file expand to more than `MOST_VALUES` values, or contain themselves.

    With aliases, ten lines can hold a thousand million values. Syntax errors are left to the parser.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if "&" not in text or "*" not in text:
        return False
    sizes: dict[str, int] = {}
    stack: list[tuple[str | None, int]] = [(None, 0)]
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                if any(event.anchor == anchor for anchor, _ in stack):
                    return True
                anchor, size = None, sizes.get(str(event.anchor), 0)
            elif isinstance(event, yaml.CollectionStartEvent):
                stack.append((event.anchor, 1))
                continue
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, size = stack.pop()
            elif isinstance(event, yaml.ScalarEvent):
                anchor, size = event.anchor, 1
            else:
                continue
            if anchor is not None:
                sizes[anchor] = size
            stack[-1] = stack[-1][0], stack[-1][1] + size
            if size > MOST_VALUES:
                return True
    except yaml.YAMLError:
        return False
    return stack[0][1] > MOST_VALUES


def half_letter(path: Path) -> str:
    """Return the first text of a file with half a letter (a lone surrogate), which cannot be written as UTF-8."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if "\\ud" not in text.lower():
        return ""
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.ScalarEvent) and legible(event.value) != event.value:
                return legible(event.value)
    return ""


def fault(error: yaml.YAMLError, path: Path) -> Note:
    """Return a note on the line with the error and its cause.

    ``error``: the error of the parser. ``path``: the file with the error.
    """
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem is None or mark is None:
        return Note("yaml_reason", reason=" ".join(str(error).split()))
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    context_mark = getattr(error, "context_mark", None)
    start = mark.line if context_mark is None else context_mark.line
    number, note = _at_line(problem, str(error.context or ""), mark.line, mark.column, start, lines)
    return Note("yaml_line", line=number + 1, said=note)


def _at_line(problem: str, context: str, line: int, column: int, start: int, lines: list[str]) -> tuple[int, Note]:
    """Return the line number, counted from 0, and a note on the error there."""
    text = lines[line] if line < len(lines) else ""
    if match := re.match(r"found character '(.+)' that cannot start any token", problem):
        if match[1] == r"\t":
            return line, Note("yaml_tab")
        return line, Note("yaml_value_in_quotes", begins=match[1])
    if problem.startswith("could not find expected ':'") or "mapping values are not allowed" in problem:
        # the blank may be missing in the line before, although the parser stops at the next colon
        for number in dict.fromkeys((start, line, max(line - 1, 0))):
            if blank := _without_blank(lines[number] if number < len(lines) else ""):
                return number, blank
    if problem.startswith("could not find expected ':'"):
        return start, Note("yaml_no_colon")
    if "mapping values are not allowed" in problem:
        if _TWO_COLONS.match(text) and ":" in text[:column]:
            return line, Note("yaml_two_colons")
        return line, _indentation(line, lines)
    if problem.startswith("found unexpected end of stream") and "quoted" in context:
        return start, Note("yaml_open_quote")
    if problem.startswith(("expected ',' or ']'", "expected ',' or '}'")):
        opener, closer = ("[", "]") if "']'" in problem else ("{", "}")
        if "but got ':'" in problem and line == start:
            return line, Note("yaml_colon_in_brackets")
        return start, Note("yaml_open_bracket", opener=opener, closer=closer)
    if match := re.match(r"found duplicate key (.*)", problem):
        return line, Note("yaml_key_twice", name=match[1])
    if problem.startswith("found undefined alias"):
        return line, Note("yaml_value_in_quotes", begins="*")
    if "'<block mapping start>'" in problem or "'<block sequence start>'" in problem:
        return line, _indentation(line, lines)
    if match := re.search(r"but found '([]}])'", problem):
        return line, Note("yaml_lone_bracket", bracket=match[1])
    if "but found '<scalar>'" in problem:
        return line, Note("yaml_goes_on")
    return line, Note("yaml_problem", reason=" ".join(f"{context} {problem}".split()))


def _indentation(line: int, lines: list[str]) -> Note:
    before = next((text for text in reversed(lines[:line]) if text.strip() and not text.strip().startswith("#")), "")
    blanks = [len(text) - len(text.lstrip(" ")) for text in (lines[line] if line < len(lines) else "", before)]
    return Note("yaml_indentation", here=_blanks(blanks[0]), before=_blanks(blanks[1]))


def _blanks(blanks: int) -> Note:
    return Note("yaml_blanks", blanks=blanks) if blanks else Note("yaml_no_blanks")


def _without_blank(text: str) -> Note | None:
    """Return the note on a line such as ``key:value``; None for other lines."""
    match = _NO_BLANK.match(text)
    return None if match is None else missing_blank(match["key"].strip(), match["value"])


def missing_blank(key: str, value: str) -> Note:
    """Return the note on a colon without a blank after it."""
    return Note("yaml_no_blank", name=key, value=value.split()[0])


def glued(content: object, known: frozenset[str]) -> str:
    """Return the first key of a file that includes its value, because there is no blank after the colon; or empty.

    YAML reads ``Pooled:{model: pooled}`` as a key ``Pooled:{model`` and ``{model:sdm}`` as a key without a value.

    ``content``: plain values. ``known``: first words of keys; a key without a value counts only if it begins with one
    of them.
    """
    if isinstance(content, list):
        return next(filter(None, (glued(item, known) for item in content)), "")
    if not isinstance(content, Mapping):
        return ""
    for key, value in content.items():
        name, colon, rest = str(key).partition(":")
        if colon and (rest[:1] in ("{", "[") or (value is None and rest and name.split(".")[0] in known)):
            return str(key)
        if result := glued(value, known):
            return result
    return ""


SEALED = 100
"""Lists of a grid with more values than this pass through Hydra as one object."""
_RARE = re.compile(r"""[^\n -~\u3000-\u9fff\uff00-\uffef]|[&*!?%@`|>\\]|^(?:---|\.\.\.)|:[,\]}"']""", re.MULTILINE)
"""Characters that the two parsers read differently, or might."""
_COMMENT = re.compile(r"""^([^'"#\n]*)(?<!\S)#[^\n\t\x85\u2028\u2029]*""", re.MULTILINE)
"""A comment in a line without quotes before it, up to a tab, and what is before it: both parsers pass over comments."""
_PARSED: dict[tuple[str, int, int], Any] = {}
FORMER: set[str] = set()
"""Paths of files with names of an earlier version."""


class Sealed:
    """A long list that OmegaConf passes on without reading its items."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __deepcopy__(self, memo: object) -> Sealed:
        return self


def parsed(path: Path) -> Any:
    """Return the content of a file as plain values, which must not be changed; a changed file is read again.

    An experiment's words are in full. Raises yaml.YAMLError if it is no YAML, or has a key twice; OSError,
    UnicodeDecodeError if it cannot be read; ConfigError as `digicarbon.config.flat.in_full`.
    """
    stat = path.stat()
    key = (str(path.resolve()), stat.st_mtime_ns, stat.st_size)
    if key not in _PARSED:
        content = _parsed(path)
        if former.FIELD in path.read_text(encoding="utf-8"):
            # an option of inference has its fields at the top; one of a model is read by its class
            group = former.GROUPS[0] if path.parent.name == former.GROUPS[0] else ""
            renamed = former.renamed(content, group)
            if renamed != content:
                FORMER.add(key[0])
            content = renamed
        _PARSED[key] = flat.in_full(content, path)
    return _PARSED[key]


def for_hydra(path: Path) -> Any:
    """Return the content of a file as Hydra composes it, with long lists of its grid sealed.

    Raises yaml.YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError if it is not readable.
    """
    content = parsed(path)
    grid = content.get("grid") if isinstance(content, Mapping) else None
    if isinstance(grid, Mapping):
        content = {**content, "grid": {key: _sealed(values) for key, values in grid.items()}}
    return OmegaConf.create({} if content is None else content)


def plain(config: DictConfig, resolve: bool = False) -> dict[Any, Any]:
    """Return a configuration's plain values, with the long lists of its grid unsealed."""
    values = cast("dict[Any, Any]", OmegaConf.to_container(config, resolve=resolve))
    grid = values.get("grid")
    if isinstance(grid, dict):
        values["grid"] = {key: one.values if isinstance(one, Sealed) else one for key, one in grid.items()}
    return values


def dumped(content: Mapping[str, Any]) -> str:
    """Return plain values as YAML, as OmegaConf would write them."""
    # the quick one escapes signs beyond the first 65,536
    written = repr(content)
    dumper = _Dumper if written.isascii() or max(written) < "\U00010000" else _SlowDumper
    text: str = yaml.dump(content, Dumper=dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)
    return text


def _parsed(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if not _RARE.search(_COMMENT.sub(r"\1", text)):
        # our error messages explain those of OmegaConf's parser, so a wrong file is parsed again below
        with suppress(yaml.YAMLError):
            return yaml.load(text, _Quick)
    try:
        # errors from a file object include its name
        with path.open(encoding="utf-8") as file:
            return yaml.load(file, _Slow)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # e.g. a tag !!int on a text, or brackets nested too deeply
        raise yaml.YAMLError(f"it holds what cannot be read ({error})") from error


def _sealed(values: Any) -> Any:
    long = isinstance(values, list) and len(values) > SEALED
    return AnyNode(Sealed(values), flags={"allow_objects": True}) if long else values


def _mapping(loader: Any, node: Any, deep: bool = False) -> Any:
    """Return a mapping whose keys all differ, as OmegaConf demands."""
    names = [key.value for key, _ in node.value if key.tag == yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG]
    if len(set(names)) < len(names):
        raise yaml.constructor.ConstructorError(problem="a key is repeated", problem_mark=node.start_mark)
    return yaml.CSafeLoader.construct_mapping(loader, node, deep)


_Slow: Any = get_yaml_loader()
"""OmegaConf's parser, with its rules for numbers, dates and texts."""
_RULES = {"yaml_implicit_resolvers": _Slow.yaml_implicit_resolvers, "yaml_constructors": _Slow.yaml_constructors}
_Quick: Any = (
    type("_Quick", (yaml.CSafeLoader,), {**_RULES, "construct_mapping": _mapping}) if yaml.__with_libyaml__ else _Slow
)


@lru_cache(4096)
def _quotes(text: str) -> Any:
    """Return the quotes that OmegaConf gives a text; to see whether it could be read as a number takes longest."""
    return _SlowDumper.str_representer(_SlowDumper(""), text).style


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar(yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG, text, _quotes(text))


_SlowDumper: Any = get_omega_conf_dumper()
_Dumper: Any = (
    type("_Dumper", (yaml.CSafeDumper,), {"yaml_representers": {**_SlowDumper.yaml_representers, str: _text}})
    if yaml.__with_libyaml__
    else _SlowDumper
)
