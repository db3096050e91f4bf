import pytest

from albatross import errors
from albatross.models import Instance
from mollymawk.keyring import SealBroken
from unikernels.instances.health import FIRST_PAUSE, JITTER, LONGEST_PAUSE, pause_after
from unikernels.instances.troubles import sentence, trouble_of

NETWORK, CERTIFICATE = Instance.Trouble.NETWORK, Instance.Trouble.CERTIFICATE
CREDENTIALS, INCOMPATIBLE = Instance.Trouble.CREDENTIALS, Instance.Trouble.INCOMPATIBLE


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (errors.Unreachable("no route"), NETWORK),
        (errors.TimedOut("too slow"), NETWORK),
        (errors.AddressInvalid("no address"), NETWORK),
        (errors.Failure("couldn't reach service"), NETWORK),
        (errors.ServerRefused("another CA"), CERTIFICATE),
        (errors.ClientRefused("bad certificate"), CREDENTIALS),
        (errors.CertificateInvalid("expired"), CREDENTIALS),
        (SealBroken("no key fits"), CREDENTIALS),
        (errors.ClosedWithoutAnswer("closed"), INCOMPATIBLE),
        (errors.UnknownReply("tag 14"), INCOMPATIBLE),
        (errors.ProtocolError("nonsense"), INCOMPATIBLE),
        (errors.Failure("something else"), INCOMPATIBLE),
    ],
)
def test_every_error_is_one_kind_of_trouble(error: Exception, trouble: Instance.Trouble) -> None:
    assert trouble_of(error) == trouble


def test_a_sentence_says_what_to_do_when_that_is_known() -> None:
    error = errors.ClientRefused("the instance refused our certificate", hint="Check the CA.")
    assert sentence(error) == "The instance refused our certificate. Check the CA."


def test_the_words_of_an_instance_are_told_as_its_own() -> None:
    assert sentence(errors.Failure("no space")) == "The instance says: no space."


def test_bytes_in_a_failure_text_cannot_command_a_terminal() -> None:
    assert "\x1b" not in sentence(errors.Failure("\x1b[2J\udcff"))


def test_pauses_double_up_to_the_longest_one() -> None:
    pauses = [pause_after(failures, 0.5) for failures in (1, 2, 3, 4, 5, 6, 7, 10_000)]
    assert pauses == [10, 20, 40, 80, 160, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_chance_spreads_a_pause_to_both_sides() -> None:
    assert pause_after(1, 0.0) == pytest.approx(FIRST_PAUSE * (1 - JITTER))
    assert pause_after(1, 1.0) == pytest.approx(FIRST_PAUSE * (1 + JITTER))
