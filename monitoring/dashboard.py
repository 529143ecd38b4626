"""Streamlit's entry: `streamlit run` imports this file once to serve the app, and each session runs it as a script.

What the page shows begins in page/layout.py.
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
from monitoring.page import elements, sign_in, sources
from monitoring.page.layout import Page
from monitoring.page.server.gate import HEALTH, Gate
from monitoring.page.server.serving import serve_streamlit_by
from monitoring.settings import Settings, SettingsError


def main() -> None:
    st.set_page_config(page_title="Sentiment monitor", page_icon="📈", layout="wide")
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        st.error(elements.plain(error))
        st.stop()
    Page(settings, sign_in.admitted(settings)).draw()


def _settings() -> Settings:
    """The settings of the server. With invalid settings only the listen address is used, so that the page can show the
    error."""
    try:
        return Settings.from_env(os.environ)
    except SettingsError:
        return Settings.from_env({"LISTEN_ADDRESS": os.environ.get("LISTEN_ADDRESS", "")})


def _middleware(settings: Settings) -> list[Middleware]:
    """The middleware in front of Streamlit."""
    base_path = str(config.get_option("server.baseUrlPath")).strip("/")
    base_path = base_path and f"/{base_path}"
    return [
        Middleware(Hosts, settings=settings, exempt={base_path + HEALTH}),
        Middleware(Gate, base_path=base_path, signs_in=bool(settings.oidc_metadata_url)),
    ]


@asynccontextmanager
async def _lifespan(app: st.App) -> AsyncIterator[None]:
    """Read the log as long as the server runs, whether or not a browser looks."""
    with suppress(SettingsError):
        sources.begin(Settings.from_env(os.environ))
    yield


if __name__ == "__main__":  # run by a session
    main()
else:  # imported by `streamlit run`, which has found the App in the source
    server_settings = _settings()
    serve_streamlit_by(server_settings)
    keep_from_proxy(server_settings.oidc_metadata_url, os.environ)
    app = st.App(
        __file__, secrets=sign_in.secrets(server_settings), lifespan=_lifespan, middleware=_middleware(server_settings)
    )
