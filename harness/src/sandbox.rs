//! The sandbox: locked-down containers in which agents and their answers run.
//!
//! Nothing outside this directory knows that Docker exists. The rest of the harness starts a [`Container`], has it
//! run an agent and make calls, and gets evidence ([`AgentRun`], [`CallsRun`]) or a fault. The evidence contains no
//! judgement.

mod calls;
mod container;
mod context;
mod create;
mod daemon;
mod engine;
mod frames;
mod image;
mod owner;
mod protocol;
mod relay;
mod session;

pub use calls::CallPlan;
pub use container::Container;
pub use context::ContainerSpec;
pub use create::DRIVER;
pub use daemon::{DaemonFacts, connect, daemon_facts, host};
pub use engine::{Engine, EngineReply};
pub use image::{
    Image, ImageEvent, ImageOrigin, ImagePolicy, SitePackages, find_present as find_image,
    resolve as resolve_image,
};
pub use owner::{Leftover, remove_leftovers};
pub use protocol::{
    AgentRun, CallEnd, CallReply, CallsRun, LoadOutcome, PROTOCOL_VERSION, ProcessEnd,
    ResourceUsage, StoppedFor, TerminationReason,
};
pub use relay::{ModelLine, ServeConnection};
pub use session::{Sandbox, SandboxSettings, open};
