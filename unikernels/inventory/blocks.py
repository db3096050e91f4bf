"""From a report to the rows of block devices."""

from __future__ import annotations

from collections.abc import Mapping

from accounts.models import Team
from albatross.messages import BlockState
from albatross.models import Instance
from unikernels.inventory.report import Report, path_text
from unikernels.models import Block


def apply_blocks(instance: Instance, report: Report, teams: Mapping[str | None, Team]) -> None:
    """Bring the block rows of *instance* to what *report* says; *teams* by domain."""
    blocks = report.blocks
    rows = {row.full_name: row for row in Block.objects.filter(instance=instance)}
    if gone := [row.pk for name, row in rows.items() if name not in blocks and row.pk <= report.last_block]:
        Block.objects.filter(pk__in=gone).delete()
    wanted = [_row(instance, state, teams.get(name.domain)) for name, state in blocks.items()]
    Block.objects.bulk_create(
        (row for row in wanted if _differs(row, rows.get(row.full_name))),
        update_conflicts=True,
        unique_fields=["instance", "path", "name"],
        update_fields=["team", "size", "active"],
    )


def _row(instance: Instance, state: BlockState, team: Team | None) -> Block:
    return Block(
        instance=instance,
        team=team,
        path=path_text(state.name),
        name=state.name.label or "",
        size=max(0, state.size),
        active=state.active,
    )


def _differs(row: Block, known: Block | None) -> bool:
    return known is None or (row.size, row.active, row.team_id) != (known.size, known.active, known.team_id)
