"""Power cuts: what was acknowledged before one is there after it, with synchronous=FULL; with NORMAL some is lost, which shows that the cuts are real."""

import argparse
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing

from .disk import LoopDisk


class Cut:
    """One cut: a fresh ext4, a writer on it, a random moment, the journal's recovery, the count."""

    MEGABYTES = 64

    def __init__(self, writer, folder, synchronous, chance):
        self.writer, self.folder, self.synchronous, self.chance = writer, folder, synchronous, chance
        self.acknowledged, self.lost, self.damage = 0, 0, ""

    def play(self):
        disk = LoopDisk(self.folder, self.MEGABYTES)
        try:
            path = os.path.join(disk.mount(), "numbers.sqlite")
            acknowledged = self.write_until_cut(disk, path)
            disk.power_up()
            self.count(acknowledged, path)
        finally:
            disk.unmount()
        return self

    def write_until_cut(self, disk, path):
        """The numbers whose commits were acknowledged before the cut."""
        writer = subprocess.Popen([self.writer, path, self.synchronous], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        pipe = writer.stdout.fileno()
        os.set_blocking(pipe, False)
        heard = b""
        try:
            # The first acknowledgement, then a random while.
            end = None
            while end is None or time.monotonic() < end:
                if not select.select([pipe], [], [], 10 if end is None else max(0, end - time.monotonic()))[0]:
                    if end is None:
                        raise RuntimeError("the writer writes nothing")
                    continue
                piece = os.read(pipe, 1 << 16)
                if not piece:
                    raise RuntimeError(f"the writer ended with {writer.wait()}")
                heard += piece
                if end is None:
                    # As the kernel does now and then by itself: what comes before is on the disk, whatever the setting.
                    if self.chance.random() < 0.5:
                        subprocess.run(["sync", "-f", path], check=True)
                    end = time.monotonic() + self.chance.uniform(0.05, 0.5)
            writer.send_signal(signal.SIGSTOP)
            while select.select([pipe], [], [], 0)[0] and (piece := os.read(pipe, 1 << 16)):
                heard += piece
            disk.cut()
        finally:
            writer.kill()
            writer.wait()
            writer.stdout.close()
        return [int(line) for line in heard.split(b"\n")[:-1]]

    def count(self, acknowledged, path):
        present = set()
        # With NORMAL even the file's creation may be lost.
        if os.path.exists(path):
            try:
                with closing(sqlite3.connect(path)) as database:
                    state = database.execute("PRAGMA integrity_check").fetchone()[0]
                    self.damage = "" if state == "ok" else state
                    present = {row[0] for row in database.execute("SELECT number FROM numbers")}
            except sqlite3.Error as error:
                self.damage = "" if "no such table" in str(error) else str(error)
        self.acknowledged, self.lost = len(acknowledged), len(set(acknowledged) - present)


def cut_many(writer, base, cuts, seed, progress=lambda words: None):
    """Cuts the power so many times with each setting: {setting: {cuts, acknowledged, lost, cuts_with_loss, damaged}}."""
    results = {}
    for synchronous in ["FULL", "NORMAL"]:
        chance = random.Random(f"{seed} {synchronous}")
        sums = {"cuts": 0, "acknowledged": 0, "lost": 0, "cuts_with_loss": 0, "damaged": 0, "damage": ""}
        for number in range(cuts):
            folder = tempfile.mkdtemp(prefix="waybill-power-cut-", dir=base)
            try:
                cut = Cut(writer, folder, synchronous, chance).play()
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            sums["cuts"] += 1
            sums["acknowledged"] += cut.acknowledged
            sums["lost"] += cut.lost
            sums["cuts_with_loss"] += cut.lost > 0
            sums["damaged"] += bool(cut.damage)
            sums["damage"] = sums["damage"] or cut.damage
            progress(f"{synchronous}: {number + 1} of {cuts} cuts, {sums['acknowledged']} acknowledged, {sums['lost']} lost")
        results[synchronous] = sums
    return results


def verdict(results):
    """What is wrong, in words."""
    full, normal = results["FULL"], results["NORMAL"]
    wrong = []
    if full["lost"] or full["damaged"]:
        wrong.append(f"with FULL {full['lost']} acknowledged rows were lost and {full['damaged']} databases damaged {full['damage']}".rstrip())
    if not full["acknowledged"]:
        wrong.append("with FULL nothing was acknowledged: this proves nothing")
    if not normal["lost"]:
        wrong.append("with NORMAL nothing was lost: these cuts cut nothing, and prove nothing")
    return wrong


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/power-cut", description="Cuts the power of a database that commits, and counts what was acknowledged and is gone. Needs root: each cut is "
        "an ext4 of its own on a loop device, stopped without flushing. With synchronous=FULL, the product's setting, nothing may be lost; with NORMAL "
        "something must be, or the test would prove nothing.", epilog="example: scripts/power-cut --cuts 100")
    parser.add_argument("--cuts", type=int, default=100, help="cuts with each setting (default 100)")
    parser.add_argument("--seed", type=int, help="what the moments of the cuts derive from (default: chance)")
    parser.add_argument("--json", action="store_true", help="print JSON, and no progress")
    parser.add_argument("--writer", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cuts < 1:
        parser.error("--cuts must be at least 1")
    if obstacle := LoopDisk.obstacle():
        sys.exit(f"power-cut: {obstacle}")
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    is_live = sys.stderr.isatty() and not options.json

    def progress(words):
        if is_live:
            print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)

    results = cut_many(options.writer, None, options.cuts, seed, progress)
    progress("")
    wrong = verdict(results)
    if options.json:
        print(json.dumps({"seed": seed, **results, "violations": wrong}))
    else:
        for synchronous, sums in results.items():
            print(f"synchronous={synchronous}: {sums['cuts']} power cuts, {sums['acknowledged']} acknowledged, {sums['lost']} lost"
                  f" (in {sums['cuts_with_loss']} cuts), {sums['damaged']} databases damaged")
        for words in wrong:
            print(f"FAILED: {words} (seed {seed})")
    sys.exit(1 if wrong else 0)
