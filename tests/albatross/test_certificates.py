"""The certificates we make."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from albatross import messages as m
from albatross.certificates import (
    CLOCK_SKEW,
    LEAF_LIFE,
    Authority,
    generate_ca,
    server_certificate,
)
from albatross.errors import CertificateInvalid, NameInvalid, RequestRefused
from tests.albatross.issuing import (
    CA,
    DAY,
    IS_CA,
    NOW,
    OTHER_POLICY,
    POLICY,
    chain_pem,
    command_of,
    common_name,
    critical,
    delegate,
    load,
    made,
    usage,
)


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
