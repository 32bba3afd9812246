//! The report as a page: what a session chose to be called is text on it, and the page does nothing but look.

use std::path::Path;
use std::process::Command;

use gov::event::{Event, Extra};
use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

use super::{Scratch, gov, key, sample, text};

/// Names that would be more than names where they were not escaped.
const HOSTILE: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=http://203.0.113.9/x onerror=alert(1)>",
    "</style></title><iframe>&lt;b&gt;",
    "\u{1b}]0;title\u{7}\r\u{0}\u{85}",
    "x\u{202e}gpj.exe\u{2066}\u{feff}\u{e0041}",
];

/// A log in which every name is hostile.
fn hostile() -> Scratch {
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.play();
    for name in HOSTILE {
        let path = format!("/project/{name}");
        let created = sample::act(Action::Create, Rights::WRITE, &path);
        session.event(Event { scope: Some(0), ..created.clone() });
        let mut refused = Event { reason: Reason::OutOfScope, ..created };
        refused.task.comm = name.bytes().take(15).collect();
        session.event(refused);
        session.event(Event {
            extra: Extra::Arguments(vec![name.as_bytes().to_vec(), b"\xff\xfe".to_vec()]),
            ..sample::act(Action::Executed, Rights::NONE, &path)
        });
    }
    for byte in [0xfe, 0xff] {
        let mut created = sample::act(Action::Create, Rights::WRITE, "");
        created.scope = Some(0);
        if let Some(object) = &mut created.object {
            object.path = [b"/project/", &[byte][..]].concat();
        }
        session.event(created);
    }
    session.close();
    scratch
}

fn page(scratch: &Scratch) -> String {
    let output = gov(&["audit", scratch.log.to_str().unwrap(), "--key", &key(), "--html"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// All that the page is made of. None of it fetches, runs, embeds or sends anything.
const ELEMENTS: [&str; 39] = [
    "!doctype", "a", "bdi", "body", "br", "code", "dd", "details", "div", "dl", "dt", "footer", "h1", "h2",
    "h3", "head", "header", "html", "li", "main", "meta", "meter", "nav", "p", "pre", "section", "small",
    "span", "style", "summary", "table", "tbody", "td", "th", "thead", "time", "title", "tr", "ul",
];
const ATTRIBUTES: [&str; 18] = [
    "aria-label",
    "aria-labelledby",
    "charset",
    "class",
    "content",
    "datetime",
    "href",
    "http-equiv",
    "id",
    "lang",
    "max",
    "min",
    "name",
    "open",
    "role",
    "scope",
    "tabindex",
    "value",
];

#[test]
fn nothing_that_a_session_names_is_more_than_text() {
    let page = page(&hostile());
    for tag in page.split('<').skip(1) {
        let (tag, _text) = tag.split_once('>').unwrap();
        let mut words = tag.split_ascii_whitespace();
        let name = words.next().unwrap().trim_start_matches('/').to_ascii_lowercase();
        assert!(ELEMENTS.contains(&name.as_str()), "<{tag}>");
        // What stands between quotes is a value; what stands before one is an attribute's name.
        for before in tag.split('"').step_by(2).filter(|_| name != "!doctype") {
            let names = before.split_ascii_whitespace().map(|word| word.trim_end_matches('='));
            for attribute in names.filter(|word| *word != tag.split(' ').next().unwrap()) {
                assert!(ATTRIBUTES.contains(&attribute), "`{attribute}` in <{tag}>");
            }
        }
        if let Some((_, href)) = tag.split_once("href=\"") {
            assert!(href.starts_with('#'), "<{tag}>");
        }
    }
    let unseen = page.chars().find(|letter| {
        (letter.is_control() && *letter != '\n')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    });
    assert_eq!(unseen, None);
    for shown in [
        "&lt;script&gt;alert(1)",
        "\\u{202e}gpj.exe",
        "\\u{1b}]0;title",
        "/project/\\xfe",
        "<bdi>\\xff</bdi>",
    ] {
        assert!(page.contains(shown), "no `{shown}` in:\n{page}");
    }
}

#[test]
fn the_page_tells_what_the_report_tells() {
    let page = page(&Scratch::whole());
    for part in [
        "Evidence: holds",
        "--scope file:write:/etc/cron.d/x",
        "python3 main.py",
        "limit:execs:5",
        "4 of 5",
        "Its last process exited. The command's exit status was 0.",
        "What cannot be known",
        "gov verify",
        "gov/host/s-1",
        "capability:CAP_NET_RAW",
    ] {
        assert!(page.contains(part), "no `{part}` in:\n{page}");
    }
    assert!(
        page.contains("default-src 'none'; style-src 'sha256-")
            || page.contains("default-src &#39;none&#39;"),
        "{page}"
    );
}

#[test]
fn a_log_that_is_not_closed_has_a_page_too() {
    let scratch = Scratch::empty();
    let mut session = sample::Session::start(&scratch.log);
    session.play();
    let output = gov(&["audit", scratch.log.to_str().unwrap(), "--key", &key(), "--html"]);
    assert_eq!(output.status.code(), Some(3));
    let page = text(&output);
    assert!(page.contains("Evidence: cannot be known") && page.contains("The log is not closed."), "{page}");
}

/// A browser that says whether it takes the page as it is; `None` where there is none.
fn browser() -> Option<&'static str> {
    let there = |name: &&str| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(there);
    if found.is_none() {
        eprintln!("not seen in a browser: no Chromium here");
    }
    found
}

fn browse(browser: &str, folder: &Path, file: &Path, arguments: &[&str]) -> (String, String) {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", folder.join("browser").display()))
        .args(arguments)
        .arg(format!("file://{}", file.display()))
        .env("HOME", folder)
        .output()
        .unwrap();
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_browser_takes_the_style_and_finds_nothing_to_run() {
    let Some(browser) = browser() else { return };
    let scratch = hostile();
    let folder = scratch.log.parent().unwrap();
    let file = folder.join("page.html");
    std::fs::write(&file, page(&scratch)).unwrap();
    let (dom, said) = browse(browser, folder, &file, &["--dump-dom"]);
    assert!(dom.contains("<h1>s-1</h1>"), "{dom}{said}");
    for element in ["<script", "<img", "<iframe"] {
        assert!(!dom.contains(element), "{dom}");
    }
    assert!(!said.contains("Content Security Policy"), "{said}");
    let picture = folder.join("page.png");
    let shot = format!("--screenshot={}", picture.display());
    let (_, said) = browse(browser, folder, &file, &["--window-size=1000,1400", &shot]);
    assert!(std::fs::metadata(&picture).is_ok_and(|picture| picture.len() > 10_000), "{said}");
}
