"""What a page offers as the same from elsewhere really is: its addresses and commands exist."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import get_commands, load_command_class
from django.db import transaction
from django.test import Client, override_settings
from django.urls import resolve

from accounts.actors import SYSTEM
from accounts.services import team_create
from mollymawk.rest.endpoint import Unknown
from tests.cast import enter, person
from tests.pages.browser import pages
from tests.pages.test_deploy import path_of, with_action
from tests.pages.world import World
from unikernels.pages.same import Same

pytestmark = pytest.mark.django_db  # or there would be none for what is offered


@pytest.fixture(scope="module")
def offered(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, Same]]:
    """Everything that pages offer, with the page's name: asked for once, in a world that is gone then."""
    folder = tmp_path_factory.mktemp("offered")
    stores = override_settings(IMAGE_DIR=folder / "images", FILE_UPLOAD_TEMP_DIR=str(folder))
    with stores, django_db_blocker.unblock(), transaction.atomic():
        alice = person("alice")
        world = World(team_create(actor=SYSTEM, name="robur", owner=alice), alice)
        found = list(_offered(world, enter(Client(), person("root", superuser=True))))
        transaction.set_rollback(True)
    return found


def _offered(world: World, superuser: Client) -> Iterator[tuple[str, Same]]:
    paths = pages(world)
    for name, path in paths.items():
        response = superuser.get(path)
        if response.context and (same := response.context.get("same")):
            yield name, same
    plan = with_action("plan", exit_codes="3", restart="codes")
    planned = {
        "plan": superuser.post(path_of(world.web_image), plan),
        "configure": superuser.post(f"/unikernels/{world.web.pk}/configure/", with_action("plan")),
        "deploy-plan": superuser.post(paths["deploy-build"], with_action("plan")),
        "upgrade-plan": superuser.post(paths["upgrade"], with_action("plan")),
    }
    for name, response in planned.items():
        yield name, response.context["same"]


def test_most_pages_offer_it(offered: list[tuple[str, Same]]) -> None:
    assert {
        "overview",
        "unikernels",
        "unikernel-running",
        "images",
        "operations",
        "quota",
        "plan",
        "configure",
        "check-up",
        "check-add-http",
        "check-add-dns",
        "check-add-tcp",
        "check-edit",
        "update-mode",
        "restarts",
        "freeze",
        "freeze-team",
    } <= {name for name, _ in offered}


def test_every_address_is_one_of_the_api_and_takes_this_method(offered: list[tuple[str, Same]]) -> None:
    for name, same in offered:
        words = shlex.split(same.curl)
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        view = resolve(urlsplit(words[-1]).path).func.view_class  # type: ignore[attr-defined]  # a class-based one
        assert view is not Unknown, (name, words[-1])
        assert hasattr(view, method.lower()), (name, method)


def test_every_body_is_json(offered: list[tuple[str, Same]]) -> None:
    for _, same in offered:
        words = shlex.split(same.curl)
        if "-d" in words:
            assert isinstance(json.loads(words[words.index("-d") + 1]), dict)


def commands(offered: list[tuple[str, Same]]) -> Iterator[tuple[str, list[str]]]:
    """The words after ``manage.py`` of each command, with its page."""
    for name, same in offered:
        if same.command:
            yield name, shlex.split(same.command)[1:]


def test_every_command_exists_and_takes_these_words(offered: list[tuple[str, Same]]) -> None:
    for name, (verb, *words) in commands(offered):
        command = load_command_class(get_commands()[verb], verb)
        command.create_parser("manage.py", verb).parse_args(words)
        assert name


def test_a_workflow_step_takes_the_token_from_the_secrets_and_never_into_its_text(
    offered: list[tuple[str, Same]],
) -> None:
    steps = [same.workflow for _, same in offered if same.workflow]

    assert steps
    for step in steps:
        _, script = step.split("  run: |\n")
        assert "MOLLYMAWK_TOKEN: ${{ secrets.MOLLYMAWK_TOKEN }}" in step
        assert "${{" not in script
        assert re.match(r"- name: [^\n]+\n  env:\n", step)
