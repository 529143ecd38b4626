"""Who may do what: the tokens that are accepted, what each of them is for, and what a route asks for."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from api.settings import SettingsError

SCOPES = ("predict", "feedback", "admin")
OPEN = frozenset({"/healthz", "/readyz"})  # probes have no token
NEEDED: Mapping[str, Sequence[str]] = {
    "/predict": ("predict",),
    "/predict/batch": ("predict",),
    "/explain": ("predict",),
    "/feedback": ("feedback",),
    "/model": ("predict", "feedback"),
}
LABELS = NEEDED["/feedback"]
LABELLED = frozenset({"/predict", "/predict/batch"})  # take a label too, which needs what /feedback does
MIN_TOKEN_CHARS = 16
FORM = "name:scope[,scope]:token"
# The token's characters are those of RFC 6750; names are short, so that a long token is not taken for one and printed.
ENTRY = re.compile(r"([\w.-]{1,32}):([a-z]+(?:,[a-z]+)*):([A-Za-z0-9._~+/-]+=*)", re.ASCII)


@dataclass(frozen=True)
class Holder:
    """Who holds a token. Several tokens may have one name, as while one of them replaces the other."""

    name: str
    scopes: frozenset[str]
    digest: bytes = field(repr=False)

    def may(self, needed: Sequence[str]) -> bool:
        """Whether it has one of the scopes; `admin` is every scope."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(needed)


class Tokens:
    """The tokens that are accepted, of which only digests are kept."""

    def __init__(
        self, holders: Iterable[Holder], compare: Callable[[bytes, bytes], bool] = hmac.compare_digest
    ) -> None:
        self._holders, self._compare = tuple(holders), compare

    def holder(self, token: bytes) -> Holder | None:
        """Who holds the token, if anybody does: how long this takes says nothing about any of them."""
        digest, found = sha256(token).digest(), None
        for holder in self._holders:  # all of them, whichever it is
            if self._compare(holder.digest, digest):
                found = holder
        return found

    def __str__(self) -> str:
        return ", ".join(f"{holder.name} ({', '.join(sorted(holder.scopes))})" for holder in self._holders)


def needed_for(path: str) -> Sequence[str]:
    """The scopes of which a token must have one: `admin` for every route that is not named here."""
    return NEEDED.get(path, ("admin",))


def parse_tokens(text: str, source: str) -> Tokens:
    """The tokens of `source`, entries `name:scope[,scope]:token` with white space between them. Raises SettingsError,
    which quotes nothing of an entry: what is in the wrong place may be the token."""
    holders: dict[bytes, Holder] = {}
    for number, entry in enumerate(text.split(), start=1):
        holder = _holder(entry, f"Entry {number} of {source}")
        if holder.digest in holders:
            raise SettingsError(f"Entry {number} of {source} has the token of an earlier one; make a new one.")
        holders[holder.digest] = holder
    if not holders:
        raise SettingsError(f"{source} holds no token; write each as {FORM}, or unset it to ask nobody for one.")
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
