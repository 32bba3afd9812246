//! Which class of OCSF an act is of, and which of the class's activities.

/// A class of events, with what is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// File System Activity.
    File,
    /// Process Activity.
    Process,
    /// Network Activity.
    Network,
    /// Base Event: what none of the others is for.
    Base,
}

/// An activity of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Activity {
    pub(super) class: Class,
    /// `activity_id`.
    pub(super) id: u64,
}

/// `activity_id` of what the class has no name for; `activity_name` has ours then.
pub(super) const OTHER: u64 = 99;

impl Class {
    /// `category_uid`.
    pub(super) const fn category(self) -> u64 {
        match self {
            Self::File | Self::Process => 1,
            Self::Network => 4,
            Self::Base => 0,
        }
    }

    /// `class_uid`.
    pub(super) const fn uid(self) -> u64 {
        match self {
            Self::File => 1001,
            Self::Process => 1007,
            Self::Network => 4001,
            Self::Base => 0,
        }
    }

    /// The name of one of its activities, as the schema has it.
    pub(super) const fn activity(self, id: u64) -> Option<&'static str> {
        Some(match (self, id) {
            (Self::File, 1) => "Create",
            (Self::File, 2) => "Read",
            (Self::File, 3) => "Update",
            (Self::File, 4) => "Delete",
            (Self::File, 5) => "Rename",
            (Self::File, 6) => "Set Attributes",
            (Self::File, 7) => "Set Security",
            (Self::Process, 1) => "Launch",
            (Self::Process, 3) | (Self::Network, 1) => "Open",
            (Self::Process, 5) => "Set User ID",
            (Self::Network, 6) => "Traffic",
            (Self::Network, 7) => "Listen",
            _ours => return None,
        })
    }
}

/// The activity that an action of a receipt is.
pub(super) fn activity(action: &str) -> Activity {
    let (class, id) = match action {
        "file.create" | "file.create-directory" | "file.create-symlink" | "file.link" => (Class::File, 1),
        "file.read" | "file.read-directory" => (Class::File, 2),
        "file.write" | "file.truncate" => (Class::File, 3),
        "file.unlink" | "file.remove-directory" => (Class::File, 4),
        "file.rename" => (Class::File, 5),
        "file.change-times" | "file.change-attributes" => (Class::File, 6),
        "file.change-mode" | "file.change-owner" => (Class::File, 7),
        "file.receive" | "code.map" => (Class::File, OTHER),
        "code.execute" | "code.executed" | "process.fork" => (Class::Process, 1),
        "process.trace" => (Class::Process, 3),
        "code.gain-privilege" => (Class::Process, 5),
        "process.signal" | "process.limit" | "process.ipc" => (Class::Process, OTHER),
        "network.connect" | "network.connect-unix" => (Class::Network, 1),
        "network.send" => (Class::Network, 6),
        "network.bind" | "network.listen" => (Class::Network, 7),
        "network.create-socket" => (Class::Network, OTHER),
        _beyond => (Class::Base, OTHER),
    };
    Activity { class, id }
}

#[cfg(test)]
mod tests {
    use super::{Class, OTHER, activity};
    use gov_common::event::Action;

    #[test]
    fn each_action_on_files_code_and_the_network_has_its_class() {
        for action in Action::ALL {
            let found = activity(action.name());
            let expected = match action.name().split('.').next().unwrap() {
                "file" => Class::File,
                "network" => Class::Network,
                "process" => Class::Process,
                "code" if action == Action::MapCode => Class::File,
                "code" => Class::Process,
                _beyond => Class::Base,
            };
            assert_eq!(found.class, expected, "{}", action.name());
            assert_eq!(found.class.activity(found.id).is_none(), found.id == OTHER, "{}", action.name());
        }
    }
}
