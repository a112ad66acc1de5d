//! What the sandbox asks of a container engine, and no more.
//!
//! The trait is there so that tests can have containers in memory, with the real code above them, and make any
//! single request fail. It speaks in bollard's words, for another vocabulary would only be translated into
//! them. Nobody below this bounds a request's time: whoever asks does, with `ask`.

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

/// What an engine answers to a request, in the end.
pub type Reply<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Something that has containers.
pub trait Engine: Send + Sync {
    /// Creates a container. A name that another one has is refused with status 409.
    fn create<'a>(
        &'a self,
        name: &'a str,
        body: ContainerCreateBody,
    ) -> Reply<'a, ContainerCreateResponse>;

    /// Attaches to the standard streams of a container's process 1.
    fn attach<'a>(&'a self, id: &'a str) -> Reply<'a, AttachContainerResults>;

    /// Starts a container that was created.
    fn start<'a>(&'a self, id: &'a str) -> Reply<'a, ()>;

    /// Sends SIGKILL to every process of a container.
    fn kill<'a>(&'a self, id: &'a str) -> Reply<'a, ()>;

    /// Answers when a container is not running any more.
    fn ended<'a>(&'a self, id: &'a str) -> Reply<'a, ()>;

    /// How a container is doing, and how it ended.
    fn inspect<'a>(&'a self, id: &'a str) -> Reply<'a, ContainerState>;

    /// Removes a container, whatever it is doing, and its volumes.
    fn remove<'a>(&'a self, id: &'a str) -> Reply<'a, ()>;

    /// All containers with a label, `key` or `key=value`, whatever they are doing.
    fn list<'a>(&'a self, label: &'a str) -> Reply<'a, Vec<ContainerSummary>>;
}

impl Engine for Docker {
    fn create<'a>(
        &'a self,
        name: &'a str,
        body: ContainerCreateBody,
    ) -> Reply<'a, ContainerCreateResponse> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        Box::pin(self.create_container(Some(options), body))
    }

    fn attach<'a>(&'a self, id: &'a str) -> Reply<'a, AttachContainerResults> {
        let options = AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        Box::pin(self.attach_container(id, Some(options)))
    }

    fn start<'a>(&'a self, id: &'a str) -> Reply<'a, ()> {
        Box::pin(self.start_container(id, None::<StartContainerOptions>))
    }

    fn kill<'a>(&'a self, id: &'a str) -> Reply<'a, ()> {
        let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        Box::pin(self.kill_container(id, Some(options)))
    }

    fn ended<'a>(&'a self, id: &'a str) -> Reply<'a, ()> {
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        Box::pin(async move {
            match self.wait_container(id, Some(options)).next().await {
                // That it ended with another status than 0 is how bollard says that it ended.
                Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) | None => Ok(()),
                Some(Err(cause)) => Err(cause),
            }
        })
    }

    fn inspect<'a>(&'a self, id: &'a str) -> Reply<'a, ContainerState> {
        Box::pin(async move {
            let container = self.inspect_container(id, None).await?;
            Ok(container.state.unwrap_or_default())
        })
    }

    fn remove<'a>(&'a self, id: &'a str) -> Reply<'a, ()> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        Box::pin(self.remove_container(id, Some(options)))
    }

    fn list<'a>(&'a self, label: &'a str) -> Reply<'a, Vec<ContainerSummary>> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        Box::pin(self.list_containers(Some(options)))
    }
}
