//! The image that agents run in: present, else pulled, else built.
//!
//! The standard image is the official `python:3.11-slim`. Where no registry can be reached, an
//! equivalent one is built from Debian bookworm's packages, whose python3 is 3.11; it gets a name of its
//! own, because a tag must not claim an origin that it does not have. Containers are started by the image's id, so a
//! tag that moves during a round changes nothing.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{CreateImageOptions, CreateImageOptionsBuilder};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;

use super::daemon::{ask, connect, docker_fault, silent, status_of};
use crate::Fault;

/// The image that is used unless another is named.
const STANDARD: &str = "python:3.11-slim";
/// Repository and tag of the image that is built here.
const BUILT: (&str, &str) = ("arena/python", "3.11-bookworm");
/// Builds a root filesystem from Debian's packages, as a tar archive.
const BUILD_SCRIPT: &str = include_str!("../../image/build-rootfs.sh");
/// How long a pull may make no progress.
const STALL_SECONDS: u64 = 120;
/// How long a build may take.
const BUILD_SECONDS: u64 = 1800;
/// How long the daemon may take to import what was built.
const IMPORT_SECONDS: u64 = 600;
/// How much of the root filesystem is sent to the daemon at a time, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// An image that is on the daemon.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name that was requested.
    pub reference: String,
    /// Its content-addressed id, `sha256:...`.
    pub id: String,
    /// Where it came from.
    pub origin: ImageOrigin,
    /// Whether the packages that are installed in it can be imported.
    pub packages: SitePackages,
}

/// Whether answers may import the packages that are installed in an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SitePackages {
    /// Empty directories cover them.
    #[default]
    Hidden,
    /// They are as in the image.
    Visible,
}

impl Image {
    /// Everything about the image that decides what a program does in it: the id, and whether packages are visible.
    pub fn key(&self) -> String {
        match self.packages {
            SitePackages::Hidden => self.id.clone(),
            SitePackages::Visible => format!("{}+site-packages", self.id),
        }
    }

    /// Name and key together, as a round records them.
    pub fn pinned(&self) -> String {
        format!("{}@{}", self.reference, self.key())
    }
}

/// Where an image on the daemon came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageOrigin {
    /// It was there already.
    Present,
    /// It was pulled from its registry.
    Pulled,
    /// It was built from Debian's packages.
    Built,
}

/// Progress of [`resolve`].
#[derive(Clone, Debug)]
pub enum ImageEvent {
    /// A pull begins: the image.
    Pulling(String),
    /// Progress of a pull: bytes of its layers so far, and in total.
    Pulled(u64, u64),
    /// The pull failed: the image and the reason.
    PullFailed(String, String),
    /// A build begins: the image.
    Building(String),
    /// A line of the build script.
    BuildStep(String),
}

/// What to do if the image is on the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePolicy {
    /// Use it.
    UsePresent,
    /// Pull or build it again.
    Refresh,
}

/// Finds, pulls or builds an image. Without a `reference` it is the standard one; a named image
/// is never replaced by one that is built here.
pub async fn resolve(
    docker: &Docker,
    reference: Option<&str>,
    policy: ImagePolicy,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Image, Fault> {
    if policy == ImagePolicy::UsePresent
        && let Some(image) = present(docker, reference).await?
    {
        return Ok(image);
    }
    let name = with_tag(reference.unwrap_or(STANDARD));
    on_event(ImageEvent::Pulling(name.clone()));
    let Err(pull_failed) = pull(docker, &name, on_event).await else {
        return expect(docker, &name, ImageOrigin::Pulled).await;
    };
    let reason = pull_failed.to_string();
    on_event(ImageEvent::PullFailed(name.clone(), reason.clone()));
    if reference.is_some() {
        return Err(Fault::Image(format!(
            "{name} is not on this daemon and cannot be pulled ({reason}); check its name, or omit \
             --image to have the standard one pulled or built"
        )));
    }
    let built = format!("{}:{}", BUILT.0, BUILT.1);
    on_event(ImageEvent::Building(built.clone()));
    build(docker, on_event).await?;
    expect(docker, &built, ImageOrigin::Built).await
}

/// Finds the image that [`resolve`] would use without pulling or building one.
pub async fn find_present(reference: Option<&str>) -> Result<Image, Fault> {
    let docker = connect().await?;
    let found = present(&docker, reference).await?;
    found.ok_or_else(|| {
        let name = with_tag(reference.unwrap_or(STANDARD));
        Fault::Image(format!("{name} is not on this daemon; 'arena image' pulls or builds it"))
    })
}

async fn present(docker: &Docker, reference: Option<&str>) -> Result<Option<Image>, Fault> {
    let name = with_tag(reference.unwrap_or(STANDARD));
    let image = find(docker, &name, ImageOrigin::Present).await?;
    if image.is_some() || reference.is_some() {
        return Ok(image);
    }
    find(docker, &format!("{}:{}", BUILT.0, BUILT.1), ImageOrigin::Present).await
}

/// The reference with the tag `latest` if it names neither tag nor digest, as Docker's own client does.
fn with_tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or_default();
    if name.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") }
}

async fn find(
    docker: &Docker,
    reference: &str,
    origin: ImageOrigin,
) -> Result<Option<Image>, Fault> {
    match ask("inspect an image", docker.inspect_image(reference)).await {
        Ok(found) => {
            let reference = reference.to_owned();
            Ok(found.id.map(|id| Image { reference, id, origin, packages: SitePackages::Hidden }))
        }
        Err(fault) if status_of(&fault) == Some(404) => Ok(None),
        Err(fault) => Err(fault),
    }
}

async fn expect(docker: &Docker, reference: &str, origin: ImageOrigin) -> Result<Image, Fault> {
    let found = find(docker, reference, origin).await?;
    found.ok_or_else(|| {
        Fault::Image(format!("Docker reported that it has {reference}, but does not find it"))
    })
}

async fn pull(
    docker: &Docker,
    reference: &str,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<(), Fault> {
    let options = CreateImageOptionsBuilder::default().from_image(reference).build();
    let mut layers = std::collections::HashMap::<String, (u64, u64)>::new();
    let mut progress = std::pin::pin!(docker.create_image(Some(options), None, None));
    let stall = Duration::from_secs(STALL_SECONDS);
    loop {
        let next = tokio::time::timeout(stall, progress.next()).await;
        let step = match next {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(step))) => step,
            Ok(Some(Err(cause))) => return Err(docker_fault("pull an image", &cause)),
            Err(_) => return Err(silent("continue the pull", STALL_SECONDS)),
        };
        let detail = step.progress_detail.and_then(|detail| detail.current.zip(detail.total));
        if let (Some(layer), Some((current, total))) = (step.id, detail) {
            let bytes = |count: i64| u64::try_from(count).unwrap_or(0);
            layers.insert(layer, (bytes(current), bytes(total)));
            let sum = layers.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
            on_event(ImageEvent::Pulled(sum.0, sum.1));
        }
    }
}

/// Runs the build script, and has the daemon import the root filesystem. The archive is complete before that,
/// because the daemon would also accept half of one.
async fn build(
    docker: &Docker,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<(), Fault> {
    let failed = |cause: &str| {
        Fault::Image(format!(
            "{STANDARD} cannot be pulled, and building an equivalent from Debian's packages failed: \
             {cause}"
        ))
    };
    let version = ask("report its version", docker.version()).await?;
    let architecture = match version.arch.as_deref() {
        Some(known @ ("amd64" | "arm64")) => known,
        other => {
            let name = other.unwrap_or("unknown");
            return Err(failed(&format!(
                "the daemon's architecture is {name}; expected amd64 or arm64"
            )));
        }
    };
    let directory = tempfile::Builder::new().prefix("arena-image.").tempdir();
    let directory = directory
        .map_err(|error| failed(&format!("cannot create a temporary directory: {error}")))?;
    make_root(directory.path(), architecture, on_event).await.map_err(|cause| failed(&cause))?;
    let archive = tokio::fs::File::open(directory.path().join("root.tar")).await;
    let archive =
        archive.map_err(|error| failed(&format!("cannot read what was built: {error}")))?;
    import(docker, archive).await
}

/// Runs the build script and reports each line that it prints. On failure the last line is the cause.
async fn make_root(
    directory: &Path,
    architecture: &str,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<(), String> {
    let mut script = Command::new("sh")
        .args(["-c", BUILD_SCRIPT, "build-rootfs.sh"])
        .arg(directory)
        .arg(architecture)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start a shell: {error}"))?;
    let mut lines = BufReader::new(script.stderr.take().expect("stderr is piped")).lines();
    let listen = async {
        let mut last = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            on_event(ImageEvent::BuildStep(line.clone()));
            last = line;
        }
        last
    };
    let built = tokio::time::timeout(Duration::from_secs(BUILD_SECONDS), async {
        let last = listen.await;
        (last, script.wait().await)
    });
    match built.await {
        Ok((_, Ok(status))) if status.success() => Ok(()),
        Ok((last, Ok(_))) => Err(last),
        Ok((_, Err(error))) => Err(error.to_string()),
        Err(_) => Err(format!("it took more than {BUILD_SECONDS} s")),
    }
}

async fn import(docker: &Docker, archive: tokio::fs::File) -> Result<(), Fault> {
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(BUILT.0.to_owned()),
        tag: Some(BUILT.1.to_owned()),
        message: Some("built from Debian bookworm packages".to_owned()),
        changes: vec![
            "ENV PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
            "CMD [\"python3\"]".to_owned(),
        ],
        ..Default::default()
    };
    let chunks = futures_util::stream::unfold(archive, |mut archive| async move {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let mut piece = (&mut archive).take(CHUNK_BYTES as u64);
        match piece.read_to_end(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(Bytes::from(chunk)), archive)),
            Err(error) => Some((Err(error), archive)),
        }
    });
    // The daemon answers after it has unpacked the whole archive.
    let docker = docker.clone().with_timeout(Duration::from_secs(IMPORT_SECONDS));
    let body = bollard::body_try_stream(chunks);
    let mut progress = std::pin::pin!(docker.create_image(Some(options), Some(body), None));
    while let Some(step) = progress.next().await {
        step.map_err(|cause| docker_fault("import an image", &cause))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_tag;

    #[test]
    fn reference_without_tag_or_digest_means_latest() {
        assert_eq!(with_tag("python"), "python:latest");
        assert_eq!(with_tag("python:3.11-slim"), "python:3.11-slim");
        assert_eq!(with_tag("127.0.0.1:5000/python"), "127.0.0.1:5000/python:latest");
        assert_eq!(with_tag("a/b@sha256:00"), "a/b@sha256:00");
    }
}
