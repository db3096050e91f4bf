"""Operations on a running installation, and the truth about them: the journal of the simulated instance."""

from __future__ import annotations

import itertools
import os
from typing import Any

from celery import Celery

from albatross.simulator.images import build_image
from tests.processes.running import Api, Up, wait_for

FINISH = 240.0  # seconds that an operation may take on a busy machine, leases and back-offs included
CREATES = ("unikernel_create", "unikernel_force_create")

_numbers = itertools.count(1)
_TERMINAL = {"succeeded", "aborted", "cancelled", "rolled_back", "failed"}


class Deploys:
    """Deploys unikernels of the team ``demo`` and looks at what came of it."""

    def __init__(self, up: Up) -> None:
        self.up = up
        self.api: Api = up.api()
        self.image, self.newer = self._image("steady"), self._image("newer")
        wait_for(self._instance_online, "the instance")
        room = ("--unikernels=100", "--memory=4000", "--block=1024", "--cpu=0", "--cpu=1", "--bridge=service")
        up.manage("quota_set", "demo", "demo", *room)

    def _image(self, words: str) -> str:
        image = build_image(behaviour={"lines": [words], "memory": 4})
        return self.api.upload(image, f"{words}.hvt")

    def _instance_online(self) -> bool:
        return bool(self.api.get("/instances/demo/")["status"] == "online")

    def name(self) -> str:
        """A name that no other test uses."""
        return f"test{next(_numbers)}-{os.getpid()}"

    def deploy(self, name: str) -> int:
        """Ask for a deploy; the number of the operation."""
        configuration = {"memory": 16, "restart": "never"}
        body = {"instance": "demo", "name": name, "image": self.image, "configuration": configuration}
        answer = self.api.post("/unikernels/", body)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    def change(self, name: str, verb: str, **body: Any) -> int:
        """Ask for a restart, an upgrade …; the number of the operation."""
        (row,) = (one for one in self.api.get("/unikernels/", q=name)["items"] if one["name"] == name)
        answer = self.api.post(f"/unikernels/{row['id']}/{verb}/", body)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    def operation(self, number: int) -> dict[str, Any]:
        return dict(self.api.get(f"/operations/{number}/"))

    def end_of(self, number: int) -> dict[str, Any]:
        """The operation once it is over."""

        def over() -> dict[str, Any] | None:
            operation = self.operation(number)
            return operation if operation["finished"] else None

        ended = wait_for(over, f"the end of operation {number}", FINISH)
        assert ended["state"] in _TERMINAL
        return ended

    def started(self, name: str, *commands: str) -> int:
        """How often the instance started it on command (of these kinds)."""
        records = self.up.instance("journal", what="started", name=f"demo:{name}")["records"]
        return sum(record["command"] in (commands or CREATES) for record in records)

    def last_started(self, name: str) -> str:
        """The digest of what the instance started last under this name."""
        records = self.up.instance("journal", what="started", name=f"demo:{name}")["records"]
        return str(records[-1]["detail"])

    def arrived(self, name: str, *commands: str) -> int:
        """How often such a command for it arrived."""
        records = self.up.instance("journal", what="arrived", name=f"demo:{name}")["records"]
        return sum(record["command"] in (commands or CREATES) for record in records)

    def runs(self, name: str) -> bool:
        """Whether it runs on the instance."""
        return f"demo:{name}" in self.up.instance("status")["running"]

    def fault(self, kind: str, command: str, name: str, **words: Any) -> None:
        """Let something go wrong, once, for this unikernel."""
        self.up.instance("fault", kind=kind, command=command, name=f"demo:{name}", **words)

    def wake(self, number: int, times: int, countdown: float = 0) -> None:
        """Send that many messages for the operation, as nobody would."""
        with Celery("stranger", broker=self.up.broker, set_as_current=False) as app:
            for _ in range(times):
                app.send_task("unikernels.operations.tasks.advance", (number,), countdown=countdown)
