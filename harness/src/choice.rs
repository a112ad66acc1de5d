//! Enums of which a user chooses a value by its name.

/// The text is not the name of a choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not {what}; expected {}", .text.escape_debug(), .names.join(" or "))]
pub struct ParseChoiceError {
    /// What was to be chosen
    pub what: &'static str,
    /// The text
    pub text: String,
    /// The names of all choices
    pub names: Vec<&'static str>,
}

/// Returns `; did you mean 'NAME'?` for the most similar of the names, or nothing if none is similar.
pub fn did_you_mean<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let similarity = |name: &'a str| (strsim::jaro(text, name), name);
    let best = names.into_iter().map(similarity).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((similarity, name)) if similarity > SIMILAR => format!("; did you mean '{name}'?"),
        _ => String::new(),
    }
}

/// From this similarity on, clap suggests a name too.
const SIMILAR: f64 = 0.7;

/// Implements `ALL`, `name`, `Display` and `FromStr` for an enum.
macro_rules! choices {
    ($type:ident, $what:literal, $($value:ident: $name:literal),+) => {
        impl $type {
            /// Every choice
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// Its name on command lines and in reports
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::choice::ParseChoiceError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let choice = Self::ALL.iter().find(|choice| choice.name() == text).copied();
                choice.ok_or_else(|| $crate::choice::ParseChoiceError {
                    what: $what,
                    text: text.to_owned(),
                    names: Self::ALL.iter().map(|choice| choice.name()).collect(),
                })
            }
        }
    };
}

pub(crate) use choices;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Color {
        Red,
        DarkBlue,
    }

    choices!(Color, "a color", Red: "red", DarkBlue: "dark-blue");

    #[test]
    fn suggests_the_most_similar_name_if_there_is_one() {
        let names = ["reverse_string", "two_sum", "word_count"];
        for (text, suggestion) in [
            ("two_sun", "; did you mean 'two_sum'?"),
            ("revers_string", "; did you mean 'reverse_string'?"),
            ("xyz", ""),
        ] {
            assert_eq!(did_you_mean(text, names), suggestion, "{text}");
        }
    }

    #[test]
    fn parses_every_name_and_lists_them_otherwise() {
        for color in Color::ALL {
            assert_eq!(color.to_string().parse(), Ok(*color));
        }
        let error = "black".parse::<Color>().unwrap_err().to_string();
        assert_eq!(error, "'black' is not a color; expected red or dark-blue");
    }
}
