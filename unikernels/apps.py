"""Unikernels: inventory, images, versions, operations, consoles, blocks."""

from django.apps import AppConfig


class UnikernelsConfig(AppConfig):
    """Registers the app, and what hears of events."""

    name = "unikernels"

    def ready(self) -> None:
        from unikernels.webhooks import listening  # noqa: PLC0415  # models are there only now

        listening.connect()
