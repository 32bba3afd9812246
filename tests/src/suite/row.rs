//! A row of the suite, as data: the delegation, what is there before, the act, and what must come of it.

/// One act under one delegation. `@` in every text stands for the row's own folder.
#[derive(Clone, Debug)]
pub struct Row {
    /// What holds, as a sentence.
    pub name: &'static str,
    /// The delegation's scopes, separated by blanks, beside those that let the act's own program run.
    pub scopes: &'static str,
    /// What is there before the act, separated by blanks: `file`, `folder/`, `link->target`, `program=/bin/true`,
    /// `null=device` for a device like /dev/null, `file=theirs` for another user's, `file=attribute` for one with an attribute, `program=setuid:/bin/true` and
    /// `program=capable:/bin/true` for programs that would give their caller more. `\xNN` stands for a byte.
    pub given: &'static str,
    /// The act, as `gov-act` takes it.
    pub act: &'static str,
    /// How the act must end ungoverned.
    pub control: &'static str,
    /// How it must end governed.
    pub outcome: &'static str,
    /// The receipt that must be in the log: action (none where empty), object, reason.
    pub receipt: (&'static str, &'static str, &'static str),
    /// The first kernel, by its series, that has such an act.
    pub came: Option<(u32, u32)>,
    /// The first kernel, by its series, that has no such act any more.
    pub gone: Option<(u32, u32)>,
}

/// A row whose act is refused with EACCES because no scope grants it.
pub const fn refused(
    name: &'static str,
    scopes: &'static str,
    given: &'static str,
    act: &'static str,
    receipt: (&'static str, &'static str),
) -> Row {
    let receipt = (receipt.0, receipt.1, "out-of-scope");
    Row { name, scopes, given, act, control: "ok", outcome: "EACCES", receipt, came: None, gone: None }
}

/// A row whose act a scope grants.
pub const fn granted(
    name: &'static str,
    scopes: &'static str,
    given: &'static str,
    act: &'static str,
    receipt: (&'static str, &'static str),
) -> Row {
    let receipt = (receipt.0, receipt.1, "granted");
    Row { name, scopes, given, act, control: "ok", outcome: "ok", receipt, came: None, gone: None }
}

/// A row whose act only reads and is granted: such reads are counted, and the first in a folder is recorded.
pub const fn counted(
    name: &'static str,
    scopes: &'static str,
    given: &'static str,
    act: &'static str,
    folder: &'static str,
) -> Row {
    let receipt = ("file.read-directory", folder, "");
    Row { name, scopes, given, act, control: "ok", outcome: "ok", receipt, came: None, gone: None }
}

/// A row whose act is refused with EPERM because it takes a capability that no scope grants.
pub const fn powerless(
    name: &'static str,
    scopes: &'static str,
    given: &'static str,
    act: &'static str,
    capability: &'static str,
) -> Row {
    let receipt = ("capability.use", capability, "out-of-scope");
    Row { name, scopes, given, act, control: "ok", outcome: "EPERM", receipt, came: None, gone: None }
}

/// A row whose act succeeds although no scope speaks of it: a known limit.
pub const fn known(name: &'static str, scopes: &'static str, given: &'static str, act: &'static str) -> Row {
    let receipt = ("", "", "granted");
    Row { name, scopes, given, act, control: "ok", outcome: "ok", receipt, came: None, gone: None }
}

/// A row whose act takes no scope and leaves no receipt of its own.
pub const fn free(name: &'static str, act: &'static str) -> Row {
    Row {
        name,
        scopes: "",
        given: "",
        act,
        control: "ok",
        outcome: "ok",
        receipt: ("", "", "granted"),
        came: None,
        gone: None,
    }
}

impl Row {
    /// The same row, refused for another reason.
    #[must_use]
    pub const fn because(mut self, reason: &'static str) -> Self {
        self.receipt.2 = reason;
        self
    }

    /// The same row, with another outcome under the delegation.
    #[must_use]
    pub const fn ends(mut self, outcome: &'static str) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same row, with another outcome without one.
    #[must_use]
    pub const fn ungoverned(mut self, outcome: &'static str) -> Self {
        self.control = outcome;
        self
    }

    /// The same row, with another outcome whether governed or not.
    #[must_use]
    pub const fn both(mut self, outcome: &'static str) -> Self {
        self.control = outcome;
        self.outcome = outcome;
        self
    }

    /// The same row, only for kernels before one.
    #[must_use]
    pub const fn before(mut self, series: (u32, u32)) -> Self {
        self.gone = Some(series);
        self
    }

    /// The same row, only for kernels from one on.
    #[must_use]
    pub const fn from(mut self, series: (u32, u32)) -> Self {
        self.came = Some(series);
        self
    }

    /// Whether a kernel has the act.
    pub fn is_for(&self, series: (u32, u32)) -> bool {
        self.came.is_none_or(|came| series >= came) && self.gone.is_none_or(|gone| series < gone)
    }

    /// Whether the act must be granted.
    pub fn is_granted(&self) -> bool {
        matches!(self.receipt.2, "granted" | "")
    }
}
