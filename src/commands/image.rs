//! `arena image`: finds, pulls or builds the image that agents run in.

use clap::Args;
use harness::sandbox::{self, ImagePolicy};

use crate::args::SandboxArgs;
use crate::console::{Console, print};
use crate::exit::Result;
use crate::interrupt::abort_on_signal;

/// Arguments of `image`.
#[derive(Args)]
pub struct ImageArgs {
    #[command(flatten)]
    sandbox: SandboxArgs,
    /// Pull or build it again even if it is present
    #[arg(long)]
    refresh: bool,
}

/// Prints the name and id of the image.
pub async fn run(args: ImageArgs) -> Result {
    let console = Console::new();
    let policy = if args.refresh { ImagePolicy::Refresh } else { ImagePolicy::UsePresent };
    let settings = args.sandbox.settings();
    let on_event = |event| console.image_event(event);
    let resolve = async {
        let docker = sandbox::connect().await?;
        let image = settings.image.as_deref();
        Ok(sandbox::resolve_image(&docker, image, policy, &on_event).await?)
    };
    let image = abort_on_signal(resolve).await?;
    console.image(&image);
    console.finish();
    print(&format!("{}\n", image.pinned()))
}
