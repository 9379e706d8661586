#!/usr/bin/env python3
"""Reads and writes bundles; written from docs/bundle-format.md alone, with Python's standard library.

Compressed records go through the `zstd` program. As a program: `bundle.py FILE…` prints one line of JSON a bundle, either
what is in it or {"refused": why}. Not fast: BLAKE3 takes some seconds a megabyte here.
"""

import json
import subprocess
import sys

MAGIC = b"DRIFTLS\x01"
RECORD_MAX, METADATA_MAX, CHUNK_MAX, IDS_MAX, PROBLEM_MAX = 2 << 20, 256 << 10, 1 << 20, 4096, 64 << 10
OUTCOMES_MAX = 10_000


class Damaged(Exception):
    """These bytes are not a bundle."""


def need(holds, why):
    if not holds:
        raise Damaged(why)


# BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs), plain hashing only.

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
SHUFFLE = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CORNERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8


def compress(chain, block, counter, length, flags):
    m = [int.from_bytes(block[i:i + 4], "little") for i in range(0, 64, 4)]
    v = [*chain, *IV[:4], counter & 0xFFFFFFFF, counter >> 32, length, flags]
    for _ in range(7):
        for n, (a, b, c, d) in enumerate(CORNERS):
            for x, turn, other in ((m[2 * n], 16, 12), (m[2 * n + 1], 8, 7)):
                v[a] = v[a] + v[b] + x & 0xFFFFFFFF
                t = v[d] ^ v[a]
                v[d] = (t >> turn | t << 32 - turn) & 0xFFFFFFFF
                v[c] = v[c] + v[d] & 0xFFFFFFFF
                t = v[b] ^ v[c]
                v[b] = (t >> other | t << 32 - other) & 0xFFFFFFFF
        m = [m[i] for i in SHUFFLE]
    return [v[i] ^ v[i + 8] for i in range(8)]


def chaining(data, counter, root):
    """The value of the tree over `data`, whose first piece of 1024 bytes has this number."""
    if len(data) > 1024:
        left = 1024
        while left * 2 < len(data):
            left *= 2
        words = chaining(data[:left], counter, 0) + chaining(data[left:], counter + left // 1024, 0)
        return compress(IV, b"".join(w.to_bytes(4, "little") for w in words), 0, 64, PARENT | root)
    chain, blocks = IV, [data[i:i + 64] for i in range(0, len(data), 64)] or [b""]
    for n, block in enumerate(blocks):
        flags = CHUNK_START * (n == 0) | (CHUNK_END | root) * (n == len(blocks) - 1)
        chain = compress(chain, block.ljust(64, b"\0"), counter, len(block), flags)
    return chain


def blake3(data):
    return b"".join(word.to_bytes(4, "little") for word in chaining(data, 0, ROOT))


# Reading.

class Bytes:
    """Takes fields off the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(count <= len(self.data) - self.at, "it ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        need(self.at == len(self.data), "something follows the last field")

    def byte(self):
        return self.take(1)[0]

    def varint(self, bits=64, shortest=True):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            need(value < 1 << bits and shift < bits, "a number is too large")
            if byte < 0x80:
                need(not shortest or shift == 0 or byte, "a number is longer than it needs")
                return value
            shift += 7

    def flag(self):
        byte = self.byte()
        need(byte < 2, "neither yes nor no")
        return byte == 1

    # Postcard.

    def u64(self):
        return self.varint(64, False)

    def u32(self):
        return self.varint(32, False)

    def i64(self):
        value = self.u64()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def hex(self, count):
        return self.take(count).hex()

    def text(self):
        try:
            return self.take(self.u64()).decode()
        except UnicodeDecodeError as error:
            raise Damaged("a text is not UTF-8") from error

    def list(self, element):
        count = self.u64()
        need(count <= len(self.data) - self.at, "a list is longer than what is there")
        return [element(self) for _ in range(count)]

    def option(self, value):
        return value(self) if self.flag() else None


def node_ref(b):
    kind = b.u32()
    need(kind < 2, "an unknown kind of reference")
    return {"node": b.u64()} if kind == 0 else {"temporary": b.u32()}


def content(b):
    kind = b.u32()
    need(kind < 3, "an unknown kind of content")
    if kind == 0:
        return {"is": "directory"}
    if kind == 1:
        return {"is": "file", "id": b.hex(32), "size": b.u64()}
    return {"is": "link", "target": b.take(b.u64()).hex()}


FIELDS = {"temporary": Bytes.u32, "parent": node_ref, "name": Bytes.text, "content": content, "executable": Bytes.flag,
          "mtime": Bytes.i64, "node": Bytes.u64, "base": Bytes.u64, "placement": Bytes.u64, "version": Bytes.u64,
          "source": Bytes.u64}
OPERATIONS = (("create", "temporary parent name content executable mtime"),
              ("update", "node base content executable mtime"),
              ("attributes", "node base executable mtime"),
              ("move", "node base parent name"),
              ("remove", "node placement version"),
              ("copy", "temporary source version parent name"))
REASONS = "stale gone name_taken forbidden quota too_large bad_name chunk_missing dependency held".split()


def step(b):
    begins, kind = b.flag(), b.u32()
    need(kind < len(OPERATIONS), "an unknown operation")
    word, names = OPERATIONS[kind]
    operation = {"do": word}
    for name in names.split():
        read = FIELDS[name]
        operation[name] = b.option(read) if (word, name) == ("copy", "version") else read(b)
    return begins, operation


def is_name(text):
    data = text.encode()
    return 1 <= len(data) <= 255 and text not in (".", "..") and b"/" not in data and b"\0" not in data


def is_sound(entry):
    """Whether name and target are such."""
    target = bytes.fromhex(entry.get("content", {}).get("target", "2e"))
    return ("name" not in entry or is_name(entry["name"])) and 1 <= len(target) <= 4095 and b"\0" not in target


def node(b):
    entry = {"id": b.u64(), "parent": b.u64(), "name": b.text(), "content": content(b), "executable": b.flag(),
             "mtime": b.i64(), "seq": b.u64()}
    entry["placement"] = (entry["seq"] - b.u64()) % 2**64
    entry["version"] = (entry["seq"] - b.u64()) % 2**64
    entry["deleted"] = b.flag()
    return entry


def check_node(entry):
    root = entry["id"] == 1 and entry["name"] == ""
    need(is_sound({**entry, "name": "root"} if root else entry), "a node's name or target is none")
    return entry


def splice(b):
    kind = b.u32()
    need(kind < 2, "an unknown splice")
    if kind == 0:
        return {"start": b.u32(), "count": b.u32()}
    return {"new": b.list(lambda b: [b.hex(32), b.u32()])}


def outcome_run(b):
    kind = b.u32()
    need(kind < 2, "an unknown outcome")
    if kind == 0:
        return {"groups": b.u32(), "operations": b.u32()}
    return {"operation": b.u32(), "reason": b.byte(), "current": b.option(node)}


def expand(groups, applied):
    """Outcomes one by one. An applied run is count, and start and step of node, placement and version."""
    need(sum(run[0] for run in applied) <= OUTCOMES_MAX, "too many outcomes")
    need(sum(run.get("groups", 1) for run in groups) <= OUTCOMES_MAX, "too many outcomes")
    need(sum(run.get("groups", 0) * run.get("operations", 0) for run in groups if "groups" in run) <= OUTCOMES_MAX,
         "too many outcomes")
    entries = [[(run[i] + n * run[i + 1]) % 2**64 for i in (1, 3, 5)] for run in applied for n in range(run[0])]
    outcomes = []
    for run in groups:
        if "groups" in run:
            for _ in range(run["groups"]):
                need(run["operations"] <= len(entries), "too few applied operations")
                outcomes.append({"applied": entries[:run["operations"]]})
                entries = entries[run["operations"]:]
        else:
            need(run["reason"] < len(REASONS), "an unknown reason")
            if run["current"]:
                check_node(run["current"])
            outcomes.append({**run, "reason": REASONS[run["reason"]]})
    need(not entries, "too many applied operations")
    return outcomes


def unpack(codec, packed, length):
    need(codec < 2, "an unknown codec")
    plain = packed
    if codec == 1:
        done = subprocess.run(["zstd", "-dcq"], input=packed, capture_output=True, check=False)
        need(done.returncode == 0, "compressed bytes are damaged")
        plain = done.stdout
    need(len(plain) == length, "the plain bytes are not as many as said")
    return plain


def metadata(b):
    codec = b.byte()
    length = b.varint() if codec == 1 else len(b.data) - b.at
    need(length <= METADATA_MAX, "too many plain bytes")
    return Bytes(unpack(codec, b.rest(), length))


def packed_chunks(b, codec, entries):
    total = sum(length for _, length in entries)
    packed = b.rest()
    need(codec == 0 or len(packed) < total, "compression made it longer")
    plain = Bytes(unpack(codec, packed, total))
    return [(id, plain.take(length)) for id, length in entries]


def pairs(b):
    found = []
    while b.at < len(b.data):
        found.append([b.varint(), b.hex(32)])
    need(1 <= len(found) <= IDS_MAX, "a number of ids that may not be")
    return found


def read(data):
    """What is in a bundle; `chunks` are pairs of the id they are said to have, or None, and their bytes."""
    all_of = Bytes(data)
    need(data[:7] == MAGIC[:7], "this is no bundle")
    need(all_of.take(8) == MAGIC, "an unknown version of the format")
    found = {"kinds": [], "groups": [], "manifests": [], "chunks": [], "outcomes": [], "nodes": [], "wanted_chunks": [],
             "missing_chunks": [], "wanted_manifests": []}
    count = 0
    while True:
        kind, length = all_of.byte(), all_of.varint()
        need(length <= RECORD_MAX, "a record is too long")
        b = Bytes(all_of.take(length))
        if kind >= 0x80:
            count += 1
            continue
        need(1 <= kind <= 0x0C or kind in (0x7E, 0x7F), "an unknown record")
        need(b.byte() == 1, "an unknown version of a record")
        found["kinds"].append(kind)
        if kind == 0x7F:
            need(b.varint() == count, "it counts other records than came")
            b.end()
            all_of.end()
            found["groups"] = [group if all(map(is_sound, group)) else None for group in found["groups"]]
            return found
        count += 1
        record(kind, b, found)


def record(kind, b, found):
    if kind == 0x04:
        codec, length, id = b.byte(), b.varint(), b.take(32)
        need(1 <= length <= CHUNK_MAX, "a chunk has 1 byte to 1 MiB")
        found["chunks"] += packed_chunks(b, codec, [(id, length)])
    elif kind == 0x05:
        codec, named, size, entries, total = b.byte(), b.flag(), b.varint(), [], 0
        need(1 <= size <= 16_384, "a block has 1 to 16384 chunks")
        for _ in range(size):
            entries.append((b.take(32) if named else None, b.varint()))
            total += entries[-1][1]
            need(entries[-1][1] > 0 and total <= CHUNK_MAX, "a block has up to 1 MiB")
        found["chunks"] += packed_chunks(b, codec, entries)
    elif kind in (0x0A, 0x0C):
        found["wanted_chunks" if kind == 0x0A else "wanted_manifests"] += pairs(b)
    elif kind == 0x0B:
        ids = b.rest()
        need(len(ids) % 32 == 0 and 1 <= len(ids) // 32 <= IDS_MAX, "a number of ids that may not be")
        found["missing_chunks"] += [ids[i:i + 32].hex() for i in range(0, len(ids), 32)]
    elif kind == 0x7E:
        found["problem"] = problem(b.rest())
    else:
        body = metadata(b)
        metadata_record(kind, body, found)
        body.end()


def metadata_record(kind, b, found):
    if kind == 0x01:
        found["head"] = {"key": b.hex(16), "uploads": b.list(lambda b: b.hex(16)), "groups": b.u32(),
                         "operations": b.u32(), "chunk_bytes": b.u64(), "client": [b.text(), b.text()]}
    elif kind == 0x02:
        for begins, operation in b.list(step):
            if begins or not found["groups"]:
                found["groups"].append([])
            found["groups"][-1].append(operation)
    elif kind == 0x03:
        found["manifests"].append({"content": b.hex(32), "size": b.u64(),
                                   "base": b.option(lambda b: [b.u64(), b.hex(32)]), "splices": b.list(splice),
                                   "last": b.flag()})
    elif kind == 0x06:
        found["result"] = {"before": b.u64(), "head": b.u64(), "cursor": b.text(), "replayed": b.flag()}
    elif kind == 0x07:
        groups = b.list(outcome_run)
        steps = (Bytes.u32, Bytes.u64, Bytes.i64, Bytes.u64, Bytes.i64, Bytes.u64, Bytes.i64)
        found["outcomes"] += expand(groups, b.list(lambda b: [read_one(b) for read_one in steps]))
    elif kind == 0x08:
        found["nodes"] += [check_node(entry) for entry in b.list(node)]
    else:
        found["page"] = {"cursor": b.text(), "head": b.u64(), "more": b.flag()}


def problem(text):
    need(len(text) <= PROBLEM_MAX, "a problem document is too long")
    try:
        document = json.loads(text.decode())
        shaped = isinstance(document["type"], str) and isinstance(document["title"], str)
        need(shaped and 0 <= document["status"] < 1 << 16, "it is no problem document")
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("it is no problem document") from error
    return document


# Writing, as far as a small file needs it.

def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def text(value):
    return varint(len(value.encode())) + value.encode()


def zigzag(number):
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


def framed(kind, payload):
    return bytes([kind]) + varint(len(payload) + 1) + b"\x01" + payload


def bundle(records):
    """Whole: pairs of a type and a payload, which gets its version byte here."""
    records = list(records)
    return MAGIC + b"".join(framed(*one) for one in records) + framed(0x7F, varint(len(records)))


def main():
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            data = file.read()
        try:
            found = read(data)
        except Damaged as error:
            print(json.dumps({"refused": str(error)}))
            continue
        # A chunk as what it is said to be, how long it is, and what it is.
        found["chunks"] = [[id and id.hex(), len(plain), blake3(plain).hex()] for id, plain in found["chunks"]]
        print(json.dumps(found))


if __name__ == "__main__":
    main()
