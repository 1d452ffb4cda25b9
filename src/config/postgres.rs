//! What is odd about the way to a server of PostgreSQL.

use std::path::{Path, PathBuf};

use crate::journal::{Database, DatabaseFile, ServerUrl};
use crate::private_file;

/// What the operator should know and what keeps no server from starting, a sentence each.
pub(super) fn oddities(database: &Database<DatabaseFile, ServerUrl>, replica: Option<&ServerUrl>) -> Vec<String> {
    let Database::Postgres(url) = database else {
        return Vec::new();
    };
    // Set to nothing is as not set.
    let passwords = std::env::var_os("PGPASSFILE").filter(|name| !name.is_empty());
    let unused = passwords
        .map(PathBuf::from)
        .and_then(|file| unused_password_file(&file));
    let urls = [("DATABASE_URL", Some(url)), ("DATABASE_READ_URL", replica)];
    let unprotected = urls
        .into_iter()
        .filter(|(_, url)| url.is_some_and(ServerUrl::is_open_to_others));
    let unprotected = unprotected.map(|(name, _)| {
        format!(
            "{name} names another machine without sslmode=verify-full: who is in between can read and change what is sent"
        )
    });
    unused.into_iter().chain(unprotected).collect()
}

/// Why a file of passwords is not used: sqlx passes over it.
fn unused_password_file(file: &Path) -> Option<String> {
    let name = file.display();
    if std::fs::File::open(file).is_err() {
        return Some(format!("PGPASSFILE names {name}, which cannot be read"));
    }
    private_file::is_open_to_others(file).then(|| {
        format!("PGPASSFILE names {name}, which other users of this machine may read, and is not used: chmod 600")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd_is_told() {
        let oddities = |url: &str, replica: &str| {
            let replica = replica.parse().unwrap();
            oddities(&Database::Postgres(url.parse().unwrap()), Some(&replica))
        };
        let (here, elsewhere) = (
            "postgres://ann@localhost/class",
            "postgres://ann:seekrit@db.example/class",
        );
        assert_eq!(oddities(here, here), [""; 0]);
        for (url, replica, name) in [
            (elsewhere, here, "DATABASE_URL "),
            (here, elsewhere, "DATABASE_READ_URL "),
        ] {
            let [told] = &oddities(url, replica)[..] else {
                panic!("one sentence");
            };
            assert!(
                told.starts_with(name) && told.contains("sslmode=verify-full") && !told.contains("seekrit"),
                "{told}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_passwords_that_is_not_used_is_told() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        assert!(unused_password_file(&file).unwrap().contains("cannot be read"));
        std::fs::write(&file, "").unwrap();
        for (mode, part) in [(0o644, Some("chmod 600")), (0o600, None)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let told = unused_password_file(&file);
            assert_eq!(
                told.as_ref().map(|told| told.contains("chmod 600")),
                part.map(|_| true),
                "{told:?}"
            );
        }
    }
}
