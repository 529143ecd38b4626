"""What the page shows by components of its own: texts from outside, in colours and tables; times in the reader's zone.

Streamlit does that only in Markdown or HTML, or on a canvas that is no table to a screen reader. These get the texts as
JSON and make text nodes of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

HERE = Path(__file__).parent


def _component(name: str) -> ComponentRenderer:
    """The component whose style and program are the files of this name; it is called with `key` and `data`."""
    return st.components.v2.component(
        name,
        html='<div class="root"></div>',
        css=_short(HERE / f"{name}.css"),
        js=f"{_short(HERE / 'dom.js')}\n{_short(HERE / f'{name}.js')}",
    )


def _short(path: Path) -> str:
    """Without comments and indentation, since it is sent whenever the component is drawn."""
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


coloured_text = _component("coloured_text")
listener = st.components.v2.component("listener", js=_short(HERE / "listener.js"))  # which shows nothing
plain_table = _component("plain_table")
pulse = _component("pulse")
request_table = _component("request_table")
tiles = _component("tiles")
verdict = _component("verdict")
