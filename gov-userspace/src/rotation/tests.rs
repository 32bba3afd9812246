//! Statements and chains: each lie is refused, and by its own name.

use jiff::Timestamp;

use super::{Chain, ChainError, Purpose, Rotation, RotationError};
use crate::key::Secret;
use crate::note::{self, Checkpoint, NoteError};

fn key(number: u8) -> Secret {
    Secret::from_seed([number; 32])
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000_i64.saturating_add(seconds)).unwrap()
}

/// The rotation of key `old` to key `new`, at so many seconds.
fn link(old: u8, new: u8, seconds: i64) -> Rotation {
    Rotation::sign(Purpose::Log, &key(old), &key(new), at(seconds))
}

fn lines(links: &[Rotation]) -> Vec<u8> {
    links.iter().map(|link| format!("{}\n", serde_json::json!(link.note()))).collect::<String>().into_bytes()
}

fn parsed(links: &[Rotation]) -> Result<Chain, ChainError> {
    Chain::parse(&lines(links), Purpose::Log)
}

#[test]
fn a_statement_is_read_as_it_was_signed() {
    let signed = Rotation::sign(Purpose::User, &key(1), &key(2), at(0));
    assert_eq!(Rotation::verify(signed.note()), Ok(signed.clone()));
    assert!(signed.note().starts_with("gov-key-rotation/v1\nuser\nold "), "{}", signed.note());
}

#[test]
fn no_changed_byte_of_a_statement_goes_unnoticed() {
    let note = link(1, 2, 0).note().to_owned().into_bytes();
    for place in 0..note.len() {
        for bit in [0, 5] {
            let mut changed = note.clone();
            changed[place] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(Rotation::verify(&changed).is_err(), "bit {bit} of byte {place}");
        }
    }
}

#[test]
fn both_keys_and_nobody_else_must_have_signed() {
    let text = super::text(Purpose::Log, key(1).public(), key(2).public(), at(0));
    let by = |keys: &[u8]| {
        let keys: Vec<Secret> = keys.iter().map(|number| key(*number)).collect();
        Rotation::verify(&note::sign(&text, super::ORIGIN, &keys.iter().collect::<Vec<_>>()))
    };
    assert!(by(&[1, 2]).is_ok());
    assert_eq!(by(&[2]), Err(RotationError::Unsigned("old")));
    assert_eq!(by(&[1]), Err(RotationError::Unsigned("new")));
    assert_eq!(by(&[3, 2]), Err(RotationError::Unsigned("old")));
    assert!(matches!(by(&[1, 2, 3]), Err(RotationError::Form(_))));
    // Under another name it is another key's.
    let named = note::sign(&text, "gov/host/s-1", &[&key(1), &key(2)]);
    assert_eq!(Rotation::verify(&named), Err(RotationError::Unsigned("old")));
}

#[test]
fn a_statement_is_no_checkpoint_and_a_checkpoint_no_statement() {
    let statement = link(1, 2, 0);
    let read = Checkpoint::verify(statement.note().as_bytes(), &[key(1).public(), key(2).public()]);
    assert!(matches!(read, Err(NoteError::Checkpoint(_))));
    for origin in ["gov/host/s-1", super::ORIGIN] {
        let checkpoint = Checkpoint { origin: origin.to_owned(), size: 1, root: [7; 32] }.sign(&key(1));
        assert!(matches!(Rotation::verify(&checkpoint), Err(RotationError::Form(_))));
    }
}

#[test]
fn a_statement_has_one_spelling() {
    let plain = super::text(Purpose::Log, key(1).public(), key(2).public(), at(0));
    for (from, to) in
        [(".000Z", "Z"), (".000Z", ".0000Z"), ("Z\n", "+00:00\n"), ("old ", "old  "), ("log\n", "host\n")]
    {
        let text = plain.replacen(from, to, 1);
        assert_ne!(text, plain);
        let signed = note::sign(&text, super::ORIGIN, &[&key(1), &key(2)]);
        assert!(matches!(Rotation::verify(&signed), Err(RotationError::Form(_))), "{text}");
    }
}

#[test]
fn a_chain_leads_from_each_of_its_keys_to_its_end() {
    let chain = parsed(&[link(1, 2, 0), link(2, 3, 0), link(3, 4, 9)]).unwrap();
    assert_eq!(chain.end(), Some(key(4).public()));
    assert_eq!(chain.after(key(2).public()).len(), 2);
    assert!(chain.after(key(4).public()).is_empty() && chain.after(key(9).public()).is_empty());
    assert_eq!(Chain::parse(chain.text().as_bytes(), Purpose::Log), Ok(chain.clone()));
    assert_eq!(chain.with(link(4, 5, 9)).unwrap().end(), Some(key(5).public()));
    assert_eq!(Chain::parse(b"", Purpose::Log), Ok(Chain::default()));
}

#[test]
fn each_lie_about_a_chain_has_its_own_refusal() {
    let public = |number| key(number).public();
    assert_eq!(parsed(&[link(1, 1, 0)]), Err(ChainError::Cycle(1, public(1))));
    assert_eq!(parsed(&[link(1, 2, 0), link(2, 1, 1)]), Err(ChainError::Cycle(2, public(1))));
    assert_eq!(parsed(&[link(1, 2, 0), link(2, 3, 1), link(3, 2, 2)]), Err(ChainError::Cycle(3, public(2))));
    assert_eq!(parsed(&[link(1, 2, 0), link(1, 3, 1)]), Err(ChainError::Fork(2, public(1))));
    assert_eq!(parsed(&[link(1, 2, 0), link(1, 2, 0)]), Err(ChainError::Fork(2, public(1))));
    assert_eq!(parsed(&[link(1, 2, 0), link(3, 4, 1)]), Err(ChainError::Gap(2, public(3))));
    assert_eq!(parsed(&[link(2, 3, 1), link(1, 2, 0)]), Err(ChainError::Order(1)));
    assert_eq!(parsed(&[link(1, 2, 0), link(3, 4, 2), link(2, 3, 1)]), Err(ChainError::Order(2)));
    assert_eq!(parsed(&[link(1, 2, 5), link(2, 3, 4)]), Err(ChainError::Time(2)));
    let other = Rotation::sign(Purpose::User, &key(1), &key(2), at(0));
    assert!(matches!(parsed(&[other]), Err(ChainError::Purpose { link: 1, .. })));
    let mut torn = lines(&[link(1, 2, 0)]);
    torn.pop();
    assert_eq!(Chain::parse(&torn, Purpose::Log), Err(ChainError::Line(1)));
    assert_eq!(Chain::parse(b"{}\n", Purpose::Log), Err(ChainError::Line(1)));
    let wrong = String::from_utf8(lines(&[link(1, 2, 0), link(2, 3, 1)])).unwrap();
    let wrong =
        wrong.replacen("new 8", "new 9", 1).replacen(&public(2).to_string(), &public(4).to_string(), 1);
    assert!(matches!(Chain::parse(wrong.as_bytes(), Purpose::Log), Err(ChainError::Link(1, _))));
    assert_eq!(Chain::parse(&vec![b' '; super::MAX_CHAIN + 1], Purpose::Log), Err(ChainError::TooLong));
}

#[test]
fn only_the_end_of_a_chain_is_added_to() {
    let chain = parsed(&[link(1, 2, 0), link(2, 3, 1)]).unwrap();
    for wrong in [link(1, 4, 2), link(9, 4, 2), link(2, 4, 2)] {
        assert!(matches!(chain.with(wrong), Err(ChainError::End { .. })));
    }
    assert_eq!(chain.with(link(3, 1, 2)), Err(ChainError::Cycle(3, key(1).public())));
    assert_eq!(chain.with(link(3, 4, 0)), Err(ChainError::Time(3)));
}

#[test]
fn two_chains_that_tell_of_other_successors_are_a_fork() {
    let (one, other) =
        (parsed(&[link(1, 2, 0), link(2, 3, 1)]).unwrap(), parsed(&[link(1, 2, 0), link(2, 4, 1)]).unwrap());
    assert_eq!(one.clone().beside(&other), Err(ChainError::Fork(2, key(2).public())));
    let (start, apart) = (parsed(&[link(1, 2, 0)]).unwrap(), parsed(&[link(7, 8, 0)]).unwrap());
    assert_eq!(one.clone().beside(&start), Ok(one.clone()));
    assert_eq!(start.clone().beside(&one), Ok(start));
    assert_eq!(one.clone().beside(&apart), Ok(one));
}
