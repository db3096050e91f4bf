"""The Django side of the Albatross library: the model ``Instance``, its admin and commands."""

from django.apps import AppConfig


class AlbatrossConfig(AppConfig):
    """Registers the app."""

    name = "albatross"
    verbose_name = "Albatross"
