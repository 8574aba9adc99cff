//! Runs the program as a child process.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A timeout longer than any step takes; a test that reaches it has hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the command that runs the program with `args`.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinolio-local"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the program with `args` to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    let child = command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut program = Program::of(child.unwrap());
    let status = program.wait();
    let mut output = Output {
        status,
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    program
        .child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut output.stdout)
        .unwrap();
    program
        .child
        .stderr
        .take()
        .unwrap()
        .read_to_end(&mut output.stderr)
        .unwrap();
    output
}

/// Returns a free port below the ephemeral ports (Linux, `ip_local_port_range`; RFC 6335 section 6 for others).
///
/// While a killed server restarts, the system could give an ephemeral port to an outgoing connection.
pub(crate) fn free_port() -> u16 {
    let mut candidates = std::iter::repeat_with(|| rand::random_range(10_000..32_000));
    let free = candidates.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.unwrap()
}

/// A process that is killed at the end of its test.
pub(crate) struct Program {
    child: Child,
}

impl Program {
    fn of(child: Child) -> Self {
        Self { child }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the program does not exit");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running server, described by its banner.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) api: String,
    pub(crate) dynamodb: String,
    pub(crate) token: String,
    pub(crate) curls: Vec<String>,
    stdout: Receiver<String>,
}

impl Server {
    /// Starts a server on free ports, with `args` as its other arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_on("0", "0", args)
    }

    /// Starts a server on these ports, with `args` as its other arguments.
    pub(crate) fn start_on(api: &str, dynamodb: &str, args: &[&str]) -> Self {
        let json = args.contains(&"json");
        let mut child = command(&[&["--port", api, "--dynamodb-port", dynamodb], args].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        let program = Program::of(child);
        let banner = if json { &stderr } else { &stdout };
        let (mut api, mut dynamodb, mut token, mut curls) = (None, None, None, Vec::new());
        loop {
            let line = match banner.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(_) => panic!(
                    "the program printed no banner: {:?}",
                    stderr.try_iter().collect::<Vec<_>>()
                ),
            };
            let mut words = line.split_whitespace();
            match words.next() {
                Some("API") => api = words.next().map(str::to_owned),
                Some("DynamoDB") => dynamodb = words.next().map(str::to_owned),
                Some("Token") => token = words.next().map(str::to_owned),
                Some("curl") => curls.push(line),
                Some("Ctrl-C") => break,
                _ => {}
            }
        }
        Self {
            program,
            api: api.unwrap(),
            dynamodb: dynamodb.unwrap(),
            token: token.unwrap(),
            curls,
            stdout,
        }
    }

    /// Stops the server by SIGTERM and checks that it exits with status 0. Returns the lines that it wrote to
    /// standard output after the banner.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.program.signal("TERM");
        let status = self.program.wait();
        assert_eq!(status.code(), Some(0));
        self.stdout.iter().collect()
    }

    /// Sends `GET path` with this server's token, and returns the status and the body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let request = reqwest::Client::new().get(format!("{}{path}", self.api));
        let response = request.bearer_auth(&self.token).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Runs `line` in a shell, as if a user had pasted it, and returns the HTTP status.
pub(crate) fn paste(line: &str) -> u16 {
    let silent = format!("{line} -o /dev/null -w '%{{http_code}}'");
    let output = Command::new("sh").args(["-c", &silent]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}
