"""Keys are rotated while requests go on: none fails."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command

from accounts.models import Team, User
from bench.rotation import fill, hammer
from tests.api.house import House
from tests.cast import ClientOf

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SEALED = re.compile(r"gAAAAA[\w-]{60,}")  # how a Fernet token of our time begins


@pytest.mark.django_db(transaction=True)
def test_no_request_fails_while_keys_are_rotated(
    settings: Any, robur: Team, alice: User, client_of: ClientOf, tmp_path: Any
) -> None:
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.ENCRYPTION_KEYS = [OLD]
    house = House(robur)
    fill(robur, house.instance, 300)
    browser = client_of(alice)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    out = io.StringIO()
    with hammer(browser, f"/api/v1/unikernels/{house.unikernel.pk}/versions/") as answers:
        call_command("rotate_keys", stdout=out)
    assert {status for status, _ in answers} == {200}
    assert "Version.sealed_arguments: 15" in out.getvalue()
    settings.ENCRYPTION_KEYS = [NEW]
    answer = browser.get(f"/api/v1/unikernels/{house.unikernel.pk}/versions/")
    assert "swordfish" in answer.text
