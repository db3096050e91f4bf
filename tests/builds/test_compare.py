"""What changed, and how much a look it deserves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builds import recorded
from unikernels.builds import compare
from unikernels.builds.answers import Solo5
from unikernels.builds.compare import Change, Changes, Difference, OpamFile, Package, Vendored
from unikernels.builds.errors import BadAnswer
from unikernels.builds.risk import Grade, assess

SAME = compare.parse(recorded.body("317"))
HVT = Solo5("hvt", 2, (("service", "net"),))


def changed(name: str, old: str = "1.0", new: str = "1.1") -> Changes:
    return replace(SAME, opam=Difference(changed=(Change(name, old, new),)))


def test_the_same_build_again_changed_nothing_but_its_surroundings() -> None:
    assert SAME.count == 0
    assert assess(SAME, old=HVT, new=HVT).grade is Grade.NONE


def test_a_failed_build_has_no_size() -> None:
    changes = compare.parse(recorded.body("322"))
    assert changes.size_change is None
    assert "The new build has no main binary." in [reason.text for reason in assess(changes).reasons]


def test_every_opam_file_that_changed_is_listed() -> None:
    files = compare.parse(recorded.body("329")).opam_files
    assert "p-url-checksum" in {file.name for file in files}
    assert {file.version for file in files} == {"1.0"}


def test_vendored_sources_are_compared() -> None:
    vendored = compare.parse(recorded.body("343")).vendored
    assert [source.name for source in vendored.added] == ["eqaf"]
    assert [source.name for source in vendored.removed] == ["astring"]
    assert vendored.changed == ("ca-certs-nss", "ocaml-dns")


def test_a_text_in_the_place_of_vendored_sources_does_no_harm() -> None:
    changes = compare.parse(recorded.body("339"))
    assert changes.vendored.error == "opam switch export doesn't contain the main package"
    assert changes.opam.changed == (Change("unipi", "0.0.1", "0.0.2"),)
    assert "main package" in " ".join(reason.text for reason in assess(changes).reasons)


def test_parts_that_are_missing_are_empty() -> None:
    told = {side: recorded.body("310")[side] for side in ("left", "right")}
    assert compare.parse(told).count == 0
    odd = told | {
        "env_diff": 7,
        "package_diff": {"left_packages": [{}, 1]},
        "opam_diff": {"version_diff": "x"},
    }
    assert compare.parse(odd).count == 0


def test_an_opam_file_may_come_without_its_diff() -> None:
    told = recorded.body("310")
    told["opam_diff"]["opam_diff"] = [{"package_version": "ke.0.6", "otherwise_equal": False}]
    assert compare.parse(told).opam_files == (OpamFile("ke", "0.6", ""),)


@pytest.mark.parametrize("told", [None, [], {}, {"left": {}, "right": {}}])
def test_without_the_two_builds_it_is_no_comparison(told: object) -> None:
    with pytest.raises(BadAnswer):
        compare.parse(told)


@pytest.mark.parametrize(
    ("number", "grade"),
    [
        ("310", Grade.MEDIUM),
        ("317", Grade.NONE),
        ("324", Grade.SEVERE),
        ("325", Grade.LOW),
        ("329", Grade.LOW),
    ],
)
def test_real_comparisons_have_a_grade(number: str, grade: Grade) -> None:
    assert assess(compare.parse(recorded.body(number))).grade is grade


@pytest.mark.parametrize(
    ("changes", "grade"),
    [
        (changed("ocaml", "5.3.0", "5.3.1"), Grade.HIGH),
        (changed("ocaml-base-compiler"), Grade.HIGH),
        (changed("ocaml-solo5"), Grade.HIGH),
        (changed("solo5"), Grade.HIGH),
        (changed("mirage-solo5"), Grade.HIGH),
        (changed("mirage", "4.9.0", "5.0.0"), Grade.HIGH),
        (changed("mirage", "v4.9.0", "4.10.0"), Grade.LOW),
        (changed("mirage-runtime", "4.9.0", "3.0.0"), Grade.HIGH),
        (changed("ocaml-syntax-shims"), Grade.LOW),
        (changed("mirage-clock", "4.0.0", "5.0.0"), Grade.LOW),
        (changed("solo5-elftool"), Grade.LOW),
        (changed("tls-mirage"), Grade.MEDIUM),
        (changed("mirage-crypto-rng"), Grade.MEDIUM),
        (changed("ca-certs-nss"), Grade.MEDIUM),
        (changed("dns"), Grade.LOW),
        (replace(SAME, opam=Difference(removed=(Package("tls", "2.0.2"),))), Grade.MEDIUM),
        (replace(SAME, opam=Difference(added=(Package("mirage", "5.0.0"),))), Grade.HIGH),
        (replace(SAME, system=Difference(changed=(Change("gcc-12", "12.2", "12.3"),))), Grade.HIGH),
        (replace(SAME, system=Difference(added=(Package("llvm15", "15.0.7"),))), Grade.HIGH),
        (changed("ocaml-compiler-libs"), Grade.LOW),
        (replace(SAME, system=Difference(changed=(Change("libc6", "2.36", "2.37"),))), Grade.LOW),
        (replace(SAME, environment=Difference(changed=(Change("tls", "1", "2"),))), Grade.LOW),
        (replace(SAME, opam_files=(OpamFile("x509", "1.0", ""),)), Grade.MEDIUM),
        (replace(SAME, opam_files=(OpamFile("mirage", "4.10.2", ""),)), Grade.LOW),
        (replace(SAME, vendored=Vendored(changed=("ocaml-tls",))), Grade.MEDIUM),
        (replace(SAME, vendored=Vendored(error="no root")), Grade.LOW),
        (replace(SAME, new=replace(SAME.new, platform="freebsd-14")), Grade.LOW),
        (replace(SAME, new=replace(SAME.new, job="other")), Grade.SEVERE),
    ],
    ids=lambda value: value.word if isinstance(value, Grade) else "",
)
def test_each_change_has_its_grade(changes: Changes, grade: Grade) -> None:
    risk = assess(changes, old=HVT, new=HVT)
    assert risk.grade is grade
    assert risk.reasons


@pytest.mark.parametrize(
    "new",
    [
        Solo5("spt", 2, HVT.devices),
        Solo5("hvt", 3, HVT.devices),
        Solo5("hvt", 2, ()),
        Solo5("hvt", 2, (("service", "block"),)),
        Solo5("hvt", 2, (*HVT.devices, ("storage", "block"))),
    ],
)
def test_other_devices_or_abi_are_severe(new: Solo5) -> None:
    assert assess(SAME, old=HVT, new=new).grade is Grade.SEVERE


def test_the_order_of_devices_means_nothing() -> None:
    devices = (("a", "net"), ("b", "block"))
    risk = assess(SAME, old=Solo5("hvt", 2, devices), new=Solo5("hvt", 2, devices[::-1]))
    assert risk.grade is Grade.NONE


def test_reasons_come_highest_first_and_the_rest_is_counted() -> None:
    names = ("tls", "logs", "ocaml", "dns")
    changes = replace(SAME, opam=Difference(changed=tuple(Change(name, "1", "2") for name in names)))
    assert [reason.text for reason in assess(changes).reasons] == [
        "Compiler: ocaml 1 became 2.",
        "TLS and cryptography: tls 1 became 2.",
        "2 other changes.",
    ]
