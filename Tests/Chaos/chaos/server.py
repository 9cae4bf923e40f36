"""The platform's process: started, watched, started again, ended in every way."""

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One `waybill serve` on a loopback port. `supervise` starts it again whenever it ends, as an init system does."""

    READY_SECONDS = 30

    def __init__(self, binary, data, log, arguments=(), environment=None):
        self.binary, self.data, self.log = binary, data, log
        self.arguments, self.environment = list(arguments), dict(environment or {})
        self.port = free_port()
        self.process = None
        self.lives = 0
        self.slowest_start = 0.0
        self.problem = None
        self._lock = threading.RLock()
        self._supervised = False

    def token(self):
        """Who the customers are: an administrator, for a day, by the keys in the data folder. None where nobody is asked."""
        if self.environment.get("WAYBILL_AUTH") == "off":
            return None
        command = [self.binary, "token", "--role", "admin", "--subject", "chaos", "--expires", "1d", "--data", self.data]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def start(self, crash_at=None):
        """Starts the process and waits until it is ready. False: it ended before it was."""
        with self._lock:
            environment = {**os.environ, **self.environment}
            environment.pop("CRASH_AT", None)
            if crash_at:
                environment["CRASH_AT"] = crash_at
            command = [self.binary, "serve", "--port", str(self.port), "--data", self.data, "--log-level", "notice", *self.arguments]
            with open(self.log, "ab") as log:
                log.write(f"--- start {self.lives + 1} CRASH_AT={crash_at or ''}\n".encode())
                log.flush()
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True)
            self.lives += 1
            begin = time.monotonic()
            while self.process.poll() is None:
                if self.is_ready():
                    self.slowest_start = max(self.slowest_start, time.monotonic() - begin)
                    return True
                if time.monotonic() - begin > self.READY_SECONDS:
                    self.problem = f"not ready after {self.READY_SECONDS} s"
                    return False
                time.sleep(0.02)
            return False

    def is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        except http.client.HTTPException:
            return False
        finally:
            connection.close()

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        if self.is_alive():
            self.process.send_signal(number)

    def kill(self):
        """kill -9, and the end of it."""
        self.send(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=40):
        """SIGTERM; False where it had to be killed after all."""
        self._supervised = False
        with self._lock:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            return self.wait(seconds)

    def wait(self, seconds):
        """Waits for the process to end by itself; kills it and says False where it does not."""
        if self.process is None:
            return True
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def supervise(self):
        """Keeps it running until `stop`, in a thread of its own."""
        self._supervised = True
        threading.Thread(target=self._keep, daemon=True).start()

    @contextmanager
    def held(self):
        """While this lasts nobody starts the process again."""
        with self._lock:
            yield

    def _keep(self):
        while self._supervised:
            if self.process.poll() is None:
                time.sleep(0.01)
                continue
            with self._lock:
                if not self._supervised:
                    return
                if not self.start():
                    time.sleep(0.2)

    def await_ready(self, seconds=READY_SECONDS):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.is_alive() and self.is_ready():
                return True
            time.sleep(0.05)
        return False

    def log_text(self):
        with open(self.log, errors="replace") as log:
            return log.read()
