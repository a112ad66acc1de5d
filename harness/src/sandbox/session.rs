//! How every command that needs containers begins: connect, remove the leftovers of crashed runs, find the image.

use tasks::Limits;

use crate::Fault;
use crate::sandbox::{self, ImageEvent, Sandbox};

/// What a user may choose about the sandbox.
#[derive(Clone, Debug, Default)]
pub struct SandboxSettings {
    /// Image to run agents in; the standard one if none
    pub image: Option<String>,
    /// OCI runtime that the Docker daemon knows, such as `runsc` (gVisor)
    pub runtime: Option<String>,
}

/// Opens a sandbox. Containers of harnesses that are certainly dead are removed on the way.
pub async fn open(
    settings: &SandboxSettings,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Sandbox, Fault> {
    let docker = sandbox::connect().await?;
    sandbox::remove_leftovers(&docker).await?;
    let image = sandbox::resolve_image(&docker, settings.image.as_deref(), false, on_event).await?;
    Ok(Sandbox::new(docker, image, Limits::STANDARD, settings.runtime.clone()))
}
