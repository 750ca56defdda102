"""Secrets: passwords and tokens in addresses, and environment variables. Only this module decides what is secret.

All text that is recorded, exported or shown goes through `masked`; messages of drivers go through `hidden`.
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
"""Parameters after the question mark of an address whose values are shown; all other values count as secrets."""
SHORTEST = 4
"""Shorter pieces of a secret look like ordinary words, so they are hidden only inside an address."""

_WORD = r"\$\{oc\.env:\w+\}"
_LINE = re.compile(r"(?P<key>(?:[\s-]*[\w.]+\s*[:=]\s*)?['\"]?)(?P<address>[A-Za-z][\w+.-]*://.*)")
_WITHIN = re.compile(r"[A-Za-z][\w+.-]*://[^\s\"'<>`]*")
_INTERPOLATED = re.compile(rf"(?P<user>{_WORD}|[^:$]*)(?P<password>:{_WORD})?")
_NO_SCHEME = re.compile(
    r"(?<![^\s\"'<>`=(,\[])(?:[A-Za-z][\w+.-]*(?::/|//))?"
    rf"(?P<user>{_WORD}|[^\s\"'<>`=(,\[:@/${{}}]+):(?![/\\])(?P<password>[^\s\"'<>`]+)@(?=[\w\[])"
)
"""An address without a scheme, or with a mistyped one."""
_KNOWN: set[str] = set()


def masked(text: str) -> str:
    """Return a text without the secrets of its addresses; interpolated environment variables stay as they are."""
    if "://" in text:
        text = "\n".join(map(_line, text.split("\n")))
    return _NO_SCHEME.sub(_without_password, text) if "@" in text else text


def hidden(text: str) -> str:
    """Return a text without the secrets of its addresses, and without any secret stored by `learn`."""
    for secret in sorted(_KNOWN, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return masked(text)


def learn(address: str) -> None:
    """Store the secrets of an address, whole and in the pieces into which a driver may cut it."""
    scheme, separator, rest = address.partition("://")
    if not separator or rest.startswith("/"):
        # a file, or a mistyped address
        match = _user_after_slashes(scheme, rest) if separator else _NO_SCHEME.match(address)
        login = "" if match is None else f"{match['user']}:{match['password']}"
        query = rest.partition("?")[2]
    else:
        login, _, after = rest.rpartition("@")
        query = after.partition("?")[2]
    user, colon, password = login.partition(":")
    parts = [password] if colon else [user]
    parts += [user] if scheme in ("http", "https") else []
    parts += [value for key, _, value in _pairs(query) if key not in HARMLESS]
    forms = {form for text in parts for form in (text, unquote_plus(text))}
    pieces = {piece for text in forms for piece in (text, *re.split(r"[/@:?#&=%\s]", text))}
    _KNOWN.update(piece for piece in pieces if len(piece) >= SHORTEST)


def mapped(value: Any, change: Callable[[str], str] = masked) -> Any:
    """Return plain values with each text in them changed; unchanged parts stay the same object."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        result: Any = {key: mapped(item, change) for key, item in value.items()}
        return value if all(result[key] is item for key, item in value.items()) else result
    if isinstance(value, list | tuple):
        items = [mapped(item, change) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def _line(line: str) -> str:
    # a password may contain blanks: an address that fills a line, or the value in a line of YAML, ends with the line
    match = _LINE.fullmatch(line)
    if match is not None:
        return match["key"] + _address(match["address"])
    return _WITHIN.sub(lambda part: _address(part[0]), line)


def _user_after_slashes(scheme: str, rest: str) -> re.Match[str] | None:
    """Return the match of user and password after the slashes of an address with a slash too many."""
    return None if scheme.startswith(("sqlite", "file")) else _NO_SCHEME.match(rest.lstrip("/"))


def _without_password(match: re.Match[str]) -> str:
    if re.fullmatch(_WORD, match["password"]):
        return match[0]
    return f"{match[0].removesuffix(match['password'] + '@')}{HIDDEN}@"


def _address(address: str) -> str:
    scheme, _, rest = address.partition("://")
    if rest.startswith("/"):
        # no host and thus no user: a file, or an address with a slash too many
        match = _user_after_slashes(scheme, rest)
        path = rest if match is None else rest.lstrip("/")[match.end() :]
        return f"{scheme}://{'' if match is None else _without_password(match)}{_queried(path)}"
    login, at, after = rest.rpartition("@")
    if "?" in login:
        return _parsed(address, scheme)
    return f"{scheme}://{_user(login, scheme)}{at}{_queried(after)}"


def _parsed(address: str, scheme: str) -> str:
    """Return an ambiguous address as SQLAlchemy reads it; if SQLAlchemy cannot, hide all of it."""
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


def _user(login: str, scheme: str) -> str:
    match = _INTERPOLATED.fullmatch(login)
    web = scheme in ("http", "https")
    if not login:
        return login
    if match is not None and (match["password"] or match["user"].startswith("${")):
        literal = not match["user"].startswith("${")
        return f"{HIDDEN if web and literal else match['user']}{match['password'] or ''}"
    user, colon, _ = login.partition(":")
    # a name without a password, or in a web address, may be a token
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
