"""`waybill replay` of real orders while the server is killed again and again: every figure must reconcile."""

import os
import signal
import subprocess
import time

from .episode import Episode


class Replay(Episode):
    kind = "replay"
    SECONDS = 240

    @staticmethod
    def obstacle(run):
        return None if os.path.exists(run.replay_file) else f"the file to replay is not there: {run.replay_file} (--replay-file names another)"

    def facts(self):
        """No customers of ours; the replay reconciles what it was told."""
        return None

    def load(self):
        """Nobody else: the platform's figures are compared with the file's."""

    def trouble(self, seconds):
        command = [self.run.binary, "replay", self.run.replay_file, "--url", f"http://127.0.0.1:{self.server.port}", "--limit", str(self.run.replay_orders),
                   "--connections", "8", "--data", self.data, "--json"]
        log = os.path.join(self.folder, "replay")
        with open(log, "wb") as out:
            replay = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        end = time.monotonic() + self.SECONDS
        try:
            while replay.poll() is None and time.monotonic() < end:
                time.sleep(self.chance.uniform(0.2, 1.2))
                # The last kills are early enough for it to find its end.
                if self.totals.counts["replay_kills"] < 12 and replay.poll() is None and self.server.is_alive():
                    self.server.send(signal.SIGKILL)
                    self.totals.counts["replay_kills"] += 1
                    self.totals.counts["kills"] += 1
                    self.note("kill -9")
        finally:
            if replay.poll() is None:
                replay.kill()
            replay.wait()
        with open(log, errors="replace") as text:
            said = text.read()
        if replay.returncode != 0:
            self.fail("S13", f"replay ended with {replay.returncode}: {said[-600:]}")
        else:
            self.totals.counts["replays"] += 1
