//! A server between the program and a cloud. It forwards what the API's document allows, and nothing else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use e2e::Cloud;
use reqwest::Method;

use crate::allowed;
use crate::server::{Asked, Reply, Server};

/// Headers of one connection.
const NOT_FORWARDED: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

/// The recorder. A test in which a request was not allowed fails when it ends.
pub struct Recorder {
    server: Server,
    found: Arc<Mutex<Found>>,
}

#[derive(Default)]
struct Found {
    operations: BTreeSet<String>,
    faults: Vec<String>,
}

impl Recorder {
    pub async fn before(cloud: &Cloud) -> Result<Self> {
        let (cloud, found) = (cloud.clone(), Arc::<Mutex<Found>>::default());
        let seen = Arc::clone(&found);
        let answering = move |asked: Asked| {
            let (cloud, seen) = (cloud.clone(), Arc::clone(&seen));
            Box::pin(async move {
                match allowed::operation(&asked) {
                    Ok(name) => lock(&seen).operations.insert(name),
                    Err(fault) => return refused(&seen, format!("{fault:#}: {} {}", asked.method, asked.path)),
                };
                forward(&cloud, &asked).await.unwrap_or_else(|fault| refused(&seen, format!("{fault:#}")))
            }) as _
        };
        Ok(Self { server: Server::answering(Arc::new(answering)).await?, found })
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.server.asked()
    }

    /// The operations that were called.
    pub fn operations(&self) -> BTreeSet<String> {
        lock(&self.found).operations.clone()
    }

    /// What was not allowed so far. It is forgotten.
    pub fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.found).faults)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let faults = self.take_faults();
        assert!(faults.is_empty() || std::thread::panicking(), "the document does not allow this: {faults:#?}");
    }
}

fn lock(found: &Mutex<Found>) -> MutexGuard<'_, Found> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(seen: &Mutex<Found>, fault: String) -> Reply {
    let reply = Reply::Answer { status: 418, headers: vec![], body: fault.clone() };
    lock(seen).faults.push(fault);
    reply
}

/// The cloud's own client checks the answer.
async fn forward(cloud: &Cloud, asked: &Asked) -> Result<Reply> {
    let mut request = cloud.request(Method::from_bytes(asked.method.as_bytes())?, &asked.path);
    for (name, value) in asked.headers.iter().filter(|(name, _)| !NOT_FORWARDED.contains(&name.as_str())) {
        request = request.header(name, value);
    }
    let answer = cloud.send(request.body(asked.body.clone())).await?;
    let headers = answer.headers.into_iter().filter(|(name, _)| !NOT_FORWARDED.contains(&name.as_str()));
    Ok(Reply::Answer { status: answer.status, headers: headers.collect(), body: answer.body })
}
