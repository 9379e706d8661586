"""What schemathesis has to know about this API: how bundles look (docs/bundle-format.md)."""

import pathlib

import schemathesis
from hypothesis import strategies as st

BUNDLE = "application/vnd.driftless.bundle"
MAGIC = b"DRIFTLS\x01"
EXAMPLES = pathlib.Path(__file__).parents[2] / "crates/protocol/tests/bundles"


def varint(number):
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def frame(kind, payload):
    return bytes([kind]) + varint(len(payload)) + payload


def bundle_of(records):
    return MAGIC + b"".join(records) + frame(0x7F, b"\x01" + varint(len(records)))


def records_of_examples():
    """The records of the examples, without the word they begin with and their ends."""
    for path in sorted(EXAMPLES.glob("*.hex")):
        for line in path.read_text().splitlines():
            data = bytes.fromhex(line.split("#")[0])
            if data and not data.startswith(MAGIC) and data[0] != 0x7F:
                yield data


kinds = st.sampled_from([*range(1, 13), 0x7E, 0x80])
made_up = st.builds(lambda kind, payload: frame(kind, b"\x01" + payload), kinds, st.binary(max_size=80))
records = st.one_of(made_up, st.sampled_from(list(records_of_examples())))
bundles = st.lists(records, max_size=6).map(bundle_of)


@schemathesis.serializer(BUNDLE)
def as_bytes(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


schemathesis.openapi.media_type(BUNDLE, st.one_of(bundles, st.binary(max_size=64)))
