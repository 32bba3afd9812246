//! Text from evidence as a terminal may show it: what a session chose to be called cannot move the cursor, change
//! colours or reorder what is read.

/// The text with control and bidirectional formatting characters written as escapes.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_reordering(letter) {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

fn is_reordering(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{061c}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Arguments as a shell would take them.
pub(super) fn command(arguments: &[String]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|argument| quote(argument)).collect();
    quoted.join(" ")
}

fn quote(argument: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:@%+,~".contains(letter);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", shown(&argument.replace('\'', "'\\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::{command, shown};

    #[test]
    fn nothing_in_a_text_reaches_the_terminal_as_a_command() {
        assert_eq!(shown("a\u{1b}[31mb\r\n"), "a\\u{1b}[31mb\\r\\n");
        assert_eq!(shown("x\u{202e}gpj.exe"), "x\\u{202e}gpj.exe");
        assert_eq!(shown("/projet/é 日本"), "/projet/é 日本");
    }

    #[test]
    fn arguments_are_quoted_where_a_shell_needs_it() {
        let arguments = ["sh", "-c", "echo 'x' > a", ""].map(str::to_owned);
        assert_eq!(command(&arguments), r"sh -c 'echo '\''x'\'' > a' ''");
    }
}
