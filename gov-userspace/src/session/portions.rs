//! How many files of a session's end one receipt names: a line has an end.

use crate::receipt::Artifact;

/// Files that one receipt names at most, and bytes that they take there.
const FILES_A_RECEIPT: usize = 200;
const BYTES_A_RECEIPT: usize = 256 << 10;

/// Files by the receipts that name them.
pub(super) fn portions(files: Vec<Artifact>) -> impl Iterator<Item = Vec<Artifact>> {
    let mut rest = files.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut room = BYTES_A_RECEIPT;
        let mut portion = Vec::new();
        while portion.len() < FILES_A_RECEIPT {
            let fits = |file: &Artifact| portion.is_empty() || file.bound() <= room;
            let Some(file) = rest.next_if(fits) else { break };
            room = room.saturating_sub(file.bound());
            portion.push(file);
        }
        (!portion.is_empty()).then_some(portion)
    })
}

#[cfg(test)]
mod tests {
    use super::{BYTES_A_RECEIPT, FILES_A_RECEIPT, portions};
    use crate::receipt::{Artifact, ArtifactState, Change, Count};

    fn file(path: String) -> Artifact {
        Artifact {
            change: Some(Change::Created),
            changed_by_others: Vec::new(),
            hex: None,
            path,
            receipts: vec![Count(7)],
            state: ArtifactState::Gone,
            touched: Count(1),
        }
    }

    #[test]
    fn a_receipt_names_no_more_files_than_a_line_has_room_for() {
        let short: Vec<Artifact> = (0..450).map(|number| file(format!("/{number}"))).collect();
        let lengths: Vec<usize> = portions(short.clone()).map(|portion| portion.len()).collect();
        assert_eq!(lengths, [FILES_A_RECEIPT, FILES_A_RECEIPT, 50]);
        assert_eq!(portions(short.clone()).flatten().collect::<Vec<_>>(), short);
        // A control character takes six bytes in a line.
        let long: Vec<Artifact> =
            (0..450).map(|number| file(format!("/{number}{}", "\u{1}".repeat(4_000)))).collect();
        for portion in portions(long) {
            let line = serde_json_canonicalizer::to_vec(&portion).unwrap();
            assert!(!portion.is_empty() && line.len() <= BYTES_A_RECEIPT, "{}", line.len());
        }
    }
}
