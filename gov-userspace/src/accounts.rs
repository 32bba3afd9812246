//! The local accounts of /etc/passwd, as far as trust and sessions need them.

use std::path::PathBuf;

use thiserror::Error;

const PASSWD: &str = "/etc/passwd";

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The login name.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The home folder.
    pub home: PathBuf,
}

/// /etc/passwd could not be read.
#[derive(Debug, Error)]
#[error("cannot read the accounts in `{PASSWD}`: {0}")]
pub struct AccountsError(#[from] std::io::Error);

/// The accounts, in the file's order.
#[derive(Clone, Debug, Default)]
pub struct Accounts(Vec<Account>);

impl Accounts {
    /// Reads /etc/passwd. Accounts of a directory service are not in it; trust files name those by number.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub fn read() -> Result<Self, AccountsError> {
        Ok(Self::parse(&String::from_utf8_lossy(&std::fs::read(PASSWD)?)))
    }

    /// Reads passwd(5) lines; lines of another form are left out.
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(account).collect())
    }

    /// The account of this name.
    pub fn named(&self, name: &str) -> Option<&Account> {
        self.0.iter().find(|account| account.name == name)
    }

    /// The first account with this user id.
    pub fn with_uid(&self, uid: u32) -> Option<&Account> {
        self.0.iter().find(|account| account.uid == uid)
    }
}

fn account(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let (name, _password, uid) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
    let (_gid, _comment, home) = (fields.next()?, fields.next()?, fields.next()?);
    let named = !name.is_empty() && !name.starts_with(['#', '+', '-']);
    named.then(|| Account { name: name.to_owned(), uid, home: PathBuf::from(home) })
}

#[cfg(test)]
mod tests {
    use super::Accounts;
    use std::path::Path;

    #[test]
    fn accounts_are_found_by_name_and_number() {
        let text =
            "root:x:0:0:root:/root:/bin/bash\n# no line\n+nis\nalice:x:1000:1000:A,,,:/home/alice:/bin/sh\n";
        let accounts = Accounts::parse(text);
        assert_eq!(accounts.named("alice").unwrap().uid, 1000);
        assert_eq!(accounts.with_uid(1000).unwrap().home, Path::new("/home/alice"));
        assert_eq!(accounts.with_uid(0).unwrap().name, "root");
        assert!(accounts.named("bob").is_none() && accounts.with_uid(1).is_none());
    }
}
