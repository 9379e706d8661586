#!/usr/bin/env python3
"""Uploads one small file (up to 1 MiB) into the top of a shared folder, and looks at what has become of it.

    upload.py SERVER USER FOLDER FILE < password

What a client does at the least, with Python's standard library: links a device, finds the folder, commits one group of one
operation with its chunk, reads the answer's bundle, pulls the change, downloads the bytes, and unlinks the device. The calls
are those of docs/openapi.json, the bundles those of docs/bundle-format.md.
"""

import json
import os
import secrets
import sys
import urllib.error
import urllib.request

import bundle

MEDIA_TYPE = "application/vnd.driftless.bundle"
CHUNK_MAX = 1 << 20


class Server:
    """Its calls, with the device's token once there is one."""

    def __init__(self, address):
        self.address, self.token = address, None

    def call(self, method, path, body=None, media_type="application/json"):
        request = urllib.request.Request(self.address + path, data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", media_type)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            sys.exit(f"{problem['type']}: {problem.get('detail', problem['title'])}")

    def json(self, method, path, body=None):
        answer = self.call(method, path, None if body is None else json.dumps(body).encode())
        return json.loads(answer) if answer else None


def commit_bundle(name, data, modified_ns):
    """A commit of one new file: head, operations, a block with its one chunk."""
    chunk = bundle.blake3(data)
    raw = b"\x00"
    head = (
        secrets.token_bytes(16)  # the key: the same again is answered with the same result
        + bundle.varint(0)  # no uploads
        + bundle.varint(1) + bundle.varint(1)  # one group, one operation
        + bundle.varint(len(data))
        + bundle.text("upload.py") + bundle.text("1")
    )
    create = (
        bundle.varint(1)  # one step
        + b"\x01"  # that begins a group
        + bundle.varint(0) + bundle.varint(0)  # creates the node of temporary number 0
        + bundle.varint(0) + bundle.varint(1)  # in node 1, the root
        + bundle.text(name)
        + bundle.varint(1) + chunk + bundle.varint(len(data))  # a file of one chunk, whose name is the chunk's
        + b"\x00"  # not executable
        + bundle.zigzag(modified_ns)
    )
    # The empty file has no chunk.
    block = raw + b"\x00" + bundle.varint(1) + bundle.varint(len(data)) + data
    return bundle.bundle([(0x01, raw + head), (0x02, raw + create)] + [(0x05, block)] * (len(data) > 0))


def main():
    _, address, user, folder_name, path = sys.argv
    with open(path, "rb") as file:
        data, modified_ns = file.read(), os.fstat(file.fileno()).st_mtime_ns
    if len(data) > CHUNK_MAX:
        sys.exit("this example sends one chunk: at most 1 MiB")
    server, name = Server(address), os.path.basename(path)
    device = {"user": user, "password": sys.stdin.readline().rstrip("\n"), "device": "upload.py", "platform": "python"}
    server.token = server.json("POST", "/api/v1/devices", device)["token"]
    try:
        folders = server.json("GET", "/api/v1/folders")["folders"]
        folder = next((entry["id"] for entry in folders if entry["name"] == folder_name), None)
        if folder is None:
            sys.exit(f"there is no folder '{folder_name}' that {user} may read")
        here = f"/api/v1/folders/{folder}"

        sent = commit_bundle(name, data, modified_ns)
        answer = bundle.read(server.call("POST", f"{here}/commits", sent, MEDIA_TYPE))
        (outcome,) = answer["outcomes"]
        if "reason" in outcome:
            sys.exit(f"refused: {outcome['reason']}")
        ((node, _, version),) = outcome["applied"]

        page = bundle.read(server.call("GET", f"{here}/changes"))
        (entry,) = [entry for entry in page["nodes"] if entry["id"] == node]
        back = server.call("GET", f"{here}/nodes/n{node:x}/content")
        if back != data:
            sys.exit("what came back is not what was sent")
        print(json.dumps({"node": f"n{node:x}", "version": version, "result": answer["result"], "entry": entry}))
    finally:
        server.call("DELETE", "/api/v1/devices/self")


if __name__ == "__main__":
    main()
