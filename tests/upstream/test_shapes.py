"""What is listed can be sent back, and means the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albatross.messages import QUIT, RESTART_ANY, BlockInUse, FailBehaviour, Info, NetInUse, Timestamp, Typ
from unikernels.configuration import from_info
from unikernels.upstream.shapes import read_config, write_unikernel

names = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True)
behaviours = st.one_of(
    st.just(QUIT),
    st.just(RESTART_ANY),
    st.frozensets(st.integers(2, 59), min_size=1, max_size=4).map(lambda codes: FailBehaviour(True, codes)),
)
nets = st.lists(names, max_size=3, unique=True).flatmap(
    lambda found: st.tuples(
        *(st.builds(NetInUse, st.just(n), names, st.binary(min_size=6, max_size=6)) for n in found)
    )
)
blocks = st.lists(names, max_size=3, unique=True).flatmap(
    lambda found: st.tuples(
        *(st.builds(BlockInUse, st.just(n), names, st.just(512), st.just(64)) for n in found)
    )
)
infos = st.builds(
    Info,
    typ=st.just(Typ.SOLO5),
    fail_behaviour=behaviours,
    cpuids=st.frozensets(st.integers(0, 63), min_size=1, max_size=4),
    memory=st.integers(4, 4096),
    digest=st.just(bytes(32)),
    startup=st.one_of(st.none(), st.integers(0, 49)),
    blocks=blocks,
    bridges=nets,
    arguments=st.one_of(
        st.none(),
        st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), min_size=1, max_size=3).map(
            tuple
        ),
    ),
    numcpus=st.integers(1, 4),
    linux_boot_partition=st.none(),
    started=st.just(Timestamp(0)),
)


@given(infos)
def test_what_is_listed_is_read_as_the_same(info: Info) -> None:
    listed = json.loads(json.dumps(write_unikernel("hello", info)))
    read, told = read_config(listed), from_info(info)
    assert {**read.to_json(), "arguments": read.arguments} == {**told.to_json(), "arguments": told.arguments}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"typ": "xen", "cpuids": [0]}, "only 'solo5' and 'bhyve' supported"),
        ({}, "cpuids must be a list of integers"),
        ({"cpuids": []}, "CPUids cannot be an empty list"),
        ({"cpuids": [0], "fail_behaviour": "never"}, "fail behaviour must be quit or restart"),
        ({"cpuids": [0], "fail_behaviour": {}}, "expected a restart"),
        ({"cpuids": [0], "fail_behaviour": {"restart": True, "exit_code": 1}}, "expected a list of integers"),
        ({"cpuids": [0], "startup": 101}, "startup is a number"),
        ({"cpuids": [0], "network_interfaces": "service"}, "network_interfaces must be a list"),
        ({"cpuids": [0], "network_interfaces": [{}]}, "an item of network_interfaces"),
        ({"cpuids": [0], "block_devices": ["a", "a"]}, "a stands twice"),
        ({"cpuids": [0], "memory": "32"}, "Memory"),
        ({"cpuids": [0], "arguments": ["\ud800"]}, "surrogates not allowed"),
        ([], "expected a dictionary"),
    ],
)
def test_what_cannot_be_read_is_said(config: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_config(config)
