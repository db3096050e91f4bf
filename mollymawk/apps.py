"""The project as an app: only so that its system checks are known."""

from django.apps import AppConfig


class MollymawkConfig(AppConfig):
    """Registers the checks."""

    name = "mollymawk"

    def ready(self) -> None:
        from mollymawk import checks  # noqa: F401, PLC0415  # they register themselves
