"""What all pages share: scripts and styles, policy for content, theme, errors."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from tests.pages.world import World

ROOT = Path(settings.BASE_DIR)
VENDOR = ROOT / "static" / "vendor"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def test_what_is_vendored_is_what_was_published() -> None:
    listed = json.loads((VENDOR / "vendor.json").read_text())

    for entry in listed:
        assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry[
            "file"
        ]
        scripts = [other["file"] for other in listed if other["name"] == entry["name"]]
        assert any(entry["version"] in (VENDOR / script).read_text() for script in scripts), entry["file"]
        assert entry["licence"]
    vendored = {path.name for path in VENDOR.iterdir()} - {"vendor.json"}
    licences = {name for name in vendored if name.startswith("LICENSE.")}
    assert {entry["file"] for entry in listed} == vendored - licences
    assert len(licences) == len({entry["name"] for entry in listed})


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_needs_more_than_the_policy_for_content_allows(template: Path) -> None:
    text = re.sub(r"{% comment %}.*?{% endcomment %}", "", template.read_text(), flags=re.DOTALL)

    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|javascript:|hx-vals=.js:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"(src|href)=\"(https?:)?//", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_form_that_changes_something_carries_its_token(template: Path) -> None:
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", template.read_text(), flags=re.DOTALL):
        assert "{% csrf_token %}" in form


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_the_voice_is_calm(template: Path) -> None:
    text = template.read_text().replace("<!doctype", "").replace("!=", "")

    assert "!" not in text
    assert "successful" not in text.lower()


def test_scripts_and_styles_come_from_here_alone(world: World, deployer: Client) -> None:
    policy = deployer.get("/").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_change_without_its_token_is_refused_in_words(world: World, dave: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(dave)

    response = client.post(f"/unikernels/{world.web.pk}/restart/")

    assert response.status_code == 403
    assert "This form is too old" in response.text


def test_what_is_not_there_says_so(db: None, client: Client) -> None:
    response = client.get("/no/such/page/")

    assert response.status_code == 404
    assert "Nothing here" in response.text


def test_the_theme_is_remembered_by_a_cookie_and_comes_with_the_page(deployer: Client) -> None:
    client = deployer
    response = client.post("/theme/", {"theme": "dark", "next": "/images/"})

    assert response.headers["Location"] == "/images/"
    assert '<html lang="en" data-theme="dark">' in client.get("/").text

    client.post("/theme/", {"theme": "", "next": "/"})
    assert '<html lang="en">' in client.get("/").text


@pytest.mark.parametrize(
    "elsewhere", ["https://example.com/", "//example.com/", "javascript:alert(1)", "\\\\example.com"]
)
def test_the_theme_switch_leads_nowhere_else(db: None, client: Client, elsewhere: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": elsewhere}).headers["Location"] == "/"


def test_a_made_up_theme_is_none(db: None, client: Client) -> None:
    client.cookies["theme"] = 'dark"><script>'

    assert "<script>" not in client.get("/accounts/login/").text


@pytest.mark.parametrize(
    "path", ["/", "/unikernels/", "/operations/", "/instances/", "/quotas/", "/deploy/", "/images/", "/help/"]
)
def test_pages_that_only_show_take_no_post(deployer: Client, path: str) -> None:
    assert deployer.post(path).status_code == 405


@pytest.mark.parametrize("path", ["/images/upload/", "/theme/", "/instances/fra-1/retry/"])
def test_what_only_changes_is_not_got(deployer: Client, path: str) -> None:
    assert deployer.get(path).status_code == 405
