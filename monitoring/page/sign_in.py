"""Authentication: who may see the page, by the claims of the OpenID provider, and what all others see instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import streamlit as st

from monitoring.settings import Settings

TITLE = "Sentiment monitor"
CALLBACK = "/oauth2callback"  # Streamlit's route, to which the provider redirects the browser
# The sign-ins that users have ended, for all sessions of this process. An ended sign-in is refused in other tabs too,
# and from a copy of the cookie.
ENDED: set[tuple[str, ...]] = set()


def secrets(settings: Settings) -> dict[str, Any]:
    """What `st.login` needs, in the form of Streamlit's secrets.toml. Empty for a page without authentication."""
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
    """Why a visitor may not see the page, and whether signing in (again) helps."""

    sentence: str
    may_sign_in: bool


@dataclass(frozen=True)
class Visitor:
    """A user of the page. `claims` are those of the provider's ID token, and `is_logged_in`, as in `st.user`."""

    settings: Settings
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Empty for an anonymous visitor."""
        return str(self.claims.get("email") or self.claims.get("name") or self.claims.get("sub") or "")

    def end(self) -> None:
        """Sign out, in every session that uses this sign-in."""
        ENDED.add(self._sign_in())

    def refusal(self, now: datetime) -> Refusal | None:
        """Why the visitor may not see the page now. None if they may."""
        if not self.settings.oidc_metadata_url:
            return None
        if self.claims.get("is_logged_in") is not True:
            return Refusal("Sign in to see this page.", may_sign_in=True)
        if self._is_over(now):
            return Refusal("Your sign-in has ended. Sign in again to see this page.", may_sign_in=True)
        reason = self._not_allowed()
        return Refusal(reason, may_sign_in=False) if reason else None

    def _is_over(self, now: datetime) -> bool:
        """The expiry of the ID token is not used: it is meant for the provider, and often minutes away."""
        since = self.claims.get("iat")
        lasts = timedelta(hours=self.settings.sign_in_hours).total_seconds()
        return not isinstance(since, int | float) or now.timestamp() >= since + lasts or self._sign_in() in ENDED

    def _not_allowed(self) -> str:
        """Some providers accept any address that a user enters, and mark it as unverified or not at all."""
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
    """Whether `email` is one of these addresses, or of one of these `@domains`. A domain does not cover its
    subdomains."""
    somebody, _, domain = email.rpartition("@")
    matching = {_folded(email), _folded(f"@{domain}")}
    return somebody != "" and not matching.isdisjoint(map(_folded, allowed))


def _folded(address: str) -> str:
    """Lower case for ASCII only: `lower` maps some other letters to ASCII, such as the kelvin sign to k."""
    return address.lower() if address.isascii() else address


# On the page


def admitted(settings: Settings) -> Visitor:
    """The visitor, if they may see the page. Otherwise the run ends here, with the reason on the page."""
    visitor = Visitor(settings, st.user.to_dict())
    if refusal := visitor.refusal(datetime.now(UTC)):
        draw_refusal(visitor, refusal)
        st.stop()
    return visitor


def check(visitor: Visitor) -> None:
    """Call before a part of the page is drawn. Runs the whole page again if the visitor may no longer see it."""
    if visitor.refusal(datetime.now(UTC)):
        st.rerun()


def check_download(visitor: Visitor) -> None:
    """Call before a file is made, which Streamlit does outside of any session. Raises PermissionError."""
    if refusal := visitor.refusal(datetime.now(UTC)):
        raise PermissionError(refusal.sentence)


def draw_refusal(visitor: Visitor, refusal: Refusal) -> None:
    with st.container(key="sign_in", width=480):
        st.title(TITLE)
        st.text(refusal.sentence)
        if refusal.may_sign_in:
            st.button("Sign in", key="sign_in_button", type="primary", on_click=st.login)
        else:
            _draw_sign_out(visitor)


def draw_title(visitor: Visitor) -> None:
    if not visitor.name:
        st.title(TITLE)
        return
    with st.container(key="top", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(TITLE, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.text(f"Signed in as {visitor.name}", width="content")
            _draw_sign_out(visitor)


def _draw_sign_out(visitor: Visitor) -> None:
    st.button("Sign out", key="sign_out_button", on_click=_sign_out, args=(visitor,))


def _sign_out(visitor: Visitor) -> None:
    visitor.end()
    st.logout()
