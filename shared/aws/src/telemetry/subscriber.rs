//! The destination of log events: standard output, which Lambda forwards to CloudWatch Logs.

use super::format::{INVOCATION, Lines};
use crate::config::MetricsConfig;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The form of log events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line, with the event's fields at its top level, as CloudWatch Logs Insights reads it.
    /// The events of invocations are also documents in embedded metric format, with this namespace and these
    /// dimensions.
    Json(MetricsConfig),
    /// One line for a human reader.
    Pretty,
}

/// Sends the process's log events to standard output. Has no effect if a subscriber is already set.
///
/// `RUST_LOG` filters the events, in the form of [`Targets`]. If it is unset or malformed, events of level `info`
/// and above pass. The events of invocations always pass, because they contain the metrics. Events of the crates in
/// `left_out` never pass.
pub fn init(format: Format, left_out: &[&str]) {
    let of_the_service = subscriber(format, std::io::stdout);
    let left_out = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(left_out.iter().map(|name| (*name, LevelFilter::OFF)));
    let _ = of_the_service.with(left_out).try_init();
}

/// Returns the subscriber of [`init`], which writes to `writer`.
pub fn subscriber<W>(format: Format, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let filter = filter(std::env::var("RUST_LOG").ok().as_deref());
    let registry = tracing_subscriber::registry();
    match format {
        Format::Json(metrics) => {
            let lines = layer.fmt_fields(JsonFields::new()).event_format(Lines::new(metrics));
            Box::new(registry.with(lines.with_filter(filter)))
        }
        Format::Pretty => Box::new(registry.with(layer.compact().with_target(false).with_filter(filter))),
    }
}

fn filter(directives: Option<&str>) -> Targets {
    let asked = directives.and_then(|directives| directives.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    filter.with_target(INVOCATION, LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::filter;
    use tracing::Level;

    #[test]
    fn the_event_of_an_invocation_passes_every_filter_with_its_metrics() {
        for directives in [
            None,
            Some("off"),
            Some("error"),
            Some("coinolio_aws=warn"),
            Some("invocation=off"),
            Some("=,="),
        ] {
            assert!(
                filter(directives).would_enable("invocation", &Level::INFO),
                "{directives:?}"
            );
        }
    }

    #[test]
    fn the_directives_filter_all_other_events() {
        assert!(filter(None).would_enable("x", &Level::INFO));
        assert!(!filter(None).would_enable("x", &Level::DEBUG));
        assert!(!filter(Some("error,y=debug")).would_enable("x", &Level::WARN));
        assert!(filter(Some("error,y=debug")).would_enable("y", &Level::DEBUG));
        assert!(filter(Some("x=no such level")).would_enable("x", &Level::INFO));
    }
}
