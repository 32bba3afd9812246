//! Writes the receipt of a kernel event, its fields in canonical order.

use std::borrow::Cow;

use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::{EACCES, EAGAIN, EDQUOT, EKEYEXPIRED, EKEYREVOKED, Reason};

use super::about::{about, budget, target};
use super::{Encoder, FORMAT, remedy};
use crate::canonical::Writer;
use crate::event::{Address, Event, Extra, Object, Task};
use crate::scope::most;

/// Appends the line of `event` to `out`.
pub(super) fn write(event: &Event, encoder: &Encoder, index: u64, out: &mut Vec<u8>) {
    let refused = event.reason != Reason::Granted;
    let decision = event.action.is_decision();
    let about = about(event);
    Writer::new(out).object(None, |line| {
        if let Some(text) = &about {
            line.text("about", text);
        }
        line.text("action", event.action.name());
        if let Some(far) = &event.address {
            address(far, line);
        }
        if let Extra::Arguments(arguments) = &event.extra {
            argv(arguments, event.extra_cut, line);
        }
        line.decimal("boot", event.time_ns);
        if decision {
            line.text("class", event.action.kind().name());
        }
        if event.decider != event.session {
            line.integer("decider", event.decider);
        }
        line.written("delegation", &encoder.delegation);
        if refused && !event.enforced {
            line.truth("enforced", false);
        }
        if refused && let Some(name) = errno_name(event.action, event.reason) {
            line.text("errno", name);
        }
        if let Some(scope) = remedy(event, &encoder.granted) {
            line.text("grant", &scope);
        }
        line.integer("index", index);
        line.text("kind", kind(event.action));
        let limited = (event.action == Action::Budget).then(|| budget(event)).flatten();
        if let Some(most) = limited.and_then(|budget| most(&encoder.granted, budget)) {
            line.integer("most", most.into());
        }
        if let Some(file) = &event.object {
            object(file, line);
        }
        if decision {
            line.text("reason", event.reason.name());
        }
        scope(event, about.as_deref(), encoder, line);
        if event.action == Action::Break && event.target != 0 {
            line.integer("seconds", event.target.into());
        }
        line.integer("sequence", event.sequence);
        line.written("session", &encoder.session);
        if let Some(process) = target(event) {
            line.integer("target", process.into());
        }
        task(&event.task, line);
        if let Extra::Path(path) = &event.extra {
            line.object(Some("to"), |to| {
                if event.extra_cut {
                    to.truth("cut", true);
                }
                bytes("hex", "path", path, to);
            });
        }
        if event.action == Action::Budget {
            line.integer("used", event.target.into());
        }
        line.integer("v", FORMAT);
        if decision {
            line.text("verdict", if refused { "deny" } else { "allow" });
        }
        line.text("wall", &encoder.wall.text);
        if event.wanted != Rights::NONE {
            line.array("wanted", |wanted| {
                for (right, name) in RIGHTS {
                    if event.wanted.covers(right) {
                        wanted.element(name);
                    }
                }
            });
        }
    });
}

/// The rights by name; an array keeps the order that it is written in.
const RIGHTS: [(Rights, &str); 4] = [
    (Rights::READ, "read"),
    (Rights::WRITE, "write"),
    (Rights::EXECUTE, "execute"),
    (Rights::CONNECT, "connect"),
];

fn kind(action: Action) -> &'static str {
    match action {
        Action::ReadDirectory => "directory",
        Action::Executed => "executed",
        Action::Armed => "armed",
        Action::Budget => "budget",
        Action::Break => "break",
        _decision => "decision",
    }
}

/// The scope that granted it.
fn scope(event: &Event, about: Option<&str>, encoder: &Encoder, line: &mut Writer<'_>) {
    let scopes = &encoder.facts.scopes;
    if let Some(index) = event.scope {
        match scopes.get(usize::from(index)) {
            Some(text) => line.text("scope", text),
            // Not one of the policy's scopes: said as it is, and a verifier refuses it.
            None => line.text("scope", &format!("#{index}")),
        }
    } else if event.reason == Reason::Granted
        && let Some(text) = about.filter(|text| scopes.iter().any(|scope| scope == text))
    {
        // The kernel keeps doors and capabilities as bits, without the places of their scopes.
        line.text("scope", text);
    }
}

/// What the task was told.
fn errno_name(action: Action, reason: Reason) -> Option<&'static str> {
    match reason.errno() {
        0 => None,
        // Whether a task has a capability is a yes or no within the kernel, and whoever asked says EPERM.
        _refused if action == Action::Capability => Some("EPERM"),
        EAGAIN => Some("EAGAIN"),
        EACCES => Some("EACCES"),
        EDQUOT => Some("EDQUOT"),
        EKEYEXPIRED => Some("EKEYEXPIRED"),
        EKEYREVOKED => Some("EKEYREVOKED"),
        _unknown => None,
    }
}

fn address(address: &Address, line: &mut Writer<'_>) {
    line.object(Some("address"), |field| {
        field.integer("family", address.family.into());
        if let Some(ip) = address.ip {
            field.text("ip", &ip.to_string());
            field.integer("port", address.port.into());
        }
        match address.protocol {
            0 => {}
            6 => field.text("protocol", "tcp"),
            17 => field.text("protocol", "udp"),
            number => field.text("protocol", &number.to_string()),
        }
    });
}

fn argv(arguments: &[Vec<u8>], cut: bool, line: &mut Writer<'_>) {
    line.array("argv", |argv| {
        for argument in arguments {
            argv.element(&shown(argument));
        }
    });
    if cut {
        line.truth("argv_cut", true);
    }
    if arguments.iter().any(|argument| std::str::from_utf8(argument).is_err()) {
        line.hex("argv_hex", &arguments.join(&0));
    }
}

fn object(object: &Object, line: &mut Writer<'_>) {
    line.object(Some("object"), |field| {
        if object.cut {
            field.truth("cut", true);
        }
        if object.device != 0 {
            field.text("device", &device(object.device));
        }
        let path = shown(&object.path);
        if matches!(path, Cow::Owned(_)) {
            field.hex("hex", &object.path);
        }
        if object.inode != 0 {
            field.integer("inode", object.inode);
        }
        field.text("path", &path);
        if object.unlinked {
            field.truth("unlinked", true);
        }
    });
}

/// A device as `/proc/self/mountinfo` shows it, `major:minor`.
pub(super) fn device(device: u32) -> String {
    let mut digits = itoa::Buffer::new();
    let mut text = String::with_capacity(12);
    text.push_str(digits.format(device >> 20));
    text.push(':');
    text.push_str(digits.format(device & 0xf_ffff));
    text
}

fn task(task: &Task, line: &mut Writer<'_>) {
    line.object(Some("task"), |field| {
        let comm = shown(&task.comm);
        field.text("comm", &comm);
        if matches!(comm, Cow::Owned(_)) {
            field.hex("comm_hex", &task.comm);
        }
        field.integer("gid", task.gid.into());
        field.integer("parent", task.parent.into());
        field.integer("pid", task.pid.into());
        field.decimal("start", task.start_ns);
        field.integer("tid", task.tid.into());
        field.integer("uid", task.uid.into());
    });
}

/// Bytes as text, with the bytes themselves in hexadecimal before it where they are not UTF-8.
fn bytes(hex: &str, text: &str, bytes: &[u8], field: &mut Writer<'_>) {
    let shown = shown(bytes);
    if matches!(shown, Cow::Owned(_)) {
        field.hex(hex, bytes);
    }
    field.text(text, &shown);
}

/// Bytes as text: borrowed where they are UTF-8, which almost all are and which is seen faster than where they are
/// not, and otherwise made up.
fn shown(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_error| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
