//! What ioctl(2) commands ask for that no right to the file grants.

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing beyond the file.
    Harmless,
    /// That a process be signalled when the file is ready.
    Signal,
    /// That something be typed into a terminal, or that it be another one to all who have it.
    Type,
    /// A change of the file system's or the network's set-up.
    Ground,
}

/// What an ioctl(2) command asks for, by its number (include/uapi/asm-generic/ioctls.h, linux/sockios.h, linux/fs.h).
#[inline(always)]
pub const fn ioctl(command: u32) -> Request {
    const TIOCEXCL: u32 = 0x540c;
    const TIOCSTI: u32 = 0x5412;
    const TIOCLINUX: u32 = 0x541c;
    const TIOCCONS: u32 = 0x541d;
    const TIOCSSERIAL: u32 = 0x541f;
    const TIOCSETD: u32 = 0x5423;
    const TIOCVHANGUP: u32 = 0x5437;
    const TIOCSLCKTRMIOS: u32 = 0x5457;
    const FIOASYNC: u32 = 0x5452;
    const FIOSETOWN: u32 = 0x8901;
    const SIOCSPGRP: u32 = 0x8902;
    match command {
        TIOCSTI | TIOCLINUX => return Request::Type,
        TIOCEXCL | TIOCSLCKTRMIOS | TIOCCONS | TIOCSSERIAL | TIOCSETD | TIOCVHANGUP => return Request::Type,
        // TIOCSPGRP stays: it takes a terminal of the task's own session, and shells need it. So does TIOCSCTTY: what it
        // takes from another session takes a capability.
        0x4b00..=0x4bff | 0x5600..=0x56ff if !asks_console(command) => return Request::Type,
        FIOASYNC | FIOSETOWN | SIOCSPGRP => return Request::Signal,
        _ => {}
    }
    let number = command & 0xff;
    let harmless = match (command >> 8) as u8 {
        // Sockets: owners, marks and times are asked for; of the network's set-up, names, addresses and the like.
        0x89 => matches!(
            number,
            0x03..=0x07
                | 0x10
                | 0x12
                | 0x13
                | 0x15
                | 0x17
                | 0x19
                | 0x1b
                | 0x1d
                | 0x21
                | 0x27
                | 0x33
                | 0x42
                | 0x70
        ),
        // FS_IOC_GETFLAGS, FIEMAP, and what verity knows of a file.
        b'f' => matches!(number, 1 | 11 | 134 | 135),
        // FS_IOC_GETVERSION.
        b'v' => number == 1,
        // XFS's and every file system's: all below FS_IOC_FSSETXATTR only ask or move data within the file.
        b'X' => number < 32,
        // FICLONE, FICLONERANGE, FIDEDUPERANGE; the rest is btrfs's administration.
        0x94 => matches!(number, 9 | 13 | 54),
        _ => true,
    };
    if harmless { Request::Harmless } else { Request::Ground }
}

/// Whether a command to the console (linux/kd.h, linux/vt.h) only asks; the others change its keys, fonts, screens and
/// sounds, which are those of whoever sits there.
#[inline(always)]
const fn asks_console(command: u32) -> bool {
    let is_of_keys = matches!(
        command,
        0x4b31
            | 0x4b33
            | 0x4b3b
            | 0x4b40
            | 0x4b44
            | 0x4b46
            | 0x4b48
            | 0x4b4a
            | 0x4b4c
            | 0x4b60
            | 0x4b62
            | 0x4b64
            | 0x4b66
            | 0x4b69
            | 0x4b6b
            | 0x4b70
            | 0x4bfa
    );
    is_of_keys || matches!(command, 0x5600 | 0x5601 | 0x5603 | 0x5607 | 0x560d | 0x560e)
}

/// Whether an extended attribute whose name begins so holds what users write, as a file does. The others are the
/// kernel's and its modules' own: access lists, capabilities, and what a stacked file system notes of its layers.
#[inline(always)]
pub fn holds_content(name: [u8; 16]) -> bool {
    name.starts_with(b"user.") && !name.starts_with(b"user.overlay.")
}

#[cfg(test)]
mod tests {
    use super::{Request, holds_content, ioctl};

    #[test]
    fn only_attributes_that_users_write_hold_content() {
        let padded = |name: &str| {
            let mut bytes = [0; 16];
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            bytes
        };
        assert!(holds_content(padded("user.a")));
        assert!(holds_content(padded("user.overlays")));
        for name in ["security.selinux", "system.posix_acl", "trusted.overlay", "user.overlay.op", "user", ""]
        {
            assert!(!holds_content(padded(name)), "{name}");
        }
    }

    #[test]
    fn what_changes_more_than_the_file_is_told_from_what_asks() {
        for (name, command, request) in [
            ("TCGETS", 0x5401, Request::Harmless),
            ("FIONREAD", 0x541b, Request::Harmless),
            ("TIOCSTI", 0x5412, Request::Type),
            ("TIOCSCTTY", 0x540e, Request::Harmless),
            ("TIOCSPGRP", 0x5410, Request::Harmless),
            ("TIOCSWINSZ", 0x5414, Request::Harmless),
            ("TIOCSETD", 0x5423, Request::Type),
            ("TIOCCONS", 0x541d, Request::Type),
            ("KDGKBENT", 0x4b46, Request::Harmless),
            ("KDSKBENT", 0x4b47, Request::Type),
            ("KDSKBSENT", 0x4b49, Request::Type),
            ("KDSETMODE", 0x4b3a, Request::Type),
            ("KDFONTOP", 0x4b72, Request::Type),
            ("VT_GETSTATE", 0x5603, Request::Harmless),
            ("VT_ACTIVATE", 0x5606, Request::Type),
            ("VIDIOC_QUERYCAP", 0x8068_5600, Request::Harmless),
            ("FIOSETOWN", 0x8901, Request::Signal),
            ("FIOASYNC", 0x5452, Request::Signal),
            ("SIOCGIFADDR", 0x8915, Request::Harmless),
            ("SIOCSIFADDR", 0x8916, Request::Ground),
            ("SIOCADDRT", 0x890b, Request::Ground),
            ("SIOCETHTOOL", 0x8946, Request::Ground),
            ("FS_IOC_GETFLAGS", 0x8008_6601, Request::Harmless),
            ("FS_IOC_SETFLAGS", 0x4008_6602, Request::Ground),
            ("FS_IOC_FSSETXATTR", 0x401c_5820, Request::Ground),
            ("FS_IOC_ENABLE_VERITY", 0x4080_6685, Request::Ground),
            ("FIFREEZE", 0xc004_5877, Request::Ground),
            ("XFS_IOC_OPEN_BY_HANDLE", 0xc038_586b, Request::Ground),
            ("FICLONE", 0x4004_9409, Request::Harmless),
            ("BTRFS_IOC_SNAP_DESTROY_V2", 0x5000_943f, Request::Ground),
        ] {
            assert_eq!(ioctl(command), request, "{name}");
        }
    }
}
