"""Tokens and their scopes, and the scope that each route requires."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from api.settings import SettingsError

SCOPES = ("predict", "feedback", "admin")
OPEN = frozenset({"/healthz", "/readyz"})  # probes send no token
NEEDED: Mapping[str, Sequence[str]] = {
    "/predict": ("predict",),
    "/predict/batch": ("predict",),
    "/explain": ("predict",),
    "/feedback": ("feedback",),
    "/model": ("predict", "feedback"),
}
LABELS = NEEDED["/feedback"]
LABELLED = frozenset({"/predict", "/predict/batch"})  # accept a label, which needs the scope of /feedback
MIN_TOKEN_CHARS = 16
FORM = "name:scope[,scope]:token"
# Tokens have the characters of RFC 6750. Names are short, so that a misplaced token is not printed as a name.
ENTRY = re.compile(r"([\w.-]{1,32}):([a-z]+(?:,[a-z]+)*):([A-Za-z0-9._~+/-]+=*)", re.ASCII)


@dataclass(frozen=True)
class Holder:
    """The holder of a token. During rotation, several tokens have the same name."""

    name: str
    scopes: frozenset[str]
    digest: bytes = field(repr=False)

    def may(self, needed: Sequence[str]) -> bool:
        """Whether the token has one of the scopes; `admin` has every scope."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(needed)


class Tokens:
    """The accepted tokens; only their digests are kept."""

    def __init__(
        self, holders: Iterable[Holder], compare: Callable[[bytes, bytes], bool] = hmac.compare_digest
    ) -> None:
        self._holders, self._compare = tuple(holders), compare

    def holder(self, token: bytes) -> Holder | None:
        """The holder of the token, or None. The time this takes does not depend on the tokens."""
        digest, found = sha256(token).digest(), None
        for holder in self._holders:  # no early exit: constant time
            if self._compare(holder.digest, digest):
                found = holder
        return found

    def __str__(self) -> str:
        return ", ".join(f"{holder.name} ({', '.join(sorted(holder.scopes))})" for holder in self._holders)


def needed_for(path: str) -> Sequence[str]:
    """A token needs one of these scopes for the path. Paths that are not listed need `admin`."""
    return NEEDED.get(path, ("admin",))


def parse_tokens(text: str, source: str) -> Tokens:
    """The tokens of `source`: entries `name:scope[,scope]:token`, separated by white space.

    Raises SettingsError. Its text quotes nothing of an entry, because any part may be a misplaced token.
    """
    holders: dict[bytes, Holder] = {}
    for number, entry in enumerate(text.split(), start=1):
        holder = _holder(entry, f"Entry {number} of {source}")
        if holder.digest in holders:
            raise SettingsError(f"Entry {number} of {source} has the token of an earlier one; make a new one.")
        holders[holder.digest] = holder
    if not holders:
        raise SettingsError(f"{source} holds no token; write each as {FORM}, or unset it to need none.")
    return Tokens(holders.values())


def _holder(entry: str, place: str) -> Holder:
    match = ENTRY.fullmatch(entry)
    if not match:
        raise SettingsError(f"{place} is not of the form {FORM}; write it so, with white space between entries.")
    name, scopes, token = match[1], frozenset(match[2].split(",")), match[3]
    if not scopes <= set(SCOPES):
        raise SettingsError(f"{place} has a scope that does not exist; the scopes are {', '.join(SCOPES)}.")
    if len(token) < MIN_TOKEN_CHARS:
        raise SettingsError(
            f"{place} has a token of fewer than {MIN_TOKEN_CHARS} characters; make one with `openssl rand -hex 32`."
        )
    return Holder(name, scopes, sha256(token.encode()).digest())
