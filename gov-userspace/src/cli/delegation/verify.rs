//! `gov delegation verify`: whether a delegation holds, and whether it counts on this host.

use std::path::PathBuf;

use jiff::Timestamp;

use super::super::out::print;
use super::super::{Exit, Failure};
use super::{Chain, refused};
use crate::accounts::Accounts;
use crate::delegation::{instant, verify_chain, written};
use crate::guarded::ROOT;
use crate::trust::{self, TrustRoots, authorize};

#[derive(clap::Args, Debug)]
pub(super) struct Verify {
    #[command(flatten)]
    chain: Chain,
    /// Check it at this time, as in `2026-11-22T00:00:00.000Z`, instead of now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// Check, too, whether it counts on this host when this user uses it (name or number).
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The folder of trusted keys.
    #[arg(long, value_name = "FOLDER", default_value = trust::FOLDER, env = "GOV_TRUST", hide_short_help = true)]
    trust: PathBuf,
}

impl Verify {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let name = self.chain.files.last().map(|path| path.display().to_string()).unwrap_or_default();
        let now = self.at.unwrap_or_else(Timestamp::now);
        let verified = verify_chain(self.chain.read()?, now).map_err(|error| refused(&name, &error))?;
        let delegation = verified.delegation();
        let mut text = format!(
            "{} holds: signed by {}, valid until {}\n",
            delegation.id,
            delegation.issuer.did(),
            written(delegation.not_after)
        );
        match &self.user {
            None => text.push_str(&format!(
                "its root key is {}; whether that is trusted was not asked (--user)\n",
                verified.root().issuer
            )),
            Some(user) => {
                let roots = TrustRoots::load(&self.trust, ROOT)
                    .map_err(|error| Failure::because(Exit::Unknown, "the trusted keys", &error))?;
                let authorized = authorize(&verified, uid(user)?, &roots)
                    .map_err(|error| Failure::because(Exit::DoesNotHold, format!("`{name}`"), &error))?;
                text.push_str(&format!(
                    "it counts on this host for {user}: trusted by `{}`\n",
                    authorized.root
                ));
            }
        }
        print(&text)?;
        Ok(Exit::Success)
    }
}

fn uid(user: &str) -> Result<u32, Failure> {
    if let Ok(uid) = user.parse() {
        return Ok(uid);
    }
    let accounts = Accounts::read().map_err(|error| Failure::because(Exit::Unknown, "the users", &error))?;
    accounts.named(user).map(|account| account.uid).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`--user {user}`"), "there is no such local user")
            .remedy("name one of /etc/passwd, or a number")
    })
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    instant(text).ok_or("no time in UTC with milliseconds, as in `2026-11-22T00:00:00.000Z`")
}
