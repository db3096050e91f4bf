"""Who wants which mail, and writing letters. They are sent by ``accounts.mail.tasks``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.events import harmless, record
from accounts.mail.topics import ABOUT, Topic
from accounts.models import Letter, MailChoice, User
from mollymawk.errors import Invalid, Missing
from mollymawk.keyring import seal

MAX_SUBJECT = 200  # characters: the column; more is not shown anywhere
MAX_TEXT = 20_000  # characters; the longest of ours has 20 console lines of 1 KB, cut shorter there
KEPT_DAYS = 30  # of letters that are sent or given up: console lines stand in them

# No time in it: a link that stops working makes people press "spam" instead.
_SIGNER = Signer(sep=".", salt="accounts.mail.unsubscribe")


def topic_of(text: str) -> Topic:
    """The topic called *text*; raises ``Invalid``."""
    try:
        return Topic(text)
    except ValueError:
        raise Invalid(f"There is no mail about {text!r}.") from None


def choice_set(*, user: User, topic: str, wanted: bool, actor: Actor | None = None) -> None:
    """*user* wants letters about *topic*, or does not; *actor* is the person unless said otherwise.

    Raises ``Invalid``.
    """
    about = topic_of(topic)
    with transaction.atomic():
        MailChoice.objects.update_or_create(user=user, topic=about, defaults={"wanted": wanted})
        record(
            actor=actor or Actor(user, "session"),
            kind="user.mail",
            subject=f"user:{user.pk}",
            now="wanted" if wanted else "unwanted",
            data={"topic": about},
        )


def choices_of(user: User) -> dict[Topic, bool]:
    """What *user* wants of each topic, the defaults filled in."""
    made = dict(user.mail_choices.values_list("topic", "wanted"))
    return {topic: made.get(topic, about.default) for topic, about in ABOUT.items()}


def wanted(user: User, topic: str) -> bool:
    """Whether *user* wants letters about *topic*. Raises ``Invalid``."""
    return choices_of(user)[topic_of(topic)]


def letter_write(*, users: Iterable[User], topic: str, subject: str, text: str) -> int:
    """A letter to each of *users* who is active and wants this topic; how many.

    Call it inside the transaction that makes true what the letter tells. Tokens and private keys are
    taken out of *subject* (one line) and *text*; what is too long is cut. The way to unsubscribe is
    added when it is sent. Raises ``Invalid`` for an unknown topic.
    """
    about = topic_of(topic)
    people = {user.pk: user for user in users if user.is_active}
    chosen = MailChoice.objects.filter(user__in=people, topic=about)
    made = dict(chosen.values_list("user_id", "wanted"))
    readers = [user for pk, user in people.items() if made.get(pk, ABOUT[about].default)]
    line = _line(subject)
    Letter.objects.bulk_create(
        Letter(user=user, topic=about, subject=line, text=harmless(text)[:MAX_TEXT]) for user in readers
    )
    return len(readers)


def letter_to(*, address: str, topic: str, subject: str, text: str) -> Letter:
    """A letter to *address*, registered or not, with a secret in its *text*, which is kept sealed.

    *topic* is none of ``Topic``: what goes to an address cannot be unsubscribed, so it is sent only when
    a person asks for that very letter. Call it inside the transaction that makes true what it tells.
    """
    sealed = seal(text[:MAX_TEXT])
    return Letter.objects.create(address=address, topic=topic, subject=_line(subject), sealed_text=sealed)


def _line(subject: str) -> str:
    return " ".join(harmless(subject).split())[:MAX_SUBJECT]


def trouble_of(user: User) -> Letter | None:
    """The newest letter to *user*, if it could not be sent (so far)."""
    last = user.letters.exclude(sent_at=None, tries=0).first()
    return last if last and last.sent_at is None and last.trouble_text else None


def letters_prune() -> int:
    """Delete letters that were sent or given up long ago; how many."""
    old = Letter.objects.filter(created_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    count, _ = old.exclude(sent_at=None, given_up_at=None).delete()
    return count


# --- unsubscribing without a login -------------------------------------------------------------------


def unsubscribe_token(user: User, topic: str) -> str:
    """What lets whoever has it stop letters about *topic* to *user*, and nothing else. Never expires."""
    return _SIGNER.sign(f"{user.pk}.{topic_of(topic)}")


def unsubscribe_read(token: str) -> tuple[User, Topic]:
    """Whose letters about what *token* stops. Raises ``Missing`` when it is none of ours, or nobody's now."""
    try:
        pk, _, topic = _SIGNER.unsign(token).partition(".")
    except BadSignature:
        raise Missing("This link is not whole. Copy all of it from the letter.") from None
    user = User.objects.filter(pk=pk).first()
    if user is None or topic not in set(Topic):
        raise Missing("Nothing is sent by this link any more.")
    return user, Topic(topic)
