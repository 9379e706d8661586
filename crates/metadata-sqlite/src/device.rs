//! What devices' rows stand for: devices, sessions, app passwords; and what the last are limited to.

use crate::account::{privilege, privilege_number};
use crate::error::corrupt;
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::account::{DeviceKind, NewDevice, Scope};
use model::{DeviceId, FolderId, UserId};
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
