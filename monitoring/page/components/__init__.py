"""Components of our own: coloured text and tables of untrusted texts, and times in the user's time zone.

Streamlit can show these only as Markdown or HTML, or on a canvas, which is no table to a screen reader. A component
gets the texts as JSON and makes text nodes of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

HERE = Path(__file__).parent


def _component(name: str) -> ComponentRenderer:
    """The component of the CSS and JavaScript files of this name. It is called with `key` and `data`."""
    return st.components.v2.component(
        name,
        html='<div class="root"></div>',
        css=_short(HERE / f"{name}.css"),
        js=f"{_short(HERE / 'dom.js')}\n{_short(HERE / f'{name}.js')}",
    )


def _short(path: Path) -> str:
    """The file without comments and indentation, because it is sent whenever the component is drawn."""
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


coloured_text = _component("coloured_text")
listener = st.components.v2.component("listener", js=_short(HERE / "listener.js"))  # shows nothing
plain_table = _component("plain_table")
pulse = _component("pulse")
request_table = _component("request_table")
tiles = _component("tiles")
verdict = _component("verdict")
