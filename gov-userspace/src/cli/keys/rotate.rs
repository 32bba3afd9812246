//! `gov keys rotate` and `gov keys seal`: another key in the place of one, and one in a place where nobody copies it.

use jiff::Timestamp;

use super::{Places, log_key, own_key};
use crate::cli::daemon::{Socket, out_of_turn, reply};
use crate::cli::out::print;
use crate::cli::{Exit, Failure};
use crate::control::message::{Reply, Request};
use crate::daemon::rotate_log_key_alone;
use crate::keystore;

#[derive(clap::Args, Debug)]
pub(super) struct Rotate {
    /// The daemon's key that signs logs, instead of your own (as root). Sessions that run keep the old one to the end of
    /// their logs; it is destroyed then.
    #[arg(long)]
    log: bool,
    #[command(flatten)]
    socket: Socket,
    #[command(flatten)]
    places: Places,
}

impl Rotate {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        if !self.log {
            return self.own();
        }
        must_be_root("gov keys rotate --log")?;
        // A daemon that is there and goes away before it answers may have done it.
        let (old, new) = match self.socket.connect() {
            Ok(mut daemon) => match reply(daemon.ask(Request::RotateLogKey {}))? {
                Reply::Rotated(rotated) => (rotated.old, rotated.new),
                _other => return Err(out_of_turn()),
            },
            Err(failure) if failure.exit == Exit::NoDaemon => {
                let rotated = rotate_log_key_alone(&self.places.state);
                let (old, new) = rotated.map_err(|error| {
                    Failure::new(Exit::Failed, "the key that signs logs", format!("{error:#}"))
                })?;
                (old.to_string(), new.to_string())
            }
            Err(failure) => return Err(failure),
        };
        anstream::eprintln!(
            "gov: key {old} signed that another follows it; sessions that run keep it to their ends"
        );
        anstream::eprintln!("gov: hand on how: `gov keys export --log --chain`");
        print(&format!("{new}\n"))?;
        Ok(Exit::Success)
    }

    fn own(&self) -> Result<Exit, Failure> {
        let chain = keystore::rotate_user_key(&self.places.trust, Timestamp::now());
        let chain = chain.map_err(|error| own_key(&error))?;
        let Some(link) = chain.links().last() else { return Ok(Exit::Success) };
        anstream::eprintln!("gov: key {} signed that another follows it, and was destroyed", link.old);
        if !rustix::process::geteuid().is_root() {
            anstream::eprintln!(
                "gov: hosts that trust it take the new one with `gov keys export --chain > chain`, `sudo gov keys trust --continuity chain`"
            );
        }
        print(&format!("{}\n", link.new))?;
        Ok(Exit::Success)
    }
}

#[derive(clap::Args, Debug)]
pub(super) struct Seal {
    /// The daemon's key that signs logs: the only one that is sealed.
    #[arg(long, required = true)]
    log: bool,
    #[command(flatten)]
    places: Places,
}

impl Seal {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        must_be_root("gov keys seal --log")?;
        let (path, key) = keystore::seal_log_key(&self.places.state).map_err(|error| log_key(&error))?;
        let path = path.display();
        anstream::eprintln!(
            "gov: only this host's TPM opens `{path}`; the plain key was overwritten and removed"
        );
        anstream::eprintln!(
            "gov: govd opens it by itself at its next start; to have systemd open it: `LoadCredentialEncrypted=log.key:{path}`"
        );
        print(&format!("{key}\n"))?;
        Ok(Exit::Success)
    }
}

fn must_be_root(line: &str) -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let why = "only root may change it";
    Err(Failure::new(Exit::Failed, "the key that signs logs", why).remedy(format!("`sudo {line}`")))
}
