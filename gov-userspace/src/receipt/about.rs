//! What an act is about where no file and no address is: a door, a capability, a budget, another process.

use gov_common::doors::Door;
use gov_common::event::Action;
use gov_common::limits::Budget;

use crate::event::Event;
use crate::scope::capability_scope;

/// The door, capability or budget of this event, as the scope that opens, grants or limits it starts.
pub(super) fn about(event: &Event) -> Option<String> {
    match event.action {
        Action::Capability => Some(capability_scope(event.detail)),
        Action::Budget => budget(event).map(|budget| format!("limit:{}", budget.name())),
        _any => door(event).map(str::to_owned),
    }
}

/// The scope that opens the door that this event went through, or found shut.
pub(super) fn door(event: &Event) -> Option<&'static str> {
    if !(on_process(event.action) || matches!(event.action, Action::Mount | Action::Ground)) {
        return None;
    }
    let door = usize::try_from(event.detail).ok().and_then(|number| Door::ALL.get(number))?;
    door.scope()
}

/// The budget that this event tells of.
pub(super) fn budget(event: &Event) -> Option<Budget> {
    usize::try_from(event.detail).ok().and_then(|number| Budget::ALL.get(number)).copied()
}

/// The process that was acted on.
pub(super) fn target(event: &Event) -> Option<u32> {
    (on_process(event.action) && event.target != 0).then_some(event.target)
}

const fn on_process(action: Action) -> bool {
    matches!(action, Action::Trace | Action::Signal | Action::Limit | Action::Ipc)
}
