//! Says in words what a scope lets a session do.

use gov_common::doors::Door;
use gov_common::limits::Budget;

use crate::scope::{Breaker, FileRight, Host, Limit, Ports, Prefix, Scope, door};

/// What a scope lets the session do, as the end of a sentence that begins with "may", or "may at most" for a limit.
pub(super) fn meaning(scope: &Scope) -> String {
    let at_ports =
        |ports: &Ports| if *ports == Ports::ALL { String::new() } else { format!(", port {ports}") };
    match scope {
        Scope::File(right, path) => {
            let verb = match right {
                FileRight::Read => "read",
                FileRight::Write => "write (and read)",
                FileRight::Execute => "execute (and read)",
            };
            format!("{verb} {path} and all below it")
        }
        Scope::External => "connect to any address outside this machine".to_owned(),
        Scope::Connect(Host::Prefix(prefix), ports) if prefix.bits() < Prefix::MAX_BITS => {
            format!("connect to any address in {prefix}{}", at_ports(ports))
        }
        Scope::Connect(host @ (Host::Name(_) | Host::Suffix(_)), ports) => {
            let ports = at_ports(ports);
            format!("connect to {host}{ports} (not enforceable yet: a session with it will not start)")
        }
        Scope::Connect(host, ports) => format!("connect to {host}{}", at_ports(ports)),
        Scope::Loopback(port) => {
            format!("connect to this machine's loopback{}", at_ports(&port.map_or(Ports::ALL, Ports::one)))
        }
        Scope::Listen(address, port) => {
            let address =
                address.map_or_else(|| "any address of this machine".to_owned(), |own| own.to_string());
            format!("listen on {address}{}", at_ports(&port.map_or(Ports::ALL, Ports::one)))
        }
        Scope::Unix(path) => format!("connect to local sockets at {path} and below it"),
        Scope::Shell => "run any shell that it may execute".to_owned(),
        Scope::Process(_) | Scope::Kernel(_) => {
            door(scope).map_or_else(|| format!("use {scope}"), |door| behind(door).to_owned())
        }
        Scope::Capability(name) => format!("use {name}, where its user has it"),
        Scope::Limit(Limit::Most(budget, most)) => match budget {
            Budget::Execs => format!("execute {most} times"),
            Budget::Forks => format!("start {most} processes"),
            Budget::Connections => format!("connect or send to an address {most} times"),
            Budget::Files => format!("create {most} names of files"),
            Budget::Refusals => format!("be refused {most} times, and then everything is"),
        },
        Scope::Limit(Limit::Breaker(Breaker { refusals, window, cooldown })) => {
            let lasts = cooldown.map_or_else(|| "for good".to_owned(), |time| format!("for {time}"));
            format!("be refused {refusals} times within {window}, and with one more everything is {lasts}")
        }
        Scope::Profile(_) => scope.to_string(),
    }
}

const fn behind(door: Door) -> &'static str {
    match door {
        Door::Never => "nothing",
        Door::Bpf => "use bpf(2)",
        Door::IoUring => "use io_uring's kernel thread, others' credentials in it, and commands to drivers",
        Door::Kexec => "load another kernel",
        Door::Keyring => "use the kernel's keys",
        Door::Module => "load kernel modules and firmware",
        Door::Mount => "change mounts",
        Door::Perf => "use perf_event_open(2)",
        Door::Time => "set this machine's clock",
        Door::UserNamespace => "make user namespaces",
        Door::Ipc => "use System V IPC with processes outside the session",
        Door::Signal => "signal processes outside the session",
        Door::Trace => "trace processes outside the session and read their memory",
    }
}
