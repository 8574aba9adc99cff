use crate::program::{Server, run};
use std::net::TcpListener;
use std::process::Output;

/// Asserts exit status 1, an empty standard output and one line on standard error, and returns that line.
fn one_line(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"", "{output:?}");
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

#[test]
fn a_port_in_use_gives_one_clear_line_and_exit_status_1() {
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = occupied.local_addr().unwrap().port().to_string();
    let line = one_line(&run(&["--memory", "--port", &port, "--dynamodb-port", "0"]));
    assert!(line.contains(&port) && line.contains("--port"), "{line}");
    let line = one_line(&run(&["--memory", "--port", "0", "--dynamodb-port", &port]));
    assert!(line.contains(&port) && line.contains("--dynamodb-port"), "{line}");
}

#[test]
fn an_unwritable_folder_gives_one_clear_line_and_exit_status_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for data in [file.clone(), file.join("below")] {
        let data = data.to_str().unwrap();
        let line = one_line(&run(&["--port", "0", "--dynamodb-port", "0", "--data", data]));
        assert!(line.contains(data), "{line}");
    }
}

#[test]
fn a_damaged_database_gives_one_line_and_exit_status_1() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dynamodb.sqlite"), "x".repeat(5000)).unwrap();
    let data = folder.path().to_str().unwrap();
    one_line(&run(&["--port", "0", "--dynamodb-port", "0", "--data", data]));
}

#[test]
fn a_data_folder_in_use_gives_one_clear_line_and_exit_status_1_until_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let first = Server::start(&["--data", data]);
    let line = one_line(&run(&["--port", "0", "--dynamodb-port", "0", "--data", data]));
    assert!(line.contains(data) && line.contains("in use"), "{line}");
    first.stop();
    Server::start(&["--data", data]).stop();
}

#[test]
fn a_killed_servers_folder_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut first = Server::start(&["--data", data]);
    first.program.signal("KILL");
    first.program.wait();
    Server::start(&["--data", data]).stop();
}

#[test]
fn an_unknown_option_is_refused_with_the_usage() {
    let output = run(&["--nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Usage"));
}
