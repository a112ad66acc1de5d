//! A text editor with a cursor, undo and redo.

use crate::prelude::*;

pub fn task() -> Task {
    Task::class(Family::State, "text_editor", "TextEditor", "Text editor with undo")
        .asks(
            "Implement a class TextEditor. TextEditor() has an empty text and its cursor at 0. \
             type(text: str) inserts the text at the cursor and puts the cursor behind it. \
             delete(count: int) removes up to count characters (code points) before the cursor; \
             count is 0 or more. move(steps: int) moves the cursor, to the left if steps is \
             negative, and no further than to either end of the text. undo() takes back the last \
             type or delete that changed the text and is not taken back, and puts the cursor where \
             it was before it; redo() does the last undone change again and puts the cursor where \
             it was after it. Both do nothing if there is nothing to take back or to do again. A \
             type or delete that changes the text forgets all that could be redone; one that \
             changes nothing does nothing at all. Moves are not undone and forget nothing. Every \
             method returns the text with a '|' at the cursor.",
        )
        .solved_by(
            r#"
class TextEditor:
    def __init__(self):
        self.text, self.cursor = "", 0
        self.done, self.undone = [], []

    def _show(self):
        return self.text[: self.cursor] + "|" + self.text[self.cursor :]

    def _change(self, text, cursor):
        if text != self.text:
            self.done.append((self.text, self.cursor, text, cursor))
            self.undone.clear()
            self.text, self.cursor = text, cursor
        return self._show()

    def type(self, text: str) -> str:
        changed = self.text[: self.cursor] + text + self.text[self.cursor :]
        return self._change(changed, self.cursor + len(text))

    def delete(self, count: int) -> str:
        start = max(0, self.cursor - count)
        return self._change(self.text[:start] + self.text[self.cursor :], start)

    def move(self, steps: int) -> str:
        self.cursor = max(0, min(len(self.text), self.cursor + steps))
        return self._show()

    def undo(self) -> str:
        if self.done:
            self.undone.append(self.done.pop())
            self.text, self.cursor = self.undone[-1][:2]
        return self._show()

    def redo(self) -> str:
        if self.undone:
            self.done.append(self.undone.pop())
            self.text, self.cursor = self.done[-1][2:]
        return self._show()
"#,
        )
        .mutant("redo_outlives_a_change", "            self.undone.clear()\n", "")
        .mutant(
            "leaves_the_text_on_the_left",
            "max(0, min(len(self.text), self.cursor + steps))",
            "min(len(self.text), self.cursor + steps)",
        )
        .mutant(
            "deletes_to_the_right",
            "self.text[:start] + self.text[self.cursor :], start",
            "self.text[: self.cursor] + self.text[self.cursor + count :], self.cursor",
        )
        .mutant(
            "undo_leaves_the_cursor",
            "self.text, self.cursor = self.undone[-1][:2]",
            "self.text = self.undone[-1][0]; self.cursor = min(self.cursor, len(self.text))",
        )
        .mutant("nothing_is_a_change_too", "if text != self.text:", "if True:")
        .example_sequence(
            Sequence::of(())
                .then("type", ("hello",), "hello|")
                .then("move", (-2,), "hel|lo")
                .then("delete", (1,), "he|lo")
                .then("undo", (), "hel|lo")
                .then("redo", (), "he|lo"),
        )
        .sequence(
            "nothing_is_no_change",
            Sequence::of(())
                .then("undo", (), "|")
                .then("type", ("ab",), "ab|")
                .then("undo", (), "|")
                .then("type", ("",), "|")
                .then("delete", (3,), "|")
                .then("redo", (), "ab|"),
        )
        .generated_sequences(30, || collection::vec(calls(), 15..40), |calls| sequence(calls))
}

#[derive(Clone, Debug)]
enum EditorCall {
    Type(String),
    Delete(usize),
    Move(i64),
    Undo,
    Redo,
}

fn calls() -> impl Strategy<Value = EditorCall> {
    prop_oneof![
        5 => "[a-dé😀]{0,3}".prop_map(EditorCall::Type),
        2 => (0_usize..3).prop_map(EditorCall::Delete),
        3 => (-5_i64..4).prop_map(EditorCall::Move),
        3 => Just(EditorCall::Undo),
        2 => Just(EditorCall::Redo),
    ]
}

#[derive(Clone, Default)]
struct EditorText {
    left: Vec<char>,
    right: Vec<char>,
}

fn sequence(calls: &[EditorCall]) -> Sequence {
    let mut sequence = Sequence::of(());
    let mut text = EditorText::default();
    // Each change as the texts before and after it.
    let (mut done, mut undone) = (Vec::<(EditorText, EditorText)>::new(), Vec::new());
    for call in calls {
        let before = text.clone();
        match call {
            EditorCall::Type(typed) => text.left.extend(typed.chars()),
            EditorCall::Delete(count) => text.left.truncate(text.left.len().saturating_sub(*count)),
            EditorCall::Move(steps) => text.walk(*steps),
            EditorCall::Undo => {
                if let Some(change) = done.pop() {
                    text = change.0.clone();
                    undone.push(change);
                }
            }
            EditorCall::Redo => {
                if let Some(change) = undone.pop() {
                    text = change.1.clone();
                    done.push(change);
                }
            }
        }
        let is_change = matches!(call, EditorCall::Type(_) | EditorCall::Delete(_));
        if is_change && before.left != text.left {
            done.push((before, text.clone()));
            undone.clear();
        }
        let shown = text.shown();
        sequence = match call {
            EditorCall::Type(typed) => sequence.then("type", (typed.as_str(),), shown),
            EditorCall::Delete(count) => sequence.then("delete", (*count,), shown),
            EditorCall::Move(steps) => sequence.then("move", (*steps,), shown),
            EditorCall::Undo => sequence.then("undo", (), shown),
            EditorCall::Redo => sequence.then("redo", (), shown),
        };
    }
    sequence
}

impl EditorText {
    fn walk(&mut self, steps: i64) {
        for _ in 0..steps.unsigned_abs() {
            if steps > 0 && !self.right.is_empty() {
                self.left.push(self.right.remove(0));
            } else if steps < 0 && !self.left.is_empty() {
                self.right.insert(0, self.left.remove(self.left.len() - 1));
            }
        }
    }

    fn shown(&self) -> String {
        self.left.iter().chain(&['|']).chain(&self.right).collect()
    }
}
