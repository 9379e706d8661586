"""Starts the real server with a little in it, and lets schemathesis try every operation of its API document.

usage: run.py PROGRAM SECONDS SEED
No answer may be a 5xx, differ from the document, or come without the token that the document asks for.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PASSWORD = "correct horse battery"
# They could take away what all others need: the token they are asked with.
LEFT_OUT = ["unlink_device", "unlink_own_device", "unlink_any_device", "close_session"]
LEFT_OUT += ["wipe_own_device", "wipe_any_device"]
LEFT_OUT += ["change_password", "change_user", "remove_user"]
# Who asks would administer nothing from then on.
LEFT_OUT += ["set_second_factor_policy"]
# It answers with a WebSocket.
LEFT_OUT += ["connect_events"]
# It has the server ask whatever address is made up.
LEFT_OUT += ["test_address", "set_single_sign_on_settings"]
# A request that fits the document can still name what is not there, or say two things that exclude each other.
NOT_CHECKED = ["positive_data_acceptance"]


def main():
    program, seconds, seed = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        environment = os.environ | {"DRIFTLESS_DATA": str(place / "server")}

        def admin(*words, said=None):
            subprocess.run([program, "admin", *words], env=environment, input=said, text=True, check=True)

        admin("init", "--user", "alice", "--password-stdin", said=PASSWORD + "\n")
        with open(place / "log", "w") as log:
            server = subprocess.Popen(
                [program, "serve", "--listen", "127.0.0.1:0"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        try:
            address = listening(server)
            admin("folder", "add", "docs", "--plain", "auto")
            admin("folder", "grant", "docs", "alice", "manage")
            fill(place / "server")
            token = link(address)
            result = attack(address, token, seconds, seed)
            if not is_worth_something(address, token):
                raise SystemExit("the token was lost on the way: what came after was not tried")
            return result
        finally:
            server.terminate()
            server.wait()
            faults = [line for line in open(place / "log") if " ERROR " in line or "panicked" in line]
            print("".join(faults[:20]), end="")


def listening(server):
    for line in server.stdout:
        if found := re.search(r"listening on (http://\S+)", line):
            return found.group(1)
    raise SystemExit("the server did not start")


def fill(data):
    """Files where the monitor finds them."""
    plain = next((data / "folders").iterdir())
    (plain / "a directory").mkdir()
    for number in range(5):
        (plain / "a directory" / f"{number}.txt").write_text(f"file {number}")


def link(address):
    body = {"user": "alice", "password": PASSWORD, "device": "schemathesis", "platform": "test"}
    request = urllib.request.Request(
        f"{address}/api/v1/devices", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["token"]


def is_worth_something(address, token):
    request = urllib.request.Request(f"{address}/api/v1/session", headers={"authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def attack(address, token, seconds, seed):
    here = pathlib.Path(__file__).parent
    command = [str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", str(here / "schemathesis.toml")]
    command += ["run", f"{address}/api/v1/openapi.json"]
    command += ["--header", f"Authorization: Bearer {token}", "--seed", seed, "--max-time", seconds]
    command += ["--checks", "all", "--exclude-checks", ",".join(NOT_CHECKED), "--warnings", "off", "--no-color"]
    command += ["--continue-on-failure", "--request-timeout", "20"]
    for operation in LEFT_OUT:
        command += ["--exclude-operation-id", operation]
    started = time.monotonic()
    # Its memory of earlier runs would make one differ from the next.
    with tempfile.TemporaryDirectory() as empty:
        result = subprocess.run(command, cwd=empty, env=os.environ | {"SCHEMATHESIS_HOOKS": str(here / "hooks.py")})
    print(f"schemathesis ended after {time.monotonic() - started:.0f} s")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
