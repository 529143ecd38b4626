"""A filter in front of Streamlit: only the requests and messages that the page uses pass.

They arrive here before any authentication. Streamlit itself accepts uploads from any client with a websocket, and lets
it clear the caches of all sessions.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

HEALTH, STREAM = "/_stcore/health", "/_stcore/stream"
METHODS = {"GET", "HEAD"}
PATHS = {"", "/", "/index.html", "/favicon.png", "/manifest.json", HEALTH, "/_stcore/host-config", "/_stcore/metrics"}
FOLDERS = ("/static/", "/media/")  # Streamlit's front end, and files for download
SIGN_IN_PATHS = {"/auth/login", "/auth/logout", "/oauth2callback"}
MESSAGES = {"rerun_script", "stop_script", "app_heartbeat", "backend_operation_request"}
MOST_SESSIONS = 256  # bounds memory: the last message of each session is kept


class Gate:
    """Answers 404 to a request that the page does not use, without reading its body, and 503 to a session beyond
    MOST_SESSIONS. Of a websocket it passes on only the kinds of messages that the page sends."""

    def __init__(self, app: ASGIApp, base_path: str, signs_in: bool) -> None:
        self._app, self._base_path = app, base_path.rstrip("/")
        self._paths = PATHS | SIGN_IN_PATHS if signs_in else PATHS
        self._sessions = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif not self.lets_in(scope["type"], scope.get("method", ""), scope["path"]):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._session(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def lets_in(self, kind: str, method: str, path: str) -> bool:
        """Whether the page uses this request. `kind` is `http` or `websocket`."""
        if not path.startswith(self._base_path):
            return False
        below = path.removeprefix(self._base_path)
        if kind == "websocket":
            return below == STREAM
        return method in METHODS and (below in self._paths or below.startswith(FOLDERS))

    async def _session(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._sessions >= MOST_SESSIONS:
            sentence = f"This page has {MOST_SESSIONS} open sessions. Close one of them."
            await PlainTextResponse(sentence, 503)(scope, receive, send)
            return

        async def receive_known() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or _is_known(message.get("bytes") or b""):
                    return message

        self._sessions += 1
        try:
            await self._app(scope, receive_known, send)
        finally:
            self._sessions -= 1


def _is_known(data: bytes) -> bool:
    """Whether the page sends such messages. Streamlit itself rejects bytes that are no message."""
    try:
        return BackMsg.FromString(data).WhichOneof("type") in {*MESSAGES, None}
    except DecodeError:
        return True
