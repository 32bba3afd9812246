//! Known limits: what is not kept from a session, each with a test that it is so. One that goes away fails its row.

use crate::suite::row::{Row, counted, known, powerless};

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    known("what a file outside is, is seen", "", "out/secret", "stat @/out/secret"),
    known("folders outside are entered", "", "out/secret", "enter @/out"),
    known("where a symlink outside leads is read", "", "out/link->secret", "read-link @/out/link"),
    known("the names of a file's attributes outside are read", "", "out/secret", "read-attributes @/out/secret"),
    known("whether a name outside is taken is told by the errno", "", "out/", "read @/out/secret").both("ENOENT"),
    counted("the names in a granted folder are seen, wherever they lead", "file:read:@/in", "in/link->../out/secret out/secret", "find @/in link", "@/in"),
    known("memory without a file is executed", "", "", "map-anonymous"),
    known("memory without a file is written, then executed", "", "", "write-then-execute"),
    known("how a stranger is scheduled is seen", "", "", "ask-scheduling $"),
    known("the machine's load and memory are seen", "", "", "ask-machine"),
    known("who of a terminal's session is in its foreground is changed", "file:write:/dev/ptmx file:write:/dev/pts", "", "take-foreground"),
    known("the network's links are seen", "", "", "ask-links"),
    powerless("what io_uring opens in an overlay's lower layer is not written to without capabilities", "file:write:/srv/gov-overlay/merged", "", "uring-append /srv/gov-overlay/merged/a", "capability:CAP_SYS_ADMIN"),
];
