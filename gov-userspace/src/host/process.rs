//! One process, held by its pidfd so that its number cannot come to mean another.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::{HostError, read_text};

/// A process that a pidfd names.
#[derive(Debug)]
pub struct Process {
    pidfd: OwnedFd,
    pid: i32,
}

impl Process {
    /// Takes a pidfd, and refuses a descriptor that is none or whose process has ended.
    pub fn from_pidfd(pidfd: OwnedFd) -> Result<Self, HostError> {
        let pid = pid_of(&pidfd)?;
        Ok(Self { pidfd, pid })
    }

    /// Opens the process with this number, which must not yet have been waited for. Nothing in /proc is read, where
    /// a governed caller may not look.
    pub fn open(pid: u32) -> Result<Self, HostError> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(HostError::ProcessGone)?;
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            .map_err(|error| HostError::Call { call: "pidfd_open", source: error.into() })?;
        Ok(Self { pidfd, pid: pid.as_raw_nonzero().get() })
    }

    /// The process that connected to this socket. Before Linux 6.5 it is opened by the number that the socket
    /// keeps, so call this at once: a number comes to mean another process only after all others were used.
    pub fn at_other_end(socket: impl AsFd) -> Result<Self, HostError> {
        let failed = |source| HostError::Call { call: "getsockopt", source };
        match peer_pidfd(socket.as_fd()) {
            Ok(pidfd) => Self::from_pidfd(pidfd),
            Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => {
                let peer =
                    rustix::net::sockopt::socket_peercred(socket).map_err(|error| failed(error.into()))?;
                Self::open(u32::try_from(peer.pid.as_raw_pid()).map_err(|_foreign| HostError::ProcessGone)?)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Its number in this PID namespace.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Its descriptor.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Fails once the process has been reaped. A fact about the process read by number before this succeeds is
    /// a fact about this process.
    pub fn still_itself(&self) -> Result<(), HostError> {
        if pid_of(&self.pidfd)? == self.pid { Ok(()) } else { Err(HostError::ProcessGone) }
    }

    /// Its real user id.
    pub fn uid(&self) -> Result<u32, HostError> {
        let path = PathBuf::from(format!("/proc/{}/status", self.pid));
        let text = read_text(&path)?;
        let uid =
            status_uid(&text).ok_or_else(|| HostError::Form { path, what: "a `Uid:` line".to_owned() })?;
        self.still_itself()?;
        Ok(uid)
    }

    /// Its cgroup v2 path, from the root of the hierarchy.
    pub fn cgroup(&self) -> Result<PathBuf, HostError> {
        let cgroup = cgroup_of(self.pid)?;
        self.still_itself()?;
        Ok(cgroup)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), HostError> {
        rustix::process::pidfd_send_signal(&self.pidfd, signal)
            .map_err(|error| HostError::Call { call: "pidfd_send_signal", source: error.into() })
    }

    /// Whether it has ended, waiting up to so many milliseconds for it.
    pub fn ended_within(&self, milliseconds: u32) -> Result<bool, HostError> {
        let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
        let wait = std::time::Duration::from_millis(u64::from(milliseconds));
        let wait = Timespec::try_from(wait).map_err(|_range| HostError::Call {
            call: "poll",
            source: std::io::ErrorKind::InvalidInput.into(),
        })?;
        match rustix::event::poll(&mut fds, Some(&wait)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(HostError::Call { call: "poll", source: error.into() }),
        }
    }
}

/// The pidfd that a Unix socket keeps of its peer: `ENOPROTOOPT` before Linux 6.5.
fn peer_pidfd(socket: BorrowedFd<'_>) -> std::io::Result<OwnedFd> {
    const SO_PEERPIDFD: libc::c_int = 77;
    let mut number: libc::c_int = -1;
    let mut length: libc::socklen_t = size_of::<libc::c_int>().try_into().unwrap_or(0);
    // SAFETY: the kernel writes no more than `length` bytes to `number`, and how many to `length`; both are ours.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_PEERPIDFD,
            (&raw mut number).cast(),
            &raw mut length,
        )
    };
    if answer != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so the number is a descriptor that was made for us and that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The cgroup v2 path of the process with this number.
fn cgroup_of(pid: i32) -> Result<PathBuf, HostError> {
    let path = PathBuf::from(format!("/proc/{pid}/cgroup"));
    let text = read_text(&path)?;
    let cgroup = text.lines().find_map(|line| line.strip_prefix("0::")).map(PathBuf::from);
    cgroup.ok_or_else(|| HostError::Form { path, what: "a `0::` line".to_owned() })
}

/// The number that a pidfd stands for, from its fdinfo.
fn pid_of(pidfd: &OwnedFd) -> Result<i32, HostError> {
    let path = PathBuf::from(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()));
    match fdinfo_pid(&read_text(&path)?) {
        None => Err(HostError::Form { path, what: "a `Pid:` line: the descriptor is no pidfd".to_owned() }),
        Some(pid) if pid > 0 => Ok(pid),
        Some(_ended_or_foreign) => Err(HostError::ProcessGone),
    }
}

fn fdinfo_pid(text: &str) -> Option<i32> {
    text.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok()
}

fn status_uid(text: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Process, fdinfo_pid, status_uid};
    use crate::host::HostError;

    #[test]
    fn a_pidfd_names_its_process_until_it_is_reaped() {
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let process = Process::open(child.id()).unwrap();
        assert_eq!(process.pid() as u32, child.id());
        assert_eq!(process.uid().unwrap(), rustix::process::getuid().as_raw());
        assert!(!process.ended_within(0).unwrap());
        process.signal(rustix::process::Signal::KILL).unwrap();
        assert!(process.ended_within(5_000).unwrap());
        child.wait().unwrap();
        assert!(matches!(process.still_itself(), Err(HostError::ProcessGone)));
    }

    #[test]
    fn the_other_end_of_a_socket_is_known() {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let peer = Process::at_other_end(&ours).unwrap();
        assert_eq!(peer.pid() as u32, std::process::id());
        peer.still_itself().unwrap();
    }

    #[test]
    fn a_descriptor_that_is_no_pidfd_is_refused() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(matches!(Process::from_pidfd(file.into()), Err(HostError::Form { .. })));
    }

    #[test]
    fn kernel_lines_are_found_by_their_name() {
        assert_eq!(fdinfo_pid("pos:\t0\nPid:\t-1\nNSpid:\t-1\n"), Some(-1));
        assert_eq!(status_uid("Name:\tUid:\nUid:\t1000\t0\t0\t0\n"), Some(1000));
    }
}
