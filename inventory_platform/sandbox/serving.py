"""Serving one of the sandbox's web applications on a loopback port of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

_START_SECONDS = 20


@contextmanager
def served(app: Any, port: int = 0) -> Iterator[str]:
    """Serve an ASGI application for as long as the block runs.

    Args:
        app: The application.
        port: Port on 127.0.0.1; any free one when 0.

    Yields:
        The address, for example `http://127.0.0.1:40123`.
    """
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")
    )
    started = threading.Event()
    thread = threading.Thread(target=_run, args=(server, listener, started), daemon=True)
    thread.start()
    if not started.wait(_START_SECONDS):
        raise RuntimeError("a sandbox server did not start")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _run(server: uvicorn.Server, listener: socket.socket, started: threading.Event) -> None:
    # The socket listens already, so requests wait until the loop takes them.
    started.set()
    server.run(sockets=[listener])
