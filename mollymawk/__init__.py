"""The Django project: settings, URLs, ASGI, Celery. No business logic."""

from mollymawk.celery import app as celery_app

__all__ = ["celery_app"]
