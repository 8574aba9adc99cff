//! Where events go: standard output, which Lambda hands to CloudWatch Logs.

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, the event's fields at its top level: what CloudWatch Logs Insights reads.
    Json,
    /// One line for a person.
    Pretty,
}

/// Sends the process's events to standard output; without effect where a subscriber is set already.
///
/// `RUST_LOG` filters (`tracing_subscriber`'s directives); without it events of level `info` and above pass.
/// Nothing passes of the crates that are `left_out`: libraries that report what is no event of the service.
pub fn init(format: Format, left_out: &[&str]) {
    let of_the_service = subscriber(format, std::io::stdout);
    let left_out = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(left_out.iter().map(|name| (*name, LevelFilter::OFF)));
    let _ = of_the_service.with(left_out).try_init();
}

/// The subscriber of [`init`], writing to `writer`.
pub fn subscriber<W>(format: Format, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        Format::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .finish(),
        ),
        Format::Pretty => Box::new(builder.compact().with_target(false).finish()),
    }
}
