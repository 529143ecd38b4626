"""What the page shows by components of its own: texts from outside in more than one colour, and in a table that wraps.

Streamlit does either only in Markdown or HTML. These get the texts as JSON and make text nodes of them.
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
    style, program = (HERE / f"{name}.{suffix}" for suffix in ("css", "js"))
    return st.components.v2.component(
        name, html='<div class="root"></div>', css=style.read_text("utf-8"), js=program.read_text("utf-8")
    )


coloured_text = _component("coloured_text")
card_table = _component("card_table")
