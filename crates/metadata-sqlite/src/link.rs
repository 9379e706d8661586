//! Links.

use crate::account::{privilege, privilege_number};
use crate::error::corrupt;
use crate::folder::found;
use crate::session::{Columns, Session};
use metadata::link::{LinkPolicy, LinkRow, LinksOf, NewLink, ReadLinks, WriteLinks};
use metadata::{Error, ErrorKind, Result};
use model::{ContentId, FolderId, LinkId, LinkKind, NodeId, Timestamp, UserId};
use rusqlite::{Row, params};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, token_hash, folder, node, maker, kind, label, password, passwords, created_at, expires_at, \
             uses, uses_max, used_at, revoked_at, revision FROM link ",
            $rest
        )
    };
}

fn link(row: &Row<'_>) -> rusqlite::Result<LinkRow> {
    let maybe_moment = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp));
    Ok(LinkRow {
        id: LinkId(row.number(0)?),
        token_hash: row.array(1)?,
        folder: FolderId(row.number(2)?),
        node: NodeId(row.number(3)?),
        maker: UserId(row.number(4)?),
        kind: match row.get(5)? {
            0 => LinkKind::Read,
            1 => LinkKind::Drop,
            _ => return Err(corrupt(5, "not a kind of link")),
        },
        label: row.get(6)?,
        password: row.get(7)?,
        passwords: row.number(8)?,
        created_at: Timestamp(row.get(9)?),
        expires_at: maybe_moment(10)?,
        uses: row.number(11)?,
        uses_max: row.maybe_number(12)?,
        used_at: maybe_moment(13)?,
        revoked_at: maybe_moment(14)?,
        revision: row.number(15)?,
    })
}

fn kind_number(kind: LinkKind) -> i64 {
    match kind {
        LinkKind::Read => 0,
        LinkKind::Drop => 1,
    }
}

impl ReadLinks for Session {
    fn link(&self, id: LinkId) -> Result<Option<LinkRow>> {
        self.query_one("link", select!("WHERE id = ?1"), [id.0.cast_signed()], link)
    }

    fn link_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<LinkRow>> {
        self.query_one("link_by_token", select!("WHERE token_hash = ?1"), [token_hash], link)
    }

    fn links(&self, of: LinksOf, after: LinkId, limit: usize) -> Result<Vec<LinkRow>> {
        let (sql, id) = match of {
            LinksOf::Folder(folder) => (
                select!("WHERE folder = ?1 AND revoked_at IS NULL AND id > ?2 ORDER BY id LIMIT ?3"),
                folder.0,
            ),
            LinksOf::Maker(user) => {
                (select!("WHERE maker = ?1 AND revoked_at IS NULL AND id > ?2 ORDER BY id LIMIT ?3"), user.0)
            }
        };
        self.query("links", sql, params![id.cast_signed(), after.0.cast_signed(), limit as i64], link)
    }

    fn count_links(&self, maker: UserId) -> Result<u64> {
        let count = self.query_one(
            "count_links",
            "SELECT count(*) FROM link WHERE maker = ?1 AND revoked_at IS NULL",
            [maker.0.cast_signed()],
            |row| row.number(0),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn link_download(&self, link: LinkId, visitor: &str, content: ContentId) -> Result<Option<Timestamp>> {
        self.query_one(
            "link_download",
            "SELECT at FROM link_download WHERE link = ?1 AND visitor = ?2 AND content = ?3",
            params![link.0.cast_signed(), visitor, content.0],
            |row| row.get(0).map(Timestamp),
        )
    }

    fn link_policy(&self) -> Result<LinkPolicy> {
        let policy = self.query_one(
            "link_policy",
            "SELECT allowed, least, password_required, days_max FROM link_policy",
            [],
            |row| {
                Ok(LinkPolicy {
                    allowed: row.get(0)?,
                    least: privilege(row, 1)?,
                    password_required: row.get(2)?,
                    days_max: row.get(3)?,
                })
            },
        )?;
        policy.ok_or_else(|| Error::new(ErrorKind::Corrupt, "link_policy", "its row is gone"))
    }
}

impl WriteLinks for Session {
    fn create_link(&self, link: &NewLink) -> Result<LinkId> {
        let id = self.query_one(
            "create_link",
            "INSERT INTO link (token_hash, folder, node, maker, kind, label, password, created_at, expires_at, uses_max)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id",
            params![
                link.token_hash,
                link.folder.0.cast_signed(),
                link.node.0.cast_signed(),
                link.maker.0.cast_signed(),
                kind_number(link.kind),
                link.label,
                link.password,
                link.at.0,
                link.expires_at.map(|at| at.0),
                link.uses_max.map(u64::cast_signed),
            ],
            |row| row.number(0).map(LinkId),
        )?;
        id.ok_or_else(|| Error::new(ErrorKind::Corrupt, "create_link", "no id was given"))
    }

    fn set_link(&self, link: &LinkRow) -> Result<()> {
        let changed = self.execute(
            "set_link",
            "UPDATE link SET token_hash = ?2, kind = ?3, label = ?4, password = ?5, passwords = ?6, expires_at = ?7,
             uses_max = ?8, revision = revision + 1 WHERE id = ?1",
            params![
                link.id.0.cast_signed(),
                link.token_hash,
                kind_number(link.kind),
                link.label,
                link.password,
                link.passwords.cast_signed(),
                link.expires_at.map(|at| at.0),
                link.uses_max.map(u64::cast_signed),
            ],
        )?;
        found(changed, "set_link")
    }

    fn revoke_link(&self, id: LinkId, at: Timestamp) -> Result<()> {
        let changed = self.execute(
            "revoke_link",
            "UPDATE link SET revoked_at = coalesce(revoked_at, ?2), revision = revision + 1 WHERE id = ?1",
            [id.0.cast_signed(), at.0],
        )?;
        found(changed, "revoke_link")
    }

    fn use_link(&self, id: LinkId, at: Timestamp) -> Result<bool> {
        let changed = self.execute(
            "use_link",
            "UPDATE link SET uses = uses + 1, used_at = ?2 WHERE id = ?1 AND (uses_max IS NULL OR uses < uses_max)",
            [id.0.cast_signed(), at.0],
        )?;
        Ok(changed > 0)
    }

    fn put_link_download(
        &self,
        link: LinkId,
        visitor: &str,
        content: ContentId,
        at: Timestamp,
    ) -> Result<()> {
        self.execute(
            "put_link_download",
            "INSERT INTO link_download (link, visitor, content, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (link, visitor, content) DO UPDATE SET at = excluded.at",
            params![link.0.cast_signed(), visitor, content.0, at.0],
        )
        .map(drop)
    }

    fn forget_link_downloads(&self, before: Timestamp) -> Result<u64> {
        self.execute("forget_link_downloads", "DELETE FROM link_download WHERE at < ?1", [before.0])
            .map(|count| count as u64)
    }

    fn set_link_policy(&self, policy: &LinkPolicy) -> Result<()> {
        let changed = self.execute(
            "set_link_policy",
            "UPDATE link_policy SET allowed = ?1, least = ?2, password_required = ?3, days_max = ?4",
            params![
                policy.allowed,
                privilege_number(policy.least),
                policy.password_required,
                policy.days_max
            ],
        )?;
        found(changed, "set_link_policy")
    }
}
