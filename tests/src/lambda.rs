//! Lambda on this machine: a runtime API, and a function's binary running as a process that polls it.
//!
//! Source: "Using the Lambda runtime API for custom runtimes", AWS documentation.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as Segment, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

/// The longest time for which a test waits for a function. It is generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The size of the largest answer that Lambda accepts, in bytes ("Lambda quotas", AWS documentation; the error for a
/// larger answer states the exact number).
const MOST_ANSWERED: usize = 6_291_556;

/// The time from the start of an invocation to its deadline.
const INVOCATION: Duration = Duration::from_secs(30);

/// A message from a function to the runtime API.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// It asked for the next event.
    Polled,
    /// It answered an event.
    Answered(Value),
    /// It reported an error for an event: `{"errorType", "errorMessage", …}`.
    Failed(Value),
}

/// The runtime API of one function.
#[derive(Debug)]
pub struct RuntimeApi {
    /// The address at which it listens: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub address: SocketAddr,
    events: mpsc::UnboundedSender<Given>,
    told: mpsc::UnboundedReceiver<(Instant, Told)>,
}

#[derive(Debug)]
struct Given {
    id: String,
    event: String,
}

#[derive(Debug)]
struct Api {
    events: Mutex<mpsc::UnboundedReceiver<Given>>,
    told: mpsc::UnboundedSender<(Instant, Told)>,
}

impl RuntimeApi {
    /// Starts an API on a free port. It stops when the calling runtime ends.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (events, given) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::unbounded_channel();
        let api = Arc::new(Api {
            events: Mutex::new(given),
            told: tell,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .layer(DefaultBodyLimit::max(MOST_ANSWERED))
            .with_state(api);
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, events, told }
    }

    /// Hands `event` to the next poll and returns the id of the invocation.
    pub fn give(&self, event: &str) -> String {
        let id = Uuid::new_v4().to_string();
        let given = Given {
            id: id.clone(),
            event: event.to_owned(),
        };
        self.events.send(given).unwrap();
        id
    }

    /// Returns the function's next message and its time, or `None` if none comes within a minute.
    pub async fn told(&mut self) -> Option<(Instant, Told)> {
        tokio::time::timeout(PATIENCE, self.told.recv()).await.ok().flatten()
    }
}

impl Api {
    fn tell(&self, told: Told) {
        // Sending fails if the test is over.
        let _ = self.told.send((Instant::now(), told));
    }
}

async fn next(State(api): State<Arc<Api>>) -> ([(&'static str, String); 3], String) {
    api.tell(Told::Polled);
    let given = api.events.lock().await.recv().await;
    // The sender is gone if the test is over, so nobody waits for this poll's answer.
    let Some(Given { id, event }) = given else {
        return std::future::pending().await;
    };
    let deadline = (SystemTime::now() + INVOCATION).duration_since(SystemTime::UNIX_EPOCH);
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.unwrap().as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:123456789012:function:test".to_owned(),
        ),
    ];
    (headers, event)
}

async fn answered(State(api): State<Arc<Api>>, Segment(_): Segment<String>, body: Bytes) -> StatusCode {
    api.tell(Told::Answered(json(&body)));
    StatusCode::ACCEPTED
}

async fn failed(State(api): State<Arc<Api>>, Segment(_): Segment<String>, body: Bytes) -> StatusCode {
    api.tell(Told::Failed(json(&body)));
    StatusCode::ACCEPTED
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// A function's binary, running as a process.
#[derive(Debug)]
pub struct Process {
    /// The runtime API that it polls.
    pub api: RuntimeApi,
    /// The time of its start.
    pub started: Instant,
    child: Child,
}

/// The exit status and the output of a process that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output: the log.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Process {
    /// Starts `binary` with the variables that cargo-lambda sets, overridden by `environment`: an empty value removes
    /// a variable. The process inherits nothing else from this one's environment.
    pub async fn start(binary: impl AsRef<Path>, environment: &[(&str, &str)]) -> Self {
        let api = RuntimeApi::start().await;
        let address = api.address.to_string();
        let mut command = Command::new(binary.as_ref());
        command
            .env_clear()
            .env("AWS_LAMBDA_FUNCTION_NAME", "test")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096")
            .env("AWS_LAMBDA_RUNTIME_API", &address);
        for (name, value) in environment {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().unwrap();
        Self { api, started, child }
    }

    /// Returns the process's id, or `None` if it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Hands `event` to the function and waits for its answer or error.
    pub async fn invoke(&mut self, event: &str) -> Told {
        self.api.give(event);
        loop {
            match self.api.told().await {
                Some((_, Told::Polled)) => {}
                Some((_, told)) => return told,
                None => panic!("the function did not answer"),
            }
        }
    }

    /// Returns the most memory that the process has used at once, in bytes: Linux's `VmHWM` (proc_pid_status(5)).
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let id = self.child.id().expect("the function has ended");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes: u64 = peak.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024
    }

    /// Waits until the process ends by itself.
    pub async fn ended(self) -> Ended {
        let Self { child, .. } = self;
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.expect("the function did not end").unwrap();
        Ended {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Kills the process and returns its output.
    pub async fn stop(mut self) -> Ended {
        self.child.start_kill().unwrap();
        self.ended().await
    }
}
