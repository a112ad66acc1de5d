//! `harness image`: finds, pulls or builds the image.

use harness::console::Console;
use harness::sandbox;

use super::{Failure, interrupted, print};
use crate::cli::SandboxArgs;

/// Prints the name and id of the image that agents will run in.
pub async fn run(options: &SandboxArgs, refresh: bool) -> Result<(), Failure> {
    let console = Console::new();
    let docker = sandbox::connect().await?;
    let on_event = |event| console.image_event(event);
    let image = tokio::select! {
        image =
            sandbox::resolve_image(&docker, options.image.as_deref(), refresh, &on_event) => image?,
        () = interrupted() => return Err(Failure::Interrupted),
    };
    console.image(&image);
    console.finish();
    print(&format!("{}\n", image.pinned()))
}
