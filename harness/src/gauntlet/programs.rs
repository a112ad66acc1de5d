//! The files of the suite, and what their heads say.
//!
//! A head is the comment lines that a file begins with, each `# key: value`:
//!
//! - `expect`: the verdicts that a trial may get
//! - `most`: the most that it may score; 0 if it is not there, 100 for an honest agent
//! - `never`: what must not happen, in a sentence
//! - `trials`: how many trials it gets in one container, one after the other; 1 if it is not there
//! - `at once`: in how many containers it runs at the same time; 1 if it is not there
//! - `with`: what the file needs besides; `frames` puts `gauntlet/frames.py` behind its head
//!
//! The folder is the class.

use serde::Serialize;
use tasks::Verdict;

/// Each file: its class's folder and its name, and its text.
const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/gauntlet.rs"));

/// What files that forge frames have in common.
const FRAMES: &str = include_str!("../../gauntlet/frames.py");

/// What an agent tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing: it is an ordinary agent, and must get everything.
    Honest,
    /// To get points for what it did not solve.
    Cheating,
    /// To starve or break the host, its neighbours or the harness.
    Harm,
    /// To reach what is outside its container.
    Escape,
}

impl Class {
    /// The name of its folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Cheating => "cheating",
            Self::Harm => "harm",
            Self::Escape => "escape",
        }
    }
}

/// One file of the suite.
#[derive(Clone, Debug)]
pub struct Hostile {
    /// Its class's folder and its name
    pub name: String,
    /// What it tries
    pub class: Class,
    /// The verdicts that a trial may get
    pub expect: Vec<Verdict>,
    /// The most that a trial may score
    pub most: f64,
    /// What must not happen, in a sentence
    pub never: String,
    /// How many trials it gets in one container, one after the other
    pub trials: usize,
    /// In how many containers it runs at the same time
    pub at_once: usize,
    /// The agent
    pub source: String,
}

impl Hostile {
    /// Its name without the folder.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// What it may get, as its head says it.
    pub fn expected(&self) -> String {
        let codes: Vec<_> = self.expect.iter().map(|verdict| verdict.code()).collect();
        codes.join(" ")
    }
}

/// The whole suite.
///
/// # Panics
///
/// If the head of a file is wrong; a test finds that.
pub fn suite() -> Vec<Hostile> {
    let read = |(name, source): &(&str, &str)| {
        parse(name, source).unwrap_or_else(|wrong| panic!("gauntlet/{name}.py: {wrong}"))
    };
    FILES.iter().map(read).collect()
}

fn parse(name: &str, source: &str) -> Result<Hostile, String> {
    let class = [Class::Honest, Class::Cheating, Class::Harm, Class::Escape]
        .into_iter()
        .find(|class| name.split('/').next() == Some(class.folder()))
        .ok_or("its folder is no class")?;
    let mut hostile = Hostile {
        name: name.to_owned(),
        class,
        expect: Vec::new(),
        most: if class == Class::Honest { 100.0 } else { 0.0 },
        never: String::new(),
        trials: 1,
        at_once: 1,
        source: source.to_owned(),
    };
    for line in source.lines().map_while(|line| line.strip_prefix("# ")) {
        let (key, value) = line.split_once(": ").ok_or(format!("no key in '{line}'"))?;
        let number = || value.parse().map_err(|_| format!("'{value}' is no number"));
        match key {
            "expect" => hostile.expect = verdicts(value)?,
            "never" => value.clone_into(&mut hostile.never),
            "most" => hostile.most = value.parse().map_err(|_| format!("'{value}' is no score"))?,
            "trials" => hostile.trials = number()?,
            "at once" => hostile.at_once = number()?,
            "with" if value == "frames" => {
                let (head, rest) = source.split_once("\n\n").ok_or("it has nothing but a head")?;
                hostile.source = format!("{head}\n\n{FRAMES}\n{rest}");
            }
            _ => return Err(format!("'{key}' is no key")),
        }
    }
    if hostile.expect.is_empty() || hostile.never.is_empty() {
        return Err("its head must say what to expect and what must never happen".to_owned());
    }
    Ok(hostile)
}

fn verdicts(codes: &str) -> Result<Vec<Verdict>, String> {
    codes
        .split_whitespace()
        .map(|code| {
            let quoted = format!("\"{code}\"");
            serde_json::from_str(&quoted).map_err(|_| format!("'{code}' is no verdict"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use platform::MinerId;

    use super::*;

    #[test]
    fn every_file_has_a_whole_head_and_a_name_that_can_be_shown() {
        let suite = suite();
        for hostile in &suite {
            hostile.short_name().parse::<MinerId>().expect(&hostile.name);
            let wins = hostile.expect.contains(&Verdict::Accepted);
            assert_eq!(wins, hostile.class == Class::Honest, "{}", hostile.name);
            let first = hostile.source.lines().next().unwrap_or_default();
            assert!(first.starts_with("# expect: "), "{}: it begins with its head", hostile.name);
        }
    }

    #[test]
    fn the_suite_has_sixty_hostile_agents_and_no_two_of_a_name() {
        let suite = suite();
        let hostile = suite.iter().filter(|hostile| hostile.class != Class::Honest).count();
        assert!(hostile >= 60, "{hostile}");
        let mut names: Vec<_> = suite.iter().map(Hostile::short_name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), suite.len());
    }

    #[test]
    fn a_wrong_head_is_refused() {
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
