"""What an operator reads of alerts."""

from __future__ import annotations

from django.utils import timezone

from tests.api.house import House
from tests.commands.conftest import Run
from unikernels.alerts.models import Alert


def test_what_fires_is_listed_and_what_is_over_when_asked(house: House, run: Run) -> None:
    fired = house.alert
    silent = {"rule": "silent", "subject": "instance:1", "title": "fra-1 does not answer", "path": "/"}
    Alert.objects.create(resolved_at=timezone.now(), **silent)

    assert fired.title in run("alerts").out
    assert "does not answer" not in run("alerts").out
    assert [alert["rule"] for alert in run("alerts", "--json").json] == ["quota"]
    assert [alert["rule"] for alert in run("alerts", "--all", "--json").json] == ["silent", "quota"]
    assert run("alerts", "--team", "robur", "--json").json == run("alerts", "--json").json
    assert run("alerts", "--team", "nobody").code == 3
