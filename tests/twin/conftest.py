# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a fresh twin for each test."""

import pytest

from twin_client import Bench


@pytest.fixture
def make():
    """Makes twins and ends them after the test."""
    benches = []

    def maker(kind: str, **options) -> Bench:
        benches.append(Bench(kind, **options))
        return benches[-1]
    yield maker
    for bench in benches:
        bench.stop()


@pytest.fixture
def doris(make):
    bench = make("doris")
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    return bench


@pytest.fixture
def starrocks(make):
    bench = make("starrocks")
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    return bench


@pytest.fixture(params=["doris", "starrocks"])
def both(request, make):
    bench = make(request.param)
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    return bench
