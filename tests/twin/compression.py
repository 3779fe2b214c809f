# SPDX-License-Identifier: Apache-2.0
"""What load bodies may be compressed with. Python 3.11 has neither LZ4's frames nor zstd, so these two come from the
libraries that the engine is linked with."""

from __future__ import annotations

import bz2
import ctypes
import functools
import gzip
import zlib

LZ4F_VERSION = 100
ROOM = 1 << 20


@functools.cache
def _lz4() -> ctypes.CDLL:
    library = ctypes.CDLL("liblz4.so.1")
    library.LZ4F_decompress.restype = ctypes.c_size_t
    return library


@functools.cache
def _zstd() -> ctypes.CDLL:
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_createDCtx.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    return library


class _ZstdBuffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which look alike."""

    _fields_ = [("ptr", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t)]


def unpack_lz4(body: bytes) -> bytes:
    """One LZ4 frame after the other."""
    library = _lz4()
    context = ctypes.c_void_p()
    library.LZ4F_createDecompressionContext(ctypes.byref(context), LZ4F_VERSION)
    source, room = ctypes.create_string_buffer(bytes(body), len(body)), ctypes.create_string_buffer(ROOM)
    parts, at, wanted = [], 0, 1
    try:
        while at < len(body):
            came, took = ctypes.c_size_t(ROOM), ctypes.c_size_t(len(body) - at)
            wanted = library.LZ4F_decompress(context, room, ctypes.byref(came), ctypes.byref(source, at), ctypes.byref(took), None)
            if library.LZ4F_isError(ctypes.c_size_t(wanted)) or not came.value and not took.value:
                raise ValueError("this is no LZ4 frame")
            parts.append(room.raw[:came.value])
            at += took.value
    finally:
        library.LZ4F_freeDecompressionContext(context)
    if wanted:
        raise ValueError("the LZ4 frame is not whole")
    return b"".join(parts)


def unpack_zstd(body: bytes) -> bytes:
    """One zstd frame after the other."""
    library = _zstd()
    context = ctypes.c_void_p(library.ZSTD_createDCtx())
    source, room = ctypes.create_string_buffer(bytes(body), len(body)), ctypes.create_string_buffer(ROOM)
    given = _ZstdBuffer(ctypes.cast(source, ctypes.c_void_p), len(body), 0)
    parts, wanted, full = [], 1, True
    try:
        while given.pos < given.size or wanted and full:
            out = _ZstdBuffer(ctypes.cast(room, ctypes.c_void_p), ROOM, 0)
            wanted = library.ZSTD_decompressStream(context, ctypes.byref(out), ctypes.byref(given))
            if library.ZSTD_isError(ctypes.c_size_t(wanted)):
                raise ValueError("this is no zstd frame")
            full = out.pos == ROOM
            parts.append(room.raw[:out.pos])
    finally:
        library.ZSTD_freeDCtx(context)
    if wanted:
        raise ValueError("the zstd frame is not whole")
    return b"".join(parts)


UNPACK = {"gz": gzip.decompress, "bz2": bz2.decompress, "deflate": zlib.decompress, "lz4": unpack_lz4, "zstd": unpack_zstd}


def unpack(body: bytes, how: str) -> bytes:
    """Raises ValueError for what is not whole, or is something else."""
    try:
        return UNPACK[how](body)
    except (OSError, EOFError, zlib.error) as bad:
        raise ValueError(str(bad)) from bad
