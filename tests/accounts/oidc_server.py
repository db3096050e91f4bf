"""An OpenID Connect issuer for people: a real HTTP server that keeps to the standard, unless told not to."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client

from tests.publishers.issuer import answering, b64, jwk, jwt, key

CLIENT, SECRET = "mollymawk", "s3cret of the client"
PAGE, ACCESS = "/accounts/oidc/", "opens userinfo"
KID = "RS256-0"


class Server(ThreadingHTTPServer):
    """Lets in whoever ``person`` describes; ``claims`` go into the identity beside the usual. ``broken`` and
    ``slow`` end a path at which it answers 500, or one byte and no more.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.person: dict[str, Any] = {"sub": "4711", "email": "erin@example.org", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.tells_in_identity = True
        self.header: dict[str, Any] = {"typ": "JWT", "alg": "RS256", "kid": KID}
        self.signs_with: Any = key("RS256")
        self.discovery: dict[str, Any] = {}
        self.broken = self.slow = ""
        self.forgets: set[str] = set()  # of the answer to a code
        self.codes: dict[str, dict[str, str]] = {}
        self.over = threading.Event()

    def authorize(self, url: str) -> str:
        """What a browser is sent back to that opens *url* and logs in there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        assert set(asked["scope"].split()) == {"openid", "email"}
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def identity(self) -> str:
        """The signed identity of ``person``."""
        now = int(time.time())
        told = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "sub": self.person["sub"]}
        told |= self.person if self.tells_in_identity else {}
        claims = {name: value for name, value in (told | self.claims).items() if value is not None}
        return jwt(self.signs_with, self.header, claims)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        url = self.server.url
        told: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "userinfo_endpoint": f"{url}/userinfo",
                "jwks_uri": f"{url}/keys",
            }
            | self.server.discovery,
            "/keys": {"keys": [jwk(key("RS256"), KID)]},
            "/userinfo": self.server.person | self.server.userinfo,
        }
        assert self.path != "/userinfo" or self.headers["Authorization"] == f"Bearer {ACCESS}"
        self._tell(200, told[self.path])

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        sent = {name: values[0] for name, values in form.items()}
        asked = self.server.codes.pop(sent["code"], {})
        credential = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = b64(hashlib.sha256(sent["code_verifier"].encode()).digest())
        right = (f"Basic {credential}", asked.get("redirect_uri"), asked.get("code_challenge"))
        if right != (self.headers["Authorization"], sent["redirect_uri"], proof):
            self._tell(400, {"error": "invalid_grant"})
            return
        told = {"access_token": ACCESS, "token_type": "Bearer", "expires_in": 300}
        told |= {"id_token": self.server.identity()}
        self._tell(200, {name: told[name] for name in told.keys() - self.server.forgets})

    def _tell(self, status: int, told: Any) -> None:
        data = json.dumps(told).encode()
        broken = self.server.broken and self.path.endswith(self.server.broken)
        self.send_response(500 if broken else status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.server.slow and self.path.endswith(self.server.slow):
            self.wfile.write(data[:1])
            self.server.over.wait(60)
            return
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """An issuer that answers until the end of the block."""
    server = Server()
    with answering(server):
        try:
            yield server
        finally:
            server.over.set()  # whoever was answered slowly is let go


def leave(client: Client, path: str = f"{PAGE}login/", **form: str) -> str:
    """Where the page leads that *client* gets from the button."""
    answer = client.post(path, form)
    assert answer.status_code == 200, answer.text
    found = re.search(r'class="button primary" href="([^"]+)"', answer.text)
    assert found is not None
    return html.unescape(found[1])


def local(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
