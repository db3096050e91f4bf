import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Event, User
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from tests.cast import ClientOf, client_of
from unikernels.inventory.services import reconcile

__all__ = ["client_of"]

LIST = "admin:albatross_instance_changelist"


@pytest.fixture
def admin(client_of: ClientOf, root: User) -> Client:
    return client_of(root)


def act(admin: Client, instance: Instance, action: str) -> str:
    """What the page says after *action* on *instance*."""
    data = {"action": action, "_selected_action": [instance.pk]}
    return admin.post(reverse(LIST), data, follow=True).content.decode()


def test_an_instance_is_shown_without_its_key(admin: Client, instance: Instance) -> None:
    page = admin.get(reverse("admin:albatross_instance_change", args=[instance.pk])).content.decode()
    assert instance.address in page
    assert instance.sealed_key not in page
    assert "PRIVATE KEY" not in page


def test_nothing_is_edited_there(admin: Client, instance: Instance) -> None:
    change = reverse("admin:albatross_instance_change", args=[instance.pk])
    assert admin.post(change, {"name": "mars"}).status_code == 403
    assert admin.get(reverse("admin:albatross_instance_delete", args=[instance.pk])).status_code == 403


def test_adding_one_leads_to_the_page_that_tests_it_first(admin: Client) -> None:
    answer = admin.get(reverse("admin:albatross_instance_add"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("pages:instance-add"))


def test_a_test_tells_what_it_found(admin: Client, instance: Instance, host: SimulatedInstance) -> None:
    assert "arth answers in" in act(admin, instance, "test")
    host.stop()
    assert "cannot be reached" in act(admin, instance, "test")


def test_retry_goes_through_the_service(admin: Client, instance: Instance, root: User) -> None:
    assert "looked at within" in act(admin, instance, "retry")
    assert Event.objects.get(kind="instance.retried").actor == root


def test_the_log_of_troubles_is_there(admin: Client, instance: Instance, host: SimulatedInstance) -> None:
    host.stop()
    reconcile(instance)
    page = admin.get(reverse("admin:albatross_instance_change", args=[instance.pk])).content.decode()
    assert "cannot be reached" in page


def test_policies_are_listed(admin: Client, instance: Instance) -> None:
    reconcile(instance)
    assert "robur" in admin.get(reverse("admin:albatross_observedpolicy_changelist")).content.decode()
