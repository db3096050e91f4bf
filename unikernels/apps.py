"""Unikernels: inventory, images, versions, operations, consoles, blocks."""

from django.apps import AppConfig


class UnikernelsConfig(AppConfig):
    """Registers the app, what hears of events, and what tells that workers live."""

    name = "unikernels"

    def ready(self) -> None:
        from unikernels.metrics import processes  # noqa: PLC0415
        from unikernels.webhooks import listening  # noqa: PLC0415  # models are there only now

        listening.connect()
        processes.listen()
