//! Executing: programs, shells, and the other roads on which bytes become code.

use crate::suite::row::{Row, free, granted, refused};

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
    free("a just-in-time compiler maps memory without a file", "map-anonymous"),
    refused("memory without a name does not run", "file:read:/usr/bin/true", "in/", "exec-memfd /usr/bin/true", ("code.execute", "/memfd:gov-act")).because("anonymous-execution"),
    refused("a file outside is not mapped as code", "file:read:@/out", "out/a=/usr/bin/true", "map-code @/out/a", ("code.map", "@/out/a")),
    refused("a mapping is not made code later", "file:read:@/out", "out/a=/usr/bin/true", "map-then-protect @/out/a", ("code.map", "@/out/a")),
    granted("a granted file is mapped as code", "code:execute:@/in", "in/a=/usr/bin/true", "map-code @/in/a", ("code.map", "@/in/a")),
    refused("a shell in a granted tree does not run", "code:execute:@/in", "in/dash=/usr/bin/dash", "exec @/in/dash -c true", ("code.execute", "@/in/dash")).because("shell-not-granted"),
    refused("the system's shell does not run", "code:execute:/usr/bin", "in/", "exec /usr/bin/dash -c true", ("code.execute", SHELL)).because("shell-not-granted"),
    granted("a shell that a scope names runs", "code:execute:/usr/bin/dash", "in/", "exec /usr/bin/dash -c true", ("code.execute", SHELL)),
    granted("any shell runs where that is granted", "code:execute:/usr/bin shell:arbitrary", "in/", "exec /usr/bin/dash -c true", ("code.execute", SHELL)),
    refused("any shell is still no shell outside", "code:execute:@/in shell:arbitrary", "in/", "exec /usr/bin/dash -c true", ("code.execute", SHELL)),
];
