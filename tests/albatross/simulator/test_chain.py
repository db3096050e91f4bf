"""From certificates to a command; and every chain to which the server says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from albatross import messages as m
from albatross.names import Name
from albatross.simulator.chain import Rejected, read_chain
from albatross.wire import encode_extension
from tests.albatross.simulator.mint import SIGN, SIGN_CERTIFICATES, mint
from tests.albatross.simulator.talk import WIDE, Talk, leaf, now, talk

INFO = encode_extension(m.UnikernelInfo())
POLICY = encode_extension(m.PolicyAdd(WIDE))
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
SECRET = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)
CONSTRAINED = (x509.NameConstraints([x509.DNSName("example.org")], None), True)

ROOT = mint("root", ca=True, usage={SIGN, SIGN_CERTIFICATES})


def below(issuer, *names, **changes):
    """An intermediate that sets a policy, unless *changes* say otherwise."""
    words = {"ca": True, "usage": {SIGN, SIGN_CERTIFICATES}, "extension": POLICY} | changes
    return mint(*names, issuer=issuer, **words)


def read(*certificates, **changes):
    """The order of a leaf made with *changes* below *certificates* (from the root downwards)."""
    words: dict[str, Any] = {"names": ["web"], "extension": INFO, "usage": {SIGN}, "ca": False} | changes
    made = mint(*words.pop("names"), issuer=certificates[-1] if certificates else ROOT, **words)
    return read_chain([c.der for c in (made, *reversed(certificates), ROOT)], now())


# --- what is read ------------------------------------------------------------------------------


def test_each_intermediate_adds_a_label_and_a_policy():
    alice = below(ROOT, "Alice")
    order = read(alice, below(alice, "bob"), names=["Web"])
    assert order.name == Name(("alice", "bob"), "web")
    assert order.policies == ((("alice",), WIDE), (("alice", "bob"), WIDE))
    assert order.command == m.UnikernelInfo()


def test_an_intermediate_without_extension_adds_nothing():
    alice = below(ROOT, "alice")
    order = read(alice, below(alice, "delegate", extension=None))
    assert (order.name, order.policies) == (Name(("alice",), "web"), ((("alice",), WIDE),))


@pytest.mark.parametrize("names", [[], ["."], [":"]])
def test_some_names_stand_for_the_whole_path(names):
    assert read(below(ROOT, "alice"), names=names).name == Name(("alice",))


def test_the_last_of_several_names_counts():
    assert read(names=["a", "b"]).name == Name((), "b")


def test_a_dot_is_a_label_in_an_intermediate():
    assert read(below(ROOT, ".")).name == Name((".",), "web")


def test_a_leaf_may_be_called_as_its_issuer():
    assert read(below(ROOT, "web")).name == Name(("web",), "web")


@pytest.mark.parametrize(
    "command",
    [
        m.UnikernelInfo(),
        m.UnikernelInfoOld4(),
        m.UnikernelDestroy(),
        m.UnikernelGet(0),
        m.UnikernelRestart(),
        m.UnikernelCreate(m.Config()),
        m.PolicyInfo(),
        m.BlockInfo(),
        m.BlockAdd(1),
        m.BlockDumpOld(0),
        m.ConsoleSubscribe(count=1),
        m.ConsoleListInactive(),
        m.StatsSubscribe(),
    ],
)
def test_commands_that_come_over_tls(command):
    assert read(extension=encode_extension(command)).command == command


@pytest.mark.parametrize(
    "changes",
    [
        {"usage": None},
        {"ca": None},
        {"purposes": [CLIENT]},
        {"purposes": [ANY]},
        {"usage": None, "ca": None},
        {"end": 20 * 365 * 86400},
    ],
)
def test_a_leaf_may_say_little_about_itself(changes):
    assert read(**changes).name == Name((), "web")


@pytest.mark.parametrize("purposes", [[SERVER], [ANY], [SERVER, CLIENT], None])
def test_purposes_of_an_intermediate(purposes):
    assert read(below(ROOT, "alice", purposes=purposes)).name == Name(("alice",), "web")


# --- what is rejected --------------------------------------------------------------------------


def extension(text):
    return {"extension": bytes.fromhex(text)}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"extension": None}, id="no extension"),
        pytest.param(extension("0500"), id="no sequence"),
        pytest.param(extension("3009020104a304b3020500"), id="version 4"),
        pytest.param(extension("3009020106a304b3020500"), id="version 6"),
        pytest.param(extension("3009020105a304b302050000"), id="trailing bytes"),
        pytest.param(extension("3007020105a2020500"), id="removed log command"),
        pytest.param(extension("3009020105a304bf020500"), id="unknown command"),
        pytest.param({"extension": POLICY}, id="policy add"),
        pytest.param({"extension": encode_extension(m.PolicyRemove())}, id="policy remove"),
        pytest.param({"extension": encode_extension(m.ConsoleAdd(1))}, id="console add"),
        pytest.param({"extension": encode_extension(m.StatsAdd("x", 1, ()))}, id="stats add"),
        pytest.param({"extension": encode_extension(m.StatsRemove())}, id="stats remove"),
        pytest.param({"extension": encode_extension(m.StatsInitial())}, id="stats initial"),
        pytest.param({"names": ["foo:bar"]}, id="colon in the name"),
        pytest.param({"names": ["-web"]}, id="leading dash"),
        pytest.param({"names": ["a_b"]}, id="underscore"),
        pytest.param({"names": ["a b"]}, id="space"),
        pytest.param({"names": ["ä"]}, id="umlaut"),
        pytest.param({"names": ["x" * 64]}, id="64 characters"),
        pytest.param({"begin": 60}, id="not yet valid"),
        pytest.param({"begin": -90, "end": -30}, id="expired"),
        pytest.param({"ca": True, "usage": {SIGN, SIGN_CERTIFICATES}}, id="leaf is a CA"),
        pytest.param({"usage": {"key_encipherment"}}, id="leaf must not sign"),
        pytest.param({"purposes": [SERVER]}, id="leaf for servers"),
        pytest.param({"more": [CONSTRAINED]}, id="name constraints"),
    ],
)
def test_a_leaf_that_gives_no_command(changes):
    with pytest.raises(Rejected):
        read(**changes)


@pytest.mark.parametrize(
    "command", [m.BlockAdd(1), m.BlockRemove(), m.BlockSet(False), m.BlockDump(0), m.BlockDumpOld(0)]
)
def test_block_commands_need_a_name_but_a_dot_will_do(command):
    with pytest.raises(Rejected):
        read(names=[], extension=encode_extension(command))
    assert read(names=["."], extension=encode_extension(command)).name == Name()


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        pytest.param(["alice"], {"extension": INFO}, id="another command"),
        pytest.param(["alice"], {"extension": b"\5\0"}, id="broken extension"),
        pytest.param([], {}, id="no name"),
        pytest.param([":"], {}, id="colon"),
        pytest.param(["a_b"], {}, id="underscore"),
        pytest.param(["alice"], {"end": -1}, id="expired"),
        pytest.param(["alice"], {"begin": 60}, id="not yet valid"),
        pytest.param(["alice"], {"usage": None}, id="no key usage"),
        pytest.param(["alice"], {"usage": {SIGN}}, id="must not sign certificates"),
        pytest.param(["alice"], {"ca": False}, id="no CA"),
        pytest.param(["alice"], {"ca": None}, id="no basic constraints"),
        pytest.param(["alice"], {"purposes": [CLIENT]}, id="for clients only"),
        pytest.param(["alice"], {"more": [SECRET]}, id="unknown critical extension"),
        pytest.param(["alice"], {"critical": True}, id="critical policy"),
    ],
)
def test_an_intermediate_that_is_not_taken(names, changes):
    with pytest.raises(Rejected):
        read(below(ROOT, *names, **changes))


def test_nine_certificates_are_enough_and_ten_too_many():
    chain = [below(ROOT, "p0")]
    while len(chain) < 8:
        chain.append(below(chain[-1], f"p{len(chain)}"))
    assert len(read(*chain).name.path) == 8
    with pytest.raises(Rejected):
        read(*chain, below(chain[-1], "p8", extension=None))


def test_bytes_that_are_no_certificate_are_rejected():
    with pytest.raises(Rejected):
        read_chain([b"\x30\x03\x02\x01\x01", ROOT.der], now())


# --- over a connection -------------------------------------------------------------------------


@pytest.mark.parametrize("command", [b"\5\0", encode_extension(m.PolicyRemove()), POLICY])
def test_a_rejected_chain_ends_in_silence(instance, command):
    with talk(instance, "alice:web", command) as connection:
        assert connection.receive() is None
    assert instance.observed.records("arrived") == []
    assert list(instance.policies()) == [":"]
    assert len(instance.observed.records("rejected")) == 1


def test_the_verified_chain_counts_and_not_what_was_sent(instance):
    made = leaf(instance, "alice:web", m.UnikernelInfo())
    stranger = mint("bob", ca=True, usage={SIGN, SIGN_CERTIFICATES}, extension=POLICY)
    chain = (stranger.certificate, *made.chain)
    with Talk(instance, made.certificate, made.key, chain) as connection:
        assert str(connection.receive().header.name) == "alice:web"
    assert list(instance.policies()) == [":", "alice:"]
