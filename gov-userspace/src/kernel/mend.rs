//! Mends what root changed behind the daemon's back: pins that were taken away, sessions that the hooks were told
//! otherwise of. Root can stop enforcement; it cannot do so unseen.

use gov_common::abi::Session;

use super::error::KernelError;
use super::load::Kernel;
use super::sessions::{Sessions, Slot};
use super::wire::Wire;

/// One thing that was found to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interference<S = Slot> {
    /// What, in words, and why it could not be mended.
    pub what: String,
    /// Whether it is as it was again.
    pub mended: bool,
    /// The session that it concerns; `None` for all of them.
    pub slot: Option<S>,
    /// Whether everything was judged all the same.
    pub enforced: bool,
}

impl Kernel {
    /// Looks whether all that keeps sessions governed is as it was left, and puts back what is not.
    pub fn mend(&mut self) -> Vec<Interference> {
        let mut found = self.sessions.mend();
        let (names, error) = self.pins.restore();
        if !names.is_empty() {
            let pins = if let [one] = names.as_slice() {
                format!("the pin of the hook {one} was removed")
            } else {
                format!("the pins of {} hooks were removed", names.len())
            };
            // The daemon holds the links too.
            found.push(interference(&pins, error, None, true));
        }
        match self.repin_maps() {
            Ok(names) if names.is_empty() => {}
            outcome => {
                let what = "the pins that another daemon would go on with were removed";
                found.push(interference(what, outcome.err(), None, true));
            }
        }
        found
    }
}

impl Sessions {
    /// Puts back what the hooks are told of sessions, where it was changed.
    fn mend(&mut self) -> Vec<Interference> {
        let mut found = Vec::new();
        let told = self.maps.control.get(&0, 0).map(|control| control.0);
        if told.is_ok_and(|told| told != self.told) {
            let outcome = self.maps.control.set(0, Wire(self.told), 0);
            let error = outcome.err().map(KernelError::map("tell the hooks again where sessions are"));
            found.push(interference(
                "what tells the hooks where sessions are was changed",
                error,
                None,
                false,
            ));
        }
        for (slot, bound) in &self.bound {
            let stands: Result<Wire<Session>, _> = self.maps.sessions.get(&Wire(bound.cgroup_id), 0);
            if stands.is_ok_and(|stands| stands.0 == bound.session) {
                continue;
            }
            let outcome = self.maps.sessions.insert(Wire(bound.cgroup_id), Wire(bound.session), 0);
            let error = outcome.err().map(KernelError::map("bind the session again"));
            let what = "what tells the hooks of the session was changed";
            found.push(interference(what, error, Some(Slot(*slot)), false));
        }
        found
    }
}

fn interference(what: &str, error: Option<KernelError>, slot: Option<Slot>, enforced: bool) -> Interference {
    let mended = error.is_none();
    let what = match error {
        None => format!("{what}, and put back"),
        Some(error) => format!("{what}, and could not be put back: {error}"),
    };
    Interference { what, mended, slot, enforced }
}
