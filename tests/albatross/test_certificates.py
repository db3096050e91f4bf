"""The certificates we take, and the ones we make."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from albatross import messages as m
from albatross.certificates import (
    CLOCK_SKEW,
    LEAF_LIFE,
    OID,
    Authority,
    Credentials,
    Pair,
    PrivateKey,
    generate_ca,
    server_certificate,
)
from albatross.errors import CertificateInvalid, NameInvalid, RequestRefused
from albatross.wire import decode_extension

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = m.Policy(4, frozenset({0, 1}), 1024, 100, frozenset({"service"}))
OTHER_POLICY = replace(POLICY, memory=2048)
CA = generate_ca("albatross", now=NOW)


def load(
    *, server_ca: bytes = CA.certificate_pem, certificate: bytes | None = None, key: bytes | None = None
) -> Credentials:
    return Credentials.load(
        server_ca=server_ca, certificate=certificate or CA.certificate_pem, key=key or CA.key_pem, now=NOW
    )


def refusal(**given: bytes) -> str:
    with pytest.raises(CertificateInvalid) as refused:
        load(**given)
    return str(refused.value)


def delegate(above: Authority, label: str, *, policy: m.Policy = POLICY) -> Authority:
    return above.intermediate(label, policy, now=NOW, life=DAY)


def chain_pem(authority: Authority) -> bytes:
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in authority.chain)


def critical(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> bool:
    return certificate.extensions.get_extension_for_oid(oid).critical


def command_of(certificate: x509.Certificate) -> m.Command:
    extension = certificate.extensions.get_extension_for_oid(OID)
    assert not extension.critical  # an unknown critical extension makes the daemon refuse
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    return decode_extension(extension.value.value)


def common_name(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def made(
    issuer: Pair,
    *,
    key: PrivateKey | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
    subject: str = "made",
    hash_: hashes.SHA256 | hashes.SHA224 | None = None,
) -> Pair:
    """A certificate as somebody else may make one."""
    key = key or Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 7 * DAY)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Pair(builder.sign(issuer.key, hash_), key)


def usage(*, cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


IS_CA = x509.BasicConstraints(ca=True, path_length=None)
CARRIES_POLICY = CA.intermediate("x", POLICY, now=NOW).certificate.extensions.get_extension_for_oid(OID).value


class TestWhatWeTake:
    def test_a_root_ca_reaches_everything(self) -> None:
        credentials = load()
        assert credentials.path == ()
        assert credentials.authority.chain == ()

    @pytest.mark.parametrize(
        "key",
        [
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP384R1()),
            ec.generate_private_key(ec.SECP521R1()),
            rsa.generate_private_key(65537, 2048),
        ],
        ids=["P-256", "P-384", "P-521", "RSA-2048"],
    )
    def test_every_kind_of_key_that_albatross_verifies_signs(self, key: PrivateKey) -> None:
        ca = generate_ca("albatross", key=key, now=NOW)
        credentials = load(server_ca=ca.certificate_pem, certificate=ca.certificate_pem, key=ca.key_pem)
        leaf = credentials.authority_for(("alice",), (POLICY,), now=NOW).leaf(
            m.UnikernelInfo(), None, now=NOW
        )
        leaf.chain[0].verify_directly_issued_by(ca.certificate)
        leaf.certificate.verify_directly_issued_by(leaf.chain[0])

    def test_a_delegated_intermediate_is_its_path_and_is_sent_along(self) -> None:
        alice = delegate(CA, "Alice")
        credentials = load(certificate=chain_pem(alice), key=alice.key_pem)
        assert credentials.path == ("alice",)
        leaf = credentials.authority_for(("alice",), (), now=NOW).leaf(m.UnikernelInfo(), "hello", now=NOW)
        assert leaf.chain == (alice.certificate,)

    def test_a_delegation_below_a_delegation_needs_both_certificates_in_any_order(self) -> None:
        alice = delegate(CA, "alice")
        bob = delegate(alice, "bob")
        both = alice.certificate_pem + CA.certificate_pem + bob.certificate_pem
        credentials = load(certificate=both, key=bob.key_pem)
        assert credentials.path == ("alice", "bob")
        assert credentials.authority.chain == (bob.certificate, alice.certificate)
        assert "missing" in refusal(certificate=bob.certificate_pem, key=bob.key_pem)

    def test_an_intermediate_without_policy_adds_no_label_but_is_sent(self) -> None:
        nameless = made(CA, extensions=(IS_CA, usage(cert_sign=True)))
        alice = delegate(Authority(nameless.certificate, nameless.key, (nameless.certificate,)), "alice")
        credentials = load(certificate=chain_pem(alice), key=alice.key_pem)
        assert credentials.path == ("alice",)
        assert len(credentials.authority.chain) == 2

    def test_the_ca_of_the_server_may_be_another_than_ours(self) -> None:
        other = generate_ca("servers", now=NOW)
        assert load(server_ca=other.certificate_pem).path == ()

    def test_a_root_that_is_not_self_signed_is_a_root_when_the_server_has_it(self) -> None:
        root = made(CA, extensions=(IS_CA, usage(cert_sign=True)))
        pem = root.certificate_pem
        assert load(server_ca=pem, certificate=pem, key=root.key_pem).path == ()


class TestWhatWeRefuse:
    def test_not_pem(self) -> None:
        assert "The certificate cannot be read" in refusal(certificate=b"hello")
        assert "The server CA cannot be read" in refusal(server_ca=b"hello")
        assert "The private key cannot be read" in refusal(key=b"hello")

    def test_garbage_in_pem(self) -> None:
        garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        assert "cannot be read" in refusal(certificate=garbage)

    def test_something_huge(self) -> None:
        assert "too long" in refusal(certificate=b"x" * 1_000_000)

    def test_a_private_key_where_a_certificate_belongs(self) -> None:
        assert "private key" in refusal(certificate=CA.certificate_pem + CA.key_pem)
        assert "private key" in refusal(server_ca=CA.key_pem)

    def test_two_server_cas(self) -> None:
        assert "2 certificates" in refusal(server_ca=CA.certificate_pem * 2)

    def test_a_key_of_another_certificate(self) -> None:
        assert "does not belong" in refusal(key=generate_ca("other", now=NOW).key_pem)

    def test_an_encrypted_key(self) -> None:
        locked = CA.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        assert "encrypted" in refusal(key=locked)

    @pytest.mark.parametrize(
        ("key", "words"),
        [
            (rsa.generate_private_key(65537, 1024), "1024 bits"),
            (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
            (ed448.Ed448PrivateKey.generate(), "must be Ed25519"),
        ],
        ids=["short RSA", "odd curve", "Ed448"],
    )
    def test_a_key_that_albatross_cannot_verify(
        self,
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey,
        words: str,
    ) -> None:
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        assert words in refusal(key=pem)

    def test_the_certificate_of_a_user(self) -> None:
        leaf = CA.leaf(m.UnikernelInfo(), None, now=NOW)
        assert "not a CA" in refusal(certificate=leaf.certificate_pem, key=leaf.key_pem)

    def test_a_certificate_of_the_server_as_its_ca(self) -> None:
        server = server_certificate(CA, now=NOW)
        assert "server CA" in refusal(server_ca=server.certificate_pem)

    def test_an_intermediate_that_delegates_nothing(self) -> None:
        plain = made(CA, extensions=(IS_CA, usage(cert_sign=True)))
        assert "no policy" in refusal(certificate=plain.certificate_pem, key=plain.key_pem)

    def test_an_intermediate_that_carries_another_command(self) -> None:
        other = (
            CA.leaf(m.UnikernelInfo(), None, now=NOW).certificate.extensions.get_extension_for_oid(OID).value
        )
        odd = made(CA, extensions=(IS_CA, usage(cert_sign=True), other))
        assert "does not delegate" in refusal(certificate=odd.certificate_pem, key=odd.key_pem)

    def test_an_intermediate_that_carries_garbage(self) -> None:
        garbage = x509.UnrecognizedExtension(OID, b"garbage")
        odd = made(CA, extensions=(IS_CA, usage(cert_sign=True), garbage))
        assert "would not take" in refusal(certificate=odd.certificate_pem, key=odd.key_pem)

    @pytest.mark.parametrize("subject", ["", "no_label"])
    def test_an_intermediate_whose_name_is_no_label(self, subject: str) -> None:
        odd = made(CA, extensions=(IS_CA, usage(cert_sign=True), CARRIES_POLICY), subject=subject)
        refusal(certificate=odd.certificate_pem, key=odd.key_pem)

    def test_a_delegation_from_somebody_unknown(self) -> None:
        alice = delegate(generate_ca("stranger", now=NOW), "alice")
        assert "CN=stranger" in refusal(certificate=alice.certificate_pem, key=alice.key_pem)

    def test_a_delegation_by_a_ca_of_the_same_name(self) -> None:
        alice = delegate(generate_ca("albatross", now=NOW), "alice")
        assert "missing" in refusal(certificate=alice.certificate_pem, key=alice.key_pem)

    def test_wrong_key_usage(self) -> None:
        odd = made(CA, extensions=(IS_CA, usage(cert_sign=False), CARRIES_POLICY))
        assert "key usage" in refusal(certificate=odd.certificate_pem, key=odd.key_pem)
        odd = made(CA, extensions=(IS_CA, CARRIES_POLICY))
        assert "no key usage" in refusal(certificate=odd.certificate_pem, key=odd.key_pem)

    def test_wrong_extended_key_usage(self) -> None:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        odd = made(CA, extensions=(IS_CA, usage(cert_sign=True), CARRIES_POLICY, purposes))
        assert "serverAuth" in refusal(certificate=odd.certificate_pem, key=odd.key_pem)

    def test_a_weak_signature(self) -> None:
        ca = generate_ca("albatross", key=ec.generate_private_key(ec.SECP256R1()), now=NOW)
        odd = made(ca, extensions=(IS_CA, usage(cert_sign=True), CARRIES_POLICY), hash_=hashes.SHA224())
        words = refusal(server_ca=ca.certificate_pem, certificate=odd.certificate_pem, key=odd.key_pem)
        assert "sha224" in words

    def test_expired(self) -> None:
        old = generate_ca("albatross", now=NOW - 2 * DAY, life=DAY)
        assert "The certificate cannot be used: it expired on 2026-11-21" in refusal(
            certificate=old.certificate_pem, key=old.key_pem
        )
        assert "The server CA cannot be used: it expired" in refusal(server_ca=old.certificate_pem)

    def test_not_yet_valid(self) -> None:
        early = generate_ca("albatross", now=NOW + DAY)
        assert "valid only from 2026-11-23" in refusal(certificate=early.certificate_pem, key=early.key_pem)

    def test_nine_intermediates(self) -> None:
        authority = CA
        for depth in range(8):
            authority = delegate(authority, f"l{depth}")
        assert load(certificate=chain_pem(authority), key=authority.key_pem).path[-1] == "l7"
        ninth = made(authority, extensions=(IS_CA, usage(cert_sign=True), CARRIES_POLICY))
        words = refusal(certificate=ninth.certificate_pem + chain_pem(authority), key=ninth.key_pem)
        assert "at most 8" in words


class TestLeaf:
    def leaf(self, command: m.Command, label: str | None) -> x509.Certificate:
        return CA.leaf(command, label, now=NOW).certificate

    def test_carries_the_command_for_the_label(self) -> None:
        command = m.ConsoleSubscribe(count=20)
        leaf = self.leaf(command, "Hello")
        assert command_of(leaf) == command
        assert common_name(leaf) == "hello"

    def test_is_named_dot_without_a_label(self) -> None:
        assert common_name(self.leaf(m.UnikernelInfo(), None)) == "."

    def test_is_valid_from_the_skew_before_now_for_five_minutes(self) -> None:
        leaf = self.leaf(m.UnikernelInfo(), None)
        assert leaf.not_valid_before_utc == NOW - CLOCK_SKEW
        assert leaf.not_valid_after_utc == NOW + LEAF_LIFE

    def test_does_not_outlive_its_ca(self) -> None:
        ca = generate_ca("albatross", now=NOW, life=timedelta(seconds=60))
        leaf = ca.leaf(m.UnikernelInfo(), None, now=NOW)
        assert leaf.certificate.not_valid_after_utc == ca.certificate.not_valid_after_utc

    def test_is_not_made_by_an_expired_ca(self) -> None:
        with pytest.raises(CertificateInvalid, match="expired"):
            CA.leaf(m.UnikernelInfo(), None, now=NOW + 3650 * DAY)

    def test_has_the_extensions_that_mollymawk_sends(self) -> None:
        leaf = self.leaf(m.UnikernelInfo(), None)
        constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
        key_usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
        assert constraints.critical
        assert not constraints.value.ca
        assert key_usage.critical
        assert key_usage.value.digital_signature
        assert key_usage.value.key_encipherment
        assert not key_usage.value.key_cert_sign
        expected = x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
        assert leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value == expected
        issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        ca_key = x509.SubjectKeyIdentifier.from_public_key(CA.certificate.public_key())
        assert issuer.key_identifier == ca_key.digest
        assert len(list(leaf.extensions)) == 5

    def test_names_its_issuer_by_the_identifier_the_issuer_has(self) -> None:
        odd = x509.SubjectKeyIdentifier(b"odd")
        pair = made(CA, extensions=(IS_CA, usage(cert_sign=True), odd))
        leaf = Authority(pair.certificate, pair.key).leaf(m.UnikernelInfo(), None, now=NOW)
        issuer = leaf.certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        assert issuer.value.key_identifier == b"odd"

    def test_has_a_fresh_key_each_time(self) -> None:
        one, other = (self.leaf(m.UnikernelInfo(), None) for _ in range(2))
        assert one.public_key() != other.public_key()
        assert one.serial_number != other.serial_number

    def test_refuses_what_is_no_label(self) -> None:
        with pytest.raises(NameInvalid):
            self.leaf(m.UnikernelInfo(), "no_label")

    @pytest.mark.parametrize(
        "command",
        [
            m.UnikernelCreate(m.Config()),
            m.UnikernelForceCreate(m.Config()),
            m.UnikernelDestroy(),
            m.UnikernelGet(0),
            m.UnikernelRestart(),
            m.BlockAdd(1),
            m.BlockRemove(),
            m.BlockSet(compressed=False),
            m.BlockDump(0),
            m.ConsoleSubscribe(count=0),
        ],
        ids=lambda command: type(command).__name__,
    )
    def test_is_not_made_without_a_label_for_a_single_thing(self, command: m.Command) -> None:
        with pytest.raises(RequestRefused):
            self.leaf(command, None)
        assert command_of(self.leaf(command, "hello")) == command

    @pytest.mark.parametrize(
        "command",
        [
            m.UnikernelInfoOld4(),
            m.UnikernelInfoOld5(),
            m.UnikernelGet(10),
            m.UnikernelGet(-1),
            m.BlockDump(10),
            m.BlockDumpOld(0),
            m.BlockAddOld(1, compressed=False, data=None),
            m.BlockSetOld(compressed=False, data=b""),
            m.BlockAdd(0),
            m.BlockAdd(2**62),
            m.ConsoleSubscribe(count=-1),
            m.ConsoleSubscribe(),
            m.ConsoleSubscribe(count=1, since=m.Timestamp(0)),
            m.ConsoleAdd(1),
            m.StatsRemove(),
            m.PolicyAdd(POLICY),
            m.PolicyRemove(),
            m.UnikernelCreate(m.Config(m.Arguments(memory=2**62))),
            m.UnikernelForceCreate(m.Config(m.Arguments(cpuids=frozenset({-(2**63)})))),
            m.UnikernelRestart(m.Arguments(arguments=("nul\0",))),
        ],
        ids=repr,
    )
    def test_is_not_made_for_what_would_harm_the_host(self, command: m.Command) -> None:
        with pytest.raises(RequestRefused):
            self.leaf(command, "hello")


class TestIntermediate:
    def test_is_a_ca_that_carries_the_policy_for_the_label(self) -> None:
        alice = CA.intermediate("Alice", POLICY, now=NOW)
        certificate = alice.certificate
        assert command_of(certificate) == m.PolicyAdd(POLICY)
        assert common_name(certificate) == "alice"
        assert alice.path == ("alice",)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value == IS_CA
        key_usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert key_usage.critical
        assert key_usage.value.key_cert_sign
        assert key_usage.value.digital_signature
        assert key_usage.value.content_commitment
        assert not key_usage.value.key_encipherment
        assert not critical(certificate, ExtensionOID.SUBJECT_KEY_IDENTIFIER)
        assert not critical(certificate, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)

    def test_is_valid_longer_than_any_leaf_so_that_clocks_that_differ_show_at_the_leaf(self) -> None:
        certificate = CA.intermediate("alice", POLICY, now=NOW).certificate
        assert certificate.not_valid_before_utc < NOW - 10 * CLOCK_SKEW
        assert certificate.not_valid_after_utc > NOW + 10 * LEAF_LIFE

    def test_honours_a_path_length(self) -> None:
        short = made(CA, extensions=(x509.BasicConstraints(ca=True, path_length=1), usage(cert_sign=True)))
        pem = short.certificate_pem
        credentials = load(server_ca=pem, certificate=pem, key=short.key_pem)
        credentials.authority_for(("alice",), (POLICY,), now=NOW)
        with pytest.raises(RequestRefused, match="no deeper"):
            credentials.authority_for(("alice", "bob"), (POLICY, POLICY), now=NOW)

    def test_goes_no_deeper_than_eight(self) -> None:
        path = tuple(f"l{depth}" for depth in range(9))
        assert load().authority_for(path[:8], (POLICY,) * 8, now=NOW).path == path[:8]
        with pytest.raises(RequestRefused):
            load().authority_for(path, (POLICY,) * 9, now=NOW)


class TestCredentials:
    def test_reach_the_root_without_any_policy(self) -> None:
        assert load().authority_for((), (), now=NOW).path == ()

    def test_refuse_a_domain_whose_policy_is_not_known(self) -> None:
        with pytest.raises(RequestRefused, match="policy"):
            load().authority_for(("alice",), (), now=NOW)

    def test_refuse_what_is_not_below_their_own_path(self) -> None:
        alice = delegate(CA, "alice")
        credentials = load(certificate=chain_pem(alice), key=alice.key_pem)
        for path in ((), ("bob",)):
            with pytest.raises(RequestRefused, match="alice:"):
                credentials.authority_for(path, (), now=NOW)

    def test_keep_an_intermediate_while_it_is_valid(self) -> None:
        credentials = load()
        first = credentials.authority_for(("alice",), (POLICY,), now=NOW)
        later = credentials.authority_for(("alice",), (POLICY,), now=NOW + timedelta(minutes=49))
        latest = credentials.authority_for(("alice",), (POLICY,), now=NOW + timedelta(minutes=51))
        assert later is first
        assert latest is not first

    def test_make_another_intermediate_when_the_clock_went_back_before_it(self) -> None:
        credentials = load()
        first = credentials.authority_for(("alice",), (POLICY,), now=NOW + timedelta(hours=2))
        assert credentials.authority_for(("alice",), (POLICY,), now=NOW) is not first

    def test_make_another_intermediate_for_another_policy_or_label(self) -> None:
        credentials = load()
        made_for = {
            credentials.authority_for((label,), (policy,), now=NOW).certificate
            for label in ("alice", "bob")
            for policy in (POLICY, OTHER_POLICY)
        }
        assert len(made_for) == 4

    def test_chain_one_intermediate_for_each_label(self) -> None:
        bob = load().authority_for(("alice", "bob"), (POLICY, OTHER_POLICY), now=NOW)
        lower, upper = bob.chain
        lower.verify_directly_issued_by(upper)
        upper.verify_directly_issued_by(CA.certificate)
        assert (common_name(upper), common_name(lower)) == ("alice", "bob")
        assert command_of(lower) == m.PolicyAdd(OTHER_POLICY)

    def test_keep_a_chain_whole_when_its_upper_part_is_made_anew(self) -> None:
        credentials = load()
        credentials.authority_for(("alice",), (POLICY,), now=NOW)
        later = NOW + timedelta(minutes=40)
        credentials.authority_for(("alice", "bob"), (POLICY, POLICY), now=later)
        latest = NOW + timedelta(minutes=55)
        bob = credentials.authority_for(("alice", "bob"), (POLICY, POLICY), now=latest)
        bob.chain[0].verify_directly_issued_by(bob.chain[1])

    def test_keep_no_more_than_their_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("albatross.certificates.MAX_INTERMEDIATES", 2)
        credentials = load()
        first = credentials.authority_for(("a",), (POLICY,), now=NOW)
        for label in "bc":
            credentials.authority_for((label,), (POLICY,), now=NOW)
        assert credentials.authority_for(("a",), (POLICY,), now=NOW) is not first

    def test_serve_four_threads_at_once(self) -> None:
        credentials = load()
        found: list[Authority] = []

        def ask() -> None:
            found.extend(credentials.authority_for((label,), (POLICY,), now=NOW) for label in "abcd" * 8)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 128
        assert len({authority.certificate for authority in found}) == 4

    def test_never_print_a_private_key(self) -> None:
        assert "Private" not in repr(CA)


class TestGenerate:
    def test_a_root_has_no_key_identifiers(self) -> None:
        kinds = {extension.oid for extension in CA.certificate.extensions}
        assert kinds == {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE}

    def test_a_server_has_no_alternative_name_and_is_for_servers(self) -> None:
        server = server_certificate(CA, now=NOW)
        server.certificate.verify_directly_issued_by(CA.certificate)
        purposes = server.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        assert purposes.critical
        assert list(purposes.value) == [ExtendedKeyUsageOID.SERVER_AUTH]
        assert common_name(server.certificate) == "server"
        with pytest.raises(x509.ExtensionNotFound):
            server.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
