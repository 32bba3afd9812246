//! The shipped profiles on a real host: they compile there, and say what the host's own layout makes of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use gov::host::paths::ThisHost;
use gov::policy::compile;
use gov::profile::{Library, Variables};
use gov::scope::{CleanPath, Scope};

fn variables() -> Variables {
    let path = |text: &str| CleanPath::new(text.as_bytes()).unwrap();
    Variables { session_tmp: path("/var/lib/gov/tmp/test"), home: path("/nonexistent") }
}

#[test]
fn every_shipped_profile_compiles_on_this_host() {
    let (library, host) = (Library::shipped(), ThisHost::read().unwrap());
    for (name, _) in library.profiles() {
        let expanded = library.expand(&[Scope::Profile(name.to_owned())], &variables()).unwrap();
        let compiled = compile(&expanded, &host).unwrap();
        assert_eq!(compiled.scopes.len(), expanded.scopes.len(), "{name}");
        assert!(
            compiled.nets.is_empty() && !compiled.shells,
            "{name} grants neither a network nor any shell"
        );
    }
}

#[test]
fn a_policy_of_one_host_is_the_same_each_time() {
    let (library, host) = (Library::shipped(), ThisHost::read().unwrap());
    let expanded = library.expand(&["profile:gpt-engineer".parse().unwrap()], &variables()).unwrap();
    assert_eq!(compile(&expanded, &host).unwrap().digest, compile(&expanded, &host).unwrap().digest);
}
