//! The bytes of a pack, frozen: what was stored by any version must be read by every later one.

use content::conformance::{append, block, single};
use content::{ChunkStore, Depth, MemoryStore, PackId, Scanned};

const PACK: &[&str] = &[
    // head of pack 1
    "4452494654504b31010000000000000000000000686ff83b",
    // head of a record of one chunk
    "444c523100000000010000000300000003000000f1866c7a70018ff201000000000000000bd49dad",
    // its bytes
    "6f6e65",
    // its table
    "d33fb48ab5adff269ae172b29a6913ff04f6f266207a7a8e976f2ecd571d449203000000",
    // head of a record of two chunks
    "444c523100000000020000000800000008000000c13cb21d5da3a03b0100000000000000752dcb9a",
    // their bytes
    "74776f7468726565",
    // their table: the first
    "dc770fff53f50835f8cc957e01c0d5731d3c2ed544c375493a28c09be5e0976303000000",
    // and the second
    "dbec0e689fb63bd729147727129d854e9d590ab620a18bbbcb3317d268d6fd7205000000",
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_pack_has_these_bytes() {
    let store = MemoryStore::new();
    let located = append(&store, &[single(b"one"), block(&[b"two".to_vec(), b"three".to_vec()])]).unwrap();
    let bytes = store.pack_bytes(PackId(1)).unwrap();
    assert_eq!(hex(&bytes), PACK.concat());

    let mut found = Vec::new();
    let mut sink = |scanned| match scanned {
        Scanned::Record(chunks) => found.extend(chunks),
        other => panic!("{other:?}"),
    };
    store.scan(PackId(1), Depth::AllBytes, &mut sink).unwrap();
    assert_eq!(found, located);
}
