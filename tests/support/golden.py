# SPDX-License-Identifier: Apache-2.0
"""The binlogs of real servers that the tree carries, unpacked (tests/golden/binlog/generated)."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARCHIVES = ROOT / "tests" / "golden" / "binlog" / "generated"


def generated() -> pathlib.Path:
    """A folder with one folder a server; unpacked once for each state of the archives."""
    archives = sorted(ARCHIVES.glob("*.tar.xz"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in archives)).hexdigest()[:16]
    there = ROOT / "build" / "golden" / digest
    if there.is_dir():
        return there
    there.parent.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(dir=there.parent, prefix="unpacking-"))
    for path in archives:
        with tarfile.open(path) as archive:
            archive.extractall(made)
    made.chmod(0o755)
    try:
        os.rename(made, there)
    except OSError:  # another process was faster
        shutil.rmtree(made)
    return there
