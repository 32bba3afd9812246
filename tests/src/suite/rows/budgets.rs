//! Budgets: what is granted, but not for ever.

use crate::suite::row::{Row, granted, refused};

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    // The act's own program is the first execution.
    refused("executions end with their budget", "code:execute:/usr/bin/true limit:execs:3", "", "until-refused 4 exec /usr/bin/true", ("code.execute", "/usr/bin/true")).because("exhausted").ends("2 ok, then EDQUOT").ungoverned("4 ok"),
    refused("processes end with their budget", "limit:forks:2", "", "until-refused 4 in-child stat /", ("process.fork", "…")).because("exhausted").ends("2 ok, then EDQUOT").ungoverned("4 ok"),
    refused("a fork bomb ends with its budget", "limit:forks:20", "", "fork-tree 5", ("process.fork", "…")).because("exhausted").ends("EDQUOT"),
    refused("connections end with their budget", "network:loopback:47001 limit:connections:2", "", "until-refused 4 connect 127.0.0.1:47001", ("network.connect", "127.0.0.1:47001")).because("exhausted").ends("2 ok, then EDQUOT").ungoverned("4 ok"),
    refused("datagrams end with the budget of connections", "network:loopback:47001 limit:connections:2", "", "until-refused 4 send-to 127.0.0.1:47001", ("network.send", "127.0.0.1:47001")).because("exhausted").ends("2 ok, then EDQUOT").ungoverned("4 ok"),
    refused("connections to local sockets end with the same budget", "network:unix:/run limit:connections:2", "", "until-refused 4 connect-unix /run/gov-suite.stream", ("network.connect-unix", "/run/gov-suite.stream")).because("exhausted").ends("2 ok, then EDQUOT").ungoverned("4 ok"),
    refused("new files end with their budget", "file:write:@/in limit:files:2", "in/", "until-refused 4 create-another @/in", ("file.create", "@/in/2")).because("exhausted").ends("2 ok, then EDQUOT").ungoverned("4 ok"),
    granted("what is within a budget is granted", "file:write:@/in limit:files:2", "in/", "until-refused 2 create-another @/in", ("file.create", "@/in/1")).ends("2 ok").ungoverned("2 ok"),
    granted("a session stands while its refusals are suffered", "file:write:@/in file:read:/proc limit:refusals:3 limit:breaker:3:60s:forever", "in/a out/secret", "refused-then 2 @/out/secret append @/in/a", ("file.write", "@/in/a")),
];

/// Beside a daemon the act is frozen and killed before it can say how it ended (the scenes of the cut-off show that).
#[rustfmt::skip] // a table: one row a line
pub(super) const ALONE: &[Row] = &[
    refused("a session is over with its last refusal", "file:write:@/in limit:refusals:3", "in/a out/secret", "refused-then 3 @/out/secret append @/in/a", ("file.write", "@/in/a")).because("exhausted").ends("EDQUOT"),
    refused("a breaker opens with one refusal more than it suffers", "file:write:@/in limit:breaker:3:60s:forever", "in/a out/secret", "refused-then 4 @/out/secret append @/in/a", ("file.write", "@/in/a")).because("circuit-open").ends("EDQUOT"),
];
