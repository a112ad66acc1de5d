//! Listings: files with planted weaknesses, rendered anew in every round.
//!
//! A listing consists of parts, each with several weak and several sound forms. A round draws the order of the
//! parts, which of them are weak, the form of each, the names in it and the fillers between them, so an agent
//! cannot learn line numbers or positions of weaknesses.

use std::fmt::Write as _;

use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::case::Case;
use crate::check::Check;
use crate::findings::{FORMAT, Finding, Weakness};
use crate::instance::{Mutant, TaskInstance};

/// A file to review.
#[derive(Clone)]
pub struct FileListing {
    /// Description of the file for the prompt, such as "a web application in Python".
    pub about: &'static str,
    /// The kinds of weakness that may occur: CWE number and definition.
    pub kinds: &'static [(u32, &'static str)],
    /// First lines of the file.
    pub opening: &'static str,
    /// Sound pieces that may be inserted between the parts.
    pub fillers: &'static [&'static str],
    /// The parts.
    pub parts: &'static [ListingPart],
    /// Last lines of the file.
    pub closing: &'static str,
    /// Names to substitute for `$a`, `$b` and `$c` in each part.
    pub names: [&'static [&'static str]; 3],
    /// Number of weak parts.
    pub planted: usize,
}

/// A piece of a listing with weak and sound forms. Lines that start with `!` may be named for the weakness;
/// they are adjacent.
#[derive(Clone)]
pub struct ListingPart {
    /// Number of its weakness in the Common Weakness Enumeration.
    pub cwe: u32,
    /// Forms that have the weakness.
    pub weak: &'static [&'static str],
    /// Forms that do not.
    pub sound: &'static [&'static str],
}

/// Random numbers of a round, consumed one by one.
struct ListingChoices(std::vec::IntoIter<usize>);

impl ListingChoices {
    fn below(&mut self, end: usize) -> usize {
        self.0.next().expect("enough numbers were drawn") % end
    }

    fn of<'a>(&mut self, pool: &[&'a str]) -> &'a str {
        pool[self.below(pool.len())]
    }
}

struct RenderedListing {
    lines: Vec<String>,
    weaknesses: Vec<Weakness>,
}

impl FileListing {
    /// Returns the number of cases, which is the number of planted weaknesses.
    pub(crate) fn case_count(&self) -> usize {
        self.planted
    }

    /// Returns the number of parts without a weakness.
    pub(crate) fn sound_count(&self) -> usize {
        self.parts.len() - self.planted
    }

    pub(crate) fn instance(&self, title: &str, runner: &mut TestRunner) -> TaskInstance {
        let RenderedListing { lines, weaknesses } = self.render(runner);
        let answer = |findings: &[Finding]| {
            let json = serde_json::to_string_pretty(findings).expect("findings are plain data");
            format!("{json}\n")
        };
        let right: Vec<_> = weaknesses.iter().map(|weakness| self.finding(weakness)).collect();
        let mutants = mutants(&right, lines.len())
            .into_iter()
            .map(|(name, findings)| Mutant { name: name.to_owned(), answer: answer(&findings) })
            .collect();
        TaskInstance {
            prompt: self.prompt(title, &lines),
            reference: answer(&right),
            mutants,
            cases: cases(&weaknesses),
        }
    }

    fn render(&self, runner: &mut TestRunner) -> RenderedListing {
        let count = self.parts.len();
        let order = || Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        let choices = proptest::collection::vec(any::<u16>().prop_map(usize::from), 8 * count + 16);
        let drawn = (order(), order(), choices).new_tree(runner);
        let (order, weak_first, choices) = drawn.expect("the strategies reject no value").current();
        let mut choices = ListingChoices(choices.into_iter());
        let weak = &weak_first[..self.planted];
        let mut file = RenderedListing { lines: Vec::new(), weaknesses: Vec::new() };
        file.push(self.opening, 0);
        let mut fillers = self.fillers.iter().cycle().skip(choices.below(self.fillers.len()));
        let mut fillers_left = self.fillers.len();
        for place in order {
            let part = &self.parts[place];
            let forms = if weak.contains(&place) { part.weak } else { part.sound };
            let mut form = choices.of(forms).to_owned();
            for (name, pool) in ["$a", "$b", "$c"].iter().zip(self.names) {
                form = form.replace(name, choices.of(pool));
            }
            if choices.below(2) == 0 && fillers_left > 0 {
                fillers_left -= 1;
                file.push(fillers.next().expect("a cycle has no end"), part.cwe);
            }
            file.push(&form, part.cwe);
        }
        file.push(self.closing, 0);
        file
    }

    fn prompt(&self, title: &str, lines: &[String]) -> String {
        let mut prompt = format!(
            "{title}. Below is {}. It has weaknesses of the kinds listed here, and you are asked \
             to name every one of them. A kind may occur or not; code that is not as described is \
             sound.\n\n",
            self.about
        );
        for (cwe, meaning) in self.kinds {
            let _ = writeln!(prompt, "CWE-{cwe}: {meaning}");
        }
        let _ = writeln!(prompt, "\n{FORMAT}\n\nThe file:\n");
        for (number, line) in (1..).zip(lines) {
            let _ = writeln!(prompt, "{}", format!("{number:>3}| {line}").trim_end());
        }
        prompt.trim_end().to_owned()
    }

    fn finding(&self, weakness: &Weakness) -> Finding {
        let meaning = self.kinds.iter().find(|(cwe, _)| *cwe == weakness.cwe);
        let (_, why) = meaning.expect("the weakness of each part is one of the listing's kinds");
        Finding { line: weakness.first_line, cwe: weakness.cwe, why: (*why).to_owned() }
    }
}

impl RenderedListing {
    /// Adds a piece, and a weakness if it has marked lines.
    fn push(&mut self, piece: &str, cwe: u32) {
        let mut marked: Option<(u32, u32)> = None;
        for line in piece.trim_matches('\n').lines() {
            let number = u32::try_from(self.lines.len() + 1).expect("a listing is short");
            if let Some(line) = line.strip_prefix('!') {
                marked = Some((marked.map_or(number, |(first, _)| first), number));
                self.lines.push(format!(" {line}"));
            } else {
                self.lines.push(line.to_owned());
            }
        }
        self.lines.push(String::new());
        let weakness = |(first_line, last_line)| Weakness { first_line, last_line, cwe };
        self.weaknesses.extend(marked.map(weakness));
    }
}

/// One case per weakness. Case n requires n more weaknesses found than false alarms, so the share of passed cases
/// is (found - false alarms) / weaknesses, and every false alarm costs as much as a weakness is worth.
fn cases(weaknesses: &[Weakness]) -> Vec<Case> {
    let case = |net: usize| Case {
        name: format!("net_{net}"),
        public: false,
        group: None,
        args: Vec::new(),
        steps: Vec::new(),
        check: Check::Finds { weaknesses: weaknesses.to_vec(), net },
    };
    (1..=weaknesses.len()).map(case).collect()
}

/// Answers that are nearly right.
fn mutants(right: &[Finding], lines: usize) -> Vec<(&'static str, Vec<Finding>)> {
    let changed = |change: fn(&Finding) -> Finding| right.iter().map(change).collect::<Vec<_>>();
    let ghost = u32::try_from(lines).expect("a listing is short");
    let mut haunted = right.to_vec();
    haunted.push(Finding { line: ghost, ..right[0].clone() });
    let mut one_kind = right.to_vec();
    for finding in &mut one_kind {
        finding.cwe = right[0].cwe;
    }
    let everywhere = (1..=10).map(|line| Finding { line: line * ghost / 11, ..right[0].clone() });
    vec![
        ("counts_lines_from_zero", changed(|f| Finding { line: f.line - 1, ..f.clone() })),
        ("stops_at_the_first", right[..1].to_vec()),
        ("knows_one_kind", one_kind),
        ("sees_ghosts", haunted),
        ("points_everywhere", everywhere.collect()),
        ("reports_nothing", Vec::new()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Seed;

    #[test]
    fn rendering_removes_marks_and_records_their_lines() {
        let part = |cwe, weak, sound| ListingPart { cwe, weak, sound };
        let parts: &[ListingPart] = &[
            part(1, &["def one():\n!   weak($a)"], &["def one():\n    fine($a)"]),
            part(2, &["def two():\n    x\n!   bad\n!   worse"], &["def two():\n    fine"]),
        ];
        let listing = FileListing {
            about: "a file",
            kinds: &[(1, "one"), (2, "two")],
            opening: "import x",
            fillers: &["# nothing"],
            parts: Box::leak(parts.to_vec().into_boxed_slice()),
            closing: "end()",
            names: [&["a"], &["b"], &["c"]],
            planted: 1,
        };
        for seed in 0..20 {
            let rendered = listing.render(&mut crate::draw::runner(&Seed(seed).to_string()));
            assert!(rendered.lines.iter().all(|line| !line.contains(['!', '$'])));
            let [weakness] = &rendered.weaknesses[..] else { panic!("one part is weak") };
            let line = |number: u32| &rendered.lines[number as usize - 1];
            let named: Vec<_> = (weakness.first_line..=weakness.last_line)
                .map(|number| line(number).trim())
                .collect();
            let expected: &[&str] =
                if weakness.cwe == 1 { &["weak(a)"] } else { &["bad", "worse"] };
            assert_eq!(named, expected);
        }
    }
}
