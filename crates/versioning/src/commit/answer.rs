//! How an answer is stored: a version byte, then numbers as LEB128 and bytes with their length before them.
//!
//! It is read back by this program only, at most 30 days later: unknown forms are simply not read.

use super::Committed;
use model::{
    Applied, Content, ContentId, GroupOutcome, Name, NodeId, Refusal, RemoteNode, Revision, Seq, Timestamp,
};

const FORM: u8 = 1;

const REASONS: [Refusal; 10] = [
    Refusal::Stale,
    Refusal::Gone,
    Refusal::NameTaken,
    Refusal::Forbidden,
    Refusal::Quota,
    Refusal::TooLarge,
    Refusal::BadName,
    Refusal::ChunkMissing,
    Refusal::Dependency,
    Refusal::Held,
];

pub(super) fn write(committed: &Committed) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(committed.outcomes.len() * 12 + 16));
    out.0.push(FORM);
    out.number(committed.head.0);
    out.number(committed.outcomes.len() as u64);
    for outcome in &committed.outcomes {
        match outcome {
            GroupOutcome::Applied(applied) => {
                out.number(applied.len() as u64 + 1);
                for one in applied {
                    out.number(one.node.0);
                    out.revision(one.revision);
                }
            }
            GroupOutcome::Refused { operation, reason, current } => {
                out.number(0);
                out.number(u64::from(*operation));
                let index = REASONS.iter().position(|known| known == reason);
                out.number(index.expect("every reason is in the list") as u64);
                out.number(u64::from(current.is_some()));
                if let Some(node) = current {
                    out.node(node);
                }
            }
        }
    }
    out.0
}

pub(super) fn read(bytes: &[u8]) -> Option<Committed> {
    let mut input = Reader(bytes);
    if input.byte()? != FORM {
        return None;
    }
    let head = Seq(input.number()?);
    let count = input.count()?;
    let mut outcomes = Vec::with_capacity(count);
    for _ in 0..count {
        outcomes.push(input.outcome()?);
    }
    input.0.is_empty().then_some(Committed { outcomes, head, repeated: true })
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn revision(&mut self, revision: Revision) {
        self.number(revision.placement.0);
        self.number(revision.version.0);
    }

    fn node(&mut self, node: &RemoteNode) {
        self.number(node.id.0);
        self.number(node.parent.0);
        self.bytes(node.name.as_str().as_bytes());
        match &node.content {
            Content::Directory => self.number(0),
            Content::File { id, size } => {
                self.number(1);
                self.bytes(&id.0);
                self.number(*size);
            }
            Content::Link { target } => {
                self.number(2);
                self.bytes(target);
            }
        }
        self.number(u64::from(node.executable));
        self.number(node.mtime.0.cast_unsigned());
        self.revision(node.revision);
        self.number(node.seq.0);
        self.number(u64::from(node.deleted));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// How many things follow: never more than bytes are left.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= self.0.len())
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.number()? != 0)
    }

    fn bytes(&mut self) -> Option<&[u8]> {
        let length = self.count()?;
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }

    fn revision(&mut self) -> Option<Revision> {
        Some(Revision { placement: Seq(self.number()?), version: Seq(self.number()?) })
    }

    fn outcome(&mut self) -> Option<GroupOutcome> {
        // An applied group's length is written one higher, a refused group as zero.
        let count = usize::try_from(self.number()?).ok()?;
        if count > self.0.len() + 1 {
            return None;
        }
        if count > 0 {
            let applied = |input: &mut Self| {
                Some(Applied { node: NodeId(input.number()?), revision: input.revision()? })
            };
            return (1..count).map(|_| applied(self)).collect::<Option<_>>().map(GroupOutcome::Applied);
        }
        let operation = u32::try_from(self.number()?).ok()?;
        let reason = *REASONS.get(usize::try_from(self.number()?).ok()?)?;
        let current = if self.flag()? { Some(Box::new(self.node()?)) } else { None };
        Some(GroupOutcome::Refused { operation, reason, current })
    }

    fn node(&mut self) -> Option<RemoteNode> {
        Some(RemoteNode {
            id: NodeId(self.number()?),
            parent: NodeId(self.number()?),
            name: match std::str::from_utf8(self.bytes()?).ok()? {
                "" => Name::root(),
                text => Name::new(text).ok()?,
            },
            content: match self.number()? {
                0 => Content::Directory,
                1 => {
                    let id = ContentId(self.bytes()?.try_into().ok()?);
                    Content::File { id, size: self.number()? }
                }
                2 => Content::Link { target: self.bytes()?.into() },
                _ => return None,
            },
            executable: self.flag()?,
            mtime: Timestamp(self.number()?.cast_signed()),
            revision: self.revision()?,
            seq: Seq(self.number()?),
            deleted: self.flag()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nodes() -> impl Strategy<Value = RemoteNode> {
        let content = prop_oneof![
            Just(Content::Directory),
            (any::<[u8; 32]>(), any::<u64>())
                .prop_map(|(id, size)| Content::File { id: ContentId(id), size }),
            prop::collection::vec(any::<u8>(), 1..9)
                .prop_map(|target| Content::Link { target: target.into() }),
        ];
        (any::<[u64; 5]>(), "[a-zé]{0,9}", content, any::<[bool; 2]>(), any::<i64>()).prop_map(
            |(numbers, name, content, [executable, deleted], mtime)| RemoteNode {
                id: NodeId(numbers[0]),
                parent: NodeId(numbers[1]),
                name: Name::new(&name).unwrap_or_else(|_| Name::root()),
                content,
                executable,
                mtime: Timestamp(mtime),
                revision: Revision { placement: Seq(numbers[2]), version: Seq(numbers[3]) },
                seq: Seq(numbers[4]),
                deleted,
            },
        )
    }

    fn outcomes() -> impl Strategy<Value = GroupOutcome> {
        let applied = any::<[u64; 3]>().prop_map(|[node, placement, version]| Applied {
            node: NodeId(node),
            revision: Revision { placement: Seq(placement), version: Seq(version) },
        });
        prop_oneof![
            prop::collection::vec(applied, 0..4).prop_map(GroupOutcome::Applied),
            (any::<u32>(), 0..REASONS.len(), prop::option::of(nodes())).prop_map(
                |(operation, reason, current)| GroupOutcome::Refused {
                    operation,
                    reason: REASONS[reason],
                    current: current.map(Box::new),
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn an_answer_comes_back(outcomes in prop::collection::vec(outcomes(), 0..6), head in any::<u64>()) {
            let committed = Committed { outcomes, head: Seq(head), repeated: true };
            prop_assert_eq!(read(&write(&committed)), Some(committed));
        }

        #[test]
        fn any_bytes_are_read_or_not_read(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = FORM;
            }
            let _ = read(&bytes);
        }
    }
}
