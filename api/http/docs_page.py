"""The page /docs. Users type tokens into it, so it loads all its files from this service."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

PAGE = "/docs"
FILES = Path(str(files("fastapi_offline"))) / "static"
SCRIPT, STYLE, ICON = (f"{PAGE}/{name}" for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"))
POLICY = (
    "default-src 'none'; script-src 'self' 'sha256-{}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_docs_page(app: FastAPI) -> None:
    async def page(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        made = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}{SCRIPT}",
            swagger_css_url=f"{root}{STYLE}",
            swagger_favicon_url=f"{root}{ICON}",
            swagger_ui_parameters={"validatorUrl": None},  # the default validator is another server's
        )
        made.headers["Content-Security-Policy"] = POLICY.format(_hash_of_script(bytes(made.body)))
        return made

    async def file(request: Request) -> FileResponse:
        return FileResponse(FILES / Path(request.scope["path"]).name)

    app.add_api_route(PAGE, page, include_in_schema=False)
    for path in (SCRIPT, STYLE, ICON):
        app.add_api_route(path, file, include_in_schema=False)


def _hash_of_script(page: bytes) -> str:
    """The hash by which the policy allows the page's inline script."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.S)
    return b64encode(sha256(scripts[0]).digest()).decode()
