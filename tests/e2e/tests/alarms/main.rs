//! The fault that an alarm is for is caused, and what the alarm counts is there: a line that its filter takes, an execution or an
//! invocation that failed, an answer with 5xx.

mod pattern;
mod runbook;
mod seen;
