//! A session's name: what its user asked for, made harmless, and a few random digits that make it unique.

/// Bytes of the part that the user chooses.
const MAX_CHOSEN: usize = 40;
/// The longest name: it names a cgroup, two folders and an origin.
pub const MAX_NAME: usize = 64;

/// The name `chosen-xxxxxx`; what is not `[a-z0-9-]` in `chosen` becomes `-`.
pub fn make(chosen: &str, random: [u8; 3]) -> String {
    let clean: String = chosen
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .take(MAX_CHOSEN)
        .collect();
    let clean = clean.trim_matches('-');
    let clean = if clean.is_empty() { "session" } else { clean };
    format!("{clean}-{}", hex::encode(random))
}

/// Whether a text can be a session's name.
pub fn is_valid(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::{is_valid, make};
    use proptest::prelude::*;

    #[test]
    fn what_is_harmless_stays_and_the_rest_becomes_a_dash() {
        assert_eq!(make("gpte", [0, 1, 0xff]), "gpte-0001ff");
        assert_eq!(make("../Python3.11", [0; 3]), "python3-11-000000");
        assert_eq!(make("\u{e9}", [0; 3]), "session-000000");
    }

    proptest! {
        #[test]
        fn every_text_makes_a_valid_name(text in ".*", random: [u8; 3]) {
            let name = make(&text, random);
            prop_assert!(is_valid(&name), "{}", name);
        }
    }

    #[test]
    fn a_path_is_no_name() {
        for name in ["", "..", "a/b", "A", "a_b", &"a".repeat(65)] {
            assert!(!is_valid(name), "{name}");
        }
    }
}
