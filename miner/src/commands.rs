//! The commands, one file each, and what they have in common.

pub mod init;
pub mod mine;
pub mod status;
pub mod tryout;
pub mod upload;

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::OnceLock;

use harness::Fault;
use harness::sandbox::{self, Sandbox};

use crate::cli::SandboxArgs;
use miner::mine::MineError;
use miner::source::SourceError;
use miner::token::TokenError;
use platform::client::ClientError;
use platform::store::StoreError;
use platform::validation;
use tasks::Seed;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::console::{self, Console};

/// Why a command did not come to its end.
pub enum Failure {
    /// What it was given cannot be used: status 2.
    Input(String),
    /// Something failed that should not have: status 1.
    Fault(String),
    /// The user, or the system, asked to stop: status 130. The text says what was kept.
    Interrupted(String),
}

impl Failure {
    /// What to tell the user.
    pub fn sentence(&self) -> String {
        match self {
            Self::Input(sentence) | Self::Fault(sentence) => sentence.clone(),
            Self::Interrupted(kept) => format!("interrupted{kept}"),
        }
    }

    /// The exit status.
    pub const fn status(&self) -> u8 {
        match self {
            Self::Fault(_) => 1,
            Self::Input(_) => 2,
            Self::Interrupted(_) => 130,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault.to_string())
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Fault(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.to_string())
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Unusable(why) => Self::Input(why),
            error => Self::Fault(error.to_string()),
        }
    }
}

impl From<MineError> for Failure {
    fn from(error: MineError) -> Self {
        match error {
            MineError::Source(error) => error.into(),
            error => Self::Fault(error.to_string()),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            // What the platform refused, the miner can change.
            ClientError::Address { .. } => Self::Input(error.to_string()),
            ClientError::Refused { status, .. } if status.is_client_error() => {
                Self::Input(error.to_string())
            }
            error => Self::Fault(error.to_string()),
        }
    }
}

/// Does `work`, unless the user interrupts it first.
pub async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        worked = work => worked,
        () = interrupted() => Err(Failure::Interrupted(String::new())),
    }
}

/// Does `work` to its end, also if the user interrupts it, and says so then.
pub async fn despite_interrupt<T>(work: impl Future<Output = T>, what: &str) -> T {
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = interrupted() => {}
    }
    console::say(&format!(
        "{what} is on its way and comes to its end; another Ctrl-C does not wait"
    ));
    work.await
}

/// Opens a sandbox, lets `work` use it, and removes every container again, also when the work fails or the
/// user interrupts it.
pub async fn with_sandbox<T, W>(
    options: &SandboxArgs,
    console: &Console,
    work: impl FnOnce(Sandbox) -> W,
) -> Result<T, Failure>
where
    W: Future<Output = Result<T, Failure>>,
{
    let on_event = |event| console.image_event(event);
    let opening = async { Ok(sandbox::open(&options.settings(), &on_event).await?) };
    let sandbox = unless_interrupted(opening).await?;
    let worked = unless_interrupted(work(sandbox.clone())).await;
    console.finish();
    let cleaned = sandbox.cleanup().await;
    let value = worked?;
    cleaned?;
    Ok(value)
}

/// Reads an agent and looks at it as the platform would.
pub fn read_agent(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|cause| {
        Failure::Input(format!("cannot read {shown}: {cause}; name the file of an agent"))
    })?;
    if let Err(findings) = validation::validate(&bytes) {
        let line = |f: &platform::api::Violation| {
            format!("\n  {shown}:{}:{}: {}", f.line, f.column, f.reason)
        };
        let lines: String = findings.iter().map(line).collect();
        return Err(Failure::Input(format!("{shown} would not be accepted:{lines}")));
    }
    Ok(String::from_utf8(bytes).expect("validation asks for UTF-8"))
}

/// The seed that was chosen, or a fresh one. Below 2^53, so that every reader of JSON keeps it whole.
pub fn seed(chosen: Option<u64>) -> Seed {
    Seed(chosen.unwrap_or_else(|| rand::random_range(0..1 << 53)))
}

/// Becomes true with the first Ctrl-C or the system's request to end, and stays so: one that comes between two
/// waits is not lost.
static INTERRUPTED: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// Begins to listen for Ctrl-C and for the system's request to end. A second Ctrl-C ends the program where it is;
/// whoever started it may pass the first one on as a request, so those do not count.
pub fn listen_for_interrupts() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = watch::channel(false);
    INTERRUPTED.get_or_init(|| receiver);
    tokio::spawn(async move {
        let mut interrupts = 0;
        while interrupts < 2 {
            tokio::select! {
                _ = interrupt.recv() => interrupts += 1,
                _ = terminate.recv() => {}
            }
            sender.send_replace(true);
        }
        std::process::exit(Failure::Interrupted(String::new()).status().into());
    });
    Ok(())
}

/// Waits until the user or the system has asked to stop.
async fn interrupted() {
    if let Some(receiver) = INTERRUPTED.get()
        && receiver.clone().wait_for(|interrupted| *interrupted).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
