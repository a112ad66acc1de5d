//! A table that can be printed as text, CSV and Markdown.

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};

use super::text::{terminal_columns, with_painted_verdicts, without_controls};

/// A line below the header and no other: a table of many rows stays short.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table.
pub struct Sheet {
    header: Vec<String>,
    /// The columns of numbers
    numbers: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// A table with these columns. The names of columns of numbers begin with `#`.
    pub fn new<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut numbers, mut names) = (Vec::new(), Vec::new());
        for (index, name) in header.into_iter().enumerate() {
            if name.starts_with('#') {
                numbers.push(index);
            }
            names.push(name.trim_start_matches('#').to_owned());
        }
        Self { header: names, numbers, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As text that fits the terminal, with verdicts in color.
    pub fn text(&self) -> String {
        self.text_of_width(terminal_columns())
    }

    fn text_of_width(&self, columns: Option<u16>) -> String {
        let mut table = Table::new();
        table.load_style(STYLE);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(columns) = columns {
            table.set_width(columns);
        }
        table.set_header(&self.header);
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| without_controls(cell)));
        }
        for column in &self.numbers {
            if let Some(column) = table.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        if let Some(columns) = columns {
            keep_words_whole(&mut table, columns);
        }
        with_painted_verdicts(&format!("{table}\n"))
    }

    /// As comma-separated values.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in std::iter::once(&self.header).chain(&self.rows) {
            writer.write_record(row.iter().map(|cell| csv_cell(cell))).expect("memory takes all");
        }
        let bytes = writer.into_inner().expect("memory takes all");
        String::from_utf8(bytes).expect("cells are text")
    }

    /// As a Markdown table.
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let cells = |row: &[String]| row.iter().map(|cell| markdown_cell(cell)).collect();
        let rule = |index| if self.numbers.contains(&index) { "---:" } else { "---" }.to_owned();
        let mut text = line(cells(&self.header));
        text.push_str(&line((0..self.header.len()).map(rule).collect()));
        text.extend(self.rows.iter().map(|row| line(cells(row))));
        text
    }
}

/// Makes every column at least as wide as its longest word, if the table has room for that: names of tasks are not
/// broken while there is text that can be.
fn keep_words_whole(table: &mut Table, columns: u16) {
    let longest = |text: String| text.split_whitespace().map(|word| word.chars().count()).max();
    let mut words = vec![0; table.column_count()];
    for row in table.header().into_iter().chain(table.row_iter()) {
        for (widest, cell) in words.iter_mut().zip(row.cell_iter()) {
            *widest = longest(cell.content()).unwrap_or_default().max(*widest);
        }
    }
    // A space on both sides of a cell, and one between columns.
    let padded: Vec<_> = words.iter().map(|word| word + 2).collect();
    if padded.iter().sum::<usize>() + padded.len() > usize::from(columns) {
        return;
    }
    for (column, width) in table.column_iter_mut().zip(padded) {
        let width = u16::try_from(width).unwrap_or(columns);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
}

/// A cell that no spreadsheet takes for a formula.
fn csv_cell(cell: &str) -> String {
    let cell = without_controls(cell);
    let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@']);
    if is_formula && cell.parse::<f64>().is_err() { format!("'{cell}") } else { cell }
}

/// A cell without characters that mean something in Markdown.
fn markdown_cell(cell: &str) -> String {
    let mut text = String::new();
    for c in without_controls(cell).chars() {
        match c {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '[' | ']' | '~' | '!' => text.extend(['\\', c]),
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "=HYPERLINK(\"x\")|<img>\u{1b}[2J\n`a`";

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new(["agent", "verdict", "#score"]);
        sheet.push(["a_b".to_owned(), "WA".to_owned(), "-1.5".to_owned()]);
        sheet.push([HOSTILE.to_owned(), String::new(), String::new()]);
        sheet
    }

    #[test]
    fn csv_has_no_formula_and_no_control() {
        assert_eq!(
            sheet().csv(),
            "agent,verdict,score\na_b,WA,-1.5\n\"'=HYPERLINK(\"\"x\"\")|<img>\u{fffd}[2J\u{fffd}`a`\",,\n"
        );
        for cell in ["=1", "+1+1", "-x", "@SUM(1)", " =1"] {
            assert_eq!(csv_cell(cell), format!("'{cell}"));
        }
        assert_eq!(csv_cell("-3"), "-3");
    }

    #[test]
    fn markdown_keeps_the_shape_of_the_table() {
        assert_eq!(
            sheet().markdown(),
            "| agent | verdict | score |\n| --- | --- | ---: |\n| a_b | WA | -1.5 |\n\
             | =HYPERLINK(\"x\")\\|&lt;img&gt;\u{fffd}\\[2J\u{fffd}\\`a\\` |  |  |\n"
        );
    }

    #[test]
    fn words_are_broken_only_if_nothing_else_helps() {
        let mut sheet = Sheet::new(["task", "#weight", "title"]);
        sheet.push(["parse_csv_line", "1", "A line of comma-separated values"].map(str::to_owned));
        sheet.push(["evaluate", "1", "Arithmetic"].map(str::to_owned));
        let text = sheet.text_of_width(Some(42));
        assert!(text.contains(" parse_csv_line "), "{text}");
        assert!(text.contains(" A line of\n") || text.contains(" A line of "), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 42), "{text}");
        let narrow = sheet.text_of_width(Some(24));
        assert!(narrow.lines().all(|line| line.chars().count() <= 24), "{narrow}");
    }

    #[test]
    fn text_fits_every_width() {
        let mut sheet = Sheet::new(["task", "verdict", "#score", "#cases", "#CPU ms", "#MiB"]);
        let cells = ["a_task_with_a_rather_long_name", "TLE", "66.67", "20 of 30", "12345", "256"];
        sheet.push(cells.map(str::to_owned));
        for columns in [120, 80, 60, 40] {
            let text =
                anstream::adapter::strip_str(&sheet.text_of_width(Some(columns))).to_string();
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            assert!(widest <= usize::from(columns), "{widest} > {columns}:\n{text}");
            assert!(text.contains("TLE"), "{text}");
        }
        let text = sheet.text_of_width(None);
        assert!(text.contains(cells[0]), "{text}");
    }
}
