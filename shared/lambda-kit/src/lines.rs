//! Events as lines of JSON, with the fields of their span.
//!
//! The formatter of `tracing-subscriber` keeps a span's fields as one JSON text, which it parses and writes again with each
//! field that is recorded, and parses once more with each event. That was a third of a warm request's instructions.

use std::fmt::Debug;
use std::io::Write as _;
use std::ops::Range;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::metrics;
use crate::version::VERSION;

/// Writes the wanted events.
pub(crate) struct Lines<W, F> {
    pub(crate) writer: W,
    /// Whether an event or a span is wanted. It depends on nothing else, so it is asked once for each place in the code.
    pub(crate) wanted: F,
    /// The level below which nothing is wanted.
    pub(crate) most: LevelFilter,
}

impl<S, W, F> Layer<S> for Lines<W, F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
    F: Fn(&Metadata<'_>) -> bool + 'static,
{
    fn register_callsite(&self, place: &'static Metadata<'static>) -> Interest {
        if (self.wanted)(place) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, place: &Metadata<'_>, _: Context<'_, S>) -> bool {
        (self.wanted)(place)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut known = Known::nothing();
        attributes.record(&mut Fields(&mut known));
        span.extensions_mut().insert(known);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(known) = span.extensions_mut().get_mut::<Known>() {
            values.record(&mut Fields(known));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line(Vec::with_capacity(1024));
        line.0.push(b'{');
        let mut now = String::with_capacity(32);
        if SystemTime.format_time(&mut Writer::new(&mut now)).is_ok() {
            line.member("timestamp", &now);
        }
        line.member("level", event.metadata().level().as_str());
        line.member("version", VERSION);
        event.record(&mut Fields(&mut line));
        if let Some(span) = context.event_span(event) {
            line.name("span");
            line.0.push(b'{');
            if let Some(Known { text, .. }) = span.extensions().get() {
                line.0.extend_from_slice(text.get(1..).unwrap_or_default());
            }
            line.member("name", span.name());
            line.0.push(b'}');
        }
        line.0.extend_from_slice(b"}\n");
        // Nobody could be told that the log cannot be written.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(&line.0);
    }
}

/// What is known of a span.
struct Known {
    /// Members of a JSON object, each after a comma.
    text: Vec<u8>,
    /// Their names, and where in the text they are, comma included.
    members: Vec<(&'static str, Range<usize>)>,
}

impl Known {
    /// Nothing yet, with room for what a request's span says.
    fn nothing() -> Self {
        Self { text: Vec::with_capacity(512), members: Vec::with_capacity(16) }
    }

    fn forget(&mut self, name: &str) {
        let Some(place) = self.members.iter().position(|(known, _)| *known == name) else { return };
        let (_, gone) = self.members.remove(place);
        for (_, later) in &mut self.members[place..] {
            *later = later.start - gone.len()..later.end - gone.len();
        }
        self.text.drain(gone);
    }
}

/// The beginning of a JSON object.
struct Line(Vec<u8>);

impl Line {
    fn name(&mut self, name: &str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        json(&mut self.0, name);
        self.0.push(b':');
    }

    fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        json(&mut self.0, value);
    }
}

fn json(text: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let before = text.len();
    if serde_json::to_writer(&mut *text, value).is_err() {
        text.truncate(before);
        text.extend_from_slice(b"null");
    }
}

/// Takes fields one by one.
trait Take {
    fn take(&mut self, name: &'static str, value: &(impl Serialize + ?Sized));

    /// Takes a value that shows itself as JSON. Only an event has one.
    fn take_json(&mut self, name: &'static str, value: &dyn Debug) {
        self.take(name, &format_args!("{value:?}"));
    }
}

impl Take for Line {
    fn take(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) {
        self.member(name, value);
    }

    fn take_json(&mut self, name: &'static str, value: &dyn Debug) {
        self.name(name);
        // A vector takes everything.
        let _ = write!(self.0, "{value:?}");
    }
}

impl Take for Known {
    /// A later value replaces an earlier one.
    fn take(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) {
        self.forget(name);
        let begin = self.text.len();
        self.text.push(b',');
        json(&mut self.text, name);
        self.text.push(b':');
        json(&mut self.text, value);
        self.members.push((name, begin..self.text.len()));
    }
}

struct Fields<'a, T>(&'a mut T);

impl<T: Take> Visit for Fields<'_, T> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.take(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.take(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.take(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.take(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.take(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == metrics::FIELD {
            self.0.take_json(field.name(), value);
        } else {
            self.0.take(field.name(), &format_args!("{value:?}"));
        }
    }
}
