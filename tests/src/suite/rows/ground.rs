//! The ground that enforcement stands on. `%` stands for the folder of the cgroup tree's root, `$` for a process
//! outside every session.

use crate::suite::row::{Row, free, granted, powerless, refused};

const MOUNT: (&str, &str) = ("kernel.mount", "kernel:mount");
const TRACE: (&str, &str) = ("process.trace", "process:trace");

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
    powerless("no file system is set up by fsopen without the capability", "kernel:mount", "", "fsopen", "capability:CAP_SYS_ADMIN"),
    refused("no file system is set up by fsopen", "capability:CAP_SYS_ADMIN", "", "fsopen", MOUNT).because("ground").ends("errno 12"),
    refused("no device is made", "file:write:@/in", "in/", "mknod-device @/in/null", ("file.create", "@/in/null")).because("ground"),
    refused("a device that may be written to is not taken away", "file:write:@", "null=device", "unlink @/null", ("file.unlink", "@/null")).because("ground"),
    refused("a device that may be written to is not replaced", "file:write:@", "null=device a", "rename @/a @/null", ("file.rename", "@/a")).because("ground"),
    refused("a device's mode is not changed", "file:write:@", "null=device", "chmod @/null", ("file.change-mode", "@/null")).because("ground"),
    granted("a device that may be written to is written to", "file:write:@", "null=device", "write @/null", ("file.write", "@/null")),
    free("a process of its own is sent a signal", "signal-child"),
    refused("pinned hooks are not touched", "file:write:/sys/fs/bpf", "", "mkdir /sys/fs/bpf/gov-suite-probe", ("file.create-directory", "/sys/fs/bpf/gov-suite-probe")).because("ground"),
    powerless("no mount namespace is made", "", "", "in-mounts stat /", "capability:CAP_SYS_ADMIN"),
    refused("a mount namespace of its own shows nothing", "file:read:@/in capability:CAP_SYS_ADMIN", "in/a", "in-mounts read @/in/a", ("file.read", "…")).because("foreign-mount"),
    refused("nothing is mounted", "file:write:@/in capability:CAP_SYS_ADMIN", "in/", "in-mounts mount @/in", MOUNT).because("ground"),
    refused("no folder is bound to another place", "file:write:@/in capability:CAP_SYS_ADMIN", "in/ out/secret", "in-mounts bind @/out @/in", MOUNT).because("ground"),
    refused("nothing is laid over a folder", "file:write:@/in capability:CAP_SYS_ADMIN", "in/ out/secret", "in-mounts overlay @/out @/in", MOUNT).because("ground"),
    refused("a mount is not made private", "capability:CAP_SYS_ADMIN", "", "in-mounts make-private /", MOUNT).because("ground"),
    refused("a copy of a tree is not moved to another place", "file:write:@/in file:read:@/out capability:CAP_SYS_ADMIN", "in/ out/secret", "in-mounts move-mount @/out @/in", MOUNT).because("ground"),
    refused("the root is not exchanged", "file:write:@/in capability:CAP_SYS_ADMIN", "in/", "in-mounts pivot-root @/in", MOUNT).because("ground"),
    granted("a mount is made where that is granted", "file:write:@/in kernel:mount capability:CAP_SYS_ADMIN", "in/", "in-mounts mount @/in", MOUNT),
    granted("the root is exchanged where that is granted", "file:write:@/in kernel:mount capability:CAP_SYS_ADMIN", "in/", "in-mounts pivot-root @/in", MOUNT),
    powerless("no copy of a tree is made", "file:read:@", "a", "read-detached @ a", "capability:CAP_SYS_ADMIN"),
    refused("a copy of a tree that is nowhere shows nothing", "file:read:@ capability:CAP_SYS_ADMIN", "a", "read-detached @ a", ("file.read", "…")).because("foreign-mount"),
    powerless("what a mount allows is not changed", "", "", "set-mount-attributes /", "capability:CAP_SYS_ADMIN"),
    refused("a stranger's mounts are not entered", "file:read:/proc capability:CAP_SYS_ADMIN capability:CAP_SYS_CHROOT", "", "enter-mounts $", TRACE).because("ground"),
    refused("no user namespace is made", "", "", "in-user stat /", ("kernel.ground", "kernel:user-namespace")).because("ground"),
    granted("a user namespace is made where that is granted", "kernel:user-namespace", "", "in-user stat /", ("kernel.ground", "kernel:user-namespace")),
    powerless("a user namespace of its own gives no capability", "kernel:user-namespace", "", "in-user in-mounts stat /", "capability:CAP_SYS_ADMIN"),
    powerless("no cgroup namespace is made", "", "", "in-cgroups stat /", "capability:CAP_SYS_ADMIN"),
    refused("a cgroup namespace of its own frees nobody", "file:read:@/in capability:CAP_SYS_ADMIN", "in/ out/secret", "in-cgroups read @/out/secret", ("file.read", "@/out/secret")),
    powerless("no network namespace is made", "", "", "in-network stat /", "capability:CAP_SYS_ADMIN"),
    refused("no cgroup is made within", "file:read:/proc file:write:%", "", "nest-cgroup", ("file.create-directory", "…/gov-suite-probe")).because("cgroup-escape"),
    refused("no kernel program or map is made", "capability:CAP_BPF", "", "bpf", ("kernel.ground", "kernel:bpf")).because("ground"),
    powerless("a map is not made without the capability", "kernel:bpf", "", "bpf", "capability:CAP_BPF"),
    granted("a map is made where that is granted", "kernel:bpf capability:CAP_BPF", "", "bpf", ("kernel.ground", "kernel:bpf")),
    refused("what is pinned is not taken", "file:write:/sys/fs/bpf capability:CAP_BPF", "", "take-pin /sys/fs/bpf/gov-suite-map", ("kernel.ground", "kernel:bpf")).because("ground"),
];
