"""The program of the GitHub Action: one deploy or upgrade, waited for. Standard library only.

Reads the inputs of ``action.yml`` from ``INPUT_…``, speaks to the API of Mollymawk and writes the
files that a runner gives it. Ends with the exit codes of Mollymawk's own commands: 0 succeeded,
1 error, 2 usage, 3 not found, 4 refused, 5 conflict, 6 rolled back, 7 still running, 8 aborted or
cancelled, 9 failed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

ERROR, USAGE, NOT_FOUND, REFUSED, CONFLICT, STILL_RUNNING = 1, 2, 3, 4, 5, 7
EXIT_CODES = {400: USAGE, 404: NOT_FOUND, 401: REFUSED, 403: REFUSED, 422: REFUSED, 409: CONFLICT}

ANSWER_TIME = 30.0  # seconds for one request; an upload has this for each piece that it sends
POLL_FIRST, POLL_MOST = 1.0, 5.0  # seconds between two looks at the operation
BUILDER_LOOKS = 5  # one a second: what changed is told, if the builder does
CONSOLE_LINES = 10  # of the unikernel, shown with a failure
MAX_ANSWER = 8 * 1024 * 1024  # bytes; no answer of Mollymawk is as large
DIGEST = re.compile(r"[0-9a-f]{64}")

Json = dict[str, Any]


class Stop(Exception):
    """Nothing more can be done: what to say, and the exit code."""

    def __init__(self, words: str, code: int = ERROR, status: str = "") -> None:
        super().__init__(words)
        self.code = code
        self.status = status


class Cancelled(BaseException):
    """The job was cancelled: raised by the handler of the signal, wherever the program is."""


# --- inputs ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inputs:
    """The inputs of the action, as text."""

    given: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        """One input, without space around it."""
        return self.given.get("INPUT_" + name.upper().replace("-", "_"), "").strip() or default

    def needed(self, name: str) -> str:
        """One that must be there: GitHub does not see to it."""
        if value := self.text(name):
            return value
        raise Stop(f"The input “{name}” is missing.", USAGE)

    def lines(self, name: str) -> list[str]:
        """One value a line."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def words(self, name: str) -> list[str]:
        """Values separated by space or commas."""
        return self.text(name).replace(",", " ").split()

    def number(self, name: str, default: str = "") -> int:
        """A whole number that is not negative."""
        return _number(name, self.text(name, default))

    def numbers(self, name: str) -> list[int]:
        """Several of them."""
        return [_number(name, word) for word in self.words(name)]

    def yes(self, name: str, default: str) -> bool:
        """Whether it is true, not false."""
        value = self.text(name, default).lower()
        if value not in {"true", "false"}:
            raise Stop(f"The input “{name}” is true or false, not {value}.", USAGE)
        return value == "true"

    def pairs(self, name: str) -> dict[str, str]:
        """One ``name=value`` a line."""
        found = {}
        for line in self.lines(name):
            key, equals, value = line.partition("=")
            if not equals or not key.strip() or not value.strip():
                raise Stop(f"The input “{name}” has lines like device=name, not {line}.", USAGE)
            found[key.strip()] = value.strip()
        return found

    def one_of(self, name: str, *allowed: str) -> str:
        """One of a few words, the first unless it is given."""
        value = self.text(name, allowed[0])
        if value not in allowed:
            raise Stop(f"The input “{name}” is one of {', '.join(allowed)}, not {value}.", USAGE)
        return value


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Stop(f"The input “{name}” is a whole number, not {text}.", USAGE)
    return int(text)


def configuration(inputs: Inputs) -> Json:
    """What the inputs say about the configuration, in the form of the API; empty when they say nothing."""
    found: Json = {}
    if inputs.text("memory"):
        found["memory"] = inputs.number("memory")
    if cpus := inputs.numbers("cpus"):
        found["cpuids"] = cpus
    for name in ("networks", "blocks"):
        if devices := inputs.pairs(name):
            found[name] = devices
    if arguments := inputs.lines("arguments"):
        found["arguments"] = arguments
    if restart := inputs.text("restart"):
        found["restart"] = restart if restart in {"never", "always"} else inputs.numbers("restart")
    return found


# --- the server --------------------------------------------------------------------------------------


class _Stay(HTTPRedirectHandler):
    """Follows nothing: a token goes to the server that was named and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Server:
    """The API of one Mollymawk."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise Stop("The input “server” is an address with https://.", USAGE)
        self.address = address.rstrip("/")
        self.token = ""
        self._opener = build_opener(_Stay)

    def get(self, path: str, **query: Any) -> Json:
        """What is at *path* below the API."""
        return self._send("GET", path, query)

    def post(self, path: str, body: Json | Path | None = None, **query: Any) -> Json:
        """Ask for a change; *body* may be a file."""
        return self._send("POST", path, query, {} if body is None else body)

    def _send(
        self, method: str, path: str, query: Mapping[str, Any], body: Json | Path | None = None
    ) -> Json:
        headers = {"Accept": "application/json", "User-Agent": "mollymawk-action"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"{self.address}/api/v1/{path}" + (f"?{urlencode(query)}" if query else "")
        if isinstance(body, Path):
            headers |= {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(body.stat().st_size),
            }
            with body.open("rb") as file:
                return self._answer(Request(url, file, headers, method=method))  # noqa: S310  # see __init__
        data = None if body is None else json.dumps(body).encode()
        headers |= {} if body is None else {"Content-Type": "application/json"}
        return self._answer(Request(url, data, headers, method=method))  # noqa: S310  # see __init__

    def _answer(self, request: Request) -> Json:
        try:
            with self._opener.open(request, timeout=ANSWER_TIME) as answer:
                return _json(answer.read(MAX_ANSWER))
        except HTTPError as error:
            with error:
                raise Problem(error.code, _json(error.read(MAX_ANSWER))) from error
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise Away(f"{self.address} cannot be reached: {reason}") from error


class Away(Stop):
    """The server could not be asked; whether it took a change is not known."""


class Problem(Stop):
    """The server said no: its problem details (RFC 9457)."""

    def __init__(self, status: int, body: Json) -> None:
        words = [str(body.get("detail") or f"The server answered {status}.")]
        words += [
            f"- {where}{error.get('detail', '')}" for error in _errors(body) if (where := _where(error))
        ]
        words += [
            f"- {question.get('code')}: {question.get('text')}" for question in body.get("questions", ())
        ]
        super().__init__("\n".join(words), EXIT_CODES.get(status, ERROR), "refused" if status < 500 else "")
        self.http = status


def _errors(body: Json) -> Iterator[Json]:
    return (error for error in body.get("errors", ()) if isinstance(error, dict))


def _where(error: Json) -> str:
    place = error.get("pointer") or error.get("field") or ""
    return f"{place}: " if place else " "


def _json(data: bytes) -> Json:
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        return {}  # of a proxy, most likely: the status says enough
    return found if isinstance(found, dict) else {}


def log_in(server: Server, inputs: Inputs, environment: Mapping[str, str]) -> None:
    """Take the token that was given, or exchange the identity of this workflow for one."""
    server.token = inputs.text("token")
    if not server.token:
        server.token = exchanged(server, inputs, _identity(server, inputs, environment))
    print(f"::add-mask::{server.token}")


def exchanged(server: Server, inputs: Inputs, identity: str) -> str:
    """The token that the server gives for the identity of this workflow."""
    wanted: Json = {"token": identity}
    if team := inputs.text("team"):
        wanted["team"] = team
    if inputs.text("publisher"):
        wanted["publisher"] = inputs.number("publisher")
    return str(server.post("oidc/exchange/", wanted)["token"])


def _identity(server: Server, inputs: Inputs, environment: Mapping[str, str]) -> str:
    url = environment.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    key = environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    if not url or not key:
        raise Stop(
            "There is no token: give the input “token”, or let the job have an identity"
            " (permissions: id-token: write) that a trusted publisher of the team names.",
            USAGE,
        )
    audience = quote(inputs.text("audience", server.address), safe="")
    ask = f"{url}&audience={audience}"  # the runner says where
    request = Request(ask, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    with build_opener(_Stay).open(request, timeout=ANSWER_TIME) as answer:
        jwt = str(_json(answer.read(MAX_ANSWER)).get("value", ""))
    print(f"::add-mask::{jwt}")
    return jwt


# --- what to do --------------------------------------------------------------------------------------


@dataclass
class Change:
    """The request that makes the change, and what runs before it."""

    path: str
    body: Json
    before: str = ""  # digest
    number: int = 0  # of the unikernel; 0: there is none yet


def change(server: Server, inputs: Inputs) -> Change:
    """What the inputs ask for. An image that is a file is uploaded."""
    there = existing(server, inputs)
    strategy = inputs.one_of("strategy", "auto", "upgrade", "deploy")
    runs = there is not None and there["state"] == "running"
    if strategy == "upgrade" and there is None:
        raise Stop(f"There is no unikernel {inputs.needed('unikernel')} to upgrade.", NOT_FOUND)
    wanted = source(server, inputs) | {"accept": inputs.words("accept")}
    given = configuration(inputs)
    if there is not None and (strategy == "upgrade" or (strategy == "auto" and runs)):
        if given:
            wanted["configuration"] = merged(server, there["id"], given)
        return Change(f"unikernels/{there['id']}/upgrade/", wanted, there["digest"] or "", there["id"])
    wanted |= {
        "name": inputs.needed("unikernel"),
        "instance": inputs.needed("instance"),
        "configuration": given,
    }
    if team := inputs.text("team"):
        wanted["team"] = team
    return Change("unikernels/", wanted)


def existing(server: Server, inputs: Inputs) -> Json | None:
    """The unikernel of that name, if there is one. Several: an input has to say which."""
    name = inputs.needed("unikernel").lower()
    query = {key: value for key in ("team", "instance") if (value := inputs.text(key))}
    answer = server.get("unikernels/", q=name, limit=200, **query)
    found = [row for row in answer["items"] if row["name"] == name]
    if len(found) > 1:
        places = ", ".join(f"{row['full_name']} on {row['instance']}" for row in found)
        raise Stop(f"There are several: {places}. Say which by the inputs “instance” and “team”.", USAGE)
    return found[0] if found else None


def source(server: Server, inputs: Inputs) -> Json:
    """The image, uploaded if it is a file, or the build."""
    image, job = inputs.text("image"), inputs.text("job")
    if bool(image) == bool(job):
        raise Stop("Give one of the inputs “image” and “job”.", USAGE)
    if job:
        build = {"job": job, "build": inputs.text("build", "latest")}
        return {"build": build | ({"server": builder} if (builder := inputs.text("builder")) else {})}
    if DIGEST.fullmatch(image):
        return {"image": image}
    path = Path(image)
    if not path.is_file():
        raise Stop(f"There is no file {image}.", USAGE)
    query = {"name": path.name} | ({"team": team} if (team := inputs.text("team")) else {})
    digest = str(server.post("images/", path, **query)["digest"])
    print(f"Uploaded {path.name} as {digest}.")
    return {"image": digest}


def merged(server: Server, number: int, given: Json) -> Json:
    """The present configuration with what is *given* in it; devices are taken over one by one."""
    present = server.get(f"unikernels/{number}/")
    if present["masked"] and "arguments" not in given:
        raise Stop("The token may not read the arguments, so they cannot be kept: give them all.", REFUSED)
    old: Json = present["configuration"] or {}
    new = old | given
    for name in ("networks", "blocks"):
        if name in given:
            new[name] = (old.get(name) or {}) | given[name]
    return new


# --- doing it ----------------------------------------------------------------------------------------


def plan(server: Server, wanted: Change, report: Report) -> int:
    """Tell what would be done."""
    told = server.post(wanted.path, wanted.body, dry_run="true")
    for title, key in (("It would", "steps"), ("In the way", "refusals"), ("Mind", "warnings")):
        for line in told.get(key, ()):
            print(f"{title}: {line}")
    for question in told.get("questions", ()):
        print(f"To be answered by “accept: {question['code']}”: {question['text']}")
    report.planned(told)
    return 0 if told["possible"] else REFUSED


def carry_out(server: Server, wanted: Change, inputs: Inputs, report: Report) -> int:
    """Begin the change, and wait for its end."""
    report.changed = packages(server, wanted)
    operation = server.post(wanted.path, wanted.body)
    url = f"{server.address}/operations/{operation['id']}/"
    print(f"Operation {operation['id']} on {operation['instance']}: {url}")
    report.begun(operation, url, wanted.before)
    if not inputs.yes("wait", "true"):
        report.ended(operation, server)
        return 0
    try:
        operation = wait(server, operation["id"], inputs.number("timeout", "600"))
    except Cancelled:
        operation = _cancel(server, operation["id"])
    report.ended(operation, server)
    return int(operation["exit_code"])


def packages(server: Server, wanted: Change) -> str:
    """The opam packages that a build of a job changes, as a table; empty when nobody tells in time."""
    build = wanted.body.get("build")
    if not build or not wanted.number:
        return ""
    query = {} if build["build"] == "latest" else {"build": build["build"]}
    try:
        for _ in range(BUILDER_LOOKS):
            told = server.get(f"unikernels/{wanted.number}/changes/", **query)
            if "opam" in told:
                return _table_of(told["opam"])
            time.sleep(POLL_FIRST)
    except Stop:  # no build runs there, or the builder is away: that is no reason not to go on
        pass
    return ""


def _table_of(opam: Json) -> str:
    rows = [(one["name"], one["old"], one["new"]) for one in opam["changed"]]
    rows += [(one["name"], "", one["version"]) for one in opam["added"]]
    rows += [(one["name"], one["version"], "") for one in opam["removed"]]
    if not rows:
        return "\nNo package changed.\n"
    lines = ["", "| Package | Before | After |", "|---|---|---|"]
    lines += [f"| {_text(name)} | {_text(old)} | {_text(new)} |" for name, old, new in sorted(rows)]
    return "\n".join(lines) + "\n"


def wait(server: Server, number: int, seconds: float) -> Json:
    """The operation at its end, or as it is after *seconds*. Each step is printed once."""
    end, pause, said = time.monotonic() + seconds, POLL_FIRST, set()
    while True:
        try:
            operation = server.get(f"operations/{number}/")
        except (Away, Problem) as error:
            if isinstance(error, Problem) and error.http < 500:
                raise
            if time.monotonic() > end:
                raise Stop(f"{error}\nHow the operation ends is not known here.", STILL_RUNNING) from error
            print(error)
        else:
            for event in operation["events"]:
                if event["id"] not in said:
                    said.add(event["id"])
                    print(f"{event['at'][11:19]} {_told(event)}", flush=True)
            if operation["finished"] or time.monotonic() > end:
                return operation
        time.sleep(pause)
        pause = min(pause * 1.5, POLL_MOST)


def _told(event: Json) -> str:
    step = f"{event['was']} → {event['now']}" if event["now"] else event["kind"]
    return f"{step}  {event['reason']}".strip()


def _cancel(server: Server, number: int) -> Json:
    """The job was cancelled, and so is the operation; what that means depends on how far it is."""
    print("The job was cancelled: cancelling the operation.", flush=True)
    try:
        server.post(f"operations/{number}/cancel/")
    except Problem as error:
        print(error)
    return wait(server, number, POLL_MOST)


# --- telling -----------------------------------------------------------------------------------------


class Report:
    """Outputs, job summary and annotations of this step."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._outputs = environment.get("GITHUB_OUTPUT", "")
        self._summary = environment.get("GITHUB_STEP_SUMMARY", "")
        self._before = self._url = ""
        self.changed = ""  # a table

    def output(self, **values: object) -> None:
        """Set outputs; none of them has more than one line."""
        lines = (
            f"{name.replace('_', '-')}={str(value).splitlines()[0] if value else ''}\n"
            for name, value in values.items()
        )
        _append(self._outputs, "".join(lines))

    def planned(self, told: Json) -> None:
        """After a dry run."""
        self.output(status="planned" if told["possible"] else "refused")
        lines = [f"- {line}" for line in [*told["steps"], *told["refusals"], *told["warnings"]]]
        _append(self._summary, "### Plan: nothing was changed\n\n" + "\n".join(map(_text, lines)) + "\n")

    def begun(self, operation: Json, url: str, before: str) -> None:
        """Once the change was accepted."""
        self._before, self._url = before, url
        self.output(operation_id=operation["id"], operation_url=url, previous_digest=before, status="running")

    def ended(self, operation: Json, server: Server) -> None:
        """At the end, or when nobody waits any longer."""
        unikernel = server.get(f"unikernels/{operation['unikernel']}/")
        digest = next((v["digest"] for v in unikernel["versions"] if v["number"] == operation["target"]), "")
        status = operation["state"] if operation["finished"] else "running"
        self.output(digest=digest, status=status)
        sentence = operation["verdict"]["sentence"]
        print(f"{operation['verdict']['word']}: {sentence}")
        if operation["finished"] and status != "succeeded":
            lines = operation.get("console", [])[-CONSOLE_LINES:]
            annotate(f"{operation['name']}: {operation['verdict']['word']}", "\n".join([sentence, *lines]))
        _append(
            self._summary,
            summary(operation, self._url, self._before, digest)
            + self.changed
            + probes(server, operation, unikernel),
        )

    def stopped(self, stop: Stop) -> None:
        """What went wrong before there was an end."""
        if stop.status:
            self.output(status=stop.status)
        annotate("Mollymawk", str(stop))
        _append(self._summary, "### Not deployed\n\n" + _text(str(stop)) + "\n")


def summary(operation: Json, url: str, before: str, after: str) -> str:
    """What became of it, as a table in Markdown."""
    rows = {
        "Unikernel": operation["name"],
        "Instance": operation["instance"],
        "Image before": before or "none",
        "Image asked for": after or "not known yet",
        "Began": operation["created_at"],
        "Ended": operation["finished_at"] or "not yet",
    }
    lines = [f"### {_text(operation['verdict']['word'])}: {_text(operation['verdict']['sentence'])}", ""]
    lines += [f"| [Operation {operation['id']}]({url}) | {_text(operation['kind'])} |", "|---|---|"]
    lines += [f"| {name} | {_text(value)} |" for name, value in rows.items()]
    steps = [event for event in operation.get("events", ()) if event["now"]]
    if steps:
        lines += ["", "| Time | Step | |", "|---|---|---|"]
        lines += [
            f"| {event['at'][11:19]} | {event['was']} → {event['now']} | {_text(event['reason'])} |"
            for event in steps
        ]
    return "\n".join(lines) + "\n"


def probes(server: Server, operation: Json, unikernel: Json) -> str:
    """The single tries of its checks during the operation, oldest first."""
    tries = []
    for check in unikernel["checks"]:
        answer = server.get(f"unikernels/{unikernel['id']}/checks/{check['id']}/results/", limit=100)
        tries += [
            (one["at"], check["name"], one) for one in answer["items"] if one["operation"] == operation["id"]
        ]
    if not tries:
        return ""
    lines = ["", "| Time | Check | Outcome | Took | |", "|---|---|---|---|---|"]
    for at, name, one in sorted(tries, key=lambda each: each[0]):
        took = f"{one['latency'] * 1000:.0f} ms"
        lines.append(f"| {at[11:19]} | {_text(name)} | {one['outcome']} | {took} | {_text(one['text'])} |")
    return "\n".join(lines) + "\n"


def annotate(title: str, words: str) -> None:
    """An error beside the job; what a server or a unikernel said must not become a command of the runner."""
    print(
        f"::error title={_escaped(title).replace(':', '%3A').replace(',', '%2C')}::{_escaped(words)}",
        flush=True,
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _text(value: object) -> str:
    """Text that is no Markdown and no HTML, on one line of a table."""
    plain = re.sub(r"([\\`*_\[\]|#])", r"\\\1", str(value))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>")


def _append(path: str, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def main(environment: Mapping[str, str]) -> int:
    """Do what the inputs ask for; the exit code."""
    inputs, report = Inputs(environment), Report(environment)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _cancelled)
    try:
        server = Server(inputs.needed("server"))
        log_in(server, inputs, environment)
        wanted = change(server, inputs)
        if inputs.yes("dry-run", "false"):
            return plan(server, wanted, report)
        return carry_out(server, wanted, inputs, report)
    except Stop as stop:
        report.stopped(stop)
        return stop.code
    except Cancelled:
        report.stopped(Stop("The job was cancelled before anything was asked for.", status="cancelled"))
        return 8


def _cancelled(*_: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # once is enough; what follows has to be told to its end
    raise Cancelled


if __name__ == "__main__":
    sys.exit(main(os.environ))
