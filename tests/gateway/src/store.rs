//! Counters in `SQLite` that only grow: what survives a restart, if the volume does.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

/// How long a write waits for that of another process (a `counter` tool beside the server).
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS monotone (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID";
const BUMP: &str = "INSERT INTO monotone (name, value) VALUES (?1, 1) \
                    ON CONFLICT (name) DO UPDATE SET value = value + 1";

/// Where the database is: `sqlite:<path>`, the only form of the real server's that is understood here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUrl(PathBuf);

/// The URL isn't one of a database file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the database URL {scheme:?}… is not supported by this test fixture; use sqlite:/absolute/path")]
pub struct UrlError {
    /// The part before the first colon: the rest may hold a password.
    scheme: String,
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let path = text.strip_prefix("sqlite:").and_then(|rest| rest.split('?').next());
        let path = path.map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            Some(path) if path.starts_with('/') => Ok(Self(PathBuf::from(path))),
            _ => Err(UrlError { scheme: text.split(':').next().unwrap_or_default().to_owned() }),
        }
    }
}

impl DatabaseUrl {
    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Why the database couldn't be used.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} the database {}; check that its directory is a writable volume", path.display())]
pub struct StoreError {
    action: &'static str,
    path: PathBuf,
    source: rusqlite::Error,
}

/// The counters' values.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// How often the server started with this database.
    pub starts: u64,
    /// A number for tests to raise.
    pub counter: u64,
}

/// One of the [`Counters`].
#[derive(Clone, Copy, Debug)]
pub enum Counter {
    /// [`Counters::starts`].
    Starts,
    /// [`Counters::counter`].
    Generic,
}

/// An open database.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

/// Whether a missing database is made or is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Make it.
    Create,
    /// Fail: a new database would hide that the old one is lost.
    Fail,
}

impl Store {
    /// Opens the database with a write-ahead log, so that a tool can read while the server writes.
    pub fn open(url: &DatabaseUrl, missing: IfMissing) -> Result<Self, StoreError> {
        let path = url.path().to_owned();
        let create =
            if missing == IfMissing::Create { OpenFlags::SQLITE_OPEN_CREATE } else { OpenFlags::empty() };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
        let open = || {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            // FULL: a committed number outlives a power cut, not only a killed process.
            connection.pragma_update(None, "synchronous", "full")?;
            connection.execute(SCHEMA, [])?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Self { connection, path }),
            Err(source) => Err(StoreError { action: "open", path, source }),
        }
    }

    /// Adds one to `counter`, durably.
    pub fn bump(&self, counter: Counter) -> Result<(), StoreError> {
        self.connection.execute(BUMP, [counter.name()]).map_err(|source| self.error("write", source))?;
        Ok(())
    }

    /// The counters' values; one that was never raised is 0.
    pub fn counters(&self) -> Result<Counters, StoreError> {
        Ok(Counters { starts: self.value(Counter::Starts)?, counter: self.value(Counter::Generic)? })
    }

    /// Moves the log into the database and closes it, so that a single clean file is left.
    pub fn close(self) -> Result<(), StoreError> {
        let Self { connection, path } = self;
        // A reader in another process makes this a partial checkpoint, which the last one to close completes.
        let checkpoint = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let closed = connection.close().map_err(|(_, source)| source);
        checkpoint.and(closed).map_err(|source| StoreError { action: "close", path, source })
    }

    fn value(&self, counter: Counter) -> Result<u64, StoreError> {
        let sql = "SELECT ifnull((SELECT value FROM monotone WHERE name = ?1), 0)";
        let value: i64 = self
            .connection
            .query_row(sql, [counter.name()], |row| row.get(0))
            .map_err(|source| self.error("read", source))?;
        Ok(value.unsigned_abs())
    }

    fn error(&self, action: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError { action, path: self.path.clone(), source }
    }
}

impl Counter {
    const fn name(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::Generic => "counter",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_other_databases_are_refused_without_their_password() {
        for (text, path) in [
            ("sqlite:/var/openshell/openshell.db", "/var/openshell/openshell.db"),
            ("sqlite:///a/b.db", "/a/b.db"),
            ("sqlite:/a/b.db?mode=rwc", "/a/b.db"),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap().path(), Path::new(path));
        }
        for text in ["postgres://u:passw0rd@h/d", "sqlite:relative.db", "sqlite::memory:", ""] {
            let message = text.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(!message.contains("passw0rd"), "{message}");
        }
    }

    #[test]
    fn counters_grow_over_reopening_and_leave_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let url: DatabaseUrl = format!("sqlite:{}/c.db", directory.path().display()).parse().unwrap();
        for starts in 1..=3 {
            let store = Store::open(&url, IfMissing::Create).unwrap();
            store.bump(Counter::Starts).unwrap();
            let tool = Store::open(&url, IfMissing::Fail).unwrap();
            tool.bump(Counter::Generic).unwrap();
            tool.close().unwrap();
            assert_eq!(store.counters().unwrap(), Counters { starts, counter: starts });
            store.close().unwrap();
            let files = std::fs::read_dir(directory.path()).unwrap().count();
            assert_eq!(files, 1, "the log was not checkpointed");
        }
    }

    #[test]
    fn a_missing_database_is_an_error_that_names_it() {
        let url: DatabaseUrl = "sqlite:/nonexistent/c.db".parse().unwrap();
        let message = Store::open(&url, IfMissing::Fail).unwrap_err().to_string();
        assert!(message.contains("/nonexistent/c.db"), "{message}");
    }
}
