"""Which certificates and keys we take from somebody, and which we refuse, with what words."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from albatross import messages as m
from albatross.certificates import (
    OID,
    Authority,
    PrivateKey,
    generate_ca,
    server_certificate,
)
from tests.albatross.issuing import (
    CA,
    CARRIES_POLICY,
    DAY,
    IS_CA,
    NOW,
    POLICY,
    chain_pem,
    delegate,
    load,
    made,
    refusal,
    usage,
)


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
