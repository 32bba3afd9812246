use super::{Library, Profile, ProfileError, Variables};
use crate::scope::{CleanPath, FileRight, Scope};

fn variables(home: &str) -> Variables {
    let path = |text: &str| CleanPath::new(text.as_bytes()).unwrap();
    Variables { session_tmp: path("/var/lib/gov/tmp/s1"), home: path(home) }
}

fn scopes(texts: &[&str]) -> Vec<Scope> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn texts(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(Scope::to_string).collect()
}

#[test]
fn every_shipped_profile_expands() {
    let library = Library::shipped();
    for (name, profile) in library.profiles() {
        profile.unwrap();
        let expanded = library.expand(&[Scope::Profile(name.to_owned())], &variables("/home/a")).unwrap();
        assert!(!expanded.scopes.is_empty() && expanded.own == 0, "{name}");
    }
}

#[test]
fn no_shipped_profile_opens_what_is_private() {
    let library = Library::shipped();
    let private = [
        "/",
        "/etc",
        "/etc/shadow",
        "/etc/ssl/private",
        "/home/a/.ssh",
        "/home/other",
        "/proc/1/environ",
        "/root",
        "/run",
        "/var",
    ];
    for (name, _) in library.profiles() {
        for scope in library.expand(&[Scope::Profile(name.to_owned())], &variables("/home/a")).unwrap().scopes
        {
            for path in private {
                let private = Scope::File(FileRight::Read, CleanPath::new(path.as_bytes()).unwrap());
                assert!(!scope.covers(&private), "{name} grants {scope}");
            }
            assert!(
                !matches!(scope, Scope::Shell | Scope::External | Scope::Loopback(_)),
                "{name} grants {scope}"
            );
        }
    }
}

#[test]
fn variables_stand_for_paths() {
    let mut library = Library::default();
    let text = r#"
        name = "x"
        description = "Test."
        scopes = ["file:write:${SESSION_TMP}", "file:read:${HOME}/.gitconfig"]
    "#;
    library.put("x", Profile::parse("x", text));
    let expand =
        |home: &str| texts(&library.expand(&scopes(&["profile:x"]), &variables(home)).unwrap().scopes);
    assert_eq!(expand("/home/a"), ["file:write:/var/lib/gov/tmp/s1", "file:read:/home/a/.gitconfig"]);
    assert_eq!(expand("/"), ["file:write:/var/lib/gov/tmp/s1", "file:read:/.gitconfig"]);
}

#[test]
fn what_is_included_counts_once_and_own_scopes_come_first() {
    let mut library = Library::default();
    for (name, include, scope) in [("a", "\"b\", \"c\"", "/a"), ("b", "\"c\"", "/c"), ("c", "", "/c")] {
        let text = format!(
            "name = \"{name}\"\ndescription = \"\"\ninclude = [{include}]\nscopes = [\"file:read:{scope}\"]"
        );
        library.put(name, Profile::parse(name, &text));
    }
    let expanded =
        library.expand(&scopes(&["profile:a", "file:read:/own", "profile:c"]), &variables("/h")).unwrap();
    assert_eq!(texts(&expanded.scopes), ["file:read:/own", "file:read:/a", "file:read:/c"]);
    assert_eq!(expanded.own, 1);
}

#[test]
fn a_profile_that_cannot_be_used_says_why() {
    let parse = |text: &str| Profile::parse("x", text).unwrap_err();
    assert!(matches!(parse("name = \"x\""), ProfileError::Form { .. }));
    assert!(matches!(parse("name = \"y\"\ndescription = \"\"\nscopes = []"), ProfileError::Name { .. }));
    let with = |scope: &str| parse(&format!("name = \"x\"\ndescription = \"\"\nscopes = ['{scope}']"));
    assert!(matches!(with("file:read:x"), ProfileError::Scope { .. }));
    for misplaced in ["${USER}/x", "/x/${HOME}", "${HOME}x", "${HOME}/${HOME}", "${HOME"] {
        assert!(matches!(with(&format!("file:read:{misplaced}")), ProfileError::Form { .. }), "{misplaced}");
    }
    assert!(matches!(with("profile:base"), ProfileError::Nested { .. }));
    assert!(matches!(with("limit:execs:5"), ProfileError::Limit { .. }));
    assert!(matches!(
        parse("name = \"x\"\ndescription = \"\"\nscopes = []\nscope = []"),
        ProfileError::Form { .. }
    ));
    let error = Library::shipped().expand(&scopes(&["profile:none"]), &variables("/h")).unwrap_err();
    assert!(error.to_string().contains("gpt-engineer"), "{error}");
}

#[test]
fn a_profile_that_includes_itself_is_an_error() {
    let mut library = Library::default();
    for (name, other) in [("a", "b"), ("b", "a")] {
        let text = format!("name = \"{name}\"\ndescription = \"\"\ninclude = [\"{other}\"]\nscopes = []");
        library.put(name, Profile::parse(name, &text));
    }
    assert_eq!(
        library.expand(&scopes(&["profile:a"]), &variables("/h")),
        Err(ProfileError::Cycle("a".to_owned()))
    );
}
