"""Whether a grant makes sense on an instance, and what it promises too much (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from albatross.messages import Policy

MAX_AMOUNT = 2**31 - 1  # what the columns of a quota hold; 2 PB
MIN_MEMORY = 16  # MB; Albatross's own client gives no domain less

ROOT = ""


class Usage(NamedTuple):
    """What is used: running unikernels, their memory and the block devices, in MB."""

    unikernels: int = 0
    memory: int = 0
    block: int = 0


def senseless(policy: Policy) -> dict[str, list[str]]:
    """What is wrong with *policy* wherever it is granted, by field; nothing when all is well.

    No unikernels at all is a grant too: it closes a domain.
    """
    wrong: dict[str, list[str]] = {}
    for field in ("unikernels", "memory", "block"):
        amount = getattr(policy, field)
        if amount is not None and not 0 <= amount <= MAX_AMOUNT:
            wrong[field] = [f"A whole number between 0 and {MAX_AMOUNT}."]
    if any(cpuid < 0 for cpuid in policy.cpuids):
        wrong["cpuids"] = ["A CPU id is not below 0."]
    if policy.unikernels > 0 and not policy.cpuids:
        wrong["cpuids"] = ["A unikernel needs at least one CPU id."]
    if policy.unikernels > 0 and policy.memory < MIN_MEMORY:
        wrong["memory"] = [f"At least {MIN_MEMORY} MB."]
    return wrong


def beyond(policy: Policy, root: Policy) -> list[str]:
    """What *policy* allows that the instance does not have; Albatross itself would not object."""
    reasons = []
    if cpuids := sorted(policy.cpuids - root.cpuids):
        reasons.append(f"The instance has no CPU {', '.join(map(str, cpuids))}.")
    if bridges := sorted(policy.bridges - root.bridges):
        reasons.append(f"The instance has no bridge {', '.join(bridges)}.")
    return reasons


def promised_too_much(domain: str, policy: Policy, policies: Mapping[str, Policy]) -> list[str]:
    """Where all domains together may use more than there is, once *domain* has *policy*.

    *policies* by path, as observed, foreign ones included. That is allowed, and worth knowing.
    """
    root = policies.get(ROOT)
    if root is None:
        return []
    domains = {path: other for path, other in policies.items() if path and ":" not in path}
    all_of_them = {**domains, domain: policy}.values()
    memory = sum(other.memory for other in all_of_them)
    block = sum(other.block or 0 for other in all_of_them)
    warnings = []
    if memory > root.memory:
        warnings.append(
            f"All domains together may use {memory} MB of memory; the instance has {root.memory}."
        )
    if block > (root.block or 0):
        warnings.append(
            f"All domains together may use {block} MB of blocks; the instance has {root.block or 0}."
        )
    return warnings


def fits(used: Usage, policy: Policy) -> bool:
    """Whether the present use stays within *policy*: else the instance refuses it."""
    return (
        used.unikernels <= policy.unikernels
        and used.memory <= policy.memory
        and used.block <= (policy.block or 0)
    )


def figures(policy: Policy) -> str:
    """What is counted of *policy* in a line: ``4 unikernels, 256 MB of memory, 64 MB of blocks``."""
    block = f"{policy.block} MB of blocks" if policy.block is not None else "no blocks"
    return f"{policy.unikernels} unikernels, {policy.memory} MB of memory, {block}"
