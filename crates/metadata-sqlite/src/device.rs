//! What devices' rows stand for: devices, sessions, app passwords; and what the last are limited to.

use crate::account::{privilege, privilege_number};
use crate::error::corrupt;
use crate::folder::found;
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::account::{DeviceKind, NewDevice, Scope, Wipe, Wiped};
use model::{DeviceId, FolderId, Timestamp, UserId};
use rusqlite::{Row, params};

fn kind_number(kind: DeviceKind) -> i64 {
    match kind {
        DeviceKind::Device => 0,
        DeviceKind::Session => 1,
        DeviceKind::App => 2,
    }
}

pub(crate) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<DeviceKind> {
    match row.get(column)? {
        0 => Ok(DeviceKind::Device),
        1 => Ok(DeviceKind::Session),
        2 => Ok(DeviceKind::App),
        _ => Err(corrupt(column, "not a kind of device")),
    }
}

/// The order to remove copies, from five columns.
pub(crate) fn wipe(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Wipe>> {
    let moment = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp));
    let Some(ordered_at) = moment(first)? else { return Ok(None) };
    let done = match moment(first + 2)? {
        Some(at) => Some(Wiped { at, removed: row.number(first + 3)?, kept: row.number(first + 4)? }),
        None => None,
    };
    Ok(Some(Wipe { ordered_at, ordered_by: row.maybe_number(first + 1)?.map(UserId), done }))
}

impl Session {
    pub(crate) fn insert_device(&self, device: &NewDevice, kind: DeviceKind) -> Result<DeviceId> {
        self.execute(
            "create_device",
            "INSERT INTO device (user, name, token_hash, created_at, expires_at, platform, address, kind)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                device.user.0.cast_signed(),
                device.name,
                device.token_hash,
                device.at.0,
                device.expires_at.map(|at| at.0),
                device.platform,
                device.address,
                kind_number(kind)
            ],
        )?;
        Ok(DeviceId(self.connection.last_insert_rowid().cast_unsigned()))
    }

    pub(crate) fn update_wipe(&self, id: DeviceId, wipe: Option<&Wipe>) -> Result<()> {
        let done = wipe.and_then(|wipe| wipe.done);
        let changed = self.execute(
            "set_wipe",
            "UPDATE device SET wipe_ordered_at = ?2, wipe_ordered_by = ?3, wiped_at = ?4, wipe_removed = ?5, wipe_kept = ?6
             WHERE id = ?1",
            params![
                id.0.cast_signed(),
                wipe.map(|wipe| wipe.ordered_at.0),
                wipe.and_then(|wipe| wipe.ordered_by).map(|user| user.0.cast_signed()),
                done.map(|done| done.at.0),
                done.map(|done| done.removed.cast_signed()),
                done.map(|done| done.kept.cast_signed())
            ],
        )?;
        found(changed, "set_wipe")
    }

    pub(crate) fn insert_app_password(&self, device: &NewDevice, scope: &Scope) -> Result<DeviceId> {
        let id = self.insert_device(device, DeviceKind::App)?;
        self.execute(
            "create_app_password",
            "INSERT INTO app_password (device, privilege, every_folder) VALUES (?1, ?2, ?3)",
            params![id.0.cast_signed(), privilege_number(scope.privilege), scope.folders.is_none()],
        )?;
        for folder in scope.folders.iter().flatten() {
            self.execute(
                "create_app_password",
                "INSERT INTO app_folder (device, folder) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                [id.0.cast_signed(), folder.0.cast_signed()],
            )?;
        }
        Ok(id)
    }

    pub(crate) fn scope_of(&self, device: DeviceId) -> Result<Option<Scope>> {
        let id = [device.0.cast_signed()];
        let found = self.query_one(
            "scope",
            "SELECT privilege, every_folder FROM app_password WHERE device = ?1",
            id,
            |row| Ok((privilege(row, 0)?, row.get::<_, bool>(1)?)),
        )?;
        let Some((privilege, every_folder)) = found else { return Ok(None) };
        let folders = if every_folder {
            None
        } else {
            let sql = "SELECT folder FROM app_folder WHERE device = ?1 ORDER BY folder";
            Some(self.query("scope", sql, id, |row| row.number(0).map(FolderId))?)
        };
        Ok(Some(Scope { privilege, folders }))
    }

    pub(crate) fn administers_now(&self, user: UserId) -> Result<bool> {
        let found = self.query_one(
            "administers",
            "SELECT u.administrator AND NOT u.disabled AND (
                 EXISTS (SELECT 1 FROM credential c WHERE c.user = u.id AND c.kind = 1)
                 OR NOT EXISTS (SELECT 1 FROM setting
                     WHERE name = 'second_factor_for_administrators' AND value = x'01'))
             FROM user u WHERE u.id = ?1",
            [user.0.cast_signed()],
            |row| row.get(0),
        )?;
        Ok(found.unwrap_or(false))
    }
}
