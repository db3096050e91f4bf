"""Commands a second of the client, beside ``openssl s_time`` against the same server processes.

Run: ``python -m bench.client``. Both talk over loopback to two processes that take TLS 1.3 connections,
verify a chain of two certificates, answer with one empty list, and close. What is compared:

- the client, in 4 threads of one process: a whole command, with a new key and leaf signed for each
  (the intermediate is kept), the answer read, decoded and checked;
- ``openssl s_time``, 4 processes: handshakes with one fixed certificate of the same chain (its key
  made once, nothing signed with a CA key), no answer read. It does less, so 1 cannot be reached.

The rounds alternate, since other work on the machine disturbs both; the ratio is of the medians. The last
line is the client against the simulated instance in this very process, for comparison only.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from albatross import messages as m
from albatross.certificates import Authority, Credentials, Pair, generate_ca, server_certificate, utc_now
from albatross.client import Client
from albatross.framing import frame
from albatross.names import Name
from albatross.simulator import SimulatedInstance
from albatross.wire import encode

WORKERS = 4
SERVERS = 2
ROUNDS = 3
SECONDS = 4
TARGET_RATIO = 0.6
POLICY = m.Policy(8, frozenset({0}), 512, None, frozenset({"service"}))
DOMAIN = "alice"
ANSWER = frame(encode(m.Message(m.Header(Name.of(DOMAIN)), m.UnikernelInfos(()))))


def serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Answer every connection, one after the other, for ever."""
    while True:
        sock, _ = listener.accept()
        with sock, contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True) as tls:
            tls.sendall(ANSWER)
            tls.setblocking(False)
            tls.unwrap()  # says goodbye, and does not wait for the same


@contextlib.contextmanager
def servers(folder: Path, ca: Authority) -> Iterator[str]:
    """The address of the server processes."""
    pair = server_certificate(ca)
    (folder / "server.pem").write_bytes(pair.certificate_pem + pair.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.load_cert_chain(folder / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca.certificate_pem.decode())
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        fork = multiprocessing.get_context("fork")
        processes = [
            fork.Process(target=serve, args=(listener, context), daemon=True) for _ in range(SERVERS)
        ]
        for process in processes:
            process.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for process in processes:
                process.terminate()
                process.join()


def s_time(openssl: str, folder: Path, address: str, ca: Authority) -> float:
    """Handshakes a second of ``openssl s_time``, which finds the intermediate in its CA file."""
    domain = ca.intermediate(DOMAIN, POLICY, now=utc_now())
    leaf: Pair = domain.leaf(m.UnikernelInfo(), None, now=utc_now())
    (folder / "leaf.pem").write_bytes(leaf.certificate_pem)
    (folder / "leaf.key").write_bytes(leaf.key_pem)
    (folder / "cas.pem").write_bytes(ca.certificate_pem + domain.certificate_pem)
    command = [
        openssl,
        "s_time",
        "-connect",
        address,
        "-new",
        "-tls1_3",
        "-verify",
        "3",
        "-time",
        str(SECONDS),
    ]
    command += ["-cert", "leaf.pem", "-key", "leaf.key", "-CAfile", "cas.pem"]
    start = time.perf_counter()
    running = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(WORKERS)
    ]
    reports = [process.communicate()[0] for process in running]
    duration = time.perf_counter() - start
    found = [re.search(r"(\d+) connections in \d+ real seconds", report) for report in reports]
    if None in found:
        raise RuntimeError(f"openssl s_time failed: {reports}")
    return sum(int(match[1]) for match in found if match) / duration


def commands(client: Client) -> tuple[float, float]:
    """Commands a second of the client, and milliseconds of its CPU for each."""
    end = time.perf_counter() + SECONDS
    counts: list[int] = []

    def work() -> None:
        count = 0
        while time.perf_counter() < end:
            client.unikernels((DOMAIN,), policy=POLICY)
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    start, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) != WORKERS:
        raise RuntimeError("a thread of the client failed")
    duration = time.perf_counter() - start
    return sum(counts) / duration, 1000 * (time.process_time() - cpu) / sum(counts)


def client_for(address: str, ca: Authority) -> Client:
    """A client of the server at *address*."""
    return Client(
        address,
        Credentials.load(server_ca=ca.certificate_pem, certificate=ca.certificate_pem, key=ca.key_pem),
    )


def simulated(folder: Path) -> float:
    """Commands a second against the simulated instance."""
    with SimulatedInstance(folder / "simulated") as instance:
        ca = instance.ca_pem.encode()
        credentials = Credentials.load(server_ca=ca, certificate=ca, key=instance.key_pem.encode())
        return commands(Client(instance.address, credentials))[0]


def main() -> None:
    """Measure and print."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise SystemExit("openssl is not installed, so there is nothing to compare with")
    ca = generate_ca("bench")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        theirs, ours = [], []
        with servers(folder, ca) as address:
            client = client_for(address, ca)
            for _ in range(ROUNDS):
                theirs.append(s_time(openssl, folder, address, ca))
                ours.append(commands(client))
        against_simulator = simulated(folder)
    reference, rate = statistics.median(theirs), statistics.median(rate for rate, _ in ours)
    cpu = statistics.median(cpu for _, cpu in ours)
    print(f"openssl s_time, {WORKERS} processes:  {reference:6.0f} handshakes/s")
    print(f"client, {WORKERS} threads:            {rate:6.0f} commands/s, {cpu:.2f} ms of its CPU each")
    print(f"ratio:                        {rate / reference:6.2f}   (target >= {TARGET_RATIO})")
    print(f"against the simulated instance in the same process: {against_simulator:.0f} commands/s")


if __name__ == "__main__":
    main()
