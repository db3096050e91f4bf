"""Unikernels made, replaced, restarted and destroyed, over real connections."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace

import pytest

from albatross import messages as m
from albatross.simulator import Fault, Kind, build_image
from tests.albatross.simulator.talk import WIDE, ask, create, talk

CREATED, DESTROYED = m.Text("created unikernel"), m.Text("destroyed unikernel")
REMOVED = m.Text("destroyed: removed from restarting")
NOT_FOUND = m.FailureText("destroy: not found")
OLD, NEW = build_image(behaviour={"lines": ["old"]}), build_image(behaviour={"lines": ["new"]})
RUNNING_ALREADY = m.FailureText("Unikernel with same name is already running")
WEB = "alice:web"


def digest_of(image):
    return hashlib.sha256(image).digest()


def running(instance):
    return {name: info.digest for name, info in instance.running().items()}


def info(instance, name=WEB):
    answer = ask(instance, name, m.UnikernelInfo())
    return answer.unikernels


# --- create ------------------------------------------------------------------------------------


def test_an_image_comes_in_the_certificate_or_as_a_stream(instance):
    assert ask(instance, "alice:inside", create(image=OLD)) == CREATED
    assert ask(instance, "alice:after", create(), image=NEW) == CREATED
    assert running(instance) == {"alice:inside": digest_of(OLD), "alice:after": digest_of(NEW)}


def test_a_compressed_image_has_the_digest_of_the_plain_one(instance):
    assert ask(instance, WEB, create(compressed=True), image=zlib.compress(OLD)) == CREATED
    assert running(instance) == {WEB: digest_of(OLD)}


def test_a_name_is_taken_once(instance):
    assert ask(instance, WEB, create(image=OLD)) == CREATED
    assert ask(instance, WEB, create(image=NEW)) == RUNNING_ALREADY
    assert running(instance) == {WEB: digest_of(OLD)}


def test_info_tells_what_was_asked_for(instance):
    arguments = {
        "cpuids": frozenset({1, 2}),
        "memory": 48,
        "arguments": ("--ipv4=10.0.0.2/24", "x"),
        "startup": 7,
        "fail_behaviour": m.FailBehaviour(restart=True, exit_codes=frozenset({3})),
        "bridges": (m.NetDevice("service", "management"),),
    }
    image = build_image(devices=[("service", "net")])
    assert ask(instance, WEB, create(image=image, **arguments)) == CREATED
    ((name, told),) = info(instance)
    assert (str(name), told.digest) == (WEB, digest_of(image))
    assert (told.cpuids, told.memory, told.startup) == (frozenset({1, 2}), 48, 7)
    assert told.arguments == ("--ipv4=10.0.0.2/24", "x")
    assert told.fail_behaviour == arguments["fail_behaviour"]
    assert [(d.unikernel_device, d.host_device) for d in told.bridges] == [("service", "management")]
    ((relative, _),) = info(instance, "alice:")
    assert str(relative) == ":web"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (create(image=b"x"), "error during ELF parsing"),
        (
            create(image=OLD, memory=4000),
            "maximum allowed memory (2048, used 0) would be exceeded (requesting 4000)",
        ),
        (create(image=OLD, cpuids=frozenset({9})), "CPUids 9 are not allowed by policy"),
        (create(image=OLD, arguments=("a\0b",)), "could not create unikernel: console failed"),
        (
            create(image=build_image(version=9)),
            "tender does not exist, looked for /var/lib/albatross/solo5-hvt.9, solo5-hvt.9, "
            "/var/lib/albatross/solo5-hvt, solo5-hvt",
        ),
    ],
)
def test_what_cannot_be_made_is_told_and_nothing_runs(instance, command, text):
    assert ask(instance, WEB, command) == m.FailureText(text)
    assert running(instance) == {}


def test_a_unikernel_without_a_name_fails_as_the_console_would(instance):
    assert ask(instance, "alice:", create(image=OLD)) == m.FailureText(
        "could not create unikernel: console failed"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"memory": 0}, "solo5-hvt: Malformed argument to --mem"),
        ({"memory": -1}, "solo5-hvt: Malformed argument to --mem"),
        ({"memory": 1}, "solo5-hvt: Malformed argument to --mem"),
        ({"cpuids": frozenset()}, "taskset: failed to parse CPU list: "),
    ],
)
def test_created_only_means_that_a_process_was_started(instance, arguments, complaint):
    assert ask(instance, WEB, create(image=OLD, **arguments)) == CREATED
    (exited,) = instance.observed.wait("exited", name=WEB)
    assert exited.detail == "exit 1"
    assert running(instance) == {}
    assert instance.console(WEB) == [complaint]


# --- the commit point --------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["close", "reset", "half_close"])
@pytest.mark.parametrize("chunks", [[], [NEW[:100]], [NEW[:100], NEW[100:]]])
def test_a_stream_without_its_last_frame_changes_nothing(instance, chunks, way):
    ask(instance, WEB, create(image=OLD))
    with talk(instance, WEB, create(force=True)) as connection:
        connection.stream(*chunks, end=False)
        getattr(connection, way)()
    # the connection before is dealt with once another one gets its answer and nothing was killed
    assert len(info(instance)) == 1
    assert running(instance) == {WEB: digest_of(OLD)}
    assert instance.observed.records("killed") == []


def test_a_frame_that_is_cut_changes_nothing(instance):
    ask(instance, WEB, create(image=OLD))
    with talk(instance, WEB, create(force=True)) as connection:
        connection.send((1000).to_bytes(4, "big") + b"x" * 999)
    assert running(instance) == {WEB: digest_of(OLD)}


def test_after_the_last_frame_the_swap_happens_though_nobody_waits(instance):
    ask(instance, WEB, create(image=OLD))
    talk(instance, WEB, create(force=True)).stream(NEW).close()
    instance.observed.wait("started", name=WEB, count=2)
    assert running(instance) == {WEB: digest_of(NEW)}


def test_a_length_below_zero_ends_a_stream_too(instance):
    with talk(instance, WEB, create()) as connection:
        connection.stream(OLD, end=False)
        connection.send(b"\xff\xff\xff\xff")
        assert connection.rest() == [CREATED]


def test_a_client_may_close_its_half_and_still_hear_the_answer(instance):
    with talk(instance, WEB, create()) as connection:
        assert connection.stream(OLD).half_close().rest() == [CREATED]


# --- replacing ---------------------------------------------------------------------------------


def test_force_create_kills_the_old_one_first(instance):
    ask(instance, WEB, create(image=OLD))
    assert ask(instance, WEB, create(force=True), image=NEW) == CREATED
    assert running(instance) == {WEB: digest_of(NEW)}
    effects = [r.what for r in instance.observed.records() if r.what in ("started", "killed", "exited")]
    assert effects == ["started", "killed", "exited", "started"]


def test_force_create_of_something_new_is_a_create(instance):
    assert ask(instance, WEB, create(force=True, image=NEW)) == CREATED


def test_what_the_policy_refuses_is_refused_before_the_kill(instance):
    ask(instance, WEB, create(image=OLD, memory=1500))
    answer = ask(instance, WEB, create(force=True, image=NEW, memory=2049))
    assert answer.text == "maximum allowed memory (2048, used 0) would be exceeded (requesting 2049)"
    assert running(instance) == {WEB: digest_of(OLD)}
    assert ask(instance, WEB, create(force=True, image=NEW, memory=2048)) == CREATED


@pytest.mark.parametrize("image", [b"garbage", build_image(devices=[("service", "net")])])
def test_a_bad_image_is_refused_after_the_kill_and_nothing_runs(instance, image):
    ask(instance, WEB, create(image=OLD))
    assert isinstance(ask(instance, WEB, create(force=True), image=image), m.FailureText)
    assert running(instance) == {}


def test_while_the_old_one_takes_its_time_it_is_what_info_tells(instance):
    ask(instance, WEB, create(image=OLD))
    instance.faults.add(Fault(Kind.SLOW_EXIT, seconds=float("inf")))
    with talk(instance, WEB, create(force=True)) as connection:
        connection.stream(NEW)
        instance.observed.wait("killed")
        assert connection.quiet()
        ((_, told),) = info(instance)
        assert told.digest == digest_of(OLD)


def test_of_two_that_wait_for_the_old_one_only_the_second_hears(simulate):
    instance = simulate(kill_delay=0.4)
    ask(instance, WEB, create(image=OLD))
    with (
        talk(instance, WEB, create(force=True)) as first,
        talk(instance, WEB, create(force=True)) as second,
    ):
        first.stream(NEW)
        instance.observed.wait("killed")
        second.stream(NEW)
        assert second.rest() == [CREATED]
        assert first.quiet()
    assert running(instance) == {WEB: digest_of(NEW)}
    assert len(instance.observed.records("started")) == 2


# --- restart and destroy -----------------------------------------------------------------------


def test_a_restart_keeps_the_image_and_changes_the_start(instance):
    ask(instance, WEB, create(image=OLD, memory=40))
    before = instance.running()[WEB]
    assert ask(instance, WEB, m.UnikernelRestart()) == CREATED
    after = instance.running()[WEB]
    assert after.started != before.started
    assert replace(after, started=before.started) == before


def test_a_restart_with_arguments_replaces_all_of_them(instance):
    ask(instance, WEB, create(image=OLD, memory=40, arguments=("a",), startup=3))
    assert ask(instance, WEB, m.UnikernelRestart(m.Arguments(memory=64))) == CREATED
    told = instance.running()[WEB]
    assert (told.memory, told.arguments, told.startup, told.digest) == (64, None, None, digest_of(OLD))


def test_a_restart_beyond_the_limits_loses_the_unikernel(instance):
    ask(instance, WEB, create(image=OLD))
    answer = ask(instance, WEB, m.UnikernelRestart(m.Arguments(memory=4000)))
    assert answer.text == "maximum allowed memory (2048, used 0) would be exceeded (requesting 4000)"
    assert running(instance) == {}
    assert ask(instance, WEB, m.UnikernelRestart()) == REMOVED


def test_a_restart_with_devices_that_the_image_has_not_touches_nothing(instance):
    ask(instance, WEB, create(image=OLD))
    answer = ask(instance, WEB, m.UnikernelRestart(m.Arguments(bridges=(m.NetDevice("service"),))))
    assert answer.text == (
        "specified bridge(s) does not match with the manifest. Devices present in manifest: "
    )
    assert running(instance) == {WEB: digest_of(OLD)}


def test_destroying_twice_succeeds_and_the_third_time_fails(instance):
    ask(instance, WEB, create(image=OLD))
    answers = [ask(instance, WEB, m.UnikernelDestroy()) for _ in range(3)]
    assert answers == [DESTROYED, REMOVED, NOT_FOUND]
    assert len(instance.observed.records("killed")) == 1


def test_a_restart_of_something_destroyed_answers_as_a_destroy(instance):
    ask(instance, WEB, create(image=OLD))
    ask(instance, WEB, m.UnikernelDestroy())
    assert [ask(instance, WEB, m.UnikernelRestart()) for _ in range(2)] == [REMOVED, NOT_FOUND]
    assert running(instance) == {}


def test_what_ended_by_itself_is_not_found(instance):
    ask(instance, WEB, create(image=OLD, arguments=("--exit=0",)))
    instance.observed.wait("exited", name=WEB)
    assert ask(instance, WEB, m.UnikernelDestroy()) == NOT_FOUND


def test_a_path_reaches_what_has_the_same_labels(instance):
    instance.run(":alice", create(image=OLD))
    assert info(instance, "alice:") == ()
    assert ask(instance, "alice:", m.UnikernelDestroy()) == DESTROYED


# --- exits -------------------------------------------------------------------------------------


def test_one_that_does_not_know_its_name_runs_without_it(instance):
    image = build_image(behaviour={"named": False, "lines": ["fine"]})
    assert ask(instance, WEB, create(image=image)) == CREATED
    instance.observed.wait("started", name=WEB, count=2)
    records = instance.observed.records()
    assert [(r.what, r.command) for r in records if r.what in ("started", "exited")] == [
        ("started", "unikernel_create"),
        ("exited", ""),
        ("started", "automatic_restart"),
    ]
    assert running(instance) == {WEB: digest_of(image)}


def test_one_that_is_to_be_restarted_comes_back_each_time(instance):
    arguments = {"arguments": ("--exit=5",), "fail_behaviour": m.RESTART_ANY}
    ask(instance, WEB, create(image=OLD, **arguments))
    exits = instance.observed.wait("exited", name=WEB, count=3)
    assert {r.detail for r in exits} == {"exit 5"}


def test_one_that_is_not_to_be_restarted_is_gone(instance):
    ask(instance, WEB, create(image=OLD, arguments=("--exit=1",), fail_behaviour=m.RESTART_ANY))
    instance.observed.wait("exited", name=WEB)
    assert running(instance) == {}


# --- get ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compressed", "level", "comes_compressed"),
    [(False, 0, False), (False, 6, True), (True, 0, False), (True, 9, True), (True, -1, False)],
)
def test_the_image_comes_back(instance, compressed, level, comes_compressed):
    ask(instance, WEB, create(compressed=compressed), image=zlib.compress(OLD) if compressed else OLD)
    answer = ask(instance, WEB, m.UnikernelGet(level))
    assert answer.compressed is comes_compressed
    assert (zlib.decompress(answer.image) if comes_compressed else answer.image) == OLD


def test_there_is_no_image_of_what_does_not_run_and_a_bad_level_ends_the_daemon(instance):
    assert ask(instance, WEB, m.UnikernelGet(0)) == m.FailureText("get: no unikernel found")
    ask(instance, WEB, create(image=OLD))
    assert ask(instance, WEB, m.UnikernelGet(10)) == m.FailureText("error reading from fd")


def test_a_large_image_goes_both_ways_whole(instance):
    image = build_image(padding=3_000_000)
    with talk(instance, WEB, create()) as connection:
        pieces = [image[start : start + 50_000] for start in range(0, len(image), 50_000)]
        assert connection.stream(*pieces).rest() == [CREATED]
    assert ask(instance, WEB, m.UnikernelGet(0)).image == image


# --- policies of the chain ---------------------------------------------------------------------


def test_a_policy_in_the_chain_overwrites_the_one_there(instance):
    instance.grant("alice:", replace(WIDE, memory=77))
    ask(instance, "alice:", m.UnikernelInfo())
    assert instance.policies()["alice:"] == WIDE


def test_a_policy_below_the_use_locks_the_domain_out(instance):
    ask(instance, WEB, create(image=OLD, memory=32))
    small = [replace(WIDE, memory=20)]
    for command in (m.UnikernelInfo(), m.UnikernelDestroy(), m.BlockInfo(), m.PolicyInfo()):
        answer = ask(instance, WEB, command, policies=small)
        assert answer.text == (
            "expected success when adding policy, got: host [unikernel: alice:]: command failed "
            "unikernel would exceed running memory limit set by policy to 20 MB, used 32 MB"
        )
    with talk(instance, WEB, m.ConsoleSubscribe(count=1), policies=small) as console:
        assert console.receive().payload == m.Text("subscribed")
    assert running(instance) == {WEB: digest_of(OLD)}


def test_the_deepest_policy_is_set_first_and_stays_when_the_one_above_is_refused(instance):
    above, below = replace(WIDE, unikernels=2), replace(WIDE, unikernels=5)
    answer = ask(instance, "alice:carol:", m.UnikernelInfo(), policies=[above, below])
    assert answer.text.startswith(
        "expected success when adding policy, got: host [unikernel: alice:]: command failed "
    )
    assert list(instance.policies()) == [":", "alice:carol:"]
    instance.run("alice:carol:", m.PolicyRemove())
    instance.grant("alice:", above)
    answer = ask(instance, "alice:carol:", m.UnikernelInfo(), policies=[above, below])
    assert answer.text == (
        "expected success when adding policy, got: host [unikernel: alice:carol:]: command failed "
        "policy above allows 2 unikernels, which is fewer than 5"
    )


def test_a_policy_that_no_host_can_keep_is_taken(instance):
    odd = m.Policy(0, frozenset({7}), 999_999, None, frozenset({"nowhere"}))
    assert ask(instance, "odd:", m.PolicyInfo(), policies=[odd]).policies[0][1] == odd
