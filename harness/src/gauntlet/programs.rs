//! The hostile programs and their heads.
//!
//! A head is the comment lines that a file begins with, each `# key: value`:
//!
//! - `expect`: the verdicts that a trial may get
//! - `most`: the most that it may score; 0 by default, 100 for an honest agent
//! - `never`: what must not happen, as a sentence
//! - `trials`: the number of trials in one container, one after the other; 1 by default
//! - `at once`: the number of containers in which it runs at the same time; 1 by default
//! - `with`: what else the file needs; `frames` inserts `gauntlet/frames.py` after its head, `model` gives it a model
//!
//! The directory is the class.

use serde::Serialize;
use tasks::{Limits, Seed, Verdict};

use crate::trial::instance::RoundTask;

/// The task that every program is run on.
const TASK: &str = "reverse_string";

/// Each file: the directory of its class and its name, and its text.
const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/gauntlet.rs"));

/// Code that the programs that forge frames share.
const FRAMES: &str = include_str!("../../gauntlet/frames.py");
/// Code that the programs with a model share.
const MODEL: &str = include_str!("../../gauntlet/model.py");

/// What a program tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramClass {
    /// Nothing: it is an ordinary agent, and must be accepted.
    Honest,
    /// To get points for what it did not solve.
    Cheating,
    /// To starve or break the host, its neighbours or the harness.
    Harm,
    /// To reach what is outside its container.
    Escape,
    /// To get more out of a model than its budget, or to break what leads to it.
    Model,
}

impl ProgramClass {
    const ALL: [Self; 5] = [Self::Honest, Self::Cheating, Self::Harm, Self::Escape, Self::Model];

    /// The name of its directory.
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Cheating => "cheating",
            Self::Harm => "harm",
            Self::Escape => "escape",
            Self::Model => "model",
        }
    }
}

/// One hostile program.
#[derive(Clone, Debug)]
pub struct HostileProgram {
    /// The directory of its class, and its name
    pub name: String,
    /// What it tries
    pub class: ProgramClass,
    /// The verdicts that a trial may get
    pub expect: Vec<Verdict>,
    /// The most that a trial may score
    pub most: f64,
    /// What must not happen, as a sentence
    pub never: String,
    /// Number of trials in one container, one after the other
    pub trials: usize,
    /// Number of containers in which it runs at the same time
    pub at_once: usize,
    /// Whether it has a model to ask
    pub has_model: bool,
    /// The agent
    pub source: String,
}

impl HostileProgram {
    /// Its name without the directory.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// The codes of the verdicts that it may get.
    pub fn expected(&self) -> String {
        let codes: Vec<_> = self.expect.iter().map(|verdict| verdict.code()).collect();
        codes.join(" ")
    }
}

/// All programs.
///
/// # Panics
///
/// If the head of a file is wrong; a test checks them all.
pub fn programs() -> Vec<HostileProgram> {
    let read = |(name, source): &(&str, &str)| {
        parse(name, source).unwrap_or_else(|wrong| panic!("gauntlet/{name}.py: {wrong}"))
    };
    FILES.iter().map(read).collect()
}

/// The task that every program is run on, under these limits.
pub(super) fn round_task(limits: Limits, seed: Seed) -> RoundTask {
    let mut task = tasks::find(TASK).expect("the task is built in");
    task.limits = limits;
    RoundTask::new(task, seed)
}

fn parse(name: &str, source: &str) -> Result<HostileProgram, String> {
    let class = ProgramClass::ALL
        .into_iter()
        .find(|class| name.split('/').next() == Some(class.directory()))
        .ok_or("its directory is not a class")?;
    let mut program = HostileProgram {
        name: name.to_owned(),
        class,
        expect: Vec::new(),
        most: if class == ProgramClass::Honest { 100.0 } else { 0.0 },
        never: String::new(),
        trials: 1,
        at_once: 1,
        has_model: false,
        source: source.to_owned(),
    };
    for line in source.lines().map_while(|line| line.strip_prefix("# ")) {
        let (key, value) = line.split_once(": ").ok_or(format!("'{line}' has no key"))?;
        let number = || value.parse().map_err(|_| format!("'{value}' is not a number"));
        match key {
            "expect" => program.expect = verdicts(value)?,
            "never" => value.clone_into(&mut program.never),
            "most" => {
                program.most = value.parse().map_err(|_| format!("'{value}' is not a score"))?;
            }
            "trials" => program.trials = number()?,
            "at once" => program.at_once = number()?,
            "with" if value == "frames" => {
                let (head, rest) = source.split_once("\n\n").ok_or("it has only a head")?;
                program.source = format!("{head}\n\n{FRAMES}\n{rest}");
            }
            "with" if value == "model" => {
                program.has_model = true;
                let (head, rest) = source.split_once("\n\n").ok_or("it has only a head")?;
                program.source = format!("{head}\n\n{MODEL}\n{rest}");
            }
            _ => return Err(format!("'{key}' is not a key")),
        }
    }
    if program.expect.is_empty() || program.never.is_empty() {
        return Err("its head needs `expect` and `never`".to_owned());
    }
    Ok(program)
}

fn verdicts(codes: &str) -> Result<Vec<Verdict>, String> {
    codes
        .split_whitespace()
        .map(|code| {
            let quoted = format!("\"{code}\"");
            serde_json::from_str(&quoted).map_err(|_| format!("'{code}' is not a verdict"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use platform::MinerId;

    use super::*;

    #[test]
    fn every_program_has_a_complete_head_and_a_valid_name() {
        let programs = programs();
        for program in &programs {
            program.short_name().parse::<MinerId>().expect(&program.name);
            let wins = program.expect.contains(&Verdict::Accepted);
            assert_eq!(wins, program.class == ProgramClass::Honest, "{}", program.name);
            let first = program.source.lines().next().unwrap_or_default();
            assert!(first.starts_with("# expect: "), "{} must begin with its head", program.name);
        }
    }

    #[test]
    fn has_sixty_hostile_programs_with_unique_names() {
        let programs = programs();
        let hostile =
            programs.iter().filter(|program| program.class != ProgramClass::Honest).count();
        assert!(hostile >= 60, "{hostile}");
        let mut names: Vec<_> = programs.iter().map(HostileProgram::short_name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), programs.len());
    }

    #[test]
    fn rejects_wrong_heads() {
        for wrong in [
            "",
            "# expect: WA\n",
            "# never: x\n",
            "# expect: XX\n# never: x\n",
            "# expect: WA\n# never: x\n# hope: y\n",
            "# expect: WA\n# never: x\n# trials: many\n",
            "# expect: WA\n# never: x\n# with: care\n\n",
        ] {
            assert!(parse("harm/x", wrong).is_err(), "{wrong:?} was accepted");
        }
        assert!(parse("other/x", "# expect: WA\n# never: x\n").is_err());
        let right = parse("harm/x", "# expect: WA RE\n# never: x: y\n# most: 2.5\n# at once: 2\n");
        let right = right.unwrap();
        assert_eq!((right.expected(), right.most, right.at_once), ("WA RE".into(), 2.5, 2));
        assert_eq!(right.never, "x: y");
        let with =
            parse("harm/x", "# expect: WA\n# never: x\n# with: frames\n\nprint(FRAMES)\n").unwrap();
        assert!(
            with.source.contains("def everywhere(data):")
                && with.source.ends_with("print(FRAMES)\n")
        );
    }
}
