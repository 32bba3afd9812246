//! The ground that enforcement stands on. `%` stands for the folder of the cgroup tree's root, `$` for a process
//! outside every session.

use crate::suite::row::{Row, free, granted, refused};

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    refused("a task does not move itself out of its cgroup", "file:write:%", "", "join-cgroup %", ("session.leave-cgroup", "%/cgroup.procs")).because("cgroup-escape"),
    refused("a cgroup outside is not made", "file:write:%", "", "mkdir %/gov-suite-probe", ("file.create-directory", "%/gov-suite-probe")).because("cgroup-escape"),
    refused("a child is not started into another cgroup", "file:read:%", "", "clone-into-cgroup %", ("session.leave-cgroup", "…")).because("cgroup-escape"),
    refused("a stranger is not traced", "", "", "trace $", ("process.trace", "…")).because("ground"),
    refused("a stranger's memory is not opened", "file:read:/proc", "", "read-memory $", ("process.trace", "…")).because("ground"),
    refused("a stranger is not sent a signal", "", "", "signal $", ("process.signal", "…")).because("ground"),
    refused("a stranger is not sent a signal through its descriptor", "", "", "signal-descriptor $", ("process.signal", "…")).because("ground"),
    refused("a file is not told to send a stranger a signal", "", "", "own-file $", ("process.signal", "…")).because("ground"),
    refused("a file is not told so by ioctl", "", "", "own-file-ioctl $", ("process.signal", "…")).because("ground"),
    refused("nothing is typed into a terminal", "file:write:/dev/ptmx", "", "type", ("terminal.type", "…")).because("ground"),
    refused("a stranger's limits are not lowered", "", "", "limit $", ("process.limit", "…")).because("ground"),
    refused("a stranger is not made slower", "", "", "renice $", ("process.limit", "…")).because("ground"),
    refused("a file is not made immutable", "file:write:@", "a", "set-flags @/a", ("kernel.ground", "…")).because("ground"),
    refused("the network is not set up by ioctl", "", "", "set-link-up", ("kernel.ground", "…")).because("ground"),
    refused("no file system is set up by fsopen", "", "", "fsopen", ("kernel.mount", "…")).because("ground").ends("errno 12"),
    refused("no device is made", "file:write:@/in", "in/", "mknod-device @/in/null", ("file.create", "@/in/null")).because("ground"),
    refused("a device that may be written to is not taken away", "file:write:@", "null=device", "unlink @/null", ("file.unlink", "@/null")).because("ground"),
    refused("a device that may be written to is not replaced", "file:write:@", "null=device a", "rename @/a @/null", ("file.rename", "@/a")).because("ground"),
    refused("a device's mode is not changed", "file:write:@", "null=device", "chmod @/null", ("file.change-mode", "@/null")).because("ground"),
    granted("a device that may be written to is written to", "file:write:@", "null=device", "write @/null", ("file.write", "@/null")),
    free("a process of its own is sent a signal", "signal-child"),
    refused("pinned hooks are not touched", "file:write:/sys/fs/bpf", "", "mkdir /sys/fs/bpf/gov-suite-probe", ("file.create-directory", "/sys/fs/bpf/gov-suite-probe")).because("ground"),
    refused("nothing is mounted", "file:write:@/in", "in/", "mount @/in", ("kernel.mount", "…")).because("ground"),
    refused("no kernel program or map is made", "", "", "bpf", ("kernel.ground", "…")).because("ground"),
];
