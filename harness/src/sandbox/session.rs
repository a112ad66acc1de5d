//! One use of the sandbox: opened, asked for containers, and cleaned up.

use std::sync::Arc;

use tasks::Limits;
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinSet;

use super::container::Container;
use super::context::{ContainerSpec, SandboxContext};
use super::daemon::{ask, connect, host};
use super::engine::Engine;
use super::image::{self, Image, ImageEvent, ImagePolicy, SitePackages};
use super::owner::{self, SandboxRun};
use crate::Fault;

/// What a user may choose about the sandbox.
#[derive(Clone, Debug, Default)]
pub struct SandboxSettings {
    /// Image to run agents in; the standard one if none
    pub image: Option<String>,
    /// OCI runtime that the Docker daemon knows, such as `runsc` (gVisor)
    pub runtime: Option<String>,
    /// Memory of a container, swap included, in bytes; the standard limit if none
    pub memory_bytes: Option<u64>,
    /// Whether answers may import the packages that are installed in the image
    pub packages: SitePackages,
}

/// Connects to the daemon, removes the containers of crashed runs, finds the image and opens a sandbox.
pub async fn open(
    settings: &SandboxSettings,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Sandbox, Fault> {
    let docker = connect().await?;
    owner::remove_leftovers(&docker).await?;
    let reference = settings.image.as_deref();
    let mut limits = Limits::STANDARD;
    if let Some(memory_bytes) = settings.memory_bytes {
        check_memory(&docker, memory_bytes).await?;
        limits.memory_bytes = memory_bytes;
    }
    let image = image::resolve(&docker, reference, ImagePolicy::UsePresent, on_event).await?;
    let image = Image { packages: settings.packages, ..image };
    let runtime = settings.runtime.clone();
    Ok(Sandbox::new(docker, ContainerSpec { image, limits, runtime }))
}

/// Refuses a limit that the machine ends before the container's own would: which answers pass would depend on the
/// machine.
async fn check_memory(docker: &bollard::Docker, memory_bytes: u64) -> Result<(), Fault> {
    let total = ask("describe itself", docker.info()).await?.mem_total;
    match total.and_then(|total| u64::try_from(total).ok()) {
        Some(total_bytes) if (1..memory_bytes).contains(&total_bytes) => {
            Err(Fault::TooLittleMemory { host: host(), total_bytes, memory_bytes })
        }
        _ => Ok(()),
    }
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
        let context =
            SandboxContext { engine: Arc::new(engine), spec, run: Arc::new(run), creations };
        Self { context: Arc::new(context), removals: Arc::default() }
    }

    /// The same sandbox, whose containers have other limits from now on.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        let SandboxContext { engine, spec, run, creations } = &*self.context;
        let context = SandboxContext {
            engine: Arc::clone(engine),
            spec: ContainerSpec { limits, ..spec.clone() },
            run: Arc::clone(run),
            creations: Arc::clone(creations),
        };
        Self { context: Arc::new(context), removals: Arc::clone(&self.removals) }
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
