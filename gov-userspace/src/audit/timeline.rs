//! What happened in a session one after the other: acts of the same kind on the same thing in a row are one moment.

use super::words::{arguments, incident, number, path, repeats, text, what};
use crate::canonical::{self, CanonicalError, Value};

/// One moment of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When it began, RFC 3339.
    pub wall: String,
    /// What kind of moment it is.
    pub sort: Sort,
    /// What happened.
    pub what: String,
    /// On what, or with which details.
    pub object: String,
    /// The arguments of an execution.
    pub argv: Vec<String>,
    /// How often in a row.
    pub count: u64,
}

/// Kinds of moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The session's own life.
    Life,
    /// A granted act.
    Act,
    /// A refused one.
    Refusal,
    /// What befell the session.
    Incident,
}

/// The moments so far.
#[derive(Debug)]
pub struct Timeline {
    moments: Vec<Moment>,
    acts: usize,
    most: usize,
    omitted: u64,
}

impl Timeline {
    /// With so many granted acts, and so many other moments, at most; what is more is counted.
    pub const fn new(most: usize) -> Self {
        Self { moments: Vec::new(), acts: 0, most, omitted: 0 }
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// [`CanonicalError`] if it is no receipt; the timeline goes on without it.
    pub fn take(&mut self, line: &[u8]) -> Result<(), CanonicalError> {
        let receipt = canonical::parse(line)?;
        if let Some(moment) = moment(&receipt) {
            self.add(moment);
        }
        Ok(())
    }

    fn add(&mut self, moment: Moment) {
        if let Some(last) = self.moments.last_mut()
            && (last.sort, &last.what, &last.object, &last.argv)
                == (moment.sort, &moment.what, &moment.object, &moment.argv)
        {
            last.count = last.count.saturating_add(1);
            return;
        }
        let is_act = moment.sort == Sort::Act;
        let kept = if is_act { self.acts } else { self.moments.len().saturating_sub(self.acts) };
        // The session's own life is a handful of moments, and its end comes last: always kept.
        if kept >= self.most && moment.sort != Sort::Life {
            self.omitted = self.omitted.saturating_add(1);
            return;
        }
        self.acts = self.acts.saturating_add(usize::from(is_act));
        self.moments.push(moment);
    }

    /// The moments in order, and how many more there were.
    pub fn finish(self) -> (Vec<Moment>, u64) {
        (self.moments, self.omitted)
    }
}

/// What a receipt adds. Granted reads are counted elsewhere, and of an execution the confirmed one is told.
fn moment(receipt: &Value<'_>) -> Option<Moment> {
    let mut argv = Vec::new();
    let (sort, what, object) = match text(receipt, "kind") {
        "start" => (Sort::Life, "session starts".to_owned(), String::new()),
        "armed" => (
            Sort::Life,
            "enforcement begins".to_owned(),
            receipt.field("object").map(path).unwrap_or_default(),
        ),
        "close" => {
            let reason = receipt.field("ending").map_or("", |ending| text(ending, "reason"));
            (Sort::Life, "session is closed".to_owned(), reason.to_owned())
        }
        "executed" => {
            argv = arguments(receipt);
            (Sort::Act, "code.executed".to_owned(), receipt.field("object").map(path).unwrap_or_default())
        }
        "decision" => {
            let refused = text(receipt, "verdict") != "allow";
            if !refused && matches!(text(receipt, "class"), "read" | "execute") {
                return None;
            }
            let sort = if refused { Sort::Refusal } else { Sort::Act };
            (sort, text(receipt, "action").to_owned(), what(receipt))
        }
        "repeated" => {
            let (what, object) = (text(receipt, "action").to_owned(), repeats(receipt));
            let (wall, count) = (text(receipt, "wall").to_owned(), number(receipt, "count"));
            return Some(Moment { wall, sort: Sort::Refusal, what, object, argv, count });
        }
        _other => {
            let (what, details) = incident(receipt)?;
            (Sort::Incident, what.to_owned(), details)
        }
    };
    Some(Moment { wall: text(receipt, "wall").to_owned(), sort, what, object, argv, count: 1 })
}

#[cfg(test)]
mod tests {
    use super::Timeline;

    fn decision(object: &str, verdict: &str) -> String {
        format!(
            r#"{{"action":"file.write","class":"write","kind":"decision","object":{{"path":"{object}"}},"verdict":"{verdict}"}}"#
        )
    }

    #[test]
    fn the_same_in_a_row_is_one_moment_and_what_is_too_much_is_counted() {
        let mut timeline = Timeline::new(2);
        for object in ["/a", "/a", "/b", "/a", "/c"] {
            timeline.take(decision(object, "allow").as_bytes()).unwrap();
        }
        timeline.take(decision("/d", "deny").as_bytes()).unwrap();
        timeline.take(br#"{"kind":"close"}"#).unwrap();
        let (moments, omitted) = timeline.finish();
        let told: Vec<_> = moments.iter().map(|moment| (moment.object.as_str(), moment.count)).collect();
        assert_eq!(told, [("/a", 2), ("/b", 1), ("/d", 1), ("", 1)]);
        assert_eq!(omitted, 2);
    }
}
