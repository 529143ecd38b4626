"""Requests as no client would send them: JSON with a mistake or two, bytes that are none, headers that lie."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hypothesis import strategies as st

ROUTES = ("/predict", "/predict/batch", "/feedback", "/explain")
# What breaks lines, strings, terminals or encoders, and what does not exist alone: half of a pair of surrogates.
NASTY = [
    "\n",
    "\r",
    "\x85",
    "\u2028",
    "\u2029",
    "\0",
    "\x1b[2J",
    '"',
    "\\",
    "\ud800",
    "\udfff",
    "\ufeff",
    "𝒳",
    '"}\n{"',
]
TEXTS = st.lists(st.text(max_size=20) | st.sampled_from([*NASTY, "amazing", " "]), max_size=8).map("".join)
LABELS = st.sampled_from(["positive", "NEGATIVE", "negative", "neutral", ""]) | TEXTS
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
ITEM = st.fixed_dictionaries({"text": TEXTS}, optional={"true_sentiment": st.none() | LABELS})
BODIES = {
    "/predict": ITEM,
    "/predict/batch": st.fixed_dictionaries({"items": st.lists(ITEM, max_size=5)}),
    "/feedback": st.fixed_dictionaries({"prediction_id": st.uuids().map(str), "true_sentiment": LABELS}),
    "/explain": st.fixed_dictionaries({"text": TEXTS}),
}
CONTENT_TYPES = st.sampled_from(
    ["application/json; charset=utf-8", "application/json;charset=utf-16", "Application/JSON", "text/plain", "a", ""]
).map(str.encode) | st.binary(max_size=20)
HEADERS = st.tuples(
    st.sampled_from([b"Host", b"Content-Encoding", b"Accept", b"X-Forwarded-For", b"Expect", b"Cookie", b"Range"])
    | st.from_regex(rb"[A-Za-z-]{1,9}", fullmatch=True)
    | st.binary(max_size=4),
    st.sampled_from([b"gzip", b"100-continue", b"[", b"a/b", b"identity"]) | st.binary(max_size=20),
)
PATHS = st.sampled_from(ROUTES) | st.sampled_from(["/", "/predict/", "/healthz", "/model", "/nowhere?a=%00", "//a"])
PATHS |= st.text(max_size=8).map(lambda text: "/" + text.encode("utf-8", "replace").hex("%").replace(" ", ""))


class Sent(NamedTuple):
    method: str
    path: str
    body: bytes
    raw: bytes


@st.composite
def mutated_json(draw: st.DrawFn, route: str) -> bytes:
    """A body for the route, as it should be or with something else in a place of it, or in its bytes."""
    value = draw(BODIES.get(route, JSON))
    if isinstance(value, dict) and draw(st.integers(0, 3)) == 0:
        value = {**value, draw(st.sampled_from([*value, "extra"]) | TEXTS): draw(JSON)}
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    body = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        start = draw(st.integers(0, len(body)))
        body = body[:start] + draw(st.binary(max_size=4)) + body[start + draw(st.integers(0, 4)) :]
    return body


def sound(path: str, body: dict[str, str]) -> Sent:
    """A request as it should be, so that a few tries hold one that is answered, too."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return Sent("POST", path, content, head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(content), content))


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    """Any request, complete, so that the service need not wait for the rest; it asks to close the connection."""
    path = draw(st.sampled_from(ROUTES) if draw(st.integers(0, 4)) else PATHS)
    method = "POST" if draw(st.integers(0, 9)) else draw(st.sampled_from(["GET", "PUT", "DELETE", "OPTIONS", "PRI"]))
    body = draw(st.binary(max_size=60)) if draw(st.integers(0, 5)) == 0 else draw(mutated_json(path))
    content_type = b"application/json" if draw(st.integers(0, 5)) else draw(CONTENT_TYPES)
    host = draw(st.sampled_from([*[b"localhost"] * 40, b"evil.example", b"", b"[::1]", b"["]))
    headers = [(b"Host", host), (b"Content-Type", content_type), (b"Connection", b"close")]
    if draw(st.integers(0, 2)) == 0:
        headers += draw(st.lists(HEADERS, max_size=3))
    if draw(st.booleans()):
        headers.append((b"Content-Length", b"%d" % len(body)))
        framed = body
    else:
        headers.append((b"Transfer-Encoding", b"chunked"))
        size = draw(st.integers(1, 40))
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    return Sent(method, path, body, f"{method} {path} HTTP/1.1\r\n".encode() + head + b"\r\n" + framed)
