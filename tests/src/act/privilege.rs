//! Acts that take a capability, each of which changes nothing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::XattrFlags;

use super::{Outcome, ok, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["set-host-name"] => ok(raw::ground::set_host_name()),
        ["set-clock"] => ok(raw::ground::set_clock()),
        ["read-kernel-log"] => ok(raw::ground::read_kernel_log()),
        ["reach-hardware"] => ok(raw::ground::reach_hardware()),
        ["stop-accounting"] => ok(raw::ground::stop_accounting()),
        ["become-urgent"] => ok(raw::ground::become_urgent()),
        ["become-user", id] => ok(number(id).and_then(raw::tasks::become_user)),
        ["become-group", id] => ok(number(id).and_then(raw::tasks::become_group)),
        ["set-trusted-attribute", path] => ok(set_attribute(path, "trusted.gov", b"changed")),
        ["give-capabilities", path] => ok(set_attribute(path, "security.capability", &CAPABILITIES)),
        ["handle-faults"] => ok(raw::ground::handle_faults()),
        ["count-events"] => ok(raw::ground::count_events()),
        ["load-no-kernel"] => ok(raw::ground::load_no_kernel()),
        ["load-module", name] => ok(load_module(name)),
        ["add-key", ring] => ok(ring_number(ring).and_then(raw::ground::add_key)),
        ["read-keys", ring] => ok(ring_number(ring).and_then(raw::ground::read_keys)),
        ["take-pin", path] => ok(raw::ground::take_pin(path)),
        ["bpf"] => ok(raw::ground::bpf()),
        _ => return None,
    })
}

/// `struct vfs_cap_data` of revision 2, effective, with CAP_NET_RAW.
pub const CAPABILITIES: [u8; 20] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn number(text: &str) -> io::Result<u32> {
    text.parse().map_err(io::Error::other)
}

fn ring_number(text: &str) -> io::Result<i32> {
    text.parse().map_err(io::Error::other)
}

fn set_attribute(path: &str, name: &str, value: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::setxattr(path, name, value, XattrFlags::empty())?)
}

/// Loads a module of the running kernel's, and takes it out again.
fn load_module(name: &str) -> io::Result<()> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let folder = Path::new("/lib/modules").join(release).join("kernel/drivers/net");
    let file = [format!("{name}.ko"), format!("{name}.ko.xz")].map(|file| folder.join(file));
    let file: Option<&PathBuf> = file.iter().find(|file| fs::exists(file).unwrap_or(false));
    let file = file.ok_or_else(|| io::Error::other("there is no such module"))?;
    raw::ground::load_module(&File::open(file)?, name)
}
