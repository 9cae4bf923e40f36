"""What a run came to."""

import json
from collections import Counter

# Key, words for people.
LINES = [
    ("kills", "kill -9"), ("stops", "SIGSTOP"), ("crashes", "crash points hit"), ("recovery_crashes", "crash points hit in recovery"),
    ("disk_full", "times the disk was full"), ("eio_stops", "stops after EIO"), ("clock_jumps", "clock jumps"), ("replays", "replays reconciled"),
    ("power_cuts", "power cuts"), ("restarts", "restarts"), ("accepted", "orders accepted"), ("refused", "orders refused"),
    ("double_submits", "double submits"), ("audits", "audits"),
]


class Totals:
    def __init__(self, seed):
        self.seed = seed
        self.counts = Counter()
        self.statuses = Counter()
        self.points_reached, self.points_passed, self.points, self.unreached = set(), set(), [], []
        self.skipped = []
        self.violations = []
        self.kept = []
        self.slowest_start = 0.0

    def add(self, shop, server):
        """Takes over what an episode's customers and processes counted."""
        self.counts["accepted"] += len(shop.orders)
        self.counts["refused"] += shop.refused
        self.counts["double_submits"] += shop.doubles
        self.counts["restarts"] += server.lives - 1
        self.slowest_start = max(self.slowest_start, server.slowest_start)

    def proves_nothing(self, kinds):
        """Why this run says little, in words; empty where it counts (RELIABILITY: a run counts only if enough happened)."""
        wanted = {
            "kill": "kills", "stop": "stops", "crash": "crashes", "full": "disk_full", "eio": "eio_stops", "clock": "clock_jumps",
            "power": "power_cuts", "replay": "replays",
        }
        missing = [f"no {key}" for kind, key in wanted.items() if kind in kinds and not self.counts[key]]
        missing += [f"no run came to the crash point {point}" for point in self.unreached]
        if self.counts["accepted"]:
            missing += [f"no order ended {status}" for status in ("PAID", "CANCELLED", "FAILED") if not self.statuses[status]]
        return missing

    def show(self):
        for key, words in LINES:
            if self.counts[key]:
                print(f"  {self.counts[key]:>8}  {words}")
        if self.points:
            print(f"  {len(self.points_reached):>8}  of {len(self.points)} crash points reached, {len(self.points_passed)} for every n until untouched")
        print(f"            settled: {', '.join(f'{count} {status}' for status, count in sorted(self.statuses.items())) or 'none'}")
        print(f"            slowest start {self.slowest_start:.2f} s")
        for words in self.skipped:
            print(f"   skipped  {words}")
        print(f"  {len(self.violations):>8}  violations")

    def json(self):
        return json.dumps({
            "seed": self.seed, **{key: self.counts[key] for key, _ in LINES}, "settled": dict(sorted(self.statuses.items())),
            "crash_points": len(self.points), "crash_points_reached": len(self.points_reached), "crash_points_passed": len(self.points_passed),
            "slowest_start_seconds": round(self.slowest_start, 3), "skipped": self.skipped, "violations": self.violations, "kept": self.kept,
        })
