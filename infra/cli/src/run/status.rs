//! What the status route answers.

use console::StyledObject;
use domain::{Cause, Slug, Step, StepState};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api::Answer;
use crate::error::Error;
use crate::output::{note, plain, span, style, text};

/// How far a tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Provisioning,
    Active,
    Failed,
    Deprovisioned,
}

/// A tenant's run.
pub struct Status {
    pub slug: String,
    pub state: State,
    pub steps: Vec<StepStatus>,
    attempt: Value,
    last_error: Option<String>,
    lost_domain: Option<String>,
    /// When it was read: by this machine's clock, and by the server's.
    read_at: (Timestamp, Timestamp),
}

/// One step of it.
pub struct StepStatus {
    pub number: i16,
    pub name: String,
    pub state: StepState,
    attempts: u64,
    duration: Option<SignedDuration>,
    started_at: Option<Timestamp>,
    next_retry_at: Option<Timestamp>,
    waiting_for: String,
    cause: Option<Cause>,
    /// As it was answered.
    value: Value,
}

/// What is new.
pub enum Change<'a> {
    /// A step is not what it was.
    Step(&'a StepStatus),
    /// The tenant is no longer being provisioned.
    Settled,
}

impl Status {
    /// Reads an answer about this tenant.
    pub fn read(slug: &Slug, answer: &Answer) -> Result<Self, Error> {
        let value = answer.json()?;
        let now = Timestamp::now();
        // A clock that is a day off is broken, and nothing is counted by it.
        let is_sound = |date: &Timestamp| date.duration_since(now).abs() < SignedDuration::from_hours(24);
        Self::of(slug, &value, (now, answer.date().filter(is_sound).unwrap_or(now)))
            .ok_or_else(|| Error::Unforeseen("the status is not one that this release knows".to_owned()))
    }

    fn of(slug: &Slug, value: &Value, read_at: (Timestamp, Timestamp)) -> Option<Self> {
        let state = match text(value, "provisioning_state") {
            "provisioning" => State::Provisioning,
            "active" => State::Active,
            "failed" => State::Failed,
            "deprovisioned" => State::Deprovisioned,
            _ => return None,
        };
        let steps: Option<Vec<_>> = value["steps"].as_array()?.iter().map(StepStatus::of).collect();
        Some(Self {
            slug: slug.to_string(),
            state,
            steps: steps?,
            attempt: value["attempt"].clone(),
            last_error: value["last_error"].as_str().map(plain),
            lost_domain: value["lost_domain"].as_str().map(plain),
            read_at,
        })
    }

    /// Fails unless the tenant is active.
    pub fn verdict(&self) -> Result<(), Error> {
        match self.state {
            State::Active => Ok(()),
            State::Failed => Err(Error::Said(self.cause().map(|cause| cause.owner).into())),
            State::Deprovisioned => Err(Error::Refused(format!("{} is switched off", self.slug))),
            State::Provisioning => Err(Error::StillRunning(self.slug.clone())),
        }
    }

    fn cause(&self) -> Option<&Cause> {
        let failed = self.steps.iter().find(|step| step.state == StepState::Failed);
        failed.and_then(|step| step.cause.as_ref())
    }

    /// Says on standard error how the run ended: if it failed, what is wrong and the command to go on with.
    pub fn explain(&self) {
        match self.state {
            State::Active => {
                note(format_args!("{} is active, {} after the first step began.", self.slug, self.took()));
                if let Some(loss) = self.loss() {
                    note(loss);
                }
            }
            State::Failed => note(self.remedy().trim_end()),
            State::Provisioning | State::Deprovisioned => {}
        }
    }

    fn took(&self) -> String {
        let times = |name: &'static str| {
            self.steps.iter().filter_map(move |step| text(&step.value, name).parse::<Timestamp>().ok())
        };
        let whole = times("started_at").min().zip(times("finished_at").max());
        whole.map(|(start, end)| span(end.duration_since(start))).unwrap_or_default()
    }

    /// What is wrong, and how to go on.
    fn remedy(&self) -> String {
        let slug = &self.slug;
        let Some(cause) = self.cause() else {
            let error = self.last_error.as_deref().unwrap_or("the run failed");
            return format!("  {error}\n  {} ivory tenant retry {slug}\n", style::strong("then:"));
        };
        let provider = cause.provider_request_id.as_ref();
        let provider = provider.map(|id| format!("  the provider's request: {}\n", plain(id)));
        let provider = provider.unwrap_or_default();
        let (hint, code) = (plain(&cause.hint), plain(&cause.code));
        let first = if cause.foreseen_at.is_some() { "ivory systems, and when it is usable: " } else { "" };
        let (then, more) = (style::strong("then:"), style::strong("more:"));
        format!("  {hint}\n{provider}  {then} {first}ivory tenant retry {slug}\n  {more} ivory explain {code}\n")
    }

    /// What a restore could not give back.
    fn loss(&self) -> Option<String> {
        let (slug, then) = (&self.slug, style::strong("then:"));
        self.lost_domain.as_ref().map(|domain| {
            format!("  {domain} is another tenant's by now.\n  {then} ivory tenant update {slug} --custom-domain DOMAIN, or --no-custom-domain")
        })
    }

    /// The nine steps, one per line.
    pub fn table(&self) -> String {
        let lines = self.steps.iter().map(|step| format!(" {} {}\n", step.mark('›'), self.line(step)));
        let lines: String = lines.collect();
        let head = format!("{}  {}, attempt {}", self.slug, style::state(self.word()), self.attempt);
        let remedy = if self.state == State::Failed { self.remedy() } else { String::new() };
        let loss = self.loss().map(|loss| format!("{loss}\n")).unwrap_or_default();
        format!("{head}\n{lines}{remedy}{loss}")
    }

    const fn word(&self) -> &'static str {
        match self.state {
            State::Provisioning => "provisioning",
            State::Active => "active",
            State::Failed => "failed",
            State::Deprovisioned => "deprovisioned",
        }
    }

    /// A step's number, name, time, and what it waits for or has met.
    pub fn line(&self, step: &StepStatus) -> String {
        let time = step.duration.or_else(|| self.running_for(step)).map(span).unwrap_or_default();
        let line = format!("{} {:<20} {time:>11}   {}", step.number, step.name, step.note(self.server_now()));
        line.trim_end().to_owned()
    }

    /// The server's time now, as far as this machine's clock runs like the server's.
    fn server_now(&self) -> Timestamp {
        let (local, server) = self.read_at;
        server.checked_add(Timestamp::now().duration_since(local)).unwrap_or(server)
    }

    fn running_for(&self, step: &StepStatus) -> Option<SignedDuration> {
        let runs = matches!(step.state, StepState::Running | StepState::Waiting);
        step.started_at.filter(|_| runs).map(|start| self.server_now().duration_since(start))
    }

    /// The steps that are not what was seen before, which is replaced.
    pub fn changes_since(&self, seen: &mut Vec<Value>) -> Vec<Change<'_>> {
        let is_new = |(index, step): &(usize, &StepStatus)| match seen.get(*index) {
            None => step.state != StepState::Pending,
            Some(before) => *before != step.value,
        };
        let changes = self.steps.iter().enumerate().filter(is_new).map(|(_, step)| Change::Step(step)).collect();
        *seen = self.steps.iter().map(|step| step.value.clone()).collect();
        changes
    }
}

impl Change<'_> {
    /// For machines.
    pub fn event(&self, status: &Status) -> Value {
        let step = match self {
            Self::Step(step) => &step.value,
            Self::Settled => &Value::Null,
        };
        json!({
            "at": status.read_at.1, "slug": status.slug, "attempt": status.attempt,
            "provisioning_state": status.word(), "step": step,
        })
    }

    /// For people.
    pub fn line(&self, status: &Status) -> String {
        match self {
            Self::Step(step) => format!("{:<9} {}", step.state.as_str(), status.line(step)),
            Self::Settled => format!("{} is {}", status.slug, status.word()),
        }
    }
}

impl StepStatus {
    fn of(value: &Value) -> Option<Self> {
        let moment = |name| text(value, name).parse().ok();
        let number = Step::ALL.into_iter().find(|step| step.id() == text(value, "id"))?.number();
        Some(Self {
            number,
            name: plain(text(value, "name")),
            state: text(value, "state").parse().ok()?,
            attempts: value["attempts"].as_u64()?,
            duration: value["duration_ms"].as_i64().map(SignedDuration::from_millis),
            started_at: moment("started_at"),
            next_retry_at: moment("next_retry_at"),
            waiting_for: plain(text(value, "waiting_for")),
            cause: serde_json::from_value(value["cause"].clone()).ok(),
            value: value.clone(),
        })
    }

    /// Its mark, before its line.
    pub fn mark(&self, at_work: char) -> StyledObject<char> {
        match self.state {
            StepState::Completed => console::style('✓').green(),
            StepState::Failed => console::style('✗').red(),
            StepState::Pending => console::style('·').dim(),
            StepState::Running | StepState::Waiting => console::style(at_work).yellow(),
        }
    }

    /// What it waits for, what it has met and who can mend it, how often it was tried.
    fn note(&self, now: Timestamp) -> String {
        let mut notes = Vec::new();
        if !self.waiting_for.is_empty() {
            notes.push(format!("waiting for {}", self.waiting_for));
        }
        if let Some(Cause { code, owner, .. }) = self.cause.as_ref().filter(|_| self.state != StepState::Completed) {
            notes.push(format!("{} ({} can mend it)", plain(code), owner.as_str()));
        }
        if self.attempts > 1 {
            notes.push(format!("{} attempts", self.attempts));
        }
        if let Some(seconds) = self.next_retry_at.map(|next| next.duration_since(now).as_secs()).filter(|it| *it > 0) {
            notes.push(format!("again in {seconds} s"));
        }
        notes.join(", ")
    }
}
