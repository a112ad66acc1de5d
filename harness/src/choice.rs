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
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Color {
        Red,
        DarkBlue,
    }

    choices!(Color, "a color", Red: "red", DarkBlue: "dark-blue");

    #[test]
    fn parses_every_name_and_lists_them_otherwise() {
        for color in Color::ALL {
            assert_eq!(color.to_string().parse(), Ok(*color));
        }
        let error = "black".parse::<Color>().unwrap_err().to_string();
        assert_eq!(error, "'black' is not a color; expected red or dark-blue");
    }
}
