//! The requests that the sandbox makes to a container engine.
//!
//! The trait exists so that tests can have containers in memory, with the real code above them, and make any
//! single request fail. It uses bollard's types, because other types would only be translated into
//! them. Implementations do not limit the time of a request; the caller does, with `ask`.

use std::collections::HashMap;

use bollard::Docker;
use bollard::container::AttachContainerResults;
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, ContainerCreateResponse, ContainerState, ContainerSummary,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, KillContainerOptionsBuilder,
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;

/// The answer of an engine to a request.
pub type EngineReply<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// A container engine.
pub trait Engine: Send + Sync {
    /// Creates a container. A name that exists is refused with status 409.
    fn create<'a>(
        &'a self,
        name: &'a str,
        body: ContainerCreateBody,
    ) -> EngineReply<'a, ContainerCreateResponse>;

    /// Attaches to the standard streams of a container's process 1.
    fn attach<'a>(&'a self, id: &'a str) -> EngineReply<'a, AttachContainerResults>;

    /// Starts a container that was created.
    fn start<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()>;

    /// Sends SIGKILL to every process of a container.
    fn kill<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()>;

    /// Answers when a container is no longer running.
    fn ended<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()>;

    /// The state of a container, and how it ended.
    fn inspect<'a>(&'a self, id: &'a str) -> EngineReply<'a, ContainerState>;

    /// Removes a container in any state, and its volumes.
    fn remove<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()>;

    /// All containers with a label, `key` or `key=value`, in any state.
    fn list<'a>(&'a self, label: &'a str) -> EngineReply<'a, Vec<ContainerSummary>>;
}

impl Engine for Docker {
    fn create<'a>(
        &'a self,
        name: &'a str,
        body: ContainerCreateBody,
    ) -> EngineReply<'a, ContainerCreateResponse> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        Box::pin(self.create_container(Some(options), body))
    }

    fn attach<'a>(&'a self, id: &'a str) -> EngineReply<'a, AttachContainerResults> {
        let options = AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        Box::pin(self.attach_container(id, Some(options)))
    }

    fn start<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()> {
        Box::pin(self.start_container(id, None::<StartContainerOptions>))
    }

    fn kill<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()> {
        let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        Box::pin(self.kill_container(id, Some(options)))
    }

    fn ended<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()> {
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        Box::pin(async move {
            match self.wait_container(id, Some(options)).next().await {
                // bollard reports an exit status other than 0 as an error.
                Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) | None => Ok(()),
                Some(Err(cause)) => Err(cause),
            }
        })
    }

    fn inspect<'a>(&'a self, id: &'a str) -> EngineReply<'a, ContainerState> {
        Box::pin(async move {
            let container = self.inspect_container(id, None).await?;
            Ok(container.state.unwrap_or_default())
        })
    }

    fn remove<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        Box::pin(self.remove_container(id, Some(options)))
    }

    fn list<'a>(&'a self, label: &'a str) -> EngineReply<'a, Vec<ContainerSummary>> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        Box::pin(self.list_containers(Some(options)))
    }
}
