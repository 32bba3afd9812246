use super::digest::digests;
use super::{Compiled, Found, HostFacts, Own, PolicyError, compile};
use crate::profile::Expanded;
use crate::scope::tests::{any_file_right, any_path};
use crate::scope::{CAPABILITIES, CleanPath, FileRight, KERNEL_ACTS, PROCESS_ACTS, Scope};
use gov_common::doors::Door;
use gov_common::limits::{Limits, UNLIMITED};
use gov_common::policy::{CHUNK, EdgeKey, NO_SCOPE, NODE_EXECUTE_NAMED, Node};
use gov_common::rights::Rights;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// A host of these things; directories above them are root's.
#[derive(Default)]
pub(super) struct World {
    pub(super) things: BTreeMap<String, Found>,
    pub(super) addresses: Vec<IpAddr>,
}

impl World {
    pub(super) fn with(mut self, path: &str, found: Found) -> Self {
        self.things.insert(path.to_owned(), found);
        self
    }

    pub(super) fn link(self, path: &str, target: &str, by_root: bool) -> Self {
        self.with(path, Found::Link { target: target.as_bytes().to_vec(), by_root })
    }

    fn file(self, path: &str) -> Self {
        self.with(path, Found::File)
    }
}

impl HostFacts for World {
    fn look(&self, path: &CleanPath) -> std::io::Result<Found> {
        let text = path.to_string();
        if let Some(found) = self.things.get(&text) {
            return Ok(found.clone());
        }
        let below = format!("{}/", text.trim_end_matches('/'));
        let is_directory = text == "/" || self.things.keys().any(|known| known.starts_with(&below));
        Ok(if is_directory { Found::Directory { only_root: true } } else { Found::Nothing })
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.addresses.clone()
    }
}

pub(super) fn scopes(texts: &[&str]) -> Vec<Scope> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Walks the compiled edges as the kernel does: part by part, a name being matched whole or not at all. The node
/// that holds at the path, and whether it is the path's own.
pub(super) fn walk(compiled: &Compiled, path: &[u8]) -> (Node, bool) {
    let edges: HashMap<EdgeKey, Node> = compiled.edges.iter().copied().collect();
    let mut node = compiled.root;
    for component in path.split(|byte| *byte == b'/').filter(|component| !component.is_empty()) {
        let mut at = node;
        let parts: Vec<&[u8]> = component.chunks(CHUNK).collect();
        for (index, part) in parts.iter().enumerate() {
            let mut name = [0; CHUNK];
            name[..part.len()].copy_from_slice(part);
            let key = EdgeKey { parent: at.id, more: u32::from(index + 1 < parts.len()), name };
            match edges.get(&key) {
                Some(next) => at = *next,
                None => return (node, false),
            }
        }
        node = at;
    }
    (node, true)
}

fn may(compiled: &Compiled, path: &str, right: Rights) -> bool {
    Rights::from_bits(walk(compiled, path.as_bytes()).0.rights).covers(right)
}

#[test]
fn a_grant_holds_at_and_below_its_path_and_nowhere_else() {
    let compiled = compile(&scopes(&["file:write:/project/src"]), &World::default()).unwrap();
    for path in ["/project/src", "/project/src/main.rs", "/project/src/a/b"] {
        assert!(may(&compiled, path, Rights::WRITE.with(Rights::READ)), "{path}");
        assert!(!may(&compiled, path, Rights::EXECUTE), "{path}");
    }
    for path in
        ["/", "/project", "/project/src-evil", "/project/sr", "/project/srcs/x", "/src", "/etc/cron.d/x"]
    {
        assert!(!may(&compiled, path, Rights::READ), "{path}");
    }
}

#[test]
fn a_long_name_is_matched_byte_for_byte() {
    for length in [1, 63, 64, 65, 127, 128, 129, 255] {
        let name = "n".repeat(length);
        let compiled = compile(&scopes(&[&format!("file:read:/{name}")]), &World::default()).unwrap();
        assert!(may(&compiled, &format!("/{name}"), Rights::READ), "{length}");
        assert!(may(&compiled, &format!("/{name}/x"), Rights::READ), "{length}");
        assert!(!may(&compiled, &format!("/{name}n"), Rights::READ), "{length}");
        assert!(!may(&compiled, &format!("/{}", &name[1..]), Rights::READ), "{length}");
        assert!(!may(&compiled, &format!("/{}m", &name[1..]), Rights::READ), "{length}");
    }
}

#[test]
fn long_names_that_start_alike_are_told_apart() {
    let stem = "n".repeat(130);
    let texts = [
        format!("file:read:/{stem}a"),
        format!("file:write:/{stem}b"),
        format!("file:read:/{}", &stem[..64]),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let compiled = compile(&scopes(&texts), &World::default()).unwrap();
    assert!(
        may(&compiled, &format!("/{stem}a"), Rights::READ)
            && !may(&compiled, &format!("/{stem}a"), Rights::WRITE)
    );
    assert!(may(&compiled, &format!("/{stem}b/c"), Rights::WRITE));
    assert!(!may(&compiled, &format!("/{stem}"), Rights::READ));
    assert!(may(&compiled, &format!("/{}", &stem[..64]), Rights::READ));
    let mut keys: Vec<_> = compiled.edges.iter().map(|(key, _)| *key).collect();
    keys.sort_by_key(|key| (key.parent, key.more, key.name));
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all, "no key stands twice");
}

#[test]
fn only_a_file_that_a_scope_names_is_named() {
    let world = World::default().file("/bin/dash").file("/project/run.sh");
    let compiled = compile(
        &scopes(&["code:execute:/bin/dash", "code:execute:/project", "code:execute:/later", "file:read:/x"]),
        &world,
    )
    .unwrap();
    let named = |path: &str| {
        let (node, whole) = walk(&compiled, path.as_bytes());
        whole && node.flags & NODE_EXECUTE_NAMED != 0
    };
    assert!(named("/bin/dash") && named("/later"));
    assert!(!named("/project") && !named("/project/run.sh") && !named("/x") && !named("/"));
}

#[test]
fn a_tool_that_is_a_link_to_a_shell_does_not_name_the_shell() {
    let world = World::default()
        .link("/bin/ls", "busybox", true)
        .link("/bin/sh", "busybox", true)
        .file("/bin/busybox");
    let flags = |scope: &str| walk(&compile(&scopes(&[scope]), &world).unwrap(), b"/bin/busybox").0.flags;
    assert_eq!(flags("code:execute:/bin/ls"), 0);
    assert_eq!(flags("code:execute:/bin/sh"), NODE_EXECUTE_NAMED);
    assert_eq!(flags("code:execute:/bin/busybox"), NODE_EXECUTE_NAMED);
}

#[test]
fn a_link_that_root_placed_is_followed() {
    let world = World::default()
        .link("/bin", "usr/bin", true)
        .link("/usr/bin/sh", "dash", true)
        .file("/usr/bin/dash")
        .link("/usr/bin/python3", "/etc/alternatives/python3", true)
        .link("/etc/alternatives/python3", "../../usr/bin/python3.11", true)
        .file("/usr/bin/python3.11");
    let compiled = compile(&scopes(&["code:execute:/bin/sh", "code:execute:/bin/python3"]), &world).unwrap();
    for path in ["/usr/bin/dash", "/usr/bin/python3.11"] {
        assert!(may(&compiled, path, Rights::EXECUTE), "{path}");
        assert_eq!(walk(&compiled, path.as_bytes()).0.flags, NODE_EXECUTE_NAMED, "{path}");
    }
    assert!(!may(&compiled, "/usr/bin/bash", Rights::READ));
    assert_eq!(compiled.scopes, ["code:execute:/bin/sh", "code:execute:/bin/python3"]);
}

#[test]
fn any_other_link_is_an_error_that_names_it() {
    let theirs = World::default().link("/srv/out", "/etc", false);
    let open =
        World::default().with("/srv", Found::Directory { only_root: false }).link("/srv/out", "/etc", true);
    let below_open = World::default()
        .with("/srv", Found::Directory { only_root: false })
        .with("/srv/a", Found::Directory { only_root: true })
        .link("/srv/a/out", "/etc", true);
    for (world, scope) in [(theirs, "/srv/out/x"), (open, "/srv/out"), (below_open, "/srv/a/out")] {
        let error = compile(&scopes(&[&format!("file:write:{scope}")]), &world).unwrap_err();
        assert!(matches!(error, PolicyError::Link { .. }), "{error}");
        assert!(error.to_string().contains("out` is a symbolic link"), "{error}");
        assert!(error.to_string().ends_with("grant what it leads to, `/etc`"), "{error}");
    }
}

#[test]
fn a_link_in_the_place_of_a_profile_s_path_is_not_followed() {
    let world = World::default().link("/home/a/.gitconfig", "/home/a/.ssh/id", false);
    let expanded = Expanded { scopes: scopes(&["file:read:/own", "file:read:/home/a/.gitconfig"]), own: 1 };
    let compiled = compile(&expanded, &world).unwrap();
    assert!(may(&compiled, "/home/a/.gitconfig", Rights::READ));
    assert!(!may(&compiled, "/home/a/.ssh/id", Rights::READ));
    let own = Expanded { own: 2, ..expanded };
    assert!(matches!(compile(&own, &world), Err(PolicyError::Link { .. })));
}

#[test]
fn a_path_that_no_link_can_lead_through_is_an_error() {
    let world = World::default()
        .link("/loop", "loop", true)
        .link("/nowhere", "missing/../etc", true)
        .link("/proc/self", "123", true)
        .link("/proc/1/root", "/", true)
        .link("/dev/fd", "/proc/self/fd", true);
    let error = |scope: &str| compile(&scopes(&[scope]), &world).unwrap_err();
    assert!(matches!(error("file:read:/loop"), PolicyError::LinkLoop(_)));
    assert!(matches!(error("file:read:/nowhere"), PolicyError::Dangling(_)));
    for through_proc in ["file:read:/proc/self", "file:read:/dev/fd", "file:read:/proc/1/root/etc"] {
        assert!(matches!(error(through_proc), PolicyError::ProcLink { .. }), "{through_proc}");
    }
    let deep = format!("file:read:{}", "/a".repeat(64));
    assert!(matches!(error(&deep), PolicyError::TooDeep(_)));
}

#[test]
fn what_cannot_be_enforced_is_an_error() {
    for scope in ["network:connect:api.example.com", "network:connect:*.example.com"] {
        let error = compile(&scopes(&[scope]), &World::default()).unwrap_err();
        assert!(error.to_string().contains("not enforceable yet by this version"), "{error}");
    }
    assert!(matches!(
        compile(&scopes(&["profile:base"]), &World::default()),
        Err(PolicyError::Profile(name)) if name == "base"
    ));
}

#[test]
fn shells_are_granted_by_their_scope_only() {
    assert!(compile(&scopes(&["shell:arbitrary"]), &World::default()).unwrap().shells);
    assert!(!compile(&scopes(&["code:execute:/"]), &World::default()).unwrap().shells);
}

#[test]
fn a_grant_of_local_sockets_lets_connect_at_and_below_its_path_and_read_nothing() {
    let world = World::default().link("/var/run", "/run", true).with("/run/x", Found::Other);
    let compiled = compile(&scopes(&["file:read:/run/y", "network:unix:/var/run/x"]), &world).unwrap();
    for path in ["/run/x", "/run/x/sock"] {
        let (node, _) = walk(&compiled, path.as_bytes());
        assert_eq!((node.rights, node.connect_scope), (Rights::CONNECT.bits(), 1), "{path}");
        assert_eq!((node.read_scope, node.write_scope, node.execute_scope), (NO_SCOPE, NO_SCOPE, NO_SCOPE));
    }
    assert!(!may(&compiled, "/run/y", Rights::CONNECT));
    assert!(!may(&compiled, "/run/x-evil", Rights::CONNECT));
    let theirs = World::default().link("/srv/s", "/run/docker.sock", false);
    let error = compile(&scopes(&["network:unix:/srv/s"]), &theirs).unwrap_err();
    assert!(matches!(error, PolicyError::Link { .. }), "{error}");
}

#[test]
fn rights_on_a_socket_s_path_add_up() {
    let compiled = compile(&scopes(&["file:write:/run", "network:unix:/run/x"]), &World::default()).unwrap();
    assert!(may(&compiled, "/run/x", Rights::WRITE.with(Rights::READ).with(Rights::CONNECT)));
    assert_eq!(walk(&compiled, b"/run/x").0.write_scope, 0);
    assert_eq!(walk(&compiled, b"/run/x").0.connect_scope, 1);
    assert!(!may(&compiled, "/run", Rights::CONNECT));
}

#[test]
fn doors_and_capabilities_are_bits_of_their_numbers() {
    let compiled = |texts: &[&str]| compile(&scopes(texts), &World::default()).unwrap();
    let some = compiled(&["kernel:mount", "process:trace", "capability:CAP_NET_RAW", "capability:CAP_BPF"]);
    assert_eq!(some.doors, Door::Mount.bit() | Door::Trace.bit());
    assert_eq!(some.capabilities, 1 << 13 | 1 << 39);
    let none = compiled(&["file:read:/", "shell:arbitrary", "network:external"]);
    assert_eq!((none.doors, none.capabilities, none.limits), (0, 0, Limits::NONE));
    for act in KERNEL_ACTS.map(Scope::Kernel).into_iter().chain(PROCESS_ACTS.map(Scope::Process)) {
        assert_eq!(compiled(&[&act.to_string()]).doors.count_ones(), 1, "{act}");
    }
    for (name, number) in CAPABILITIES.into_iter().zip(0..) {
        assert_eq!(compiled(&[&Scope::Capability(name).to_string()]).capabilities, 1 << number, "{name}");
    }
}

#[test]
fn of_two_limits_the_stricter_holds_and_of_two_breakers_none() {
    let limits = |texts: &[&str]| compile(&scopes(texts), &World::default()).map(|policy| policy.limits);
    let held = limits(&["limit:execs:9", "limit:files:0", "limit:execs:5", "limit:execs:7"]).unwrap();
    assert_eq!(held.most, [5, UNLIMITED, UNLIMITED, 0, UNLIMITED]);
    assert_eq!(held.breaker_refusals, UNLIMITED);
    let held = limits(&["limit:breaker:20:1m:5m", "limit:breaker:20:60s:300s"]).unwrap();
    assert_eq!((held.breaker_refusals, held.breaker_window_s, held.breaker_cooldown_s), (20, 60, 300));
    assert_eq!(limits(&["limit:breaker:20:1m:forever"]).unwrap().breaker_cooldown_s, 0);
    let error = limits(&["limit:breaker:20:1m:5m", "limit:breaker:20:1m:6m"]).unwrap_err().to_string();
    assert!(
        error.contains("`limit:breaker:20:1m:6m`") && error.ends_with("leave one of them out"),
        "{error}"
    );
}

#[test]
fn the_digest_changes_with_whatever_is_compiled() {
    let digest_of = |texts: &[&str]| compile(&scopes(texts), &World::default()).unwrap().digest;
    let base = digest_of(&["file:read:/a", "network:loopback"]);
    assert_eq!(base, digest_of(&["file:read:/a", "network:loopback"]));
    for other in [
        &["file:write:/a", "network:loopback"][..],
        &["file:read:/b", "network:loopback"],
        &["file:read:/a", "network:loopback:1"],
        &["file:read:/a", "network:loopback", "shell:arbitrary"],
        &["network:loopback", "file:read:/a"],
        &["file:read:/a", "network:unix:/a"],
        &["file:read:/a", "network:loopback", "network:listen:1"],
        &["file:read:/a", "network:loopback", "kernel:bpf"],
        &["file:read:/a", "network:loopback", "capability:CAP_BPF"],
        &["file:read:/a", "network:loopback", "limit:execs:1"],
    ] {
        assert_ne!(base, digest_of(other), "{other:?}");
    }
}

/// Only what a field of the compiled policy says, not the text of its scopes.
#[test]
fn the_digest_covers_each_field() {
    let base = compile(&scopes(&["file:read:/a"]), &World::default()).unwrap();
    let listens = compile(&scopes(&["network:listen:80"]), &World::default()).unwrap().listens;
    let digest = |compiled: &Compiled| digests(compiled).1;
    let root = |connect_scope| Node { connect_scope, ..base.root };
    let own = Some(Own { name: [1; CHUNK], node: base.root });
    let limited = |change: fn(&mut Limits)| {
        let mut limits = base.limits;
        change(&mut limits);
        Compiled { limits, ..base.clone() }
    };
    for changed in [
        Compiled { root: root(0), ..base.clone() },
        Compiled { own, ..base.clone() },
        Compiled { nets: listens.clone(), ..base.clone() },
        Compiled { listens: listens.clone(), ..base.clone() },
        Compiled { doors: 2, ..base.clone() },
        Compiled { capabilities: 1, ..base.clone() },
        Compiled { shells: true, ..base.clone() },
        limited(|limits| limits.most[0] = 1),
        limited(|limits| limits.most[4] = 1),
        limited(|limits| limits.breaker_refusals = 1),
        limited(|limits| limits.breaker_window_s = 1),
        limited(|limits| limits.breaker_cooldown_s = 1),
    ] {
        assert_ne!(digest(&changed), digest(&base), "{changed:?}");
    }
    let swapped = Compiled { nets: listens.clone(), ..base.clone() };
    assert_ne!(digest(&swapped), digest(&Compiled { listens, ..base.clone() }));
}

/// What sessions may share is told by what stands in the kernel once, and by nothing else.
#[test]
fn the_digest_of_what_is_shared_covers_that_alone() {
    let base = compile(&scopes(&["file:read:/a"]), &World::default()).unwrap();
    let listens = compile(&scopes(&["network:listen:80"]), &World::default()).unwrap().listens;
    let shared = |compiled: &Compiled| digests(compiled).0;
    assert_eq!(shared(&base), base.shared);
    let own = Some(Own { name: [1; CHUNK], node: base.root });
    for alike in [
        Compiled { doors: 2, scopes: Vec::new(), ..base.clone() },
        Compiled { own, root: Node { connect_scope: 0, ..base.root }, ..base.clone() },
    ] {
        assert_eq!(shared(&alike), base.shared);
    }
    for other in [
        Compiled { edges: Vec::new(), ..base.clone() },
        Compiled { nets: listens.clone(), ..base.clone() },
        Compiled { listens, ..base.clone() },
    ] {
        assert_ne!(shared(&other), base.shared);
    }
}

/// The naive model: of the grants of a right whose path covers this one, the longest, then the first.
fn longest(grants: &[(FileRight, CleanPath)], path: &CleanPath, right: FileRight) -> u16 {
    let holding =
        grants.iter().zip(0..).filter(|((granted, at), _)| granted.implies(right) && at.covers(path));
    holding
        .max_by_key(|((_, at), index)| (at.components().count(), std::cmp::Reverse(*index)))
        .map_or(NO_SCOPE, |(_, index)| index)
}

proptest! {
    #[test]
    fn walking_the_edges_finds_the_longest_grant_for_each_right(
        grants in vec((any_file_right(), any_path()), 0..24),
        others in vec(any_path(), 0..24),
        below in any_path(),
    ) {
        let list: Vec<Scope> = grants.iter().map(|(right, path)| Scope::File(*right, path.clone())).collect();
        let compiled = compile(&list, &World::default()).unwrap();
        let granted = grants.iter().map(|(_, path)| path.clone());
        let deeper = grants.iter().map(|(_, path)| {
            let components = path.components().chain(below.components()).map(<[u8]>::to_vec);
            CleanPath::from_components(&components.collect::<Vec<_>>()).unwrap()
        });
        for path in granted.chain(deeper).chain(others) {
            let (node, _) = walk(&compiled, path.as_bytes());
            let read = longest(&grants, &path, FileRight::Read);
            let write = longest(&grants, &path, FileRight::Write);
            let execute = longest(&grants, &path, FileRight::Execute);
            prop_assert_eq!((node.read_scope, node.write_scope, node.execute_scope), (read, write, execute), "{}", path);
            let bits = [(read, Rights::READ), (write, Rights::WRITE), (execute, Rights::EXECUTE)];
            for (scope, right) in bits {
                prop_assert_eq!(Rights::from_bits(node.rights).covers(right), scope != NO_SCOPE, "{}", path);
            }
        }
    }
}
