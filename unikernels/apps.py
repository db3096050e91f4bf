"""Unikernels: inventory, images, versions, operations, consoles, blocks."""

from django.apps import AppConfig


class UnikernelsConfig(AppConfig):
    """Registers the app."""

    name = "unikernels"
