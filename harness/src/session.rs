//! How every command that needs containers begins: connect, clear what dead runs left, find the image.

use tasks::Limits;

use crate::Fault;
use crate::sandbox::{self, ImageEvent, Sandbox};

/// What a user may choose about the sandbox.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Image to run agents in [default: python:3.11-slim; built from Debian packages if it cannot be pulled]
    #[arg(long, env = "ARENA_IMAGE", value_name = "REFERENCE")]
    pub image: Option<String>,
    /// OCI runtime that the Docker daemon knows, such as 'runsc' (gVisor)
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<String>,
}

/// Opens a sandbox. Containers of harnesses that are certainly dead are removed on the way.
pub async fn open(
    options: &Options,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Sandbox, Fault> {
    let docker = sandbox::connect().await?;
    sandbox::remove_leftovers(&docker).await?;
    let image = sandbox::resolve_image(&docker, options.image.as_deref(), false, on_event).await?;
    Ok(Sandbox::new(docker, image, Limits::STANDARD, options.runtime.clone()))
}
