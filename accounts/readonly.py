"""Rows in the admin that only services write: to read and to find, never to edit."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Stands before ``ModelAdmin`` or ``TabularInline`` in the bases of a class."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
