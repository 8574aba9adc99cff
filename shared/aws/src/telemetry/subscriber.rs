//! Where events go: standard output, which Lambda hands to CloudWatch Logs.

use super::format::{INVOCATION, Lines};
use super::metrics::Metrics;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How events are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, the event's fields at its top level: what CloudWatch Logs Insights reads. The
    /// invocations' events are embedded metric format documents too, with these namespace and dimensions.
    Json(Metrics),
    /// One line for a person.
    Pretty,
}

/// Sends the process's events to standard output; without effect where a subscriber is set already.
///
/// `RUST_LOG` filters, in the form of [`Targets`]; without it, or where it has another form, events of level
/// `info` and above pass. The invocations' own pass whatever it says: the metrics are in them. Nothing
/// passes of the crates that are `left_out`: libraries that report what is no event of the service.
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
    fn no_filter_keeps_an_invocations_event_and_its_metrics_back() {
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
    fn other_events_pass_as_the_directives_say() {
        assert!(filter(None).would_enable("x", &Level::INFO));
        assert!(!filter(None).would_enable("x", &Level::DEBUG));
        assert!(!filter(Some("error,y=debug")).would_enable("x", &Level::WARN));
        assert!(filter(Some("error,y=debug")).would_enable("y", &Level::DEBUG));
        assert!(filter(Some("x=no such level")).would_enable("x", &Level::INFO));
    }
}
