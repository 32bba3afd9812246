//! Executing: programs, shells, and the other roads on which bytes become code.

use crate::suite::row::{Row, granted, powerless, refused};

const TRUE: &str = "in/ out/true=/usr/bin/true";
const SHELL: &str = "/usr/bin/dash";

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    granted("a granted program runs", "code:execute:@/in", "in/true=/usr/bin/true", "exec @/in/true", ("code.execute", "@/in/true")),
    refused("a program outside does not run", "code:execute:@/in", TRUE, "exec @/out/true", ("code.execute", "@/out/true")),
    refused("a grant to write is none to execute", "file:write:@/in", "in/true=/usr/bin/true", "exec @/in/true", ("code.execute", "@/in/true")),
    refused("a program made in a writable tree does not run", "file:write:@/in", "in/", "exec-copy /usr/bin/true @/in/new", ("code.execute", "@/in/new")),
    refused("the loader launches nothing outside", "code:execute:@/in", TRUE, "exec /lib64/ld-linux-x86-64.so.2 @/out/true", ("file.read", "@/out/true")).ends("exit 127"),
    refused("the loader launches nothing that is only readable", "file:read:@/out", TRUE, "exec /lib64/ld-linux-x86-64.so.2 @/out/true", ("code.map", "@/out/true")).ends("exit 127"),
    refused("a script's interpreter is judged too", "code:execute:@/in", "in/script=#!@/out/true out/true=/usr/bin/true", "exec @/in/script", ("code.execute", "@/out/true")),
    refused("memory without a name does not run", "file:read:/usr/bin/true", "in/", "exec-memfd /usr/bin/true", ("code.execute", "/memfd:gov-act")).because("anonymous-execution"),
    refused("a file outside is not mapped as code", "file:read:@/out", "out/a=/usr/bin/true", "map-code @/out/a", ("code.map", "@/out/a")),
    refused("a mapping is not made code later", "file:read:@/out", "out/a=/usr/bin/true", "map-then-protect @/out/a", ("code.map", "@/out/a")),
    granted("a granted file is mapped as code", "code:execute:@/in", "in/a=/usr/bin/true", "map-code @/in/a", ("code.map", "@/in/a")),
    refused("a shell in a granted tree does not run", "code:execute:@/in", "in/dash=/usr/bin/dash", "exec @/in/dash -c true", ("code.execute", "@/in/dash")).because("shell-not-granted"),
    refused("the system's shell does not run", "code:execute:/usr/bin", "in/", "exec /usr/bin/dash -c true", ("code.execute", SHELL)).because("shell-not-granted"),
    granted("a shell that a scope names runs", "code:execute:/usr/bin/dash", "in/", "exec /usr/bin/dash -c true", ("code.execute", SHELL)),
    granted("any shell runs where that is granted", "code:execute:/usr/bin shell:arbitrary", "in/", "exec /usr/bin/dash -c true", ("code.execute", SHELL)),
    refused("any shell is still no shell outside", "code:execute:@/in shell:arbitrary", "in/", "exec /usr/bin/dash -c true", ("code.execute", SHELL)),
    granted("a script runs with its interpreter", "code:execute:@/in", "in/script=#!@/in/true in/true=/usr/bin/true", "exec @/in/script", ("code.execute", "@/in/script")),
    refused("a program outside does not run through a descriptor", "code:execute:@/in", TRUE, "exec-descriptor @/out/true", ("code.execute", "@/out/true")),
    granted("a granted program runs through a descriptor", "code:execute:@/in", "in/true=/usr/bin/true", "exec-descriptor @/in/true", ("code.execute", "@/in/true")),
    refused("a program that has no name any more does not run", "file:write:@/in code:execute:@/in", "in/", "exec-deleted /usr/bin/true @/in/true", ("code.execute", "…")).because("anonymous-execution"),
    refused("a library outside is not preloaded", "code:execute:/usr/bin/true", "out/a.so=/lib/x86_64-linux-gnu/libm.so.6", "exec-preloaded @/out/a.so /usr/bin/true", ("file.read", "@/out/a.so")).ends("ok"),
    refused("a library that is only readable is not preloaded", "code:execute:/usr/bin/true file:read:@/out", "out/a.so=/lib/x86_64-linux-gnu/libm.so.6", "exec-preloaded @/out/a.so /usr/bin/true", ("code.map", "@/out/a.so")).ends("ok"),
    refused("a mapping is not made code by a personality", "file:read:@/out", "out/a=/usr/bin/true", "map-implied @/out/a", ("code.map", "@/out/a")),
    refused("a device is not mapped as code", "", "", "map-code /dev/zero", ("code.map", "/dev/zero")),
    refused("memory that has a descriptor is not mapped as code", "", "", "map-memfd", ("code.map", "/memfd:gov-act")).because("anonymous-execution"),
    granted("a program that gives root what it has runs", "code:execute:@/in", "in/true=setuid:/usr/bin/true", "exec @/in/true", ("code.execute", "@/in/true")),
    powerless("root does not become another user", "", "", "become-user 65534", "capability:CAP_SETUID"),
    powerless("root does not become a member of another group", "", "", "become-group 65534", "capability:CAP_SETGID"),
];
