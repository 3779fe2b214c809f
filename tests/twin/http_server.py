# SPDX-License-Identifier: Apache-2.0
"""A small HTTP/1.1 server on plain sockets.

The standard library's server answers `100 Continue` by itself, reads bodies through small
buffers and cannot break a connection on purpose. A stand-in for Stream Load must decide all
three: the refusal comes before the `100 Continue` (facts/doris.md 1.3, facts/starrocks.md 1.2),
bodies are hundreds of megabytes, and faults cut connections at chosen places.

Threads: one that accepts, one a connection. A handler runs on its connection's thread.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import traceback
import urllib.parse
from dataclasses import dataclass, field
from typing import Callable, Optional

HEAD_LIMIT = 1 << 20  # jetty_server_max_http_header_size, facts/doris.md 1.2
RECEIVE_SIZE = 4 << 20
DRAIN_SECONDS = 1.0

REASONS = {
    200: "OK",
    307: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class DropConnection(Exception):
    """A handler wants the connection cut without an answer (a fault)."""


@dataclass
class Response:
    """What goes back. `truncate_to` sends only that many bytes of the body and then cuts."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    close: bool = False
    truncate_to: Optional[int] = None


def json_response(value: object, indent: Optional[int] = None, status: int = 200) -> Response:
    """A JSON answer; `indent` None gives the compact form that the frontends write."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
    headers = [("Content-Type", "application/json")]
    return Response(status, text.encode(), headers)


class Request:
    """One request: its head is parsed, its body stays on the wire until a handler asks for it."""

    def __init__(self, connection: "Connection", method: str, target: str, version: str,
                 headers: dict[str, str], rest: bytes) -> None:
        self.connection = connection
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        path, _, query = target.partition("?")
        self.raw_path = path
        self.path = urllib.parse.unquote(path)
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.rest = rest  # bytes of the body that came with the head
        self.body_started = False
        self.body_done = self.content_length in (None, 0) and not self.chunked

    @property
    def content_length(self) -> Optional[int]:
        """The announced length; None when absent or not a number."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isdigit() else None

    @property
    def chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def expects_continue(self) -> bool:
        return "expect" in self.headers

    @property
    def client_host(self) -> str:
        return self.connection.peer[0]

    def start_body(self) -> None:
        """Sends `100 Continue` if the client waits for it. Only now may the body be read."""
        if not self.body_started:
            self.body_started = True
            if self.headers.get("expect", "").lower() == "100-continue":
                self.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def read_body(self, at_most: Optional[int] = None) -> bytearray:
        """The whole body, or its first `at_most` bytes. Raises ClientGone when it ends early."""
        self.start_body()
        if self.chunked:
            body = b"".join(self._chunks())
            self.body_done = True
            return bytearray(body)
        length = self.content_length or 0
        wanted = length if at_most is None else min(at_most, length)
        body = bytearray(wanted)
        view = memoryview(body)
        have = min(len(self.rest), wanted)
        view[:have] = self.rest[:have]
        self.rest = self.rest[have:]
        while have < wanted:
            count = self.connection.receive_into(view[have:])
            if count == 0:
                raise ClientGone
            have += count
        self.body_done = wanted == length
        return body

    def count_body(self, delimiter: bytes) -> tuple[int, int]:
        """Reads the body and throws it away: (bytes, rows). A last row may lack its delimiter."""
        self.start_body()
        if self.chunked:
            body = b"".join(self._chunks())
            self.body_done = True
            rows = body.count(delimiter) + (1 if body and not body.endswith(delimiter) else 0)
            return len(body), rows
        length = self.content_length or 0
        buffer = self.connection.scratch()
        view = memoryview(buffer)
        keep = len(delimiter) - 1  # a delimiter may straddle two reads
        seen, rows, tail = 0, 0, b""
        first = self.rest[:length]
        self.rest = self.rest[length:]
        while seen < length:
            if first:
                count = len(first)
                view[keep:keep + count] = first
                first = b""
            else:
                room = min(len(buffer) - keep, length - seen)
                count = self.connection.receive_into(view[keep:keep + room])
                if count == 0:
                    raise ClientGone
            start = keep - len(tail)
            view[start:keep] = tail
            end = keep + count
            rows += buffer.count(delimiter, start, end)
            tail = bytes(view[max(start, end - keep):end]) if keep else b""
            seen += count
            last = bytes(view[max(start, end - len(delimiter)):end])
        if length and last != delimiter:
            rows += 1
        self.body_done = True
        return seen, rows

    def _chunks(self):
        reader = self._reader()
        while True:
            size = int(next(reader).split(b";")[0] or b"0", 16)
            if size == 0:
                while next(reader):
                    pass
                return
            yield reader.send(size)

    def _reader(self):
        """Over the chunked wire form: next() is a line, send(n) is n bytes and their CRLF."""
        data = bytearray(self.rest)
        self.rest = b""
        wanted: Optional[int] = None
        while True:
            if wanted is None:
                end = data.find(b"\r\n")
                size = end + 2 if end >= 0 else None
            else:
                size = wanted + 2 if len(data) >= wanted + 2 else None
            if size is None:
                more = self.connection.receive()
                if not more:
                    raise ClientGone
                data += more
                continue
            piece = bytes(data[:size - 2])
            del data[:size]
            wanted = yield piece


class Connection:
    """A client's socket, with its own receive buffer."""

    def __init__(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        self.sock = sock
        self.peer = peer
        self._scratch: Optional[bytearray] = None

    def scratch(self) -> bytearray:
        if self._scratch is None:
            self._scratch = bytearray(RECEIVE_SIZE)
        return self._scratch

    def receive(self) -> bytes:
        try:
            return self.sock.recv(1 << 16)
        except OSError as broken:
            raise ClientGone from broken

    def receive_into(self, view: memoryview) -> int:
        try:
            return self.sock.recv_into(view)
        except OSError as broken:
            raise ClientGone from broken

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as broken:
            raise ClientGone from broken

    def cut(self, reset: bool = False) -> None:
        """Closes; with `reset` the peer gets RST instead of an orderly end."""
        try:
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def linger(self) -> None:
        """Ends our side, then swallows what the client still sends for a moment, so that the
        answer is not lost to a reset."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(DRAIN_SECONDS)
            while self.sock.recv(1 << 20):
                pass
        except OSError:
            pass
        self.sock.close()


class HttpServer:
    """Listens on one loopback port. `drain` false makes unread bodies end in a reset, as the
    frontends of Doris 3.1.3 and later do (facts/doris.md 1.2, Jetty 12)."""

    def __init__(self, host: str, port: int, handler: Callable[[Request], Response],
                 drain: bool = True) -> None:
        self.handler = handler
        self.drain = drain
        self.connections: set[Connection] = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server((host, port), backlog=256)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.port = self.listener.getsockname()[1]

    def start(self) -> None:
        threading.Thread(target=self._accept, name=f"http-{self.port}", daemon=True).start()

    def stop(self) -> None:
        self.listener.close()
        self.drop_all()

    def drop_all(self, but: Optional[Connection] = None) -> None:
        """Cuts every open connection except one: what clients see of a restart."""
        with self.lock:
            victims = [one for one in self.connections if one is not but]
        for connection in victims:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, peer)
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        rest = b""
        try:
            while True:
                request = self._read_head(connection, rest)
                if request is None:
                    break
                response = self._handle(request)
                if not self._answer(request, response):
                    break
                rest = request.rest
        except ClientGone:
            pass
        except DropConnection:
            connection.cut(reset=True)
        finally:
            with self.lock:
                self.connections.discard(connection)
            connection.cut()

    def _handle(self, request: Request) -> Response:
        """The handler's answer; an error of the twin's own is a 500, and seen on stderr."""
        try:
            return self.handler(request)
        except (ClientGone, DropConnection):
            raise
        except Exception:  # the connection's thread is the last to see it
            traceback.print_exc()
            return Response(500, b"the stand-in failed; see its stderr", close=True)

    def _read_head(self, connection: Connection, rest: bytes) -> Optional[Request]:
        data = bytearray(rest)
        while (end := data.find(b"\r\n\r\n")) < 0:
            if len(data) > HEAD_LIMIT:
                connection.send(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                                b"Content-Length: 0\r\nConnection: close\r\n\r\n")
                return None
            more = connection.receive()
            if not more:
                return None
            data += more
        lines = bytes(data[:end]).decode("utf-8", "surrogateescape").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                            b"Connection: close\r\n\r\n")
            return None
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip(" \t") if value.strip() else value[1:]
        rest = bytes(data[end + 4:])
        return Request(connection, parts[0], parts[1], parts[2], headers, rest)

    def _answer(self, request: Request, response: Response) -> bool:
        """Writes the answer; true when the connection may serve another request."""
        keep = (not response.close and request.body_done and response.truncate_to is None
                and request.version != "HTTP/1.0"
                and request.headers.get("connection", "").lower() != "close")
        lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        lines.append(f"Content-Length: {len(response.body)}")
        lines.append("Connection: keep-alive" if keep else "Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")
        body = response.body
        if response.truncate_to is not None:
            body = body[:response.truncate_to]
        request.connection.send(head + body)
        if not keep and not request.body_done and self.drain:
            request.connection.linger()
        return keep
