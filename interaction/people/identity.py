"""Who somebody is to the server: a secret in a cookie, of which the store knows the hash alone."""

from __future__ import annotations

import hashlib
import secrets
from urllib.parse import urlsplit

from interaction.errors import ArgumentError

SECRET_BYTES = 16  # 128 random bits
AGE = 90 * 24 * 3600
"""Seconds that a browser keeps the cookie."""


def cookie_name(study: str) -> str:
    """Give the name of a study's cookie: browsers share cookies between all ports of a machine.

    >>> from interaction.people.identity import cookie_name
    >>> cookie_name("pointing") == cookie_name("bandit")
    False
    """
    return f"interaction_{hashed(study)[:12]}"


def new_secret() -> str:
    """Draw what the cookie of a participant holds: 128 random bits, as 32 hexadecimal digits.

    >>> from interaction.people.identity import new_secret
    >>> len(new_secret()), new_secret() == new_secret()
    (32, False)
    """
    return secrets.token_hex(SECRET_BYTES)


def new_name() -> str:
    """Draw the public name of a session: nothing about the secret follows from it.

    >>> from interaction.people.identity import new_name
    >>> len(new_name())
    16
    """
    return secrets.token_hex(8)


def hashed(secret: str) -> str:
    """Give what the store keeps of a secret, from which it cannot be had again.

    >>> from interaction.people.identity import hashed
    >>> hashed("00112233445566778899aabbccddeeff")[:16]
    '5947d7c33d783f94'
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def same_token(given: str | None, expected: str) -> bool:
    """Say whether a token is the one expected, in a time that tells nothing about it.

    >>> from interaction.people.identity import same_token
    >>> same_token("no", "yes"), same_token(None, "yes"), same_token("yes", "yes")
    (False, False, True)
    """
    return secrets.compare_digest((given or "").encode(), expected.encode())


def same_origin(origin: str | None, host: str | None, allowed: frozenset[str] = frozenset()) -> bool:
    """Say whether a request comes from a page of this server: its origin is `host`, or is `allowed`.

    A missing origin is a foreign one: every browser sends it with what changes something and with the
    handshake of a WebSocket. Behind a proxy that does not hand on the host, say what is allowed.

    >>> from interaction.people.identity import same_origin
    >>> same_origin("http://127.0.0.1:8000", "127.0.0.1:8000"), same_origin(None, "127.0.0.1:8000")
    (True, False)
    >>> same_origin("https://study.example", "127.0.0.1:8000", frozenset({"https://study.example"}))
    True
    """
    if not origin or not host:
        return False
    return origin in (allowed or (f"http://{host}", f"https://{host}"))


def read_origin(text: str) -> str:
    """Give the origin of an address, as a browser says it; raise an `ArgumentError` for what has none.

    >>> from interaction.people.identity import read_origin
    >>> read_origin("https://Study.example/")
    'https://study.example'
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username)
    if parts.scheme not in STANDARD or not parts.hostname or any(rest):
        raise ArgumentError(f"origin: expected https://HOST, and no path behind it, got {text!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{'' if port in (None, STANDARD[parts.scheme]) else f':{port}'}"


STANDARD = {"http": 80, "https": 443}
"""The ports that an origin does not name."""
