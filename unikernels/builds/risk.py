"""How much a change deserves a look before it is taken, with the reasons.

========  =========================================================================================
severe    other devices, other ABI, another job: it may not start with this configuration
high      compiler, Solo5, or the major version of Mirage: everything was built anew on other ground
medium    TLS and cryptography: what keeps secrets
low       the rest
none      nothing changed
========  =========================================================================================

A grade says where to look, not whether the build is good.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from unikernels.builds.answers import Solo5
from unikernels.builds.compare import Changes, Difference


class Grade(enum.IntEnum):
    """See the table above; the higher, the more to look at."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    SEVERE = 4

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence and the grade that it alone would have."""

    grade: Grade
    text: str


@dataclass(frozen=True, slots=True)
class Risk:
    """The highest grade of all reasons; reasons come highest first."""

    grade: Grade
    reasons: tuple[Reason, ...]


_COMPILER = re.compile(
    r"ocaml|ocaml-(?:base-compiler|compiler|config|variants|system|freestanding|solo5.*|options?-.*)"
    r"|(?:gcc|g\+\+|cpp|clang|binutils|lld|llvm)[0-9]*(?:-.*)?"
)
_SOLO5 = re.compile(r"solo5|solo5-(?:bindings|kernel)-.*|mirage-solo5|solo5-cross-.*")
_MIRAGE = re.compile(r"mirage|mirage-runtime")
_CRYPTO = re.compile(
    r"tls(?:-.*)?|x509|mirage-crypto(?:-.*)?|nocrypto|ca-certs(?:-.*)?|digestif|hacl.*|kdf|hkdf|pbkdf|scrypt(?:-.*)?"
    r"|asn1-combinators|eqaf|fiat-p256|awa(?:-.*)?|letsencrypt(?:-.*)?|acme|dnssec|otr|openpgp|paf-le"
    r"|openssl|libssl.*|libgnutls.*|libgmp.*|gmp|zarith"
)


@dataclass(frozen=True, slots=True)
class _Touched:
    """One package that is not as it was. ``old`` and ``new`` may be empty: added, removed, unknown."""

    name: str
    old: str
    new: str
    story: str


def assess(changes: Changes, *, old: Solo5 | None = None, new: Solo5 | None = None) -> Risk:
    """Grade *changes*. *old* and *new* are what the two images were built for; None: not known."""
    packages = list(_packages(changes))
    reasons = [*manifest_reasons(old, new), *_builds(changes), *packages]
    if rest := changes.count - len(packages):
        reasons.append(Reason(Grade.LOW, f"{rest} other {'change' if rest == 1 else 'changes'}."))
    reasons.sort(key=lambda reason: -reason.grade)
    return Risk(max((reason.grade for reason in reasons), default=Grade.NONE), tuple(reasons))


def manifest_reasons(old: Solo5 | None, new: Solo5 | None) -> list[Reason]:
    """Why a configuration made for *old* does not fit *new*; nothing when one is not known."""
    if old is None or new is None:
        return []
    texts = []
    if (old.target, old.version) != (new.target, new.version):
        texts.append(f"ABI {old.target} {old.version} became {new.target} {new.version}.")
    texts += [
        f"Device {name} ({kind}) is new." for name, kind in new.devices if (name, kind) not in old.devices
    ]
    texts += [
        f"Device {name} ({kind}) is gone." for name, kind in old.devices if (name, kind) not in new.devices
    ]
    return [Reason(Grade.SEVERE, text) for text in texts]


def _builds(changes: Changes) -> Iterator[Reason]:
    old, new = changes.old, changes.new
    if old.job != new.job:
        yield Reason(Grade.SEVERE, f"Another job: {old.job} became {new.job}.")
    if not new.has_binary:
        yield Reason(Grade.SEVERE, "The new build has no main binary.")
    if old.platform != new.platform:
        yield Reason(Grade.LOW, f"Built on another platform: {old.platform} became {new.platform}.")
    if changes.vendored.error:
        yield Reason(Grade.LOW, f"Vendored sources could not be compared: {changes.vendored.error}.")


def _packages(changes: Changes) -> Iterator[Reason]:
    for touched in _touched(changes):
        if _COMPILER.fullmatch(touched.name):
            yield Reason(Grade.HIGH, f"Compiler: {touched.story}.")
        elif _SOLO5.fullmatch(touched.name):
            yield Reason(Grade.HIGH, f"Solo5: {touched.story}.")
        elif _MIRAGE.fullmatch(touched.name) and _major(touched.old) != _major(touched.new):
            yield Reason(Grade.HIGH, f"Major version: {touched.story}.")
        elif _CRYPTO.fullmatch(touched.name):
            yield Reason(Grade.MEDIUM, f"TLS and cryptography: {touched.story}.")


def _touched(changes: Changes) -> Iterator[_Touched]:
    yield from _of(changes.opam)
    yield from _of(changes.system)
    for file in changes.opam_files:
        story = f"{file.name} {file.version} is built in another way (opam file)"
        yield _Touched(file.name, file.version, file.version, story)
    vendored = changes.vendored
    for name, story in [
        *((package.name, "is vendored now") for package in vendored.added),
        *((package.name, "is no longer vendored") for package in vendored.removed),
        *((name, "changed (vendored)") for name in vendored.changed),
    ]:
        yield _Touched(name.removeprefix("ocaml-"), "", "", f"{name} {story}")


def _of(difference: Difference) -> Iterator[_Touched]:
    for package in difference.added:
        yield _Touched(package.name, "", package.version, f"{package.name} {package.version} is new")
    for package in difference.removed:
        yield _Touched(package.name, package.version, "", f"{package.name} {package.version} is gone")
    for change in difference.changed:
        yield _Touched(change.name, change.old, change.new, f"{change.name} {change.old} became {change.new}")


def _major(version: str) -> str:
    """The part before the first dot; of what is no such version, all of it."""
    return version.removeprefix("v").split(".", 1)[0]
