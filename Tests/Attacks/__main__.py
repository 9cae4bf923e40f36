"""What scripts/attack runs: a platform of its own on loopback, slow clients by the thousand against it, and a normal client beside them."""
import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import frames

# What all floods of frames together may cost: less than one that is not bounded would.
MOST_MIB = 200

MODES = {
    # name: (slowhttptest's arguments, the path)
    "slow headers": (["-H", "-i", "10"], "/api/v1/inventory/products"),
    "slow body": (["-B", "-i", "10", "-s", "8192", "-x", "10"], "/api/v1/orders"),
    "slow read": (["-X", "-w", "16", "-y", "32", "-n", "5", "-z", "16", "-k", "3"], "/openapi.json"),
}


class Platform:
    """A server of this run alone, in a folder of its own."""

    def __init__(self, binary, tls):
        self.folder = tempfile.mkdtemp(prefix="waybill-attack-")
        self.port = free_port()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WAYBILL_")}
        if tls:
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{self.folder}/key.pem", "-out", f"{self.folder}/cert.pem", "-days", "1",
                 "-subj", "/CN=localhost"], check=True, capture_output=True)
            environment |= {"WAYBILL_TLS_CERTIFICATE": f"{self.folder}/cert.pem", "WAYBILL_TLS_KEY": f"{self.folder}/key.pem"}
        self.log = open(f"{self.folder}/log", "w")
        self.process = subprocess.Popen(
            [binary, "serve", "--port", str(self.port), "--data", f"{self.folder}/data"], env=environment, stdout=self.log, stderr=self.log)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None: break
                time.sleep(0.1)
        text = open(f"{self.folder}/log").read()
        self.stop()
        raise SystemExit(f"attack: the platform did not start: {text[-2000:]}")

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try: self.process.wait(30)
            except subprocess.TimeoutExpired: self.process.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NormalClient(threading.Thread):
    """Asks fifty times a second, every other time on a new connection, and keeps how long each answer took."""

    def __init__(self, port):
        super().__init__()
        (self.port, self.times, self.errors, self.ended) = (port, [], [], threading.Event())

    def connection(self):
        # Another address than the attackers': one address has so many connections and no more.
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10, source_address=("127.0.0.2", 0))

    def run(self):
        kept = self.connection()
        for turn in range(1_000_000):
            if self.ended.wait(0.02): break
            begin = time.monotonic()
            connection = kept if turn % 2 else self.connection()
            try:
                connection.request("GET", "/health/live")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200: self.errors.append(str(answer.status))
            except OSError as error:
                self.errors.append(repr(error))
                kept.close()
            except http.client.HTTPException as error:
                self.errors.append(repr(error))
                kept.close()
            finally:
                if connection is not kept: connection.close()
            self.times.append(time.monotonic() - begin)
        kept.close()

    def figures(self):
        times = sorted(self.times) or [0]
        at = lambda part: round(1000 * times[min(len(times) - 1, int(len(times) * part))], 1)
        return {"requests": len(self.times), "errors": len(self.errors), "p50 ms": at(0.5), "p99 ms": at(0.99), "longest ms": at(1)}


def slow(platform, name, connections, seconds):
    (arguments, path) = MODES[name]
    client = NormalClient(platform.port)
    client.start()
    attacker = subprocess.run(
        ["slowhttptest", *arguments, "-c", str(connections), "-r", str(max(50, connections // 5)), "-l", str(seconds), "-p", "5",
         "-u", f"http://127.0.0.1:{platform.port}{path}"], capture_output=True, text=True, timeout=seconds + 60)
    client.ended.set()
    client.join()
    figures = client.figures() | {"memory MiB": platform.memory()}
    if client.errors: figures["first error"] = client.errors[0]
    is_held = client.figures()["p99 ms"] < 1000 and not client.errors and figures["requests"] > 10
    # A tool that did not connect would prove nothing.
    last = [line for line in attacker.stdout.splitlines() if "closed" in line or "connected" in line]
    if not last: (is_held, figures["slowhttptest"]) = (False, attacker.stdout[-300:] + attacker.stderr[-300:])
    return (is_held, figures)


def main():
    parser = argparse.ArgumentParser(prog="scripts/attack", description="Attacks a platform of its own on loopback and says how a normal client fares.")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--connections", type=int, default=1000, help="how many slow clients at once [1000]")
    parser.add_argument("--seconds", type=int, default=40, help="how long each kind goes on [40]")
    parser.add_argument("--only", choices=["slow", "http2"], help="one kind alone")
    options = parser.parse_args()
    failed = []
    if options.only != "http2":
        platform = Platform(options.binary, tls=False)
        try:
            for name in MODES:
                (is_held, figures) = slow(platform, name, options.connections, options.seconds)
                print(("ok    " if is_held else "FAIL  ") + f"{options.connections} clients, {name}: {json.dumps(figures)}", flush=True)
                if not is_held: failed.append(name)
        finally:
            platform.stop()
    if options.only != "slow":
        try: platform = Platform(options.binary, tls=True)
        except SystemExit as error:
            if "has no TLS" not in str(error): raise
            print("skip  HTTP/2: this build has no TLS (WAYBILL_ENGINES=tls)")
        else:
            try:
                before = platform.memory()
                for (name, is_held, text) in frames.attacks(platform.port):
                    is_held = is_held and platform.memory() - before < MOST_MIB
                    print(("ok    " if is_held else "FAIL  ") + f"HTTP/2, {name}: {text}, {platform.memory()} MiB", flush=True)
                    if not is_held: failed.append(name)
                (is_held, text) = frames.goodbye(platform.port, lambda: platform.process.send_signal(signal.SIGTERM))
                print(("ok    " if is_held else "FAIL  ") + f"HTTP/2, the end: {text}", flush=True)
                if not is_held: failed.append("goodbye")
            finally:
                platform.stop()
    if failed: sys.exit("attack: failed: " + ", ".join(failed))


main()
