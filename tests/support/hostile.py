# SPDX-License-Identifier: Apache-2.0
"""Servers that mean no good: one that should be a frontend of a warehouse, one that should be MySQL. Each plays one
trick with whoever connects, and keeps what it was told."""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import Callable

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SALT = b"12345678" + b"901234567890"


class Hostile:
    """Listens on a free port; `trick` is told the connection and what of it was read."""

    def __init__(self, trick: Callable[["Hostile", socket.socket], None]) -> None:
        self.trick = trick
        self.heard = bytearray()
        self.connections = 0
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                connection = self._listener.accept()[0]
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._talk, args=(connection,))
            self._threads.append(thread)
            thread.start()
        self._listener.close()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(0.2)
            try:
                self.trick(self, connection)
            except OSError:
                pass  # the other side has had enough

    def hear(self, connection: socket.socket, until: bytes = b"\r\n\r\n", limit_s: float = 5) -> bytes:
        """What is said, to a mark or to the end."""
        heard = b""
        end = time.monotonic() + limit_s
        while until not in heard and not self._over.is_set() and time.monotonic() < end:
            try:
                got = connection.recv(65536)
            except TimeoutError:
                continue
            if not got:
                break
            heard += got
            self.heard += got
        return heard

    def forever(self, connection: socket.socket, text: bytes, pause_s: float = 0) -> None:
        """Says the same again and again."""
        while not self._over.is_set():
            try:
                connection.sendall(text)
            except TimeoutError:
                continue
            if pause_s:
                time.sleep(pause_s)

    def wait(self) -> None:
        """Says nothing, until it is over."""
        self._over.wait()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)


def say(steps, server: Hostile, connection: socket.socket) -> None:
    """Bytes are sent, functions of server and connection are called."""
    for step in steps:
        if callable(step):
            step(server, connection)
        else:
            connection.sendall(step)


# -- what should be a frontend

def http(*steps) -> Callable[[Hostile, socket.socket], None]:
    """Reads a request's head, then says the steps."""
    def trick(server: Hostile, connection: socket.socket) -> None:
        server.hear(connection)
        say(steps, server, connection)
    return trick


def again(text: bytes, pause_s: float = 0):
    return lambda server, connection: server.forever(connection, text, pause_s)


def silent(server: Hostile, connection: socket.socket) -> None:
    del connection
    server.wait()


def redirect(location: str) -> bytes:
    return f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


# -- what should be MySQL

def packet(sequence: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload


def greeting(version: bytes = b"8.0.36", plugin: bytes = b"mysql_native_password") -> bytes:
    """A handshake of protocol 10 that offers no TLS."""
    capabilities = 0x000FF7FF & ~0x800 | 0x00080000 | 0x8000
    return packet(0, b"\x0a" + version + b"\0" + struct.pack("<I", 7) + SALT[:8] + b"\0" +
                  struct.pack("<H", capabilities & 0xffff) + b"\x21" + struct.pack("<H", 2) +
                  struct.pack("<H", capabilities >> 16) + bytes([len(SALT) + 1]) + b"\0" * 10 + SALT[8:] + b"\0" +
                  plugin + b"\0")


def mysql(*steps) -> Callable[[Hostile, socket.socket], None]:
    """Speaks first, as MySQL does."""
    def trick(server: Hostile, connection: socket.socket) -> None:
        say(steps, server, connection)
    return trick


def listen(server: Hostile, connection: socket.socket) -> None:
    """One packet of the other side, or what comes within a moment."""
    server.hear(connection, until=b"\0never\0", limit_s=0.3)
