//! Opening files: whatever the name that the caller writes, the object that it leads to is judged.

use crate::suite::row::{Row, counted, granted, powerless, refused};

const OUT: (&str, &str) = ("file.read", "@/out/secret");

/// More levels than the kernel walks.
macro_rules! deep {
    () => {
        concat!(ten!(), ten!(), ten!(), ten!(), ten!(), ten!(), ten!())
    };
}

macro_rules! ten {
    () => {
        "0/1/2/3/4/5/6/7/8/9/"
    };
}

/// A name of 63 bytes and what follows: with one byte more it fills a chunk of the policy's tree.
macro_rules! long {
    ($before:literal, $after:literal) => {
        concat!($before, "012345678901234567890123456789012345678901234567890123456789012", $after)
    };
}

/// A name of the greatest length.
macro_rules! longest {
    () => {
        concat!(fifty!(), fifty!(), fifty!(), fifty!(), fifty!(), "01234")
    };
}

macro_rules! fifty {
    () => {
        "01234567890123456789012345678901234567890123456789"
    };
}

/// A path of such names, almost as long as a path can be.
macro_rules! longest_path {
    () => {
        concat!(five!(), five!(), five!(), "a")
    };
}

macro_rules! five {
    () => {
        concat!(longest!(), "/", longest!(), "/", longest!(), "/", longest!(), "/", longest!(), "/")
    };
}

const LONG_SCOPE: &str = long!("file:write:@/", "1");
const LONG_GIVEN: &str = long!("", "2");
const LONG_ACT: &str = long!("write @/", "2");
const LONG_RECEIPT: (&str, &str) = ("file.write", long!("@/", "2"));
const LONGER_GIVEN: &str = long!("", "12");
const LONGER_ACT: &str = long!("write @/", "12");
const LONGER_RECEIPT: (&str, &str) = ("file.write", long!("@/", "12"));

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    counted("a granted file is read", "file:read:@/in", "in/a", "read @/in/a", "@/in"),
    granted("a granted file is written", "file:write:@/in", "in/a", "write @/in/a", ("file.write", "@/in/a")),
    granted("a file is created in a granted tree", "file:write:@/in", "in/", "create @/in/b", ("file.create", "@/in/b")),
    granted("a folder deep in a granted tree is granted", "file:write:@/in", "in/x/y/z/a", "write @/in/x/y/z/a", ("file.write", "@/in/x/y/z/a")),
    granted("a grant of one file grants that file", "file:write:@/in/a", "in/a", "write @/in/a", ("file.write", "@/in/a")),
    granted("a grant may precede its file", "file:write:@/in/new", "in/", "create @/in/new", ("file.create", "@/in/new")),
    refused("a file outside is not read", "file:read:@/in", "in/ out/secret", "read @/out/secret", OUT),
    refused("a folder outside is not listed", "file:read:@/in", "in/ out/secret", "list @/out", ("file.read", "@/out")),
    refused("a file outside is not written", "file:write:@/in", "in/ out/secret", "write @/out/secret", ("file.write", "@/out/secret")),
    refused("a file outside is not appended to", "file:write:@/in", "in/ out/secret", "append @/out/secret", ("file.write", "@/out/secret")),
    refused("a grant to read is none to write", "file:read:@/in", "in/a", "write @/in/a", ("file.write", "@/in/a")),
    refused("truncation on open is writing", "file:read:@/in", "in/a", "open-truncate @/in/a", ("file.write", "@/in/a")),
    refused("a sibling whose name starts alike is outside", "file:write:@/src", "src/ src-evil/a", "write @/src-evil/a", ("file.write", "@/src-evil/a")),
    refused("a file whose name a granted name starts with is outside", "file:write:@/source", "source/ src", "write @/src", ("file.write", "@/src")),
    refused("a grant of one file does not grant its neighbour", "file:write:@/in/a", "in/a in/ab", "write @/in/ab", ("file.write", "@/in/ab")),
    refused("dots lead out and are judged where they lead", "file:read:@/in", "in/ out/secret", "read @/in/../out/secret", OUT),
    refused("doubled slashes and dots change nothing", "file:read:@/in", "in/ out/secret", "read @//out/./secret", OUT),
    refused("a symlink is judged where it leads", "file:read:@/in", "in/link->../out/secret out/secret", "read @/in/link", OUT),
    refused("a symlinked folder is judged where it leads", "file:read:@/in", "in/link->../out out/secret", "read @/in/link/secret", OUT),
    granted("a symlink outside that leads in is granted", "file:write:@/in", "in/a out/link->../in/a", "write @/out/link", ("file.write", "@/in/a")),
    refused("/proc/self/root leads nowhere else", "file:read:@/in", "in/ out/secret", "read /proc/self/root@/out/secret", OUT),
    refused("/proc/self/cwd leads nowhere else", "file:read:@/in", "in/ out/secret", "read-relative @/out /proc/self/cwd/secret", OUT),
    refused("a relative path is judged where it leads", "file:read:@/in", "in/ out/secret", "read-relative @/in ../out/secret", OUT),
    refused("a path handle is opened again only in scope", "file:read:@/in", "in/ out/secret", "reopen @/out/secret", ("file.write", "@/out/secret")),
    refused("a path handle is opened to be read only in scope", "file:read:@/in", "in/ out/secret", "reopen-to-read @/out/secret", OUT),
    refused("a folder's handle leads nowhere else", "file:read:@/in", "in/ out/secret", "open-beneath @/out secret", OUT),
    powerless("a file is not opened by its number without the capability", "file:read:@", "a", "open-by-handle @/a", "capability:CAP_DAC_READ_SEARCH"),
    refused("a file outside is not opened by its number", "file:read:@/in capability:CAP_DAC_READ_SEARCH", "in/ out/secret", "open-by-handle @/out/secret", OUT),
    counted("a granted file is opened by its number", "file:read:@/in capability:CAP_DAC_READ_SEARCH", "in/a", "open-by-handle @/in/a", "@/in"),
    powerless("root without capabilities reads only its own", "file:read:@", "a=theirs", "read @/a", "capability:CAP_DAC_READ_SEARCH").ends("EACCES"),
    refused("an attribute of a file outside is not read", "file:read:@/in", "in/ out/secret=attribute", "read-attribute @/out/secret", OUT),
    refused("a file outside is not watched", "file:read:@/in", "in/ out/secret", "watch @/out/secret", OUT),
    refused("a folder outside is not watched", "file:read:@/in", "in/ out/secret", "watch @/out", ("file.read", "@/out")),
    counted("a granted folder is watched by its descriptor", "file:read:@/in", "in/a", "notify @/in", "@/in"),
    powerless("a file system is not watched without the capability", "file:read:@", "a", "watch-everything @", "capability:CAP_SYS_ADMIN"),
    refused("a file system outside is not watched", "file:read:@/in capability:CAP_SYS_ADMIN", "in/ out/", "watch-everything @/out", ("file.read", "@/out")),
    refused("the kernel's settings are not opened to be changed", "", "", "append /proc/sys/kernel/core_pattern", ("file.write", "/proc/sys/kernel/core_pattern")),
    refused("a thread is governed like its process", "file:read:@/in", "in/ out/secret", "in-thread read @/out/secret", OUT),
    refused("a child is governed like its parent", "file:read:@/in", "in/ out/secret", "in-child read @/out/secret", OUT),
    refused("a daemon is governed, whoever is its parent now", "file:read:@/in", "in/ out/secret", "as-daemon read @/out/secret", OUT),
    refused("a process is governed, whatever it calls itself", "file:read:@/in", "in/ out/secret", "renamed systemd read @/out/secret", OUT),
    refused("another user is governed like the first", "file:read:@/in capability:CAP_SETUID", "in/ out/secret", "as-user 65534 read @/out/secret", OUT),
    refused("io_uring opens nothing outside", "file:read:@/in", "in/ out/secret", "uring-read @/out/secret", OUT),
    counted("io_uring opens what is granted", "file:read:@/in", "in/a", "uring-read @/in/a", "@/in"),
    powerless("a changed root takes its capability", "file:read:@/in", "in/ out@/in/a", "read-chrooted @/out @/in/a", "capability:CAP_SYS_CHROOT"),
    refused("a changed root does not make a path look granted", "file:read:@/in capability:CAP_SYS_CHROOT", "in/ out@/in/a", "read-chrooted @/out @/in/a", ("file.read", "@/out@/in/a")),
    refused("an object deeper than can be judged is refused", "file:read:@/in", concat!("in/", deep!(), "a"), concat!("read @/in/", deep!(), "a"), ("file.read", "…")).because("too-deep"),
    refused("an object two hundred levels deep is refused", "file:read:@/in", concat!("in/", deep!(), deep!(), deep!(), "a"), concat!("read @/in/", deep!(), deep!(), deep!(), "a"), ("file.read", "…")).because("too-deep"),
    granted("the longest name is granted below a granted folder", "file:write:@/in", concat!("in/", longest!()), concat!("write @/in/", longest!()), ("file.write", concat!("@/in/", longest!()))),
    refused("the longest name outside is named in full", "file:write:@/in", concat!("in/ out/", longest!()), concat!("write @/out/", longest!()), ("file.write", concat!("@/out/", longest!()))),
    granted("a path of almost 4096 bytes is granted below a granted folder", "file:write:@/in", concat!("in/", longest_path!()), concat!("write @/in/", longest_path!()), ("file.write", concat!("@/in/", longest_path!()))),
    refused("a path of almost 4096 bytes outside is named in full", "file:write:@/in", concat!("in/ out/", longest_path!()), concat!("write @/out/", longest_path!()), ("file.write", concat!("@/out/", longest_path!()))),
    granted("a name that is no text is matched", "file:write:@/in\\xff", "in\\xff/a", "append-escaped @/in\\xff/a", ("file.write", "@/in\u{fffd}/a")),
    refused("a name that is no text is matched byte by byte", "file:write:@/in\\xff", "in\\xfe/a", "append-escaped @/in\\xfe/a", ("file.write", "@/in\u{fffd}/a")),
    refused("a long name is matched to its last byte", LONG_SCOPE, LONG_GIVEN, LONG_ACT, LONG_RECEIPT),
    refused("a name that goes on where a long granted one ends is another", LONG_SCOPE, LONGER_GIVEN, LONGER_ACT, LONGER_RECEIPT),
];
