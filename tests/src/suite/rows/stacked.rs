//! Stacked file systems: what lies in an overlay goes by its own names, and nobody is lent its mounter's power.

use crate::suite::row::{Row, counted, granted, powerless, refused};

const MERGED: &str = "file:write:/srv/gov-overlay/merged";
const A: &str = "/srv/gov-overlay/merged/a";

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    granted("a file of an overlay's lower layer is written to", MERGED, "", "append /srv/gov-overlay/merged/a", ("file.write", A)),
    granted("the mode of a file of an overlay's lower layer is changed", MERGED, "", "chmod /srv/gov-overlay/merged/a", ("file.change-mode", A)),
    granted("a file of an overlay's lower layer is moved", MERGED, "", "rename /srv/gov-overlay/merged/a /srv/gov-overlay/merged/c", ("file.rename", A)),
    granted("a file of an overlay's lower layer is removed", MERGED, "", "unlink /srv/gov-overlay/merged/a", ("file.unlink", A)),
    granted("an overlay is judged by its own names, not by those of its layers", MERGED, "", "create /srv/gov-overlay/merged/b", ("file.create", "/srv/gov-overlay/merged/b")),
    granted("code of an overlay's lower layer is mapped", "code:execute:/srv/gov-overlay/merged", "", "map-then-protect /srv/gov-overlay/merged/program", ("code.map", "/srv/gov-overlay/merged/program")),
    counted("a file of an overlay's lower layer is read", "file:read:/srv/gov-overlay/merged", "", "read /srv/gov-overlay/merged/a", "/srv/gov-overlay/merged"),
    refused("a file of an overlay is not written to without a grant", "file:read:/srv/gov-overlay/merged", "", "append /srv/gov-overlay/merged/a", ("file.write", A)),
    refused("a grant of an overlay's layer is none of the overlay", "file:write:/srv/gov-overlay/lower", "", "append /srv/gov-overlay/merged/a", ("file.write", A)),
    refused("a grant of an overlay is none of its layers", MERGED, "", "append /srv/gov-overlay/lower/a", ("file.write", "/srv/gov-overlay/lower/a")),
    refused("code of an overlay's lower layer is not mapped without a grant", "file:read:/srv/gov-overlay/merged", "", "map-then-protect /srv/gov-overlay/merged/program", ("code.map", "/srv/gov-overlay/merged/program")),
    powerless("an overlay lends nobody the power of its mounter", "file:read:/srv/gov-overlay/merged", "", "read /srv/gov-overlay/merged/theirs", "capability:CAP_DAC_READ_SEARCH").ends("EACCES"),
    powerless("access(2) says what the task may itself", "file:read:/srv/gov-overlay/merged", "", "access /srv/gov-overlay/merged/theirs", "capability:CAP_DAC_READ_SEARCH").ends("EACCES"),
];
