"""A script that was written for the original: its requests, and what it gets."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from mollymawk.later import Later
from unikernels.models import Operation
from unikernels.operations import runner

CONFIG = {
    "typ": "solo5",
    "cpuids": [0],
    "memory": 16,
    "fail_behaviour": {"restart": True},
    "network_interfaces": [{"name": "service", "host_device": "service"}],
    "block_devices": [],
    "arguments": ["--hello=world", "two words"],
    "startup": 50,
}


class Script:
    """Calls with a token, waits for the answer, and looks at the envelope."""

    def __init__(self, api: APIClient) -> None:
        self.api = api

    def get(self, path: str) -> Any:
        return self._end(self.api.get(path))

    def post(self, path: str, body: Any = None) -> Any:
        data = "" if body is None else json.dumps(body)
        return self._end(self.api.post(path, data=data, content_type="application/json"))

    def call(self, method: str, path: str, data: str, kind: str) -> Any:
        """Any request."""
        return self._end(self.api.generic(method, path, data=data, content_type=kind))

    def form(self, path: str, parts: dict[str, Any]) -> Any:
        return self._end(self.api.post(path, data=parts, format="multipart"))

    def create(self, image: bytes | None, **changes: Any) -> Any:
        """Parts that are None are left out."""
        parts: dict[str, Any] = {
            "albatross_instance": "fra-1",
            "unikernel_name": "hello",
            "unikernel_config": json.dumps(CONFIG),
            "unikernel_force_create": "false",
            "molly_csrf": "",
            "deploy_mode": "manual",
            "binary": None if image is None else SimpleUploadedFile("hello.hvt", image),
        } | changes
        return self.form("/api/unikernel/create", {k: v for k, v in parts.items() if v is not None})

    def waited(self, answer: Any) -> Any:
        """The answer at the end of its operation, as the handler of requests would give it."""
        while isinstance(answer, Later):
            for operation in Operation.objects.filter(finished_at=None):
                time.sleep(min(runner.advance(operation.pk) or 0.0, 0.05))
            found = answer.answer()
            answer = answer if found is None else found
        return answer

    def _end(self, answer: Any) -> Any:
        answer = self.waited(answer)
        body = json.loads(answer.content)
        assert list(body)[:4] == ["status", "title", "success", "data"]
        assert body["status"] == answer.status_code
        assert body["success"] == (200 <= answer.status_code < 300)
        return body
