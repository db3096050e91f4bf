"""The REST API below ``/api/v1/``: one class per endpoint, each calling one service."""
