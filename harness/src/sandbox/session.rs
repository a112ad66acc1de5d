//! One use of the sandbox: opened, asked for containers, and cleaned up.

use std::sync::Arc;

use tasks::Limits;
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinSet;

use super::container::Container;
use super::context::{ContainerSpec, SandboxContext};
use super::daemon::connect;
use super::engine::Engine;
use super::image::{self, Image, ImageEvent, ImagePolicy};
use super::owner::{self, SandboxRun};
use crate::Fault;

/// What a user may choose about the sandbox.
#[derive(Clone, Debug, Default)]
pub struct SandboxSettings {
    /// Image to run agents in; the standard one if none
    pub image: Option<String>,
    /// OCI runtime that the Docker daemon knows, such as `runsc` (gVisor)
    pub runtime: Option<String>,
}

/// Connects to the daemon, removes the containers of crashed runs, finds the image and opens a sandbox.
pub async fn open(
    settings: &SandboxSettings,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Sandbox, Fault> {
    let docker = connect().await?;
    owner::remove_leftovers(&docker).await?;
    let reference = settings.image.as_deref();
    let image = image::resolve(&docker, reference, ImagePolicy::UsePresent, on_event).await?;
    let runtime = settings.runtime.clone();
    Ok(Sandbox::new(docker, ContainerSpec { image, limits: Limits::STANDARD, runtime }))
}

/// Starts containers and removes them. Clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox {
    context: Arc<SandboxContext>,
    /// Removals in progress. [`Sandbox::cleanup`] waits for them.
    removals: Arc<Mutex<JoinSet<()>>>,
}

impl Sandbox {
    /// A sandbox on this engine.
    pub fn new(engine: impl Engine + 'static, spec: ContainerSpec) -> Self {
        let creations = Arc::new(RwLock::new(()));
        let run = SandboxRun::new();
        let context = SandboxContext { engine: Box::new(engine), spec, run, creations };
        Self { context: Arc::new(context), removals: Arc::default() }
    }

    /// The image that containers are started from.
    pub fn image(&self) -> &Image {
        &self.context.spec.image
    }

    /// Starts a container and waits until its driver is ready for a trial.
    pub async fn start(&self) -> Result<Container, Fault> {
        Container::start(&self.context).await
    }

    /// Removes a container without making the caller wait for it.
    pub async fn discard(&self, container: Container) {
        let mut removals = self.removals.lock().await;
        while removals.try_join_next().is_some() {}
        removals.spawn(async move {
            // A container that cannot be removed now is found again by its label, in `cleanup` or in the next run.
            let _ = container.remove().await;
        });
    }

    /// Removes every container of this sandbox, whatever state it is in.
    pub async fn cleanup(&self) -> Result<(), Fault> {
        let mut removals = self.removals.lock().await;
        while removals.join_next().await.is_some() {}
        // The caller that asked for a container may be gone while the engine still creates it.
        let _none_in_progress = self.context.creations.write().await;
        owner::remove_own(self.context.engine(), &self.context.run).await
    }

    /// The ids of this sandbox's containers that are on the engine, whatever state they are in.
    pub async fn containers(&self) -> Result<Vec<String>, Fault> {
        owner::own(self.context.engine(), &self.context.run).await
    }
}
