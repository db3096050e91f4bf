"""Block transfers in words: what they are called, how far they are, what a cancel means at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from unikernels.blocks.files import row_of
from unikernels.models import Block, Operation
from unikernels.operations.facts import Memo
from unikernels.operations.machine import Kind
from unikernels.operations.story import Step, Verdict, steps_of, verdict
from unikernels.pages.words import Badge
from unikernels.templatetags.house import mebibytes

MAX_TRANSFERS = 20  # of a block device; the page of operations has all of them

WORDS = {Kind.BLOCK_UPLOAD: "upload", Kind.BLOCK_DOWNLOAD: "download"}
_DOING = {Kind.BLOCK_UPLOAD: "uploading", Kind.BLOCK_DOWNLOAD: "downloading"}


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer as its block device shows it."""

    operation: Operation
    word: str
    verdict: Verdict
    took: timedelta
    steps: list[Step]
    moved: int
    size: int

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.operation.finished_at is not None


def transfers_of(device: Block) -> list[Transfer]:
    """The newest transfers of *device*, newest first."""
    found = Operation.objects.filter(block=device).select_related("requested_by", "instance")
    return [transfer(operation) for operation in found.order_by("-id")[:MAX_TRANSFERS]]


def transfer(operation: Operation) -> Transfer:
    """*operation*, which is a block transfer, in words."""
    memo = Memo.from_json(operation.memo)
    return Transfer(
        operation,
        WORDS[Kind(operation.kind)],
        verdict(operation),
        (operation.finished_at or timezone.now()) - operation.created_at,
        steps_of(operation),
        memo.fetched,
        memo.fetch_size,
    )


def device_badge(device: Block, last: Transfer | None) -> Badge:
    """How a block device stands; *last*: its newest transfer."""
    if last and not last.ended:
        return Badge(_DOING[Kind(last.operation.kind)], "busy")
    return Badge("in use", "ok") if device.active else Badge("free", "idle")


def last_of(devices: list[Block]) -> dict[int | None, Transfer]:
    """The newest transfer of each of *devices*, by the key of the device."""
    newest = Operation.objects.filter(block__in=devices).values("block").annotate(newest=Max("pk"))
    found = Operation.objects.filter(pk__in=newest.values("newest")).select_related(
        "requested_by", "instance"
    )
    return {operation.block_id: transfer(operation) for operation in found}


def cancel_means(operation: Operation) -> str:
    """What cancelling a block transfer would do now."""
    memo = Memo.from_json(operation.memo)
    if operation.kind == Kind.BLOCK_DOWNLOAD:
        return f"What was read so far is thrown away; {operation.label} is not touched by it."
    if operation.armed_at is None:
        return f"Nothing has been sent yet: {operation.label} keeps what is on it."
    begun = (
        f"The old content is being replaced: {mebibytes(memo.fetched)} of {mebibytes(memo.fetch_size)} were sent."
        f" Broken off now, {operation.label} holds the beginning of the new content and zeros after it, and the"
        " upload ends as failed."
    )
    if dump := row_of(memo.dump):
        return f"{begun} The old content is kept here as {dump.name}."
    return f"{begun} The old content was not kept: nobody can bring it back."
