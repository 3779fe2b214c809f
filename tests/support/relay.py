# SPDX-License-Identifier: Apache-2.0
"""A network between the engine and a server, as far as a TCP relay can be one: it breaks, goes silent, and leads
somewhere else."""

from __future__ import annotations

import pathlib
import select
import socket
import ssl
import threading


class Relay:
    """Listens on a free port and carries bytes to `target`; each switch may be set at any moment. With a certificate
    and its key it speaks TLS to those who come, and carries what they say in the clear."""

    def __init__(self, target: int, certificate: pathlib.Path | None = None, key: pathlib.Path | None = None) -> None:
        self.target = target
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate, key)
        self.refuses = False  # takes nobody: a connection is reset at once
        self.silent = False  # keeps every connection open and carries nothing
        self._over = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over:
            with self._lock:
                other = {a: b for pair in self._pairs for a, b in (pair, pair[::-1])}
            ready = select.select([self._listener, *([] if self.silent else other)], [], [], 0.02)[0]
            for one in ready:
                if one is self._listener:
                    self._accept()
                elif one in other:
                    self._carry(one, other[one])

    def _accept(self) -> None:
        here = self._listener.accept()[0]
        try:
            if self.refuses:
                raise ConnectionRefusedError
            if self._tls is not None:
                here.settimeout(5)
                here = self._tls.wrap_socket(here, server_side=True)
            there = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            here.close()
            return
        with self._lock:
            self._pairs.append((here, there))

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        try:
            got = one.recv(1 << 16)
            while got:
                other.sendall(got)
                if not isinstance(one, ssl.SSLSocket) or one.pending() == 0:
                    return
                got = one.recv(1 << 16)  # what TLS has taken from the socket already
        except OSError:
            pass
        with self._lock:
            self._pairs = [pair for pair in self._pairs if one not in pair]
        one.close()
        other.close()

    def cut(self) -> None:
        """Ends every connection that there is."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                one.close()

    def close(self) -> None:
        self._over = True
        self._thread.join(10)
        self.cut()
        self._listener.close()
