//! Draws the figures.

use crate::report::Stage;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

const SIZE: (u32, u32) = (900, 340);

/// The percentiles of the latency that are drawn, with their colours.
const PERCENTILES: [(&str, RGBColor); 3] = [
    ("p50", RGBColor(0, 114, 178)),
    ("p95", RGBColor(230, 159, 0)),
    ("p99", RGBColor(213, 94, 0)),
];

/// Draws latency and throughput against the number of connections, and memory against time, to the SVG `file`.
pub(crate) fn draw(stages: &[Stage], file: &Path) -> Result<()> {
    let drawing = SVGBackend::new(file, SIZE).into_drawing_area();
    panels(stages, &drawing).map_err(|error| anyhow!("cannot draw {}: {error}", file.display()))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn panels(stages: &[Stage], drawing: &Area<'_>) -> Result<(), Box<dyn Error>> {
    drawing.fill(&WHITE)?;
    let [latencies, rates, memory] =
        <[Area<'_>; 3]>::try_from(drawing.split_evenly((1, 3))).map_err(|_| "no panels")?;
    let over_connections = |value: &dyn Fn(&Stage) -> f64| -> Vec<(f64, f64)> {
        stages
            .iter()
            .map(|stage| (f64::from(stage.connections), value(stage)))
            .collect()
    };
    let lines = PERCENTILES.map(|(name, colour)| {
        let line = over_connections(&|stage| stage.report.percentile(name));
        (name, colour, line)
    });
    panel(&latencies, "latency, ms", "connections", &lines)?;
    let line = over_connections(&|stage| stage.report.rate());
    panel(&rates, "requests a second", "connections", &[("", BLACK, line)])?;
    let seconds = stages.iter().flat_map(|stage| &stage.memory).enumerate();
    let line = seconds.map(|(second, megabytes)| (second as f64, *megabytes)).collect();
    panel(
        &memory,
        "memory of the server, MB",
        "seconds, all stages",
        &[("", BLACK, line)],
    )?;
    drawing.present()?;
    Ok(())
}

type Line<'a> = (&'a str, RGBColor, Vec<(f64, f64)>);

/// Draws a panel whose axes start at zero.
fn panel(area: &Area<'_>, title: &str, along: &str, lines: &[Line<'_>]) -> Result<(), Box<dyn Error>> {
    let points = || lines.iter().flat_map(|(_, _, line)| line);
    let right = points().map(|point| point.0).fold(1.0, f64::max);
    let top = points().map(|point| point.1).fold(1.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(45)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(5)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .x_desc(along)
        .draw()?;
    for (name, colour, line) in lines {
        let series = chart.draw_series(LineSeries::new(line.iter().copied(), colour.stroke_width(2)))?;
        if !name.is_empty() {
            let colour = *colour;
            series
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 15, y)], colour.stroke_width(2)));
        }
    }
    if lines.iter().any(|(name, ..)| !name.is_empty()) {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .border_style(BLACK.mix(0.3))
            .draw()?;
    }
    Ok(())
}
