"""What holds for every command of ours, whichever come: found by themselves, read, and run with wrong words."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands

from unikernels.commands.reference import OURS, Told, commands, parser_of
from unikernels.management.commands.commands import with_commands
from unikernels.models import Builder

ALL = {told.name: told for told in commands()}
DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"

# What runs until it is stopped, makes a text for a file or a document, or is one half of a set-up.
WITHOUT_JSON = {"generate_key", "simulate_albatross", "state_diagram", "up", "watch"}

# Arguments of which one names something that is not there.
NOWHERE: dict[str, tuple[str, ...]] = {
    "adopt": ("nothing",),
    "alerts": ("--team", "nobody"),
    "block_add": ("data", "nowhere", "8", "--team", "nobody"),
    "block_download": ("robur:nothing", "nowhere"),
    "block_files": ("--team", "nobody"),
    "block_list": ("--team", "nobody"),
    "block_remove": ("robur:nothing", "nowhere"),
    "block_upload": ("robur:nothing", "nowhere", __file__),
    "builder_edit": ("nowhere", "--name", "x"),
    "builder_remove": ("nowhere", "--yes"),
    "builds": ("nowhere",),
    "changes": ("nothing",),
    "checks": ("nothing",),
    "configure": ("nothing",),
    "console": ("nothing",),
    "consoles_left": ("nowhere",),
    "dismiss": ("nothing",),
    "deploy": (__file__, "--team", "nobody", "--instance", "nowhere", "--name", "x"),
    "destroy": ("nothing", "--yes"),
    "freeze": ("--team", "nobody"),
    "image_add": (__file__, "--team", "nobody"),
    "image_list": ("--team", "nobody"),
    "image_remove": ("ab" * 32, "--team", "nobody"),
    "instance_check": ("nowhere",),
    "instance_edit": ("nowhere", "--name", "x"),
    "instance_remove": ("nowhere", "--yes"),
    "instance_retry": ("nowhere",),
    "issuer_remove": ("nowhere",),
    "operations": ("999",),
    "publisher_add": (
        *("a/b", "--team", "nobody", "--user", "nobody@example.org", "--workflow", "x.yml"),
        *("--repository-id", "1", "--owner-id", "2"),
    ),
    "publisher_list": ("--team", "nobody"),
    "publisher_remove": ("999", "--team", "nobody"),
    "quota_answer": ("999", "--grant"),
    "quota_list": ("--team", "nobody"),
    "quota_request": ("nobody", "--unikernels", "1", "--memory", "32", "--why", "x"),
    "quota_requests": ("--team", "nobody"),
    "quota_set": ("nobody", "nowhere", "--unikernels", "1", "--memory", "32"),
    "restart": ("nothing",),
    "rollback": ("nothing",),
    "second_factor_reset": ("nobody@example.org",),
    "session_list": ("nobody@example.org",),
    "session_revoke": ("nobody@example.org", "--all"),
    "statistics": ("nothing",),
    "team_delete": ("nobody", "--yes"),
    "team_invite": ("nobody", "nobody@example.org"),
    "teams": ("nobody",),
    "team_add": ("more", "--owner", "nobody@example.org"),
    "team_member": ("nobody", "nobody@example.org", "--remove"),
    "team_second_factor": ("nobody", "on"),
    "token_add": ("ci", "--team", "nobody", "--user", "nobody@example.org"),
    "token_list": ("--team", "nobody"),
    "token_revoke": ("0" * 12,),
    "unfreeze": ("--team", "nobody"),
    "unikernel": ("nothing",),
    "unikernels": ("--team", "nobody"),
    "update_mode": ("nothing",),
    "upgrade": ("nothing", "--latest"),
    "user_activate": ("nobody@example.org",),
    "user_delete": ("nobody@example.org", "--yes"),
    "user_superuser": ("nobody@example.org",),
    "user_deactivate": ("nobody@example.org",),
    "versions": ("nothing",),
    "webhook_add": ("https://hooks.example.org/", "--team", "nobody"),
    "webhook_edit": ("999", "--off"),
    "webhook_list": ("--team", "nobody"),
    "webhook_ping": ("999",),
    "webhook_redeliver": ("999",),
    "webhook_remove": ("999", "--yes"),
    "webhook_rotate": ("999",),
}
# They name nothing that has to be there.
NAMELESS = {
    "audit_export",  # teams that are gone have their log, too
    "audit_verify", "backup", "backup_check", "builder_add", "builder_list", "commands", "freezes", "import_mollymawk", "instance_add",
    "instance_list", "issuer_add", "issuer_list", "restore", "rotate_keys", "setup_token", "user_add", "users", *WITHOUT_JSON,
}  # fmt: skip
ASKS = {
    "block_remove", "block_upload", "builder_remove", "block_files", "destroy", "instance_remove", "restore",
    "webhook_remove",
    "team_delete", "user_delete",
}  # fmt: skip


LISTS = (
    "alerts", "block_files", "block_list", "builder_list", "freezes", "image_list", "instance_list", "operations",
    "quota_list", "quota_requests", "teams", "unikernels", "users", "webhook_list",
)  # fmt: skip


def run(name: str, *words: str) -> tuple[int, str, str]:
    """Exit code, data, talk."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            call_command(name, *words, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("told", ALL.values(), ids=lambda told: told.name)
def test_it_says_what_it_does_and_refuses_what_it_does_not_know(told: Told) -> None:
    assert told.help[0].isupper(), told.help
    assert len(told.help) < 250, told.help
    parser = parser_of(told.name)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        parser.parse_args(["--help"])
    assert (end.value.code, err.getvalue()) == (0, "")
    vars(parser)["called_from_command_line"] = True
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        parser.parse_args(["--no-such-option"])
    assert end.value.code == 2


def test_every_one_speaks_json_unless_there_is_nothing_to_tell() -> None:
    assert {told.name for told in ALL.values() if not told.json} == WITHOUT_JSON


def test_every_one_that_names_something_stands_in_the_table() -> None:
    assert set(NOWHERE) | NAMELESS == set(ALL)


def test_what_is_not_there_is_3_and_said_on_stderr(db: None) -> None:
    for name, words in NOWHERE.items():
        code, out, err = run(name, *words)
        assert (code, out) == (3, ""), (name, err)
        assert err.strip(), name


def test_a_list_of_nothing_is_an_empty_list(db: None) -> None:
    Builder.objects.all().delete()
    for name in LISTS:
        code, out, _ = run(name, "--json")
        assert (code, json.loads(out)) == (0, []), name


def test_what_cannot_be_undone_asks() -> None:
    assert {told.name for told in ALL.values() if "[--yes]" in told.takes} == ASKS


def test_the_document_tells_all_of_them() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == with_commands(text), "manage.py commands --write docs/commands.md"


def test_those_of_ours_are_found() -> None:
    assert set(ALL) == {name for name, app in get_commands().items() if app in OURS}


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("update_mode", ("web", "--team", "demo", "automatic"), {"mode": "automatic", "team": "demo"}),
        ("builds", ("robur", "--timeout", "5", "hello"), {"server": "robur", "job": "hello"}),
        ("deploy", ("--team", "demo", "--instance", "i", "x.hvt", "--name", "n"), {"image": "x.hvt"}),
        ("session_revoke", ("--all", "a@example.org"), {"email": "a@example.org", "all": True}),
    ],
)
def test_names_and_options_come_in_any_order(name: str, words: tuple[str, ...], told: dict[str, Any]) -> None:
    assert vars(parser_of(name).parse_args(words)).items() >= told.items()
