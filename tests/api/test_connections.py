"""How the limits come to a server; what they do to clients is in tests/reliability."""

import asyncio
import resource
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.connections import LimitedProtocol, allow_files, limited_connections


async def no_app(scope: Any, receive: Any, send: Any) -> None: ...


def protocol_of(factory: Any) -> asyncio.Protocol:
    """What a server that is started with this factory makes for each connection."""

    async def started() -> asyncio.Protocol:
        loop = asyncio.get_running_loop()
        with limited_connections(loop, 10, 1):
            server = await loop.create_server(factory, "127.0.0.1", 0)
        server.close()
        return server._protocol_factory()  # type: ignore[attr-defined]  # asyncio shows it to nobody

    return asyncio.run(started())


def test_uvicorns_connections_are_limited_ones():
    config = uvicorn.Config(no_app, lifespan="off", log_config=None)
    config.load()

    assert type(protocol_of(lambda: HttpToolsProtocol(config, ServerState(), {}))) is LimitedProtocol


def test_a_server_of_another_kind_is_left_alone_and_the_log_says_that_it_has_no_limits(caplog):
    assert type(protocol_of(asyncio.Protocol)) is asyncio.Protocol

    assert "Protocol keeps no limits on connections; use uvicorn with httptools" in caplog.text


@pytest.fixture
def few_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_process_may_open_as_many_files_as_it_needs(few_files):
    allow_files(600)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 600

    allow_files(50)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 600


def test_a_system_that_does_not_allow_so_many_files_is_warned_of(few_files, caplog):
    allow_files(few_files + 1)

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == few_files
    assert f"the system allows {few_files} open files; MAX_CONNECTIONS may need {few_files + 1}" in caplog.text
