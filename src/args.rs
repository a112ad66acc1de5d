//! Arguments that several commands share. Each one is defined here once, so it means the same everywhere.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use harness::benchmark::file::{Benchmark, BenchmarkFile};
use harness::benchmark::private_tasks::PrivateBenchmark;
use harness::benchmark::tasks::TaskFilter;
use harness::round::seed::drawn_seed;
use harness::sandbox::{SandboxSettings, SitePackages};
use harness::scoring::reward::{Alpha, Payout, RewardPolicy};
use harness::trial::record::Disclose;
use platform::MinerId;
use platform::api::{DisplayName, PrivateTasks, ProfileEdit, ProfileEdits, ProfileUrl, Rao};
use platform::signing::SigningKey;
use platform::store::{Store, StoreError};
use tasks::benchmark::MEMORY_BYTES;
use tasks::{Family, Limits, Seed};

use crate::console::print_line;
use crate::exit::{CommandError, Result};

/// Where the store is.
#[derive(Args)]
pub struct StoreArgs {
    /// Directory that holds agents, results and rankings
    #[arg(long = "store", env = "ARENA_STORE", default_value = "./store", value_name = "DIR")]
    pub root: PathBuf,
}

impl StoreArgs {
    /// Opens the store, and creates it if it does not exist, which is reported.
    pub fn open_or_create(&self) -> Result<Store> {
        let exists = self.root.join("agents").is_dir();
        let store = self.open()?;
        if !exists {
            print_line(&format!("created store {}", self.root.display()));
        }
        Ok(store)
    }

    fn open(&self) -> Result<Store> {
        Store::open(&self.root).map_err(|error| match &error {
            StoreError::Io { .. } if !error.is_full() => CommandError::input(error),
            _ => error.into(),
        })
    }

    /// Opens a store that must exist: a mistyped name would otherwise look like an empty store in order.
    pub fn open_existing(&self) -> Result<Store> {
        let agents = self.root.join("agents");
        if agents.is_dir() {
            return self.open();
        }
        Err(CommandError::Input(format!(
            "no store at {}: the directory {} does not exist; name a store with --store or ARENA_STORE",
            self.root.display(),
            agents.display()
        )))
    }
}

/// Which code does not count as evidence of copying.
#[derive(Args)]
pub struct BaseCodeArgs {
    /// Published Python code that agents may share, such as an example; may be repeated, or a list with ':'
    #[arg(long = "base-code", env = "ARENA_BASE_CODE", value_delimiter = ':', value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl BaseCodeArgs {
    /// Returns whether a file is named.
    pub fn is_given(&self) -> bool {
        !self.files.is_empty()
    }

    /// The files, and the code that the arena itself publishes.
    pub fn read(&self) -> Result<Vec<String>> {
        let mut base = miner::published_code();
        for path in &self.files {
            let text = std::fs::read_to_string(path).map_err(|error| {
                CommandError::Input(format!("cannot read {}: {error}", path.display()))
            })?;
            if let Err(violations) = platform::validation::validate(text.as_bytes())
                && let Some(first) = violations.first()
            {
                return Err(CommandError::Input(format!(
                    "{} is not code that agents can share: {first}",
                    path.display()
                )));
            }
            base.push(text);
        }
        Ok(base)
    }
}

/// How agents are run.
#[derive(Args)]
pub struct SandboxArgs {
    /// Image to run agents in [default: python:3.11-slim, or one built from Debian packages]
    #[arg(long, env = "ARENA_IMAGE", value_name = "REFERENCE")]
    image: Option<String>,
    /// OCI runtime that the Docker daemon knows, such as 'runsc' (gVisor)
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
}

impl SandboxArgs {
    /// The same as the harness takes it.
    pub fn settings(&self) -> SandboxSettings {
        let (image, runtime) = (self.image.clone(), self.runtime.clone());
        SandboxSettings { image, runtime, ..SandboxSettings::default() }
    }

    /// The same for answers to the problems of a benchmark, if there is one.
    pub fn settings_for(
        &self,
        benchmark: Option<&Benchmark>,
        packages: PackageArgs,
    ) -> SandboxSettings {
        let memory_bytes = benchmark.map(|benchmark| benchmark.memory_bytes);
        SandboxSettings { memory_bytes, packages: packages.packages(), ..self.settings() }
    }
}

/// What answers to benchmarks may import.
#[derive(Args, Clone, Copy)]
pub struct PackageArgs {
    /// Let answers to a benchmark import the packages that are installed in the image
    #[arg(long, requires = "benchmark")]
    pub site_packages: bool,
}

impl PackageArgs {
    const fn packages(self) -> SitePackages {
        if self.site_packages { SitePackages::Visible } else { SitePackages::Hidden }
    }
}

/// How much memory answers to benchmarks may use.
#[derive(Args, Clone, Copy)]
pub struct MemoryArgs {
    /// Memory that an answer to a benchmark may use, such as 512M or 4G [default: 4G, as EvalPlus]
    #[arg(long, requires = "benchmark", value_name = "SIZE")]
    memory: Option<MemorySize>,
}

impl MemoryArgs {
    /// Reads a benchmark's file.
    pub fn read(self, file: &BenchmarkFile) -> Result<Benchmark> {
        let memory_bytes = self.memory.map_or(MEMORY_BYTES, |size| size.0);
        Benchmark::read(file, memory_bytes).map_err(CommandError::input)
    }
}

/// A size in bytes, written as Docker takes it: `512M`, `4G`, `4GiB`. The units are powers of 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MemorySize(u64);

/// Less than this does not hold Python and the driver.
const LEAST_MEMORY_BYTES: u64 = 64 << 20;

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text.parse()? {
            ByteSize(bytes) if bytes < LEAST_MEMORY_BYTES => {
                Err(format!("{text} is too little memory; expected 64M or more"))
            }
            ByteSize(bytes) => Ok(Self(bytes)),
        }
    }
}

/// A number of bytes, such as `512M`.
#[derive(Clone, Copy)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is not a size; expected such as 512M or 4G");
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let shift = match unit.to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
            "K" => 10,
            "M" => 20,
            "G" => 30,
            "T" => 40,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let bytes = number.checked_mul(1 << shift).filter(|bytes| i64::try_from(*bytes).is_ok());
        bytes.map(Self).ok_or_else(wrong)
    }
}

/// How many containers run at a time.
#[derive(Args)]
pub struct JobsArgs {
    /// Number of containers to run at a time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}

impl JobsArgs {
    /// The number that was given, or one per processor: starting a container keeps a processor busy.
    pub fn count(&self) -> usize {
        self.jobs.map_or_else(processors, usize::from)
    }
}

/// The number of processors.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Which tasks.
#[derive(Args)]
pub struct TaskArgs {
    /// Use only this task, or those that match a pattern such as 'parse_*'; repeatable
    #[arg(long = "task", value_name = "ID")]
    patterns: Vec<String>,
    /// Use only tasks of this family; repeatable, and added to those of --task
    #[arg(long = "family", value_name = "NAME", value_parser = choice(families()))]
    families: Vec<Family>,
}

impl TaskArgs {
    /// The same as the harness takes it.
    pub fn filter(&self) -> TaskFilter {
        TaskFilter { patterns: self.patterns.clone(), families: self.families.clone() }
    }
}

/// The families of the built-in tasks.
fn families() -> &'static [Family] {
    let benchmarks = Family::ALL.iter().position(|family| *family == Family::Benchmarks);
    &Family::ALL[..benchmarks.unwrap_or(Family::ALL.len())]
}

/// A public benchmark in place of the built-in tasks.
#[derive(Args)]
pub struct BenchmarkArgs {
    /// Use the problems of a benchmark file instead of the built-in tasks: 'evalplus:FILE' (HumanEval+,
    /// MBPP+), 'humaneval:FILE' or 'mbpp:FILE' (the originals, whose verdicts are advisory: their
    /// assertions run next to the answer). JSONL, plain or gzip
    #[arg(id = "benchmark", long, value_name = "FORMAT:FILE")]
    pub file: Option<BenchmarkFile>,
    #[command(flatten)]
    pub memory: MemoryArgs,
}

impl BenchmarkArgs {
    /// Reads the benchmark, if there is one.
    pub fn read(&self) -> Result<Option<Benchmark>> {
        self.file.as_ref().map(|file| self.memory.read(file)).transpose()
    }
}

/// A benchmark whose problems are private tasks.
#[derive(Args)]
pub struct PrivateArgs {
    /// File of the round's private tasks, in the formats of --benchmark. Nothing but their name, their number
    /// and the file's digest is published
    #[arg(id = "private", long, value_name = "FORMAT:FILE")]
    pub file: Option<BenchmarkFile>,
}

impl PrivateArgs {
    /// Reads the file, if there is one. The tasks run in the same containers as those of the benchmark or, without one,
    /// as the built-in tasks, so they have the same limit of memory. Without a name, they are called like the file.
    pub fn read(
        &self,
        benchmark: Option<&Benchmark>,
        name: Option<&str>,
    ) -> Result<Option<PrivateBenchmark>> {
        let Some(file) = &self.file else { return Ok(None) };
        let memory_bytes =
            benchmark.map_or(Limits::STANDARD.memory_bytes, |benchmark| benchmark.memory_bytes);
        let read = Benchmark::read(file, memory_bytes).map_err(CommandError::input)?;
        let name = name.map_or_else(|| stem(&file.path), ToOwned::to_owned);
        PrivateTasks::check_name(&name).map_err(|error| {
            CommandError::Input(format!("{error}; give another one with --private-name"))
        })?;
        let benchmark = Arc::new(read.into_private());
        Ok(Some(PrivateBenchmark { name, path: file.path.clone(), benchmark }))
    }
}

/// The name of a file without its directory and its extensions.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The seed of a run that ranks no one.
#[derive(Args)]
pub struct SeedArgs {
    /// Seed of the generated cases [default: a new one]
    #[arg(long = "seed", value_name = "N")]
    chosen: Option<u64>,
}

impl SeedArgs {
    /// The seed that was given, or a new one.
    pub fn seed(&self) -> Seed {
        self.chosen.map_or_else(drawn_seed, Seed)
    }
}

/// How rewards are paid.
#[derive(Args)]
pub struct RewardArgs {
    /// Reward pool in simulated 'TAO'
    #[arg(long, default_value = "100", value_name = "TAO")]
    pub pool: Rao,
    /// How to split the pool
    #[arg(long, value_name = "RULE", default_value_t = Payout::Proportional, value_parser = choice(Payout::ALL))]
    pub payout: Payout,
    /// Probability of a chance difference below which two agents count as different
    #[arg(long, value_name = "P", default_value_t)]
    pub alpha: Alpha,
}

impl RewardArgs {
    /// The same as the harness takes it.
    pub fn policy(&self) -> RewardPolicy {
        RewardPolicy { pool: self.pool, payout: self.payout, alpha: self.alpha }
    }
}

/// What is signed with.
#[derive(Args)]
pub struct SignKeyArgs {
    /// Private SSH key to sign with: ed25519, in OpenSSH format, without a passphrase, readable by you alone
    #[arg(long = "sign-key", env = "ARENA_SIGN_KEY", value_name = "FILE")]
    path: Option<PathBuf>,
}

impl SignKeyArgs {
    /// Reads the key, if one is named. An empty environment variable names none.
    pub fn read(&self) -> Result<Option<SigningKey>> {
        let path = self.path.as_deref().filter(|path| !path.as_os_str().is_empty());
        path.map(SigningKey::read).transpose().map_err(CommandError::input)
    }
}

/// What a report discloses.
#[derive(Args)]
pub struct DiscloseArgs {
    /// What to show of failed cases: verdicts alone, public cases in full with the smallest failing input
    /// of hidden ones, or everything
    #[arg(long, value_name = "CASES", default_value_t, value_parser = choice(Disclose::ALL))]
    pub disclose: Disclose,
}

/// Which platform, and the tokens for it.
#[derive(Args)]
pub struct PlatformArgs {
    /// Address of the platform
    #[arg(
        long = "platform",
        env = "ARENA_PLATFORM",
        default_value = "http://127.0.0.1:7878",
        value_name = "URL"
    )]
    pub url: String,
    /// File that keeps upload tokens [default: arena/tokens.json in your configuration directory]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Which miner.
#[derive(Args)]
pub struct MinerIdArgs {
    /// Your miner id: 1 to 64 of a-z, 0-9, _ and -
    #[arg(long = "miner", env = "ARENA_MINER", value_name = "ID")]
    pub id: MinerId,
}

/// What to show next to the miner id.
#[derive(Args)]
pub struct ProfileArgs {
    /// Name to show next to your id: at most 64 characters; empty to remove it
    #[arg(long, value_name = "NAME")]
    display_name: Option<ProfileEdit<DisplayName>>,
    /// Web page to link from your agent's page: http or https; empty to remove it
    #[arg(long = "url", value_name = "URL")]
    page: Option<ProfileEdit<ProfileUrl>>,
}

impl ProfileArgs {
    /// The edits of the profile.
    pub fn edits(&self) -> ProfileEdits {
        let Self { display_name, page } = self;
        ProfileEdits {
            display_name: display_name.clone().unwrap_or_default(),
            url: page.clone().unwrap_or_default(),
        }
    }
}

/// Which miner, and where its work is kept.
#[derive(Args)]
pub struct MinerArgs {
    /// Your miner id: 1 to 64 of a-z, 0-9, _ and -
    #[arg(long = "miner", env = "ARENA_MINER", value_name = "ID")]
    pub id: MinerId,
    /// Directory for answers and the last agent [default: arena/ID in your state directory]
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
}

/// The form of the output.
#[derive(Args)]
pub struct OutputArgs {
    /// Print one JSON document to stdout and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Parses one of a library's choices, and lists all of them in `--help`.
pub fn choice<T>(all: &[T]) -> impl TypedValueParser<Value = T> + use<T>
where
    T: Display + FromStr + Clone + Send + Sync + 'static,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    // Help texts live as long as the process.
    let names = all.iter().map(|choice| PossibleValue::new(&*choice.to_string().leak()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

#[cfg(test)]
mod tests {
    use super::MemorySize;

    #[test]
    fn sizes_of_memory_are_read_as_docker_reads_them() {
        for (text, bytes) in [
            ("64M", 64 << 20),
            ("512m", 512 << 20),
            ("4G", 4 << 30),
            ("4GiB", 4 << 30),
            ("65536k", 64 << 20),
        ] {
            assert_eq!(text.parse(), Ok(MemorySize(bytes)), "{text}");
        }
        for text in ["", "4", "G", "4X", "-4G", "1.5G", "4 G", "99999999999T", "9999999T"] {
            let error = text.parse::<MemorySize>().unwrap_err();
            assert_eq!(error, format!("'{text}' is not a size; expected such as 512M or 4G"));
        }
        assert_eq!(
            "63M".parse::<MemorySize>().unwrap_err(),
            "63M is too little memory; expected 64M or more"
        );
    }
}
