//! The kernel's own services, and the capabilities that they take.

use crate::suite::row::{Row, granted, powerless, refused};

const KEYS: (&str, &str) = ("kernel.ground", "kernel:keyring");
const PERF: (&str, &str) = ("kernel.ground", "kernel:perf");
const RING: (&str, &str) = ("kernel.ground", "kernel:io-uring");
const TIME: (&str, &str) = ("kernel.ground", "kernel:time");
const KEXEC: (&str, &str) = ("kernel.ground", "kernel:kexec");
const MODULE: (&str, &str) = ("kernel.ground", "kernel:module");

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    refused("no key is added to the session's", "", "", "add-key -3", KEYS).because("ground").ends("errno 126"),
    refused("no key is added to the user's", "", "", "add-key -4", KEYS).because("ground").ends("errno 126"),
    refused("the user's keys are not listed", "", "", "read-keys -4", KEYS).because("ground").ends("errno 126"),
    granted("keys are listed where that is granted", "kernel:keyring", "", "read-keys -4", KEYS),
    refused("events are not counted", "capability:CAP_SYS_ADMIN", "", "count-events", PERF).because("ground"),
    granted("events are counted where that is granted", "kernel:perf capability:CAP_SYS_ADMIN", "", "count-events", PERF),
    refused("no kernel thread works for a ring", "", "", "uring-poll", RING).because("ground"),
    granted("a kernel thread works for a ring where that is granted", "kernel:io-uring", "", "uring-poll", RING),
    refused("the kernel thread of a ring is governed", "kernel:io-uring file:read:@/in", "in/ out/secret", "uring-poll-read @/out/secret", ("file.read", "@/out/secret")),
    refused("no credentials are kept for a ring", "file:read:@", "a", "uring-borrow @/a", RING).because("ground"),
    refused("a driver gets no command from a ring", "", "", "uring-command /dev/null", RING).because("ground"),
    powerless("the clock is not set without the capability", "kernel:time", "", "set-clock", "capability:CAP_SYS_TIME"),
    refused("the clock is not set", "capability:CAP_SYS_TIME", "", "set-clock", TIME).because("ground"),
    granted("the clock is set where that is granted", "kernel:time capability:CAP_SYS_TIME", "", "set-clock", TIME),
    powerless("no other kernel is loaded without the capability", "kernel:kexec", "", "load-no-kernel", "capability:CAP_SYS_BOOT"),
    refused("no other kernel is loaded", "capability:CAP_SYS_BOOT", "", "load-no-kernel", KEXEC).because("ground"),
    granted("another kernel is loaded where that is granted", "kernel:kexec capability:CAP_SYS_BOOT", "", "load-no-kernel", KEXEC),
    powerless("no module is loaded without the capability", "kernel:module", "", "load-module dummy", "capability:CAP_SYS_MODULE"),
    refused("no module is loaded", "capability:CAP_SYS_MODULE", "", "load-module dummy", MODULE).because("ground"),
    granted("a module is loaded where that is granted", "kernel:module capability:CAP_SYS_MODULE", "", "load-module dummy", MODULE),
    powerless("the host keeps its name", "", "", "set-host-name", "capability:CAP_SYS_ADMIN"),
    granted("a granted capability is used", "capability:CAP_SYS_ADMIN", "", "set-host-name", ("capability.use", "capability:CAP_SYS_ADMIN")),
    powerless("the kernel's messages are not read", "", "", "read-kernel-log", "capability:CAP_SYSLOG"),
    powerless("hardware is not reached", "", "", "reach-hardware", "capability:CAP_SYS_RAWIO"),
    powerless("accounting is not stopped", "", "", "stop-accounting", "capability:CAP_SYS_PACCT"),
    powerless("nobody runs before all others", "", "", "become-urgent", "capability:CAP_SYS_NICE"),
    powerless("the kernel's page faults are not handled", "", "", "handle-faults", "capability:CAP_SYS_PTRACE"),
];
