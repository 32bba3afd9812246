use super::grant::{self, GrantError};
use super::tests::any_scope;
use super::{CleanPath, Scope};
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn grants_are_written_one_component_a_segment() {
    for (scope, grant) in [
        ("file:write:/project/src", "file:write:project:src:*"),
        ("file:read:/", "file:read:*"),
        ("file:read:/home/a/.env", "file:read:home:a:x--.env:*"),
        ("file:read:/my file", "file:read:x--my_20file:*"),
        ("file:read:/x--a_b", "file:read:x--x--a_5fb:*"),
        ("file:read:/a:b/*", "file:read:x--a_3ab:x--_2a:*"),
        ("code:execute:/usr/bin/python3.11", "code:execute:usr:bin:python3.11:*"),
        ("network:external", "network:external"),
        ("network:loopback", "network:loopback:*"),
        ("network:loopback:8099", "network:loopback:8099"),
        ("network:connect:10.0.0.0/8:443", "network:connect:x--10.0.0.0_2f8:443"),
        ("network:connect:[::1]", "network:connect:x--_3a_3a1:*"),
        ("network:connect:*.example.com:443", "network:connect:x--_2a.example.com:443"),
        ("shell:arbitrary", "shell:arbitrary"),
        ("network:listen:[::1]:8080", "network:listen:x--_3a_3a1:8080"),
        ("kernel:io-uring", "kernel:io-uring"),
        ("limit:execs:500", "limit:execs:500"),
        ("limit:breaker:20:1m:forever", "limit:breaker:20:1m:forever"),
        ("profile:python", "profile:python"),
    ] {
        let scope: Scope = scope.parse().unwrap();
        assert_eq!(grant::encode(&scope).unwrap(), grant);
        assert_eq!(grant::decode(grant), Ok(scope));
    }
}

#[test]
fn a_grant_without_its_open_end_means_the_same_scope() {
    assert_eq!(
        grant::decode("file:write:project:src:main.rs"),
        grant::decode("file:write:project:src:main.rs:*")
    );
    assert_eq!(grant::decode("network:loopback"), grant::decode("network:loopback:*"));
}

#[test]
fn a_grant_that_is_none_of_ours_is_refused() {
    for grant in [
        "",
        "*",
        "*:*",
        "file:*",
        "network:*",
        "kernel:*",
        "file:read",
        "file:read:",
        "file:read:a::b",
        "file:read:/project/src",
        "file:read:project:.env",
        "file:read:*:a",
        "file:read:a:..",
        "file:read:a:x--..",
        "file:read:a:x--_2e_2e",
        "file:read:a:x--b",
        "file:read:a:x--_62",
        "file:read:a:x--_2F",
        "file:read:a:x--_2f",
        "file:read:a:x--_00",
        "file:read:a:x--_0a",
        "file:read:a:x--_2",
        "file:read:a:x--",
        "a:a:a:a:a:a:a:a:a:a:a:a:a:a:a:a:a",
        "file:delete:a",
        "shell:*",
        "shell:arbitrary:*",
        "shell:arbitrary:x",
        "network:external:*",
        "network:loopback:80:*",
        "network:loopback:080",
        "network:connect",
        "network:connect:*",
        "network:connect:x--_3a_3a0001",
        "network:connect:10.0.0.1:1-65535",
        "capability:CAP_EVERYTHING",
        "network:listen:0.0.0.0:80",
        "limit:*",
        "limit:execs",
        "limit:execs:*",
        "limit:execs:5:*",
        "limit:execs:05",
        "limit:breaker:20:60s:5m",
        "limit:breaker:20:1m",
        "file:read:\u{e9}",
    ] {
        assert!(grant::decode(grant).is_err(), "{grant} gave {:?}", grant::decode(grant));
    }
}

#[test]
fn a_path_that_does_not_fit_says_what_to_do() {
    let deep = format!("file:read:{}", "/a".repeat(14)).parse().unwrap();
    assert!(matches!(grant::encode(&deep), Err(GrantError::TooDeep(_))));
    let long = format!("file:read:/{}", "a".repeat(65)).parse().unwrap();
    assert!(matches!(grant::encode(&long), Err(GrantError::LongComponent(_))));
    let wide = format!("file:read:{}", format!("/{}", "a".repeat(50)).repeat(6)).parse().unwrap();
    assert!(matches!(grant::encode(&wide), Err(GrantError::TooLong(_))));
    for scope in [deep, long, wide] {
        assert!(grant::encode(&scope).unwrap_err().to_string().ends_with("grant a directory above it"));
    }
}

proptest! {
    #[test]
    fn a_grant_is_decoded_to_the_scope_it_encodes(scope in any_scope()) {
        if let Ok(grant) = grant::encode(&scope) {
            prop_assert_eq!(grant::decode(&grant), Ok(scope));
        }
    }

    #[test]
    fn two_scopes_never_share_a_grant(one in any_scope(), other in any_scope()) {
        if let (Ok(first), Ok(second)) = (grant::encode(&one), grant::encode(&other)) {
            prop_assert_eq!(first == second, one == other);
        }
    }

    #[test]
    fn whatever_decodes_is_clean_and_spelled_as_encoded(
        segments in vec("x--[a-z0-9_.-]{0,8}|[a-z.]{1,3}|_2[ef]", 1..5), open in any::<bool>()
    ) {
        let grant = format!("file:write:{}{}", segments.join(":"), if open { ":*" } else { "" });
        if let Ok(scope) = grant::decode(&grant) {
            let Scope::File(_, path) = &scope else { panic!("{scope} is no file scope") };
            prop_assert!(CleanPath::new(path.as_bytes()).is_ok());
            let encoded = grant::encode(&scope).unwrap();
            prop_assert!(encoded == grant || encoded.strip_suffix(":*") == Some(grant.as_str()));
        }
    }

    #[test]
    fn a_list_of_grants_is_sorted_and_irredundant_and_loses_no_authority(scopes in vec(any_scope(), 0..12)) {
        if let Ok(grants) = grant::encode_all(&scopes) {
            prop_assert!(grant::is_canonical(&grants));
            let kept: Vec<Scope> = grants.iter().map(|text| grant::decode(text).unwrap()).collect();
            for scope in &scopes {
                prop_assert!(kept.iter().any(|wide| wide.covers(scope)), "{} is lost", scope);
            }
        }
    }
}
