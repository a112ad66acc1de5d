//! What all containers of one sandbox have in common.

use std::sync::Arc;

use tasks::Limits;
use tokio::sync::RwLock;

use super::engine::Engine;
use super::image::Image;
use super::owner::SandboxRun;

/// What containers are created from.
#[derive(Clone, Debug)]
pub struct ContainerSpec {
    /// The image
    pub image: Image,
    /// Limits of the container as a whole
    pub limits: Limits,
    /// Another OCI runtime that the daemon knows, such as `runsc`
    pub runtime: Option<String>,
}

/// The engine, the specification and the owner of a sandbox's containers.
pub(super) struct SandboxContext {
    pub engine: Arc<dyn Engine>,
    pub spec: ContainerSpec,
    pub run: Arc<SandboxRun>,
    /// Read-locked by every request to create a container until it is answered.
    pub creations: Arc<RwLock<()>>,
}

impl SandboxContext {
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }
}
