use super::{Breaker, CAPABILITIES, CleanPath, Fault, FileRight, Host, KERNEL_ACTS, Limit, NetFault};
use super::{PROCESS_ACTS, PathFault, Ports, Prefix, Scope, Seconds};
use gov_common::limits::{Budget, UNLIMITED};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;

/// Components that try what an escape can get wrong.
fn any_component() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-c]{1,3}".prop_map(String::into_bytes),
        2 => "(x--|x-|_|\\.|-|\\*|:|_2e|)[a-zA-Z_.*: -]{1,6}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 1..6),
    ]
    .prop_filter("a component that a clean path can have", |component| {
        CleanPath::from_components(std::slice::from_ref(component)).is_ok()
    })
}

pub(crate) fn any_path() -> impl Strategy<Value = CleanPath> {
    vec(any_component(), 0..6).prop_map(|components| CleanPath::from_components(&components).unwrap())
}

pub(crate) fn any_file_right() -> impl Strategy<Value = FileRight> {
    prop_oneof![Just(FileRight::Read), Just(FileRight::Write), Just(FileRight::Execute)]
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (1..=u32::MAX).prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits | 1 << 127))),
    ]
}

fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        (any_address(), any::<u8>()).prop_map(|(address, bits)| Host::Prefix(Prefix::new(address, bits))),
        "[a-z][a-z0-9_]{0,8}(\\.[a-z]{1,5}){0,3}".prop_map(Host::Name),
        "[a-z][a-z0-9_]{0,8}(\\.[a-z]{1,5}){0,3}".prop_map(Host::Suffix),
    ]
}

fn any_ports() -> impl Strategy<Value = Ports> {
    prop_oneof![
        Just(Ports::ALL),
        (1..=u16::MAX).prop_map(Ports::one),
        (1..=u16::MAX, 1..=u16::MAX).prop_map(|(a, b)| Ports { first: a.min(b), last: a.max(b) }),
    ]
}

fn any_limit() -> impl Strategy<Value = Limit> {
    let seconds = || {
        let whole = prop_oneof![
            1..=u32::MAX,
            (1..=1_193_046_u32).prop_map(|hours| hours.saturating_mul(3_600)),
            1..=5_000_u32
        ];
        whole.prop_map(|seconds| Seconds(NonZeroU32::new(seconds).unwrap()))
    };
    let uses = || prop_oneof![0..UNLIMITED, 0..5_u32];
    prop_oneof![
        (proptest::sample::select(&Budget::ALL[..]), uses())
            .prop_map(|(budget, most)| Limit::Most(budget, most)),
        (uses(), seconds(), proptest::option::of(seconds())).prop_map(|(refusals, window, cooldown)| {
            Limit::Breaker(Breaker { refusals, window, cooldown })
        }),
    ]
}

pub(crate) fn any_scope() -> impl Strategy<Value = Scope> {
    let port = || proptest::option::of(1..=u16::MAX);
    prop_oneof![
        8 => (any_file_right(), any_path()).prop_map(|(right, path)| Scope::File(right, path)),
        3 => (any_host(), any_ports()).prop_map(|(host, ports)| Scope::Connect(host, ports)),
        1 => (proptest::option::of(any_address()), port()).prop_map(|(address, port)| Scope::Listen(address, port)),
        1 => port().prop_map(Scope::Loopback),
        1 => any_path().prop_map(Scope::Unix),
        1 => Just(Scope::External),
        1 => Just(Scope::Shell),
        1 => proptest::sample::select(&PROCESS_ACTS[..]).prop_map(Scope::Process),
        1 => proptest::sample::select(&CAPABILITIES[..]).prop_map(Scope::Capability),
        1 => proptest::sample::select(&KERNEL_ACTS[..]).prop_map(Scope::Kernel),
        1 => any_limit().prop_map(Scope::Limit),
        1 => "[a-z0-9][a-z0-9-]{0,20}".prop_map(Scope::Profile),
    ]
}

#[test]
fn every_kind_of_scope_is_read() {
    for text in [
        "file:read:/",
        "file:write:/project/src",
        "code:execute:/bin/sh",
        "network:external",
        "network:connect:192.0.2.7",
        "network:connect:10.0.0.0/8:443",
        "network:connect:[2001:db8::/32]:8000-8099",
        "network:connect:api.example.com:443",
        "network:connect:*.example.com",
        "network:listen",
        "network:listen:8080",
        "network:listen:127.0.0.1:8080",
        "network:listen:[::1]",
        "network:loopback",
        "network:loopback:8099",
        "network:unix:/run/x.sock",
        "shell:arbitrary",
        "process:signal",
        "capability:CAP_NET_BIND_SERVICE",
        "kernel:mount",
        "limit:execs:500",
        "limit:refusals:0",
        "limit:breaker:20:1m:5m",
        "limit:breaker:20:90s:forever",
        "profile:gpt-engineer",
    ] {
        assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
    }
}

#[test]
fn an_unclean_path_is_refused_by_its_fault() {
    let long = format!("/{}", "a/".repeat(2048));
    let component = format!("/{}", "a".repeat(256));
    for (path, fault) in [
        ("project", PathFault::Relative),
        ("./x", PathFault::Relative),
        ("~/x", PathFault::Relative),
        ("/project/../etc", PathFault::Dots),
        ("/project/.", PathFault::Dots),
        ("/project//src", PathFault::EmptyComponent),
        ("//", PathFault::EmptyComponent),
        ("/project/", PathFault::TrailingSlash),
        ("/a\0b", PathFault::Nul),
        ("/a\\x00b", PathFault::Nul),
        ("/a\nb", PathFault::Newline),
        ("/a\\x0ab", PathFault::Newline),
        ("/a\\b", PathFault::Escape),
        ("/a\\x4", PathFault::Escape),
        ("/a/\\x2e\\x2e", PathFault::Dots),
        (&long, PathFault::TooLong(long.len())),
        (&component, PathFault::LongComponent(256)),
    ] {
        let error = format!("file:write:{path}").parse::<Scope>().unwrap_err();
        assert_eq!(error.fault, Fault::Path(fault), "{path}");
        assert!(!error.to_string().contains('\n') && error.to_string().len() < 400, "{error}");
    }
}

#[test]
fn what_is_no_scope_is_refused() {
    for text in [
        "",
        "file",
        "file:",
        "file:read",
        "file:read:",
        "file:delete:/x",
        "File:read:/x",
        " file:read:/x",
        "network",
        "network:external:",
        "network:external:443",
        "network:loopback:",
        "network:loopback:0",
        "network:loopback:080",
        "network:loopback:+80",
        "network:loopback:65536",
        "network:loopback:1-2",
        "network:connect",
        "network:connect:",
        "network:connect:api.example.com:",
        "network:connect:api.example.com:9-8",
        "network:connect:1.2.3",
        "network:connect:1.2.3.04",
        "network:connect:10.0.0.0/33",
        "network:connect:10.0.0.0/08",
        "network:connect:[10.0.0.1]:80",
        "network:connect:[::1",
        "network:connect:[::1]80",
        "network:connect:a..b",
        "network:connect:-a",
        "network:connect:*",
        "network:connect:*.",
        "network:connect:a.*.b",
        "network:listen:host:80",
        "network:listen:0.0.0.0:80",
        "network:listen:[::]",
        "limit",
        "limit:",
        "limit:execs",
        "limit:execs:05",
        "limit:breaker:20:1m",
        "network:unix:",
        "shell",
        "shell:arbitrary:/bin/sh",
        "process:",
        "process:everything",
        "capability:cap_net_raw",
        "capability:CAP_EVERYTHING",
        "kernel:mount:/x",
        "profile:",
        "profile:../x",
        "profile:Python",
    ] {
        let error = text.parse::<Scope>().unwrap_err();
        assert!(error.to_string().contains("write"), "{error} says what to write");
    }
    let error = Scope::parse(b"network:connect:\xff").unwrap_err();
    assert_eq!(error.fault, Fault::NotText);
    let error = Scope::parse(b"network:connect:\x1b[31m").unwrap_err();
    assert_eq!(error.fault, Fault::Control);
}

#[test]
fn a_host_that_is_spelled_wrongly_is_corrected() {
    for (text, fault) in [
        ("network:connect:::1", NetFault::Brackets("::1".into())),
        ("network:connect:API.example.com", NetFault::Capitals("API.example.com".into())),
        ("network:connect:[::ffff:10.0.0.1]", NetFault::Mapped("::ffff:10.0.0.1".into())),
        ("network:listen:[::ffff:10.0.0.1]:80", NetFault::Mapped("::ffff:10.0.0.1".into())),
        ("network:listen:0.0.0.0:80", NetFault::Unspecified(IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
        (
            "network:connect:10.1.2.3/8",
            NetFault::HostBits(Prefix::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8)),
        ),
    ] {
        assert_eq!(text.parse::<Scope>().unwrap_err().fault, Fault::Net(fault));
    }
    let error = "network:connect:10.1.2.3/8".parse::<Scope>().unwrap_err();
    assert!(error.to_string().ends_with("write `10.0.0.0/8`"), "{error}");
}

#[test]
fn a_subtree_covers_what_lies_below_and_no_sibling() {
    let scope = |text: &str| text.parse::<Scope>().unwrap();
    assert!(scope("file:write:/project").covers(&scope("file:read:/project/src")));
    assert!(!scope("file:write:/project/src").covers(&scope("file:write:/project/src-evil")));
    assert!(!scope("file:read:/project").covers(&scope("file:write:/project")));
    assert!(!scope("file:write:/project").covers(&scope("code:execute:/project")));
    assert!(scope("network:connect:10.0.0.0/8").covers(&scope("network:connect:10.1.2.3:443")));
    assert!(!scope("network:connect:10.0.0.0/8:443").covers(&scope("network:connect:10.1.2.3")));
    assert!(scope("network:connect:*.example.com").covers(&scope("network:connect:a.b.example.com")));
    assert!(!scope("network:connect:*.example.com").covers(&scope("network:connect:example.com")));
    assert!(!scope("network:connect:*.example.com").covers(&scope("network:connect:evilexample.com")));
    assert!(scope("network:listen").covers(&scope("network:listen:127.0.0.1:80")));
    assert!(!scope("network:listen:127.0.0.1").covers(&scope("network:listen:80")));
    assert!(scope("limit:execs:5").covers(&scope("limit:execs:4")));
    assert!(!scope("limit:execs:5").covers(&scope("limit:forks:4")));
    assert!(!scope("network:external").covers(&scope("network:connect:192.0.2.7")));
}

proptest! {
    #[test]
    fn a_scope_is_read_back_as_it_is_written(scope in any_scope()) {
        prop_assert_eq!(Scope::parse(scope.to_string().as_bytes()), Ok(scope));
    }

    #[test]
    fn whatever_is_refused_is_refused_in_one_line(
        start in "(file:read|file:write|code:execute|network:connect|network:listen|network:unix|limit|profile|x):?",
        rest in vec(any::<u8>(), 0..40),
    ) {
        let text = [start.as_bytes(), &rest].concat();
        match Scope::parse(&text) {
            Ok(scope) => prop_assert_eq!(Scope::parse(scope.to_string().as_bytes()), Ok(scope)),
            Err(error) => prop_assert!(!error.to_string().chars().any(char::is_control), "{}", error),
        }
    }
}
