//! How the answer to a restore is stored: a version byte, then numbers of 8 bytes, little-endian.
//!
//! It is read back by this program only, at most 30 days later: unknown forms are simply not read.

use super::{KEPT_LISTED, Kept, Reason, Rewound};
use crate::past::Point;
use model::{NodeId, Seq, Timestamp};

/// Not a form of the answers to commits.
const FORM: u8 = 0x82;

const REASONS: [Reason; 3] = [Reason::ChangedByOthers, Reason::InUse, Reason::Impossible];

pub(super) fn write(rewound: &Rewound) -> Vec<u8> {
    let mut out = vec![FORM];
    let mut number = |number: u64| out.extend_from_slice(&number.to_le_bytes());
    number(rewound.to.seq.0);
    number(u64::from(rewound.to.at.is_some()));
    number(rewound.to.at.map_or(0, |at| at.0.cast_unsigned()));
    for one in [
        rewound.before.0,
        rewound.head.0,
        rewound.removed,
        rewound.returned,
        rewound.moved,
        rewound.changed,
        rewound.renamed,
        rewound.thinned,
        rewound.kept_count,
    ] {
        number(one);
    }
    for kept in &rewound.kept {
        number(kept.node.0);
        let index = REASONS.iter().position(|reason| *reason == kept.reason);
        number(index.expect("every reason is in the list") as u64);
    }
    out
}

pub(super) fn read(bytes: &[u8]) -> Option<Rewound> {
    let (form, rest) = bytes.split_first()?;
    if *form != FORM || rest.len() % 8 != 0 {
        return None;
    }
    let mut numbers = rest
        .chunks_exact(8)
        .map(|eight| u64::from_le_bytes(eight.try_into().expect("chunks of exactly eight have eight bytes")));
    let seq = Seq(numbers.next()?);
    let at = (numbers.next()? != 0, Timestamp(numbers.next()?.cast_signed()));
    let mut rewound = Rewound {
        to: Point { seq, at: at.0.then_some(at.1) },
        before: Seq(numbers.next()?),
        head: Seq(numbers.next()?),
        removed: numbers.next()?,
        returned: numbers.next()?,
        moved: numbers.next()?,
        changed: numbers.next()?,
        renamed: numbers.next()?,
        thinned: numbers.next()?,
        kept_count: numbers.next()?,
        kept: Vec::new(),
        repeated: true,
    };
    while let Some(node) = numbers.next() {
        let reason = *REASONS.get(usize::try_from(numbers.next()?).ok()?)?;
        rewound.kept.push(Kept { node: NodeId(node), reason });
    }
    (rewound.kept.len() <= KEPT_LISTED).then_some(rewound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_and_other_bytes_do_not() {
        let rewound = Rewound {
            to: Point { seq: Seq(3), at: Some(Timestamp(-4)) },
            before: Seq(5),
            head: Seq(9),
            removed: 1,
            returned: 2,
            moved: 3,
            changed: 4,
            renamed: 5,
            thinned: 6,
            kept: REASONS.iter().map(|reason| Kept { node: NodeId(7), reason: *reason }).collect(),
            kept_count: 3,
            repeated: true,
        };
        let bytes = write(&rewound);
        assert_eq!(read(&bytes), Some(rewound));
        for end in 0..bytes.len() {
            // Whole entries of what was kept can be missing; nothing else reads.
            assert!(read(&bytes[..end]).is_none() || (bytes.len() - end).is_multiple_of(16));
        }
        assert_eq!(read(&[1, 0, 0]), None);
    }
}
