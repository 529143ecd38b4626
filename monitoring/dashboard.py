"""The page, top to bottom: looks at the log and the API, and says what the sections show of that.

Every few seconds only the pulse is drawn: it tells the browser which sections show less than there is, and these ask to
be drawn again (sections.py).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config

from monitoring.network.hosts import Hosts
from monitoring.network.neighbours import keep_from_proxy
from monitoring.page import admission, elements, sources
from monitoring.page.layout import Page
from monitoring.page.server.gate import HEALTH, Gate
from monitoring.page.server.serving import serve_streamlit_by
from monitoring.page.sign_in import secrets
from monitoring.settings import Settings, SettingsError


def main() -> None:
    st.set_page_config(page_title="Sentiment monitor", page_icon="📈", layout="wide")
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        st.error(elements.plain(error))
        st.stop()
    Page(settings, admission.admitted(settings)).draw()


def _settings() -> Settings:
    """What the server needs before anybody opens the page; of bad settings, where to listen to say so on the page."""
    try:
        return Settings.from_env(os.environ)
    except SettingsError:
        return Settings.from_env({"LISTEN_ADDRESS": os.environ.get("LISTEN_ADDRESS", "")})


def _middleware(settings: Settings) -> list[Middleware]:
    """What stands between the network and Streamlit."""
    base_path = str(config.get_option("server.baseUrlPath")).strip("/")
    base_path = base_path and f"/{base_path}"
    return [
        Middleware(Hosts, settings=settings, exempt={base_path + HEALTH}),
        Middleware(Gate, base_path=base_path, signs_in=bool(settings.oidc_metadata_url)),
    ]


@asynccontextmanager
async def _lifespan(app: st.App) -> AsyncIterator[None]:
    """Read the log as long as the server runs, whether or not anybody looks."""
    with suppress(SettingsError):
        sources.begin(Settings.from_env(os.environ))
    yield


if __name__ == "__main__":  # as a session runs it
    main()
else:  # as `streamlit run` imports it, once, to serve the App that it has found in the source
    server_settings = _settings()
    serve_streamlit_by(server_settings)
    keep_from_proxy(server_settings.oidc_metadata_url, os.environ)
    app = st.App(
        __file__, secrets=secrets(server_settings), lifespan=_lifespan, middleware=_middleware(server_settings)
    )
