//! Doors: acts on the ground that enforcement stands on, and on processes outside the session. All are shut unless a
//! scope names them.

/// One act. The numbers are part of the ABI: bits of [`crate::abi::Session::doors`], and an event's detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Door {
    /// No scope opens it.
    Never = 0,
    /// bpf(2).
    Bpf = 1,
    /// io_uring's kernel thread, borrowed credentials and commands to drivers.
    IoUring = 2,
    /// Loading another kernel.
    Kexec = 3,
    /// The kernel's keys.
    Keyring = 4,
    /// Kernel modules and firmware.
    Module = 5,
    /// Mounts.
    Mount = 6,
    /// perf_event_open(2).
    Perf = 7,
    /// The machine's clock.
    Time = 8,
    /// User namespaces.
    UserNamespace = 9,
    /// System V IPC with others, and the names of POSIX message queues.
    Ipc = 10,
    /// Signals to others.
    Signal = 11,
    /// Tracing others, and reading their memory.
    Trace = 12,
}

impl Door {
    /// Every door, in the order of its number.
    pub const ALL: [Self; 13] = [
        Self::Never,
        Self::Bpf,
        Self::IoUring,
        Self::Kexec,
        Self::Keyring,
        Self::Module,
        Self::Mount,
        Self::Perf,
        Self::Time,
        Self::UserNamespace,
        Self::Ipc,
        Self::Signal,
        Self::Trace,
    ];

    /// The scope that opens it; `None` for [`Door::Never`].
    pub const fn scope(self) -> Option<&'static str> {
        Some(match self {
            Self::Never => return None,
            Self::Bpf => "kernel:bpf",
            Self::IoUring => "kernel:io-uring",
            Self::Kexec => "kernel:kexec",
            Self::Keyring => "kernel:keyring",
            Self::Module => "kernel:module",
            Self::Mount => "kernel:mount",
            Self::Perf => "kernel:perf",
            Self::Time => "kernel:time",
            Self::UserNamespace => "kernel:user-namespace",
            Self::Ipc => "process:ipc",
            Self::Signal => "process:signal",
            Self::Trace => "process:trace",
        })
    }

    /// Its bit in a session's doors; 0 for [`Door::Never`], which no session holds.
    #[inline(always)]
    pub const fn bit(self) -> u32 {
        if matches!(self, Self::Never) { 0 } else { 1 << self as u8 }
    }
}

/// The bit of the door with a number, as [`Door::bit`]; 0 for a number that is no door's.
#[inline(always)]
pub const fn bit(number: u32) -> u32 {
    if number == 0 || number as usize >= Door::ALL.len() { 0 } else { 1 << number }
}

/// The door that loading an object into the kernel goes through, by the kernel's number of what is loaded
/// (`enum kernel_read_file_id`, include/linux/kernel_read_file.h; `enum kernel_load_data_id` has the same numbers).
#[inline(always)]
pub const fn of_loading(id: u32) -> Door {
    const KEXEC_IMAGE: u32 = 3;
    const KEXEC_INITRAMFS: u32 = 4;
    if matches!(id, KEXEC_IMAGE | KEXEC_INITRAMFS) { Door::Kexec } else { Door::Module }
}

#[cfg(test)]
mod tests {
    use super::Door;

    #[test]
    fn every_door_but_one_has_a_bit_and_a_scope_of_its_own() {
        let mut bits = 0;
        assert_eq!(super::bit(13), 0);
        for (number, door) in Door::ALL.into_iter().enumerate() {
            assert_eq!(door as usize, number);
            assert_eq!(super::bit(number as u32), door.bit());
            assert_eq!(door.bit() == 0, door.scope().is_none());
            assert_eq!(bits & door.bit(), 0);
            bits |= door.bit();
        }
        assert_eq!(Door::Never.bit(), 0);
    }
}
