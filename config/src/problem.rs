//! What is wrong with what was asked, for the person who must act.
//!
//! **Owns** the shape of an error: what cannot be, what was asked for and where, what is possible, what to do.
//! **May touch** nothing. **Order** collected by every reader and check; returned once, all together, by `load`.

use std::fmt;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What cannot be: a sentence without a full stop, `--burst cannot be 600`.
    pub what: String,
    /// What was asked for and where: `asked for on the command line`.
    pub asked: String,
    /// What is possible: `1 to 512`.
    pub possible: String,
    /// What to do: `leave it out for its default, 32`.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parshall: {}\n  {}; possible: {}\n  {}", self.what, self.asked, self.possible, self.remedy)
    }
}

/// Every mistake that was found, in the order in which they were met: readers first, then options in the order of
/// their table, then what does not go together. Never empty in an `Err`. The exit status that belongs to it is 2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The mistakes.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one, unless the very same is there: `check-config` looks at a file as `run` and as `read` would.
    pub(crate) fn add(&mut self, problem: Problem) {
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Gives `good` if nothing is wrong.
    pub(crate) fn or<T>(self, good: T) -> Result<T, Problems> {
        if self.is_empty() { Ok(good) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        if self.0.len() > 1 {
            writeln!(f, "parshall: {} mistakes, all listed above; nothing was started", self.0.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(what: &str) -> Problem {
        Problem {
            what: what.to_owned(),
            asked: "asked for on the command line".to_owned(),
            possible: "1 to 512".to_owned(),
            remedy: "leave it out for its default, 32".to_owned(),
        }
    }

    #[test]
    fn one_problem_reads_as_the_house_style_says() {
        let mut problems = Problems::default();
        problems.add(mistake("--burst cannot be 600"));
        let want = "parshall: --burst cannot be 600\n  asked for on the command line; possible: 1 to 512\n  \
                    leave it out for its default, 32\n";
        assert_eq!(problems.to_string(), want);
    }

    #[test]
    fn several_problems_are_all_shown_and_counted_and_none_twice() {
        let mut problems = Problems::default();
        for what in ["a", "b", "a"] {
            problems.add(mistake(what));
        }
        assert_eq!(problems.len(), 2);
        let text = problems.to_string();
        assert!(text.starts_with("parshall: a\n") && text.contains("\nparshall: b\n"), "{text}");
        assert!(text.ends_with("parshall: 2 mistakes, all listed above; nothing was started\n"), "{text}");
    }

    #[test]
    fn nothing_wrong_gives_the_good_and_something_wrong_gives_the_problems() {
        assert_eq!(Problems::default().or(7), Ok(7));
        let mut problems = Problems::default();
        problems.add(mistake("a"));
        assert_eq!(problems.clone().or(7), Err(problems));
    }
}
