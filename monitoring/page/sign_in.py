"""Who may see the page, by what the OpenID provider says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from monitoring.settings import Settings

CALLBACK = "/oauth2callback"  # Streamlit's route, to which the provider sends the browser back
# The sign-ins that somebody ended, for all sessions of this process: neither another tab nor a copy of the cookie goes
# on with one.
ENDED: set[tuple[str, ...]] = set()


def secrets(settings: Settings) -> dict[str, Any]:
    """What Streamlit needs for `st.login`, as in its secrets.toml; nothing for a page that is open."""
    if not settings.oidc_metadata_url:
        return {}
    return {
        "auth": {
            "server_metadata_url": settings.oidc_metadata_url,
            "client_id": settings.oidc_client_id,
            "client_secret": settings.oidc_client_secret,
            "cookie_secret": settings.oidc_cookie_secret,
            "redirect_uri": settings.public_url + CALLBACK,
        }
    }


class Refusal(NamedTuple):
    """Why somebody may not see the page, and whether it helps to sign in (again)."""

    sentence: str
    may_sign_in: bool


@dataclass(frozen=True)
class Visitor:
    """Who looks at the page. `claims` are those of the provider's ID token and `is_logged_in`, as in `st.user`."""

    settings: Settings
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """How to call them; empty for nobody in particular."""
        return str(self.claims.get("email") or self.claims.get("name") or self.claims.get("sub") or "")

    def end(self) -> None:
        """Sign out, everywhere where this sign-in is in use."""
        ENDED.add(self._sign_in())

    def refusal(self, now: datetime) -> Refusal | None:
        """Why they may not see the page now; None if they may."""
        if not self.settings.oidc_metadata_url:
            return None
        if self.claims.get("is_logged_in") is not True:
            return Refusal("Sign in to see this page.", may_sign_in=True)
        if self._is_over(now):
            return Refusal("Your sign-in has ended. Sign in again to see this page.", may_sign_in=True)
        reason = self._not_allowed()
        return Refusal(reason, may_sign_in=False) if reason else None

    def _is_over(self, now: datetime) -> bool:
        """The ID token's own end is about its use at the provider, and often minutes away."""
        since = self.claims.get("iat")
        lasts = timedelta(hours=self.settings.sign_in_hours).total_seconds()
        return not isinstance(since, int | float) or now.timestamp() >= since + lasts or self._sign_in() in ENDED

    def _not_allowed(self) -> str:
        """Some providers let users enter any address and say that it is not verified, or nothing about that."""
        email, verified = str(self.claims.get("email") or ""), self.claims.get("email_verified")
        allowed = self.settings.sign_in_allowed.split()
        who = f"You are signed in as {self.name}"
        if verified is False or (allowed and email and verified is not True):
            return f"{who}, but your provider does not say that this e-mail address is verified."
        if allowed and not email:
            return f"{who}, but your provider does not say which e-mail address is yours."
        if allowed and not is_among(email, allowed):
            return f"{who}, which is not among those who may see this page."
        return ""

    def _sign_in(self) -> tuple[str, ...]:
        return tuple(str(self.claims.get(claim)) for claim in ("iss", "sub", "iat", "nonce"))


def is_among(email: str, allowed: list[str]) -> bool:
    """Whether it is one of these addresses, or of one of these `@domains`, which do not stand for those below them."""
    somebody, _, domain = email.rpartition("@")
    matching = {_folded(email), _folded(f"@{domain}")}
    return somebody != "" and not matching.isdisjoint(map(_folded, allowed))


def _folded(address: str) -> str:
    """Capitals are the same, but no letter of another alphabet is: K, the sign of the kelvin, would become k."""
    return address.lower() if address.isascii() else address
