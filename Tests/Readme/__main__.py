"""Runs what README.md tells newcomers to type, word for word, against a platform of its own. See --help."""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SECONDS = 120

# A newcomer sees a refusal; a script has to be told of it.
CURL = '#!/bin/sh\nexec {curl} --silent --show-error --fail-with-body "$@"\n'


def blocks(section):
    """The shell commands of a section, but for those that build and start."""
    text = (ROOT / "README.md").read_text()
    body = re.search(rf"^## {section}\n(.*?)^## ", text, re.M | re.S).group(1)
    found = [block for block in re.findall(r"^```bash\n(.*?)^```", body, re.M | re.S) if not block.startswith("scripts/serve")]
    if len(found) < 3:
        sys.exit(f"readme: the section \"{section}\" has {len(found)} blocks of commands; where are they?")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shell(commands, folder, port):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}
    environment |= {"PATH": f"{folder}/bin:{os.environ['PATH']}", "WAYBILL_URL": f"http://127.0.0.1:{port}"}
    script = "set -euo pipefail\n" + commands.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)


def await_ready(server, port):
    end = time.monotonic() + SECONDS
    while server.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("readme: the platform did not start")


def check(folder, port):
    """What is wrong; empty if nothing is."""
    commands = blocks("Start")
    result = shell("\n".join(commands), folder, port)
    if result.returncode != 0:
        return f"{result.stdout}{result.stderr}\nexit code {result.returncode}"
    # The readme says that the order is PAID after a few milliseconds.
    asking = next(block for block in reversed(commands) if block.startswith("curl ") and "-X POST" not in block)
    makers = "\n".join(line for block in commands for line in block.splitlines() if re.match(r"[A-Z_]+=\$\(", line))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        result = shell(makers + "\n" + asking, folder, port)
        if '"PAID"' in result.stdout:
            return ""
        time.sleep(0.2)
    return f"no order is PAID: {result.stdout}{result.stderr}"


def main():
    parser = argparse.ArgumentParser(prog="Tests/Readme", description="Runs the commands of README.md's first steps, word for word but for the port.")
    parser.add_argument("--binary", default=str(ROOT / ".build/release/waybill"), help="the waybill to run (default: the release build)")
    binary = pathlib.Path(parser.parse_args().binary).resolve()
    folder, port = pathlib.Path(tempfile.mkdtemp(prefix="waybill-readme-")), free_port()
    (folder / ".build/release").mkdir(parents=True)
    (folder / ".build/release/waybill").symlink_to(binary)
    (folder / "bin").mkdir()
    (folder / "bin/curl").write_text(CURL.format(curl=shutil.which("curl")))
    (folder / "bin/curl").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}
    with open(folder / "log", "wb") as log:
        # As scripts/serve starts it.
        server = subprocess.Popen([str(binary), "serve", "--port", str(port)], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        await_ready(server, port)
        wrong = check(folder, port)
    finally:
        server.terminate()
        server.wait(SECONDS)
    if wrong:
        sys.exit(f"readme: what it says does not work; the platform's log is {folder}/log\n{wrong}")
    shutil.rmtree(folder)
    print("readme: every command of its first steps works")


main()
