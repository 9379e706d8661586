//! Stored answers, the audit log, counted failures.

use super::{Open, read, write};
use crate::audit::{AuditEntry, AuditFrom, AuditOf, seal};
use crate::operation::{Caller, OperationRow};
use crate::throttle::Failures;
use crate::{Error, ErrorKind};
use model::{DeviceId, FolderId, IdempotencyKey, Timestamp, UserId};

pub(super) fn check(open: Open<'_>) {
    an_answer_is_stored_once_for_each_caller(open);
    the_audit_log_is_a_chain(open);
    failures_are_counted(open);
}

fn an_answer_is_stored_once_for_each_caller(open: Open<'_>) {
    let database = open();
    let key = IdempotencyKey([1; 16]);
    let row = |at| OperationRow { digest: [7; 32], result: vec![1, 2, 3], at: Timestamp(at) };
    let (device, user) = (Caller::Device(DeviceId(1)), Caller::User(UserId(1)));
    let put = move |caller, at| {
        crate::write::<_, Error>(&*database, move |transaction| {
            transaction.put_operation(caller, key, &row(at))
        })
        .map_err(|error| error.kind())
    };
    assert_eq!(put(device, 1), Ok(()));
    assert_eq!(put(user, 5), Ok(()));
    assert_eq!(put(device, 3), Err(ErrorKind::Conflict));
    let database = open();
    write(&*database, move |transaction| {
        transaction.put_operation(device, key, &row(1))?;
        transaction.put_operation(user, key, &row(5))
    });
    assert_eq!(read(&*database, move |snapshot| snapshot.operation(device, key)), Some(row(1)));
    assert_eq!(
        write(&*database, move |transaction| transaction.forget_operations(Timestamp(5), 10)),
        1,
        "older ones only"
    );
    assert_eq!(read(&*database, move |snapshot| snapshot.operation(device, key)), None);
    assert_eq!(read(&*database, move |snapshot| snapshot.operation(user, key)), Some(row(5)));
}

/// A digest for the suite: any function of the bytes will do.
fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut sums = [0u8; 32];
    for (index, byte) in bytes.iter().enumerate() {
        let sum = &mut sums[index % 32];
        *sum = sum.wrapping_mul(31).wrapping_add(*byte).wrapping_add(index as u8);
    }
    sums
}

fn the_audit_log_is_a_chain(open: Open<'_>) {
    let database = open();
    let entry = |number: i64| AuditEntry {
        at: Timestamp(number),
        user: Some(UserId(number.cast_unsigned())),
        device: None,
        address: "127.0.0.1".into(),
        action: "folder.grant",
        folder: Some(FolderId(1)),
        allowed: number != 2,
        details: vec![("to".into(), "\"quoted\"\n".into())],
    };
    for number in 1..=3 {
        let given = write(&*database, move |transaction| transaction.append_audit(&entry(number), digest));
        assert_eq!(given, number.cast_unsigned());
    }
    let rows = read(&*database, |snapshot| snapshot.audit(0, 10));
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 3]);
    let mut previous = [0; 32];
    for row in &rows {
        assert_eq!(row.digest, seal(&row.previous, &row.record, digest));
        assert!(row.is_sealed(row.number, &previous, digest));
        let mut changed = row.clone();
        changed.allowed = !changed.allowed;
        assert!(!changed.is_sealed(row.number, &previous, digest), "a changed column shows");
        previous = row.digest;
    }
    assert_eq!((rows[1].allowed, rows[1].action.as_str(), rows[1].device), (false, "folder.grant", None));
    assert_eq!(rows[1].details, entry(2).details);
    let newest = read(&*database, |snapshot| snapshot.audit_newest(Some(3), 1));
    assert_eq!(newest, rows[1..2]);
    let of = |of, from| {
        let rows = read(&*database, move |snapshot| snapshot.audit_of(of, from, 2));
        rows.iter().map(|row| row.number).collect::<Vec<_>>()
    };
    assert_eq!(of(AuditOf::Everything, AuditFrom::Below(u64::MAX)), [3, 2]);
    assert_eq!(of(AuditOf::Everything, AuditFrom::Above(0)), [1, 2]);
    assert_eq!(of(AuditOf::User(UserId(2)), AuditFrom::Above(0)), [2]);
    assert_eq!(of(AuditOf::User(UserId(2)), AuditFrom::Below(2)), []);
    assert_eq!(of(AuditOf::Folder(FolderId(1)), AuditFrom::Below(3)), [2, 1]);
    assert_eq!(of(AuditOf::Folder(FolderId(2)), AuditFrom::Above(0)), []);
    assert_eq!(write(&*database, |transaction| transaction.forget_audit(1)), 1);
    assert_eq!(write(&*database, |transaction| transaction.forget_audit(99)), 1, "the newest stays");
    let kept = read(&*database, |snapshot| snapshot.audit(0, 10));
    assert_eq!(kept, rows[2..]);
    assert_eq!(write(&*database, move |transaction| transaction.append_audit(&entry(4), digest)), 4);
}

fn failures_are_counted(open: Open<'_>) {
    let database = open();
    let failures = |count| Failures { count, since: Timestamp(1), last: Timestamp(i64::from(count)) };
    for count in 1..=3 {
        write(&*database, move |transaction| transaction.put_failures("user:alice", &failures(count)));
    }
    write(&*database, move |transaction| transaction.put_failures("net:10.0.0.0/8", &failures(9)));
    assert_eq!(read(&*database, |snapshot| snapshot.failures("user:alice")), Some(failures(3)));
    assert_eq!(write(&*database, |transaction| transaction.forget_failures(Timestamp(4))), 1);
    assert_eq!(read(&*database, |snapshot| snapshot.failures("user:alice")), None);
    write(&*database, |transaction| transaction.clear_failures("net:10.0.0.0/8"));
    assert_eq!(read(&*database, |snapshot| snapshot.failures("net:10.0.0.0/8")), None);
}
