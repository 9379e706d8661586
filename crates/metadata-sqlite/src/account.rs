//! People, groups, devices, privileges.

use crate::error::corrupt;
use crate::folder::found;
use crate::session::{Columns, Session};
use metadata::account::{
    CredentialKind, CredentialRow, DeviceKind, DeviceRow, GroupRow, NewDevice, NewUser, ReadAccounts, Scope,
    Subject, User, Wipe, WriteAccounts, session_idle_seconds,
};
use metadata::network::ReadNetworks as _;
use metadata::{Error, ErrorKind, Result};
use model::{
    DeviceId, Facts, FolderId, GroupId, NameKey, Origin, Principal, Privilege, RateChoice, RateChoices,
    Timestamp, UserId,
};
use rusqlite::{Row, params};

macro_rules! select_user {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, name_key, administrator, disabled, quota_bytes, used_bytes, created_at, system_user, \
                 upload_rate, download_rate FROM user ",
            $rest
        )
    };
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(row.number(0)?),
        name: row.get(1)?,
        name_key: NameKey(row.get(2)?),
        administrator: row.get(3)?,
        disabled: row.get(4)?,
        quota_bytes: row.maybe_number(5)?,
        used_bytes: row.number(6)?,
        created_at: Timestamp(row.get(7)?),
        system_user: row.get(8)?,
        rates: RateChoices {
            upload: rate_choice(row.maybe_number(9)?),
            download: rate_choice(row.maybe_number(10)?),
        },
    })
}

fn rate_choice(number: Option<u64>) -> RateChoice {
    match number {
        None => RateChoice::Standard,
        Some(0) => RateChoice::Unlimited,
        Some(rate) => RateChoice::To(rate),
    }
}

fn rate_number(choice: RateChoice) -> Option<i64> {
    match choice {
        RateChoice::Standard => None,
        RateChoice::Unlimited => Some(0),
        RateChoice::To(rate) => Some(rate.cast_signed()),
    }
}

macro_rules! select_device {
    ($rest:literal) => {
        concat!(
            "SELECT id, user, name, token_hash, created_at, expires_at, last_seen_at, revoked_at, platform, \
                 address, kind, wipe_ordered_at, wipe_ordered_by, wiped_at, wipe_removed, wipe_kept FROM device ",
            $rest
        )
    };
}

fn device(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    let maybe_moment = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp));
    Ok(DeviceRow {
        id: DeviceId(row.number(0)?),
        user: UserId(row.number(1)?),
        name: row.get(2)?,
        token_hash: row.array(3)?,
        created_at: Timestamp(row.get(4)?),
        expires_at: maybe_moment(5)?,
        last_seen_at: maybe_moment(6)?,
        revoked_at: maybe_moment(7)?,
        platform: row.get(8)?,
        address: row.get(9)?,
        kind: crate::device::kind(row, 10)?,
        wipe: crate::device::wipe(row, 11)?,
    })
}

fn group(row: &Row<'_>) -> rusqlite::Result<GroupRow> {
    Ok(GroupRow { id: GroupId(row.number(0)?), name: row.get(1)?, name_key: NameKey(row.get(2)?) })
}

pub(crate) fn privilege(row: &Row<'_>, column: usize) -> rusqlite::Result<Privilege> {
    match row.get(column)? {
        0 => Ok(Privilege::None),
        1 => Ok(Privilege::Read),
        2 => Ok(Privilege::Write),
        3 => Ok(Privilege::Manage),
        _ => Err(corrupt(column, "not a privilege")),
    }
}

pub(crate) fn privilege_number(privilege: Privilege) -> i64 {
    match privilege {
        Privilege::None => 0,
        Privilege::Read => 1,
        Privilege::Write => 2,
        Privilege::Manage => 3,
    }
}

fn subject_columns(subject: Subject) -> (i64, i64) {
    match subject {
        Subject::User(id) => (0, id.0.cast_signed()),
        Subject::Group(id) => (1, id.0.cast_signed()),
    }
}

fn credential_kind_number(kind: CredentialKind) -> i64 {
    match kind {
        CredentialKind::Password => 0,
        CredentialKind::OneTime => 1,
        CredentialKind::Recovery => 3,
    }
}

fn credential_kind(row: &Row<'_>, column: usize) -> rusqlite::Result<CredentialKind> {
    match row.get(column)? {
        0 => Ok(CredentialKind::Password),
        1 => Ok(CredentialKind::OneTime),
        3 => Ok(CredentialKind::Recovery),
        _ => Err(corrupt(column, "not a kind of credential")),
    }
}

/// A session that was last used then has ended.
fn unused_since(now: Timestamp, administrator: bool) -> i64 {
    now.0.saturating_sub(session_idle_seconds(administrator).saturating_mul(1_000_000_000))
}

impl ReadAccounts for Session {
    fn user(&self, id: UserId) -> Result<Option<User>> {
        self.query_one("user", select_user!("WHERE id = ?1"), [id.0.cast_signed()], user)
    }

    fn user_named(&self, key: &NameKey) -> Result<Option<User>> {
        self.query_one("user_named", select_user!("WHERE name_key = ?1"), [&key.0], user)
    }

    fn users(&self) -> Result<Vec<User>> {
        self.query("users", select_user!("ORDER BY id"), [], user)
    }

    fn system_users(&self) -> Result<Vec<(String, UserId)>> {
        self.query(
            "system_users",
            "SELECT system_user, id FROM user WHERE system_user IS NOT NULL ORDER BY system_user",
            [],
            |row| Ok((row.get(0)?, UserId(row.number(1)?))),
        )
    }

    fn group_named(&self, key: &NameKey) -> Result<Option<GroupRow>> {
        self.query_one(
            "group_named",
            "SELECT id, name, name_key FROM user_group WHERE name_key = ?1",
            [&key.0],
            group,
        )
    }

    fn groups(&self) -> Result<Vec<GroupRow>> {
        self.query("groups", "SELECT id, name, name_key FROM user_group ORDER BY id", [], group)
    }

    fn members(&self, group: GroupId) -> Result<Vec<UserId>> {
        self.query(
            "members",
            "SELECT user FROM membership WHERE user_group = ?1 ORDER BY user",
            [group.0.cast_signed()],
            |row| row.number(0).map(UserId),
        )
    }

    fn groups_of(&self, user: UserId) -> Result<Vec<GroupId>> {
        self.query(
            "groups_of",
            "SELECT user_group FROM membership WHERE user = ?1 ORDER BY user_group",
            [user.0.cast_signed()],
            |row| row.number(0).map(GroupId),
        )
    }

    fn grants(&self, folder: FolderId) -> Result<Vec<(Subject, Privilege)>> {
        self.query(
            "grants",
            "SELECT subject_kind, subject, privilege FROM privilege WHERE folder = ?1 ORDER BY subject_kind, subject",
            [folder.0.cast_signed()],
            |row| {
                let id = row.number(1)?;
                let subject =
                    if row.get(0)? { Subject::Group(GroupId(id)) } else { Subject::User(UserId(id)) };
                Ok((subject, privilege(row, 2)?))
            },
        )
    }

    fn privileges(&self, user: UserId, from: Origin) -> Result<Vec<(FolderId, Privilege)>> {
        let held = self.query(
            "privileges",
            "SELECT folder, privilege FROM privilege WHERE subject_kind = 0 AND subject = ?1
             UNION SELECT p.folder, p.privilege FROM membership m
                 JOIN privilege p ON p.subject_kind = 1 AND p.subject = m.user_group WHERE m.user = ?1
             ORDER BY 1",
            [user.0.cast_signed()],
            |row| Ok((FolderId(row.number(0)?), privilege(row, 1)?)),
        )?;
        let combined = held.chunk_by(|a, b| a.0 == b.0).map(|of_folder| {
            (of_folder[0].0, Privilege::combine(of_folder.iter().map(|(_, privilege)| *privilege)))
        });
        let held: Vec<_> = combined.filter(|(_, privilege)| *privilege != Privilege::None).collect();
        if from == Origin::Inside {
            return Ok(held);
        }
        let reach = self.reach()?;
        Ok(held.into_iter().filter(|(folder, _)| reach.reaches(*folder, from)).collect())
    }

    fn facts(&self, principal: Principal, folder: FolderId, now: Timestamp) -> Result<Facts> {
        if principal == Principal::SERVER {
            return self.server_facts(folder);
        }
        // A row for the account, and one for each privilege held on the folder.
        let rows = self.query(
            "facts",
            "SELECT u.administrator,
                 NOT u.disabled AND (?3 IS NULL OR (d.id IS NOT NULL
                     AND d.revoked_at IS NULL AND (d.expires_at IS NULL OR d.expires_at > ?4)
                     AND (d.kind <> 1 OR coalesce(d.last_seen_at, d.created_at) > iif(u.administrator, ?5, ?6)))),
                 p.privilege, coalesce(d.kind = 2, 0)
             FROM user u LEFT JOIN device d ON d.id = ?3 AND d.user = u.id
             LEFT JOIN privilege p ON p.folder = ?2 AND (
                 (p.subject_kind = 0 AND p.subject = u.id) OR
                 (p.subject_kind = 1 AND p.subject IN (SELECT user_group FROM membership m WHERE m.user = u.id)))
             WHERE u.id = ?1",
            params![
                principal.user.0.cast_signed(),
                folder.0.cast_signed(),
                principal.device.map(|id| id.0.cast_signed()),
                now.0,
                unused_since(now, true),
                unused_since(now, false)
            ],
            |row| {
                let held = match row.get::<_, Option<i64>>(2)? {
                    Some(_) => Some(privilege(row, 2)?),
                    None => None,
                };
                Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?, held, row.get::<_, bool>(3)?))
            },
        )?;
        let Some(&(administrator, active, _, is_app)) = rows.first() else {
            return Ok(Facts { active: false, administrator: false, privilege: Privilege::None });
        };
        let held = Privilege::combine(rows.into_iter().filter_map(|(_, _, held, _)| held));
        if let (true, Some(device)) = (is_app, principal.device) {
            let scope = self.scope_of(device)?;
            let privilege = scope.map_or(Privilege::None, |scope| scope.limit(folder, held));
            return self.reached_from(
                Facts { active, administrator: false, privilege },
                folder,
                principal.from,
            );
        }
        let administrator = administrator && active && self.administers_now(principal.user)?;
        self.reached_from(Facts { active, administrator, privilege: held }, folder, principal.from)
    }

    fn rights_generation(&self) -> Result<u64> {
        let generation =
            self.query_one("rights_generation", "SELECT generation FROM rights", [], |row| row.number(0))?;
        generation.ok_or_else(|| Error::new(ErrorKind::Corrupt, "rights_generation", "its row is gone"))
    }

    fn device(&self, id: DeviceId) -> Result<Option<DeviceRow>> {
        self.query_one("device", select_device!("WHERE id = ?1"), [id.0.cast_signed()], device)
    }

    fn device_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<DeviceRow>> {
        self.query_one("device_by_token", select_device!("WHERE token_hash = ?1"), [token_hash], device)
    }

    fn devices(&self, user: UserId) -> Result<Vec<DeviceRow>> {
        self.query("devices", select_device!("WHERE user = ?1 ORDER BY id"), [user.0.cast_signed()], device)
    }

    fn scope(&self, device: DeviceId) -> Result<Option<Scope>> {
        self.scope_of(device)
    }

    fn administers(&self, user: UserId) -> Result<bool> {
        self.administers_now(user)
    }

    fn credentials(&self, user: UserId) -> Result<Vec<CredentialRow>> {
        self.query(
            "credentials",
            "SELECT user, kind, label, secret, changed_at FROM credential WHERE user = ?1 ORDER BY kind, label",
            [user.0.cast_signed()],
            |row| {
                Ok(CredentialRow {
                    user: UserId(row.number(0)?),
                    kind: credential_kind(row, 1)?,
                    label: row.get(2)?,
                    secret: row.get(3)?,
                    changed_at: Timestamp(row.get(4)?),
                })
            },
        )
    }
}

impl Session {
    /// What the server itself may do: change the folders that have a plain directory.
    fn server_facts(&self, folder: FolderId) -> Result<Facts> {
        let has_plain_directory = self.query_one(
            "facts",
            "SELECT plain_directory IS NOT NULL FROM folder WHERE id = ?1",
            [folder.0.cast_signed()],
            |row| row.get(0),
        )?;
        let privilege = if has_plain_directory == Some(true) { Privilege::Write } else { Privilege::None };
        Ok(Facts { active: true, administrator: false, privilege })
    }
}

impl WriteAccounts for Session {
    fn create_user(&self, user: &NewUser) -> Result<UserId> {
        self.execute(
            "create_user",
            "INSERT INTO user (name, name_key, administrator, quota_bytes, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                user.name,
                &user.name_key.0,
                user.administrator,
                user.quota_bytes.map(u64::cast_signed),
                user.at.0
            ],
        )?;
        Ok(UserId(self.connection.last_insert_rowid().cast_unsigned()))
    }

    fn set_user(&self, user: &User) -> Result<()> {
        let changed = self.execute(
            "set_user",
            "UPDATE user SET name = ?2, name_key = ?3, administrator = ?4, disabled = ?5, quota_bytes = ?6,
                 system_user = ?7, upload_rate = ?8, download_rate = ?9
             WHERE id = ?1",
            params![
                user.id.0.cast_signed(),
                user.name,
                &user.name_key.0,
                user.administrator,
                user.disabled,
                user.quota_bytes.map(u64::cast_signed),
                user.system_user,
                rate_number(user.rates.upload),
                rate_number(user.rates.download)
            ],
        )?;
        found(changed, "set_user")
    }

    fn create_group(&self, name: &str, name_key: &NameKey) -> Result<GroupId> {
        self.execute(
            "create_group",
            "INSERT INTO user_group (name, name_key) VALUES (?1, ?2)",
            params![name, &name_key.0],
        )?;
        Ok(GroupId(self.connection.last_insert_rowid().cast_unsigned()))
    }

    fn delete_group(&self, id: GroupId) -> Result<()> {
        let id = id.0.cast_signed();
        self.execute("delete_group", "DELETE FROM privilege WHERE subject_kind = 1 AND subject = ?1", [id])?;
        let changed = self.execute("delete_group", "DELETE FROM user_group WHERE id = ?1", [id])?;
        found(changed, "delete_group")
    }

    fn add_member(&self, group: GroupId, user: UserId) -> Result<()> {
        self.execute(
            "add_member",
            "INSERT INTO membership (user_group, user) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            [group.0.cast_signed(), user.0.cast_signed()],
        )
        .map(drop)
    }

    fn remove_member(&self, group: GroupId, user: UserId) -> Result<()> {
        self.execute(
            "remove_member",
            "DELETE FROM membership WHERE user_group = ?1 AND user = ?2",
            [group.0.cast_signed(), user.0.cast_signed()],
        )
        .map(drop)
    }

    fn set_grant(&self, folder: FolderId, subject: Subject, privilege: Option<Privilege>) -> Result<()> {
        let (kind, subject) = subject_columns(subject);
        let folder = folder.0.cast_signed();
        match privilege {
            Some(privilege) => self.execute(
                "set_grant",
                "INSERT INTO privilege (folder, subject_kind, subject, privilege) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET privilege = excluded.privilege",
                [folder, kind, subject, privilege_number(privilege)],
            ),
            None => self.execute(
                "set_grant",
                "DELETE FROM privilege WHERE folder = ?1 AND subject_kind = ?2 AND subject = ?3",
                [folder, kind, subject],
            ),
        }
        .map(drop)
    }

    fn create_device(&self, device: &NewDevice) -> Result<DeviceId> {
        self.insert_device(device, DeviceKind::Device)
    }

    fn create_session(&self, device: &NewDevice) -> Result<DeviceId> {
        self.insert_device(device, DeviceKind::Session)
    }

    fn create_app_password(&self, device: &NewDevice, scope: &Scope) -> Result<DeviceId> {
        self.insert_app_password(device, scope)
    }

    fn touch_device(&self, id: DeviceId, at: Timestamp, address: &str) -> Result<()> {
        let changed = self.execute(
            "touch_device",
            "UPDATE device SET address = CASE WHEN ?3 = '' OR ?2 < last_seen_at THEN address ELSE ?3 END,
                 last_seen_at = max(?2, coalesce(last_seen_at, ?2)) WHERE id = ?1",
            params![id.0.cast_signed(), at.0, address],
        )?;
        found(changed, "touch_device")
    }

    fn revoke_device(&self, id: DeviceId, at: Timestamp) -> Result<()> {
        let changed = self.execute(
            "revoke_device",
            "UPDATE device SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1",
            params![id.0.cast_signed(), at.0],
        )?;
        found(changed, "revoke_device")
    }

    fn set_wipe(&self, id: DeviceId, wipe: Option<&Wipe>) -> Result<()> {
        self.update_wipe(id, wipe)
    }

    fn put_credential(&self, credential: &CredentialRow) -> Result<()> {
        self.execute(
            "put_credential",
            "INSERT INTO credential (user, kind, label, secret, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET secret = excluded.secret, changed_at = excluded.changed_at",
            params![
                credential.user.0.cast_signed(),
                credential_kind_number(credential.kind),
                credential.label,
                credential.secret,
                credential.changed_at.0
            ],
        )
        .map(drop)
    }

    fn delete_credential(&self, user: UserId, kind: CredentialKind, label: &str) -> Result<()> {
        let changed = self.execute(
            "delete_credential",
            "DELETE FROM credential WHERE user = ?1 AND kind = ?2 AND label = ?3",
            params![user.0.cast_signed(), credential_kind_number(kind), label],
        )?;
        found(changed, "delete_credential")
    }
}
