"""A web server on a loopback port that answers exactly as a test tells it to, however wrong."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: str

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def params(self) -> dict[str, str]:
        return {n: v[-1] for n, v in parse_qs(urlsplit(self.target).query).items()}


Pieces = Iterable[bytes | float]
"""Bytes to send, and seconds to pause between them; then the connection is cut."""


def answer(
    status: int = 200, body: str | bytes = b"", headers: dict[str, str] | None = None
) -> list[bytes]:
    """A proper answer."""
    content = body.encode() if isinstance(body, str) else body
    given = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    return [head(status, given | (headers or {})), content]


def document(value: Any, headers: dict[str, str] | None = None) -> list[bytes]:
    """A proper answer with a JSON document."""
    return answer(200, json.dumps(value), headers)


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def endless(piece: bytes, pause: float) -> Iterator[bytes | float]:
    """The same bytes again and again."""
    while True:
        yield piece
        yield pause


@dataclass
class Server:
    """Where the server is, and what it was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]


@contextmanager
def misbehaving(behave: Callable[[Asked, int], Pieces]) -> Iterator[Server]:
    """Serve answers made by a function of the request and its number, counted from 1."""
    server = Server()
    counting = threading.Lock()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = _read(self.rfile)
            if request is None:
                return
            with counting:
                server.asked.append(request)
                number = len(server.asked)
            # The other side may well have had enough before the end.
            with suppress(BrokenPipeError, ConnectionResetError):
                for piece in behave(request, number):
                    if isinstance(piece, float):
                        time.sleep(piece)
                    else:
                        self.request.sendall(piece)

    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 50

    with Threads(("127.0.0.1", 0), Handler) as listener:
        server.url = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()


def in_turn(*answers: Pieces) -> Callable[[Asked, int], Pieces]:
    """One answer after the other; the last again and again."""
    return lambda _request, number: answers[min(number, len(answers)) - 1]


def _read(stream: Any) -> Asked | None:
    first = stream.readline().decode().split()
    if len(first) != 3:
        return None
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0))).decode()
    return Asked(first[0], first[1], headers, body)
