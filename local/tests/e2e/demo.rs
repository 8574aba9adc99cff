use crate::program::command;

#[test]
fn the_demo_ends_in_agreement() {
    // The demo must ignore a proxy that the environment sets, because its server is on this machine.
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
            .ends_with("the phone, the tablet and the server have the same document"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "the demo prints colours in spite of NO_COLOR");
}

#[test]
fn the_demo_prints_colours_if_the_environment_forces_them() {
    let mut demo = command(&["demo"]);
    let output = demo.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(output.stdout.contains(&0x1b));
}
