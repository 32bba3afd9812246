//! Acts that bring bytes from one file into another, or cut one, by other roads than write(2).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::fs::FallocateFlags;

use super::{Outcome, ok};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["set-length", path] => ok(to_write(path).and_then(|file| file.set_len(0))),
        ["allocate", path] => ok(to_write(path).and_then(|file| {
            Ok(rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, 1)?)
        })),
        ["copy-range", from, to] => {
            ok(both(from, to)
                .and_then(|(from, to)| Ok(rustix::fs::copy_file_range(&from, None, &to, None, 9)?)))
        }
        ["send-file", from, to] => {
            ok(both(from, to).and_then(|(from, to)| Ok(rustix::fs::sendfile(&to, &from, None, 9)?)))
        }
        ["splice", from, to] => ok(both(from, to).and_then(|(from, to)| splice(&from, &to))),
        ["share-blocks", from, to] => {
            ok(both(from, to).and_then(|(from, to)| Ok(rustix::fs::ioctl_ficlone(&to, &from)?)))
        }
        ["copy", from, to] => ok(both(from, to).and_then(|(mut from, mut to)| {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes)?;
            to.write_all(&bytes)
        })),
        _ => return None,
    })
}

fn to_write(path: &str) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

fn both(from: &str, to: &str) -> io::Result<(File, File)> {
    Ok((File::open(from)?, to_write(to)?))
}

fn splice(from: &File, to: &File) -> io::Result<usize> {
    use rustix::pipe::{SpliceFlags, pipe, splice};
    let (out, into) = pipe()?;
    splice(from, None, &into, None, 9, SpliceFlags::empty())?;
    Ok(splice(&out, None, to, None, 9, SpliceFlags::empty())?)
}
