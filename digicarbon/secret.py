"""What a secret is: passwords and tokens in addresses, and words of the environment. Nothing else decides that.

What is recorded, exported or shown passes `masked`; what a driver says of an address passes `hidden` as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

HIDDEN = "***"
HARMLESS = frozenset(
    {"host", "port", "sslmode", "connect_timeout", "application_name", "charset", "mode", "uri", "timeout"}
)
"""What may stand in an address after its question mark; the value of anything else is taken for a secret."""
SHORTEST = 4
"""Pieces of a secret with fewer letters are words like any other: only an address shows that they are secret."""

_WORD = r"\$\{oc\.env:\w+\}"
_LINE = re.compile(r"(?P<key>(?:[\s-]*[\w.]+\s*[:=]\s*)?['\"]?)(?P<address>[A-Za-z][\w+.-]*://.*)")
_WITHIN = re.compile(r"[A-Za-z][\w+.-]*://[^\s\"'<>`]*")
_KEPT = re.compile(rf"(?P<user>{_WORD}|[^:$]*)(?P<password>:{_WORD})?")
_BARE = re.compile(
    r"(?<![^\s\"'<>`=(,\[])(?:[A-Za-z][\w+.-]*(?::/|//))?"
    rf"(?P<user>{_WORD}|[^\s\"'<>`=(,\[:@/${{}}]+):(?![/\\])(?P<password>[^\s\"'<>`]+)@(?=[\w\[])"
)
"""An address whose scheme was left out, or mistyped."""
_KNOWN: set[str] = set()


def masked(text: str) -> str:
    """Return a text without the secrets of the addresses in it; an interpolation of the environment stays as it is."""
    if "://" in text:
        text = "\n".join(map(_line, text.split("\n")))
    return _BARE.sub(_bare, text) if "@" in text else text


def hidden(text: str) -> str:
    """Return a text without secrets of addresses, and without those of `learn`, wherever they stand in it."""
    for secret in sorted(_KNOWN, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return masked(text)


def learn(address: str) -> None:
    """Remember the secrets of an address, whole and in the pieces that a driver may cut it into."""
    scheme, separator, rest = address.partition("://")
    if not separator or rest.startswith("/"):
        # a file, or an address that was mistyped
        typed = _beyond(scheme, rest) if separator else _BARE.match(address)
        before = "" if typed is None else f"{typed['user']}:{typed['password']}"
        query = rest.partition("?")[2]
    else:
        before, _, after = rest.rpartition("@")
        query = after.partition("?")[2]
    user, colon, password = before.partition(":")
    found = [password] if colon else [user]
    found += [user] if scheme in ("http", "https") else []
    found += [value for key, _, value in _pairs(query) if key not in HARMLESS]
    every = {form for text in found for form in (text, unquote_plus(text))}
    pieces = {piece for text in every for piece in (text, *re.split(r"[/@:?#&=%\s]", text))}
    _KNOWN.update(piece for piece in pieces if len(piece) >= SHORTEST)


def mapped(value: Any, change: Callable[[str], str] = masked) -> Any:
    """Return plain values with each text in them changed; what does not change is the same object."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        fresh: Any = {key: mapped(item, change) for key, item in value.items()}
        return value if all(fresh[key] is item for key, item in value.items()) else fresh
    if isinstance(value, list | tuple):
        items = [mapped(item, change) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def _line(line: str) -> str:
    # a password may hold blanks: an address that fills a line, or a line of YAML, ends where the line ends
    whole = _LINE.fullmatch(line)
    if whole is not None:
        return whole["key"] + _address(whole["address"])
    return _WITHIN.sub(lambda found: _address(found[0]), line)


def _beyond(scheme: str, rest: str) -> re.Match[str] | None:
    """Return the user and the password behind slashes of which one is too many."""
    return None if scheme.startswith(("sqlite", "file")) else _BARE.match(rest.lstrip("/"))


def _bare(found: re.Match[str]) -> str:
    if re.fullmatch(_WORD, found["password"]):
        return found[0]
    return f"{found[0].removesuffix(found['password'] + '@')}{HIDDEN}@"


def _address(address: str) -> str:
    scheme, _, rest = address.partition("://")
    if rest.startswith("/"):
        # no host, and so no user: a file; or a slash too many
        typed = _beyond(scheme, rest)
        path = rest if typed is None else rest.lstrip("/")[typed.end() :]
        return f"{scheme}://{'' if typed is None else _bare(typed)}{_queried(path)}"
    before, at, after = rest.rpartition("@")
    if "?" in before:
        return _parsed(address, scheme)
    return f"{scheme}://{_user(before, scheme)}{at}{_queried(after)}"


def _parsed(address: str, scheme: str) -> str:
    """Return an address that can be read in several ways as SQLAlchemy reads it; if that is no help, hide all of it."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        return f"{scheme}://{HIDDEN}"
    place = f"{url.host or ''}{'' if url.port is None else f':{url.port}'}/{url.database or ''}"
    if "@" in place or scheme in ("http", "https"):
        return f"{scheme}://{HIDDEN}"
    name = "" if url.username is None else HIDDEN if url.password is None else f"{url.username}:{HIDDEN}"
    query = "".join(
        f"{'&' if number else '?'}{key}={value if key in HARMLESS else HIDDEN}"
        for number, (key, value) in enumerate(url.query.items())
    )
    return f"{scheme}://{name}{'@' if name else ''}{place}{query}"


def _user(before: str, scheme: str) -> str:
    kept = _KEPT.fullmatch(before)
    web = scheme in ("http", "https")
    if not before:
        return before
    if kept is not None and (kept["password"] or kept["user"].startswith("${")):
        literal = not kept["user"].startswith("${")
        return f"{HIDDEN if web and literal else kept['user']}{kept['password'] or ''}"
    user, colon, _ = before.partition(":")
    # a name that stands without a password, or on the web, may be a token
    return f"{user}:{HIDDEN}" if colon and not web and "$" not in user else HIDDEN


def _queried(text: str) -> str:
    path, mark, query = text.partition("?")
    if not mark:
        return text
    shown = (
        f"{key}{equals}{value if key in HARMLESS or re.fullmatch(_WORD, value) else HIDDEN}" if equals else HIDDEN
        for key, equals, value in _pairs(query)
    )
    return f"{path}?{'&'.join(shown)}"


def _pairs(query: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in query.split("&")] if query else []
