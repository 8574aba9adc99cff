use crate::program::command;

#[test]
fn the_demo_ends_in_agreement() {
    // A proxy that the environment names is none of a local server's business.
    let output = command(&["demo"])
        .env("NO_COLOR", "1")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{text}{:?}",
        String::from_utf8(output.stderr)
    );
    assert!(
        text.contains("conflict 275 (tablet) wins over 300 (phone), by the rule newest"),
        "{text}"
    );
    assert!(
        text.trim_end()
            .ends_with("the phone, the tablet and the server hold the same document"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "NO_COLOR is honoured");
}

#[test]
fn the_demo_is_coloured_where_colours_are_asked_for() {
    let mut demo = command(&["demo"]);
    let output = demo.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(output.stdout.contains(&0x1b));
}
