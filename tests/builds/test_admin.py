"""Builders in the admin and at the command line: the same services behind both."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event, User
from tests.builds.conftest import build_row
from tests.cast import ClientOf
from tests.commands.conftest import Run, run
from unikernels.builds.simulator.server import Server
from unikernels.models import Build, Builder, Standing

__all__ = ["run"]

ADD = "admin:unikernels_builder_add"
LIST = "admin:unikernels_builder_changelist"


@pytest.fixture
def admin(client_of: ClientOf, root: User) -> Client:
    return client_of(root)


def test_a_builder_is_added_and_changed_through_the_service(admin: Client, root: User) -> None:
    admin.post(reverse(ADD), {"name": "Inside", "url": "http://builder:3000/", "ca": ""})
    builder = Builder.objects.get(name="inside")
    assert builder.url == "http://builder:3000"
    change = reverse("admin:unikernels_builder_change", args=[builder.pk])
    admin.post(change, {"name": "inside", "url": "https://builds.example.org", "ca": ""})
    builder.refresh_from_db()
    assert builder.url == "https://builds.example.org"
    kinds = Event.objects.filter(subject="builder:inside").order_by("pk")
    assert [(event.kind, event.actor) for event in kinds] == [
        ("builder.added", root),
        ("builder.changed", root),
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "builds.robur.coop"}, "looks like https://builds.robur.coop"),
        ({"name": "with/slash"}, "Use 1 to 63 letters"),
        ({"ca": "nonsense"}, "needed as PEM"),
        ({"name": "robur-coop"}, "already"),
    ],
)
def test_what_is_wrong_is_said_in_the_form(
    admin: Client, robur_coop: Builder, given: dict[str, str], words: str
) -> None:
    answer = admin.post(reverse(ADD), {"name": "new", "url": "https://new.example", "ca": ""} | given)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Builder.objects.count() == 1


def test_a_builder_is_removed_by_an_action(admin: Client, builder: Server, robur_coop: Builder) -> None:
    build_row(builder, robur_coop, "hello")
    data = {"action": "remove", "_selected_action": [robur_coop.pk], "confirmed": "yes"}
    assert "1 done" in admin.post(reverse(LIST), data, follow=True).content.decode()
    assert not Builder.objects.exists()


def test_what_builders_told_is_only_read(admin: Client, builder: Server, robur_coop: Builder) -> None:
    build = build_row(builder, robur_coop, "hello")
    standing = Standing.objects.create(
        builder=robur_coop, digest=build.digest, standing="current", found=build, judged_at=timezone.now()
    )
    for row in (build, standing):
        name = row._meta.model_name
        assert build.digest in admin.get(reverse(f"admin:unikernels_{name}_changelist")).content.decode()
        change = reverse(f"admin:unikernels_{name}_change", args=[row.pk])
        assert admin.get(change).status_code == 200
        assert admin.post(change, {"digest": "0"}).status_code == 403


def test_an_operator_adds_lists_and_removes(builder: Server, db: None, run: Run) -> None:
    ran = run("builder_add", "robur-coop", builder.url)
    assert (ran.code, ran.out) == (0, f"robur-coop at {builder.url} is kept.\n")
    assert run("builder_add", "robur-coop", "https://other.example").code == 5
    assert run("builder_add", "other", "no address").code == 2
    Builder.objects.update(trouble_text="The builder cannot be reached.")
    assert "The builder cannot be reached." in run("builder_list").out
    assert [row["url"] for row in run("builder_list", "--json").json] == [builder.url]
    assert run("builder_remove", "nobody", "--yes").code == 3
    assert run("builder_remove", "robur-coop").code == 2
    assert run("builder_remove", "robur-coop", "--yes").out == "robur-coop is forgotten.\n"
    assert not Build.objects.exists()
    assert not Builder.objects.exists()
