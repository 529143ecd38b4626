"""Text from outside as the page's Markdown has it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.page.elements import named, plain

MARKDOWN = r"\`*_{}[]()#+-.!|~<>$:&"


@given(st.text())
def test_what_is_escaped_reads_as_it_was_but_on_one_line(text):
    assert re.sub(r"\\(.)", r"\1", plain(text)) == " ".join(text.split())


@given(st.text(alphabet=MARKDOWN + "ab \n"))
def test_no_character_with_a_meaning_in_markdown_is_left_as_it_is(text):
    assert not set(re.sub(r"\\.", "", plain(text))) & set(MARKDOWN)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("**bold**", r"\*\*bold\*\*"),
        ("<script>", r"\<script\>"),
        ("![x](http://x)", r"\!\[x\]\(http\://x\)"),
        (":red[x] :material/home: $x$", r"\:red\[x\] \:material/home\: \$x\$"),
        ("# &amp; `code`", r"\# \&amp; \`code\`"),
        (0.5, r"0\.5"),
        (None, "None"),
    ],
)
def test_markdown_html_icons_and_formulas_are_shown_as_they_are(text, escaped):
    assert plain(text) == escaped
    assert named(text).replace("\N{WORD JOINER}", "") == escaped


@pytest.mark.parametrize("label", ["", " ", "\n\t", "\u2028\x85"])
def test_a_label_without_anything_to_see_is_said_to_be_so(label):
    assert named(label) == "(empty)"


@given(st.text())
def test_a_label_always_leaves_something_to_click_on(label):
    assert named(label).strip()
