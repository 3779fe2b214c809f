# SPDX-License-Identifier: Apache-2.0
"""The release program as the linker left it: what makes a defect harder to use is read from its ELF file."""

from __future__ import annotations

import pathlib
import platform
import struct

import pytest

from engine import program

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
PT_GNU_STACK, PT_GNU_RELRO = 0x6474e551, 0x6474e552
EXECUTE, WRITE = 1, 2
DT_NULL, DT_BIND_NOW, DT_FLAGS, DT_FLAGS_1 = 0, 24, 30, 0x6ffffffb
DT_RPATH, DT_RUNPATH, DT_TEXTREL = 15, 29, 22
DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 8, 1, 0x08000000
ET_DYN = 3
SHT_DYNSYM = 11


class Elf:
    """As much of a 64-bit little-endian ELF file as these tests ask for."""

    def __init__(self, content: bytes) -> None:
        assert content[:6] == b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF file"
        self.content = content
        self.kind = struct.unpack_from("<H", content, 16)[0]
        at, sections_at = struct.unpack_from("<QQ", content, 32)
        size, count, section_size, section_count = struct.unpack_from("<HHHH", content, 54)
        self.segments = []
        for place in range(at, at + size * count, size):
            kind, flags, offset, address, _, length = struct.unpack_from("<IIQQQQ", content, place)
            self.segments.append({"kind": kind, "flags": flags, "offset": offset, "address": address, "length": length})
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", content, place)
                         for place in range(sections_at, sections_at + section_size * section_count, section_size)]

    def of(self, kind: int) -> list[dict]:
        return [one for one in self.segments if one["kind"] == kind]

    def dynamic(self) -> dict[int, int]:
        tags = {}
        for segment in self.of(PT_DYNAMIC):
            for place in range(segment["offset"], segment["offset"] + segment["length"], 16):
                tag, value = struct.unpack_from("<QQ", self.content, place)
                if tag == DT_NULL:
                    break
                tags[tag] = value
        return tags

    def imported(self) -> set[str]:
        """Names of the symbols that other libraries give."""
        names = set()
        for _, kind, _, _, offset, size, link, _, _, entry in self.sections:
            if kind != SHT_DYNSYM:
                continue
            texts = self.sections[link][4]
            for place in range(offset, offset + size, entry):
                name, _, _, section = struct.unpack_from("<IBBH", self.content, place)
                if section == 0 and name:
                    start = texts + name
                    names.add(self.content[start:self.content.index(b"\0", start)].decode())
        return names

    def code(self) -> bytes:
        return b"".join(self.content[one["offset"]:one["offset"] + one["length"]]
                        for one in self.of(PT_LOAD) if one["flags"] & EXECUTE)


@pytest.fixture(scope="module")
def elf() -> Elf:
    found = Elf(pathlib.Path(program()).read_bytes())
    if any(name.startswith(("__asan_", "__tsan_", "__ubsan_")) for name in found.imported()):
        pytest.skip("a build with a sanitizer is not one that is shipped")
    return found


def faults(elf: Elf) -> list[str]:
    """What is missing of what CMakeLists.txt asks for."""
    found = []
    tags = elf.dynamic()
    if elf.kind != ET_DYN or not elf.of(PT_INTERP) or not tags.get(DT_FLAGS_1, 0) & DF_1_PIE:
        found.append("it is not position-independent")
    if not elf.of(PT_GNU_RELRO):
        found.append("no part is made read-only after relocation")
    if not (DT_BIND_NOW in tags or tags.get(DT_FLAGS, 0) & DF_BIND_NOW or tags.get(DT_FLAGS_1, 0) & DF_1_NOW):
        found.append("symbols are bound late, so their table stays writable")
    if not elf.of(PT_GNU_STACK) or elf.of(PT_GNU_STACK)[0]["flags"] & EXECUTE:
        found.append("the stack may be executed")
    if any(one["flags"] & WRITE and one["flags"] & EXECUTE for one in elf.of(PT_LOAD)):
        found.append("a segment may be written and executed")
    if DT_TEXTREL in tags:
        found.append("code is relocated in place")
    if DT_RPATH in tags or DT_RUNPATH in tags:
        found.append("libraries are looked for in a folder of the build")
    names = elf.imported()
    if "__stack_chk_fail" not in names:
        found.append("no stack protector")
    if not any(name.startswith("__") and name.endswith("_chk") for name in names):
        found.append("no checked string functions (_FORTIFY_SOURCE)")
    return found


def test_the_program_is_hardened(elf):
    assert faults(elf) == []


@pytest.mark.skipif(platform.machine() != "x86_64", reason="an instruction of x86-64")
def test_indirect_jumps_have_marked_ends(elf):
    """Functions that are called by their address begin with ENDBR64. The file as a whole is not marked, for the start
    files of Debian's C library are not; so the instructions are counted, and there are some thousand such functions."""
    assert elf.code().count(b"\xf3\x0f\x1e\xfa") > 500


def test_the_judge_can_tell(elf):
    """A program with each of these taken away is told."""
    weak = bytearray(elf.content)
    at, size = struct.unpack_from("<Q", weak, 32)[0], struct.unpack_from("<H", weak, 54)[0]
    for index, segment in enumerate(elf.segments):
        if segment["kind"] == PT_GNU_STACK:
            struct.pack_into("<I", weak, at + index * size + 4, 7)
        if segment["kind"] == PT_GNU_RELRO:
            struct.pack_into("<I", weak, at + index * size, PT_NOTE)
        if segment["kind"] == PT_DYNAMIC:
            for place in range(segment["offset"], segment["offset"] + segment["length"], 16):
                if struct.unpack_from("<Q", weak, place)[0] in (DT_BIND_NOW, DT_FLAGS, DT_FLAGS_1):
                    struct.pack_into("<QQ", weak, place, DT_TEXTREL, 0)
    told = faults(Elf(bytes(weak).replace(b"__stack_chk_fail\0", b"__stack_chk_fall\0")))
    assert len(told) == 6, told
