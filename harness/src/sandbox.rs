//! The sandbox: locked-down containers in which agents and their answers run.
//!
//! Nothing outside this folder knows that Docker exists. The rest of the harness starts a
//! [`Container`], has it run an agent and make calls, and gets back evidence ([`AgentRun`],
//! [`CallsRun`]) or a [`Fault`]. Nothing in that evidence is a judgement.

mod container;
mod daemon;
mod engine;
mod image;
mod owner;
mod protocol;
mod session;

use std::sync::Arc;

use tasks::Limits;
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinSet;

pub use container::Container;
pub(crate) use daemon::innermost;
pub use daemon::{DaemonFacts, connect, daemon_facts, host};
pub use engine::{Engine, Reply};
pub use image::{Image, ImageEvent, Origin, find_present as find_image, resolve as resolve_image};
pub use owner::{Leftover, remove_leftovers};
pub use protocol::{AgentRun, CallEnd, CallReply, CallsRun, Ended, Load, StoppedFor, Usage, Why};
pub use session::{SandboxSettings, open};

use crate::Fault;

/// Version of what the host and the driver say to each other, and of how outcomes are judged. It is
/// part of every result's key, so raising it voids all stored results.
pub const PROTOCOL_VERSION: u32 = 4;

/// The program that runs as process 1 of every container.
pub const DRIVER: &str = include_str!("../driver/driver.py");

/// How containers are made in this run.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Box<dyn Engine>,
    image: Image,
    limits: Limits,
    runtime: Option<String>,
    owner: owner::Run,
    /// Removals under way. [`Sandbox::cleanup`] waits for them.
    removals: Mutex<JoinSet<()>>,
    /// Held by every request to create a container until it is answered.
    creations: Arc<RwLock<()>>,
}

impl Sandbox {
    /// A sandbox that starts containers from `image`. `runtime` names another OCI runtime that the
    /// daemon knows, such as `runsc`.
    pub fn new(
        engine: impl Engine + 'static,
        image: Image,
        limits: Limits,
        runtime: Option<String>,
    ) -> Self {
        let engine = Box::new(engine);
        let owner = owner::Run::new();
        let (removals, creations) = (Mutex::new(JoinSet::new()), Arc::default());
        let inner = Inner { engine, image, limits, runtime, owner, removals, creations };
        Self { inner: Arc::new(inner) }
    }

    fn engine(&self) -> &dyn Engine {
        &*self.inner.engine
    }

    /// The image that containers are started from.
    pub fn image(&self) -> &Image {
        &self.inner.image
    }

    /// Starts a container and waits until its driver is ready for a trial.
    pub async fn start(&self) -> Result<Container, Fault> {
        Container::start(self).await
    }

    /// Removes a container without making the caller wait for it.
    pub async fn discard(&self, container: Container) {
        let mut removals = self.inner.removals.lock().await;
        while removals.try_join_next().is_some() {}
        removals.spawn(async move {
            // What cannot be removed now is found again by its label, in `cleanup` or in the next run.
            let _ = container.remove().await;
        });
    }

    /// Removes every container of this run, whatever state it is in.
    pub async fn cleanup(&self) -> Result<(), Fault> {
        let mut removals = self.inner.removals.lock().await;
        while removals.join_next().await.is_some() {}
        // Whoever wanted a container may be gone, but the engine may still be making it.
        let _none_under_way = self.inner.creations.write().await;
        owner::remove_own(self.engine(), &self.inner.owner).await
    }
}
