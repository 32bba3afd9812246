//! Changing the tree: creating, naming, moving and removing, and what a file's inode says about it.

use crate::suite::row::{Row, granted, refused};

#[rustfmt::skip] // a table: one row a line
pub(super) const ROWS: &[Row] = &[
    refused("a file outside is not created", "file:write:@/in", "in/ out/", "create @/out/b", ("file.create", "@/out/b")),
    refused("a pipe outside is not created", "file:write:@/in", "in/ out/", "mknod @/out/b", ("file.create", "@/out/b")),
    refused("a folder outside is not created", "file:write:@/in", "in/ out/", "mkdir @/out/b", ("file.create-directory", "@/out/b")),
    granted("a granted folder is created", "file:write:@/in", "in/", "mkdir @/in/b", ("file.create-directory", "@/in/b")),
    refused("a folder outside is not removed", "file:write:@/in", "in/ out/b/", "rmdir @/out/b", ("file.remove-directory", "@/out/b")),
    refused("a file outside is not removed", "file:write:@/in", "in/ out/a", "unlink @/out/a", ("file.unlink", "@/out/a")),
    granted("a granted file is removed", "file:write:@/in", "in/a", "unlink @/in/a", ("file.unlink", "@/in/a")),
    refused("a grant to read is none to remove", "file:read:@/in", "in/a", "unlink @/in/a", ("file.unlink", "@/in/a")),
    refused("a symlink outside is not created", "file:write:@/in", "in/ out/", "symlink @/in @/out/link", ("file.create-symlink", "@/out/link")),
    granted("a symlink in a granted tree is created", "file:write:@/in", "in/", "symlink /etc/passwd @/in/link", ("file.create-symlink", "@/in/link")),
    refused("a hard link brings nothing in", "file:write:@/in", "in/ out/secret", "link @/out/secret @/in/link", ("file.link", "@/out/secret")),
    refused("a hard link takes nothing out", "file:write:@/in", "in/a out/", "link @/in/a @/out/link", ("file.link", "@/in/a")),
    granted("a hard link within a granted tree is made", "file:write:@/in", "in/a", "link @/in/a @/in/b", ("file.link", "@/in/a")),
    refused("a rename brings nothing in", "file:write:@/in", "in/ out/secret", "rename @/out/secret @/in/a", ("file.rename", "@/out/secret")),
    refused("a rename takes nothing out", "file:write:@/in", "in/a out/", "rename @/in/a @/out/a", ("file.rename", "@/in/a")),
    refused("a rename replaces nothing outside", "file:write:@/in", "in/a out/a", "rename @/in/a @/out/a", ("file.rename", "@/in/a")),
    refused("an exchange of names touches both", "file:write:@/in", "in/a out/a", "exchange @/in/a @/out/a", ("file.rename", "@/in/a")),
    refused("a folder is not moved out", "file:write:@/in", "in/f/a out/", "rename @/in/f @/out/f", ("file.rename", "@/in/f")),
    granted("a rename within a granted tree is made", "file:write:@/in", "in/a", "rename @/in/a @/in/b", ("file.rename", "@/in/a")),
    refused("a file outside is not truncated", "file:write:@/in", "in/ out/a", "truncate @/out/a", ("file.truncate", "@/out/a")),
    refused("a mode outside is not changed", "file:write:@/in", "in/ out/a", "chmod @/out/a", ("file.change-mode", "@/out/a")),
    granted("a mode in a granted tree is changed", "file:write:@/in", "in/a", "chmod @/in/a", ("file.change-mode", "@/in/a")),
    refused("an owner outside is not changed", "file:write:@/in", "in/ out/a", "chown @/out/a", ("file.change-owner", "@/out/a")),
    refused("times outside are not changed", "file:write:@/in", "in/ out/a", "utimes @/out/a", ("file.change-times", "@/out/a")),
    refused("attributes outside are not changed", "file:write:@/in", "in/ out/a", "setxattr @/out/a", ("file.change-attributes", "@/out/a")),
];
