//! System V's and POSIX's ways to share memory and messages.

use std::io;
use std::os::fd::OwnedFd;

use super::{c, call, owned};

/// What System V objects of the suite are called.
pub(crate) const KEY: i32 = 0x0067_6f76;

/// Kinds of System V objects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Shared memory, of one page.
    Memory,
    /// Semaphores: one.
    Semaphore,
    /// Messages.
    Queue,
}

/// The object of a kind and key, made if there is none.
pub(crate) fn object(kind: Kind, key: i32) -> io::Result<i64> {
    let flags = (libc::IPC_CREAT | 0o666) as usize;
    let key = key as usize;
    match kind {
        // SAFETY: takes plain numbers.
        Kind::Memory => unsafe { call(libc::SYS_shmget, [key, 4096, flags]) },
        // SAFETY: takes plain numbers.
        Kind::Semaphore => unsafe { call(libc::SYS_semget, [key, 1, flags]) },
        // SAFETY: takes plain numbers.
        Kind::Queue => unsafe { call(libc::SYS_msgget, [key, flags]) },
    }
}

/// Uses an object: maps the memory, asks for the semaphore's value, asks for the queue's length.
pub(in crate::act) fn touch(kind: Kind, object: i64) -> io::Result<()> {
    const GETVAL: usize = 12;
    const IPC_STAT: usize = 2;
    let mut room = [0_u64; 32];
    let object = object as usize;
    match kind {
        // SAFETY: a mapping at an address of the kernel's choice overlaps nothing.
        Kind::Memory => unsafe { call(libc::SYS_shmat, [object, 0, 0]) },
        // SAFETY: takes plain numbers.
        Kind::Semaphore => unsafe { call(libc::SYS_semctl, [object, 0, GETVAL]) },
        // SAFETY: the room is larger than a `struct msqid_ds` and lives through the call.
        Kind::Queue => unsafe { call(libc::SYS_msgctl, [object, IPC_STAT, room.as_mut_ptr() as usize]) },
    }
    .map(drop)
}

/// Gives an object to root and everyone, as it is.
pub(in crate::act) fn change(kind: Kind, object: i64) -> io::Result<()> {
    const IPC_SET: usize = 1;
    let mut wanted = [0_u64; 32];
    // `struct ipc64_perm` begins all three: its mode follows key, owners and creators.
    wanted[2] = 0o666 << 32;
    // What a queue holds at most.
    wanted[11] = 16_384;
    let (object, place) = (object as usize, wanted.as_ptr() as usize);
    match kind {
        // SAFETY: what is wanted is larger than a `struct shmid_ds` and lives through the call.
        Kind::Memory => unsafe { call(libc::SYS_shmctl, [object, IPC_SET, place]) },
        // SAFETY: what is wanted is larger than a `struct semid_ds` and lives through the call.
        Kind::Semaphore => unsafe { call(libc::SYS_semctl, [object, 0, IPC_SET, place]) },
        // SAFETY: what is wanted is larger than a `struct msqid_ds` and lives through the call.
        Kind::Queue => unsafe { call(libc::SYS_msgctl, [object, IPC_SET, place]) },
    }
    .map(drop)
}

/// Takes an object of this process away.
pub(in crate::act) fn remove(kind: Kind, object: i64) -> io::Result<()> {
    const IPC_RMID: usize = 0;
    let object = object as usize;
    match kind {
        // SAFETY: takes plain numbers.
        Kind::Memory => unsafe { call(libc::SYS_shmctl, [object, IPC_RMID, 0]) },
        // SAFETY: takes plain numbers.
        Kind::Semaphore => unsafe { call(libc::SYS_semctl, [object, 0, IPC_RMID]) },
        // SAFETY: takes plain numbers.
        Kind::Queue => unsafe { call(libc::SYS_msgctl, [object, IPC_RMID, 0]) },
    }
    .map(drop)
}

/// Opens a POSIX message queue, made if there is none.
pub(crate) fn message_queue(name: &str) -> io::Result<OwnedFd> {
    open_queue(name, libc::O_RDWR | libc::O_CREAT)
}

/// Makes a POSIX message queue that is not there yet, and takes its name away.
pub(in crate::act) fn make_queue(name: &str) -> io::Result<()> {
    open_queue(name, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL)?;
    remove_queue(name)
}

/// Takes the name of a POSIX message queue away.
pub(in crate::act) fn remove_queue(name: &str) -> io::Result<()> {
    let name = c(name)?;
    // SAFETY: the name is NUL-terminated and lives through the call.
    unsafe { call(libc::SYS_mq_unlink, [name.as_ptr() as usize]) }.map(drop)
}

fn open_queue(name: &str, flags: i32) -> io::Result<OwnedFd> {
    let (name, flags) = (c(name)?, flags as usize);
    // SAFETY: the name is NUL-terminated and lives through the call; no attributes are given.
    unsafe { call(libc::SYS_mq_open, [name.as_ptr() as usize, flags, 0o600, 0]) }.map(owned)
}
