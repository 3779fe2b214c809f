# SPDX-License-Identifier: Apache-2.0
"""The MySQL protocol port of the frontend: handshake, password, COM_QUERY with text results.

Enough for the C connectors and the `mariadb` client; no TLS, no server-side prepared statements
(facts/doris.md 6.1). One thread a connection.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import socket
import sqlite3
import struct
import threading
from typing import Optional

from sql import Session, SqlError
from sql_result import Ok, Result

CLIENT_LONG_PASSWORD = 1
CLIENT_FOUND_ROWS = 2
CLIENT_LONG_FLAG = 4
CLIENT_CONNECT_WITH_DB = 8
CLIENT_PROTOCOL_41 = 0x200
CLIENT_TRANSACTIONS = 0x2000
CLIENT_SECURE_CONNECTION = 0x8000
CLIENT_MULTI_STATEMENTS = 0x10000
CLIENT_MULTI_RESULTS = 0x20000
CLIENT_PLUGIN_AUTH = 0x80000
CLIENT_PLUGIN_AUTH_LENENC = 0x200000
CAPABILITIES = (CLIENT_LONG_PASSWORD | CLIENT_FOUND_ROWS | CLIENT_LONG_FLAG | CLIENT_CONNECT_WITH_DB
                | CLIENT_PROTOCOL_41 | CLIENT_TRANSACTIONS | CLIENT_SECURE_CONNECTION
                | CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS | CLIENT_PLUGIN_AUTH)
STATUS_AUTOCOMMIT = 2
STATUS_MORE_RESULTS = 8
CHARSET_UTF8 = 33
CHARSET_BINARY = 63
NATIVE = b"mysql_native_password"
PACKET_MAX = (1 << 24) - 1

COM_QUIT, COM_INIT_DB, COM_QUERY, COM_FIELD_LIST, COM_PING = 1, 2, 3, 4, 14
COM_SET_OPTION, COM_RESET_CONNECTION = 27, 31


class Gone(Exception):
    """The client closed the connection."""


def native_scramble(password: bytes, salt: bytes) -> bytes:
    """What mysql_native_password sends for a password."""
    if not password:
        return b""
    once = hashlib.sha1(password).digest()
    mask = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()
    return bytes(left ^ right for left, right in zip(once, mask))


def lenenc(number: int) -> bytes:
    if number < 251:
        return bytes([number])
    if number < 1 << 16:
        return b"\xfc" + struct.pack("<H", number)
    if number < 1 << 24:
        return b"\xfd" + struct.pack("<I", number)[:3]
    return b"\xfe" + struct.pack("<Q", number)


def lenenc_text(data: bytes) -> bytes:
    return lenenc(len(data)) + data


class MysqlServer:
    """Listens for MySQL clients."""

    def __init__(self, house, host: str, port: int) -> None:
        self.house = house
        self.listener = socket.create_server((host, port), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.ids = itertools.count(1)
        self.lock = threading.Lock()
        self.clients: set[socket.socket] = set()

    def start(self) -> None:
        threading.Thread(target=self._accept, name=f"mysql-{self.port}", daemon=True).start()

    def stop(self) -> None:
        self.listener.close()
        self.drop_all()

    def drop_all(self) -> None:
        with self.lock:
            clients = list(self.clients)
        for client in clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                client, peer = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.clients.add(client)
            threading.Thread(target=self._serve, args=(client, peer[0]), daemon=True).start()

    def _serve(self, client: socket.socket, peer: str) -> None:
        connection = MysqlConnection(self.house, client, peer, next(self.ids))
        try:
            connection.run()
        except (Gone, OSError, struct.error, IndexError):
            pass  # a client that leaves, or talks nonsense, ends its own connection only
        finally:
            with self.lock:
                self.clients.discard(client)
            client.close()


class MysqlConnection:
    """One client."""

    def __init__(self, house, client: socket.socket, peer: str, number: int) -> None:
        self.house = house
        self.client = client
        self.peer = peer
        self.number = number
        self.sequence = 0
        self.session = Session(house, number)

    def run(self) -> None:
        if not self._handshake():
            return
        while True:
            self.sequence = 0
            packet = self._read()
            command, rest = packet[0], packet[1:]
            if command == COM_QUIT:
                return
            try:
                self._command(command, rest)
            except SqlError as error:
                self._send_error(error)
            except sqlite3.Error as error:
                self._send_error(self.session.error(str(error)))

    def _command(self, command: int, rest: bytes) -> None:
        if command == COM_QUERY:
            self._query(rest.decode("utf-8", "replace"))
        elif command == COM_INIT_DB:
            self.session.use(rest.decode("utf-8", "replace"))
            self._send_ok()
        elif command in (COM_PING, COM_RESET_CONNECTION):
            self._send_ok()
        elif command == COM_SET_OPTION:
            self._send(b"\xfe\0\0" + struct.pack("<H", STATUS_AUTOCOMMIT))
        elif command == COM_FIELD_LIST:
            # The client's completion asks for it; an empty list is a legal answer.
            self._send(b"\xfe\0\0" + struct.pack("<H", STATUS_AUTOCOMMIT))
        else:
            raise SqlError(f"Unsupported command({command})", 1047, "08S01")

    def _query(self, text: str) -> None:
        statements = self.session.split(text)
        if not statements:
            raise SqlError("Query was empty", 1065, "42000")
        for index, statement in enumerate(statements):
            more = index + 1 < len(statements)
            result = self.session.execute(statement)
            if statement[1][0].is_word("ALTER", "DROP", "CREATE") \
                    and self.house.faults.take("ddl_answer_lost"):
                raise Gone  # it is done, and nobody is told
            if isinstance(result, Ok):
                self._send_ok(result.affected, more)
            else:
                self._send_result(result, more)

    # --- handshake ---

    def _handshake(self) -> bool:
        salt = bytes(1 + byte % 127 for byte in os.urandom(20))
        self._send(b"\x0a" + self.session.server_version.encode() + b"\0"
                   + struct.pack("<I", self.number) + salt[:8] + b"\0"
                   + struct.pack("<HBHH", CAPABILITIES & 0xffff, CHARSET_UTF8, STATUS_AUTOCOMMIT,
                                 CAPABILITIES >> 16)
                   + b"\x15" + bytes(10) + salt[8:] + b"\0" + NATIVE + b"\0")
        packet = self._read()
        capabilities = struct.unpack_from("<I", packet)[0]
        if not capabilities & CLIENT_PROTOCOL_41:
            return False
        end = packet.index(b"\0", 32)
        user = packet[32:end].decode("utf-8", "replace")
        at = end + 1
        size = packet[at]
        answer = packet[at + 1:at + 1 + size]
        at += 1 + size
        database = ""
        if capabilities & CLIENT_CONNECT_WITH_DB:
            end = packet.index(b"\0", at)
            database = packet[at:end].decode("utf-8", "replace")
            at = end + 1
        plugin = packet[at:].split(b"\0")[0] if capabilities & CLIENT_PLUGIN_AUTH else NATIVE
        if plugin not in (NATIVE, b""):
            self._send(b"\xfe" + NATIVE + b"\0" + salt + b"\0")
            answer = self._read()
        options = self.house.options
        wanted = native_scramble(options.password.encode(), salt)
        if user != options.user or answer != wanted:
            self._send_error(SqlError(f"Access denied for user '{user}'@'{self.peer}' (using "
                                      f"password: {'YES' if answer else 'NO'})", 1045, "28000"))
            return False
        if database:
            try:
                self.session.use(database)
            except SqlError as error:
                self._send_error(error)
                return False
        self._send_ok()
        return True

    # --- packets ---

    def _read(self) -> bytes:
        whole = b""
        while True:
            head = self._exactly(4)
            size = int.from_bytes(head[:3], "little")
            self.sequence = (head[3] + 1) & 0xff
            whole += self._exactly(size)
            if size < PACKET_MAX:
                return whole

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self.client.recv(size)
            if not part:
                raise Gone
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _frame(self, payload: bytes) -> bytes:
        framed = b""
        while True:
            piece, payload = payload[:PACKET_MAX], payload[PACKET_MAX:]
            framed += len(piece).to_bytes(3, "little") + bytes([self.sequence]) + piece
            self.sequence = (self.sequence + 1) & 0xff
            if len(piece) < PACKET_MAX:
                return framed

    def _send(self, payload: bytes) -> None:
        self.client.sendall(self._frame(payload))

    def _send_ok(self, affected: int = 0, more: bool = False) -> None:
        status = STATUS_AUTOCOMMIT | (STATUS_MORE_RESULTS if more else 0)
        self._send(b"\0" + lenenc(affected) + lenenc(0) + struct.pack("<HH", status, 0))

    def _send_error(self, error: SqlError) -> None:
        self._send(b"\xff" + struct.pack("<H", error.code) + b"#" + error.state.encode()
                   + error.text.encode("utf-8", "replace"))

    def _send_result(self, result: Result, more: bool) -> None:
        status = STATUS_AUTOCOMMIT | (STATUS_MORE_RESULTS if more else 0)
        end = b"\xfe\0\0" + struct.pack("<H", status)
        out = [self._frame(lenenc(len(result.columns)))]
        for column in result.columns:
            name = lenenc_text(column.name.encode())
            charset = CHARSET_BINARY if column.numeric or column.binary else CHARSET_UTF8
            out.append(self._frame(lenenc_text(b"def") + b"\0\0\0" + name + name + b"\x0c"
                                   + struct.pack("<HIBHB", charset, 1048576, column.wire_type, 0, 0)
                                   + b"\0\0"))
        out.append(self._frame(end))
        for row in result.rows:
            out.append(self._frame(b"".join(map(self._cell, row))))
            if len(out) > 4096:
                self.client.sendall(b"".join(out))
                out.clear()
        out.append(self._frame(end))
        self.client.sendall(b"".join(out))

    @staticmethod
    def _cell(value: Optional[object]) -> bytes:
        if value is None:
            return b"\xfb"
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
        return lenenc_text(data)
