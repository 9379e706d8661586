//! Many rows as one parameter: the table-valued function `rows(?)`.
//!
//! SQLite's own array parameter (`rarray`) has one column, and JSON would spell every hash as text. `rows(?1)`
//! shows a [`Batch`] bound as a pointer as a table with columns `c0` to `c15`, so that one statement reads or
//! writes thousands of rows.
#![allow(
    unsafe_code,
    reason = "a virtual table is a C interface; rusqlite marks its traits unsafe for the layout"
)]

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConnection, VTabCursor,
};
use rusqlite::{Connection, Result, ToSql, ffi};
use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::rc::Rc;

const POINTER_TYPE: &CStr = c"driftless_rows";
const COLUMNS: c_int = 18;

/// One value of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Number(i64),
    Hash([u8; 32]),
    Bytes(Box<[u8]>),
    Text(Box<str>),
}

impl Cell {
    /// A 64-bit number with the same bits.
    pub(crate) fn number(value: u64) -> Self {
        Self::Number(value.cast_signed())
    }

    fn value(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Hash(hash) => ValueRef::Blob(hash),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Number(i64::from(value))
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Rows of equal width.
#[derive(Debug)]
pub(crate) struct Batch {
    width: usize,
    cells: Vec<Cell>,
}

/// A batch as a statement's parameter.
#[derive(Debug, Clone)]
pub(crate) struct Rows(Rc<Batch>);

impl Rows {
    /// One column.
    pub(crate) fn column(cells: impl IntoIterator<Item = Cell>) -> Self {
        Self(Rc::new(Batch { width: 1, cells: cells.into_iter().collect() }))
    }

    /// Several columns.
    pub(crate) fn table<const N: usize>(rows: impl IntoIterator<Item = [Cell; N]>) -> Self {
        const { assert!(N > 0 && N < COLUMNS as usize, "the virtual table has a column for each") };
        Self(Rc::new(Batch { width: N, cells: rows.into_iter().flatten().collect() }))
    }
}

impl ToSql for Rows {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from_rc(Rc::clone(&self.0), POINTER_TYPE))
    }
}

/// Makes `rows` known to a connection.
pub(crate) fn load(connection: &Connection) -> Result<()> {
    const MODULE: Module<'_, RowsTable> = Module::eponymous_only_module();
    connection.create_module(c"rows", &MODULE, None)
}

#[repr(C)]
struct RowsTable {
    base: ffi::sqlite3_vtab,
}

// SAFETY: `repr(C)` with `sqlite3_vtab` first, as SQLite demands.
unsafe impl<'vtab> VTab<'vtab> for RowsTable {
    type Aux = ();
    type Cursor = RowsCursor<'vtab>;

    fn connect(
        _: &mut VTabConnection,
        _: Option<&()>,
        _: &[u8],
        _: &[u8],
        _: &[u8],
        _: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let columns =
            c"CREATE TABLE x(c0,c1,c2,c3,c4,c5,c6,c7,c8,c9,c10,c11,c12,c13,c14,c15,c16,c17,batch hidden)";
        Ok((Cow::Borrowed(columns), Self { base: ffi::sqlite3_vtab::default() }))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let mut bound = false;
        for (constraint, mut usage) in info.constraints_and_usages() {
            let is_batch = constraint.column() == COLUMNS
                && constraint.operator() == IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ;
            if is_batch && constraint.is_usable() {
                bound = true;
                usage.set_argv_index(1);
                usage.set_omit(true);
            }
        }
        info.set_idx_num(c_int::from(bound));
        info.set_estimated_cost(if bound { 2000.0 } else { 1e12 });
        info.set_estimated_rows(if bound { 2000 } else { 1 << 40 });
        Ok(true)
    }

    fn open(&mut self) -> Result<RowsCursor<'_>> {
        Ok(RowsCursor::default())
    }
}

#[derive(Default)]
#[repr(C)]
struct RowsCursor<'vtab> {
    base: ffi::sqlite3_vtab_cursor,
    batch: Option<&'vtab Batch>,
    start: usize,
    phantom: PhantomData<&'vtab RowsTable>,
}

// SAFETY: `repr(C)` with `sqlite3_vtab_cursor` first, as SQLite demands.
unsafe impl VTabCursor for RowsCursor<'_> {
    fn filter(&mut self, bound: c_int, _: Option<&str>, args: &Filters<'_>) -> Result<()> {
        self.start = 0;
        self.batch = match bound {
            0 => None,
            // SAFETY: SQLite gives the pointer only if it was bound under our type name, which `Rows` alone does;
            // the statement keeps the batch alive for as long as it runs.
            _ => unsafe { args.get_pointer(0, POINTER_TYPE) },
        };
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        self.start += self.batch.map_or(0, |batch| batch.width);
        Ok(())
    }

    fn eof(&self) -> bool {
        self.batch.is_none_or(|batch| self.start >= batch.cells.len())
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let Some(batch) = self.batch else { return Ok(()) };
        match usize::try_from(column) {
            Ok(column) if column < batch.width => {
                context.set_result(ToSqlOutput::Borrowed(batch.cells[self.start + column].value()))
            }
            _ => Ok(()),
        }
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.start as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_table() {
        let connection = Connection::open_in_memory().unwrap();
        load(&connection).unwrap();
        let rows = Rows::table((0..1000u64).map(|i| [Cell::number(i), Cell::from("x"), Cell::Hash([7; 32])]));
        let sum: (i64, i64, i64) = connection
            .query_row(
                "SELECT count(*), sum(c0), sum(c1 = 'x' AND c2 = zeroblob(0) || ?2 AND c3 IS NULL) FROM rows(?1)",
                (rows, [7u8; 32]),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        assert_eq!((sum.0, sum.1), (1000, 499_500));
    }
}
