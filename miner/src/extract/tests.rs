//! Replies of models and the code in them.

use proptest::prelude::*;

use super::*;
use crate::model::source::MAX_REPLY_BYTES;

const CODE: &str = "def f(x):\n    return x\n";

/// Checks the code in a reply for a task that asks for `f`.
fn check(answer: &str, expected: Result<&str, NoCode>) {
    assert_eq!(code(answer, "f").as_deref().map_err(|error| *error), expected, "{answer:?}");
}

#[test]
fn keeps_the_lines_before_the_function() {
    for first in ["import re", "from re import sub", "from urllib.parse import quote", "LIMIT = 3"]
    {
        let answer = format!("{first}\n\n\ndef f(x):\n    return x\n");
        check(&answer, Ok(&answer));
    }
}

#[test]
fn finds_code_in_every_usual_form() {
    for answer in [
        // Without a wrapping.
        "def f(x):\n    return x",
        "\u{feff}\n\ndef f(x):\r\n    return x\r\n",
        // Fences.
        "```python\ndef f(x):\n    return x\n```",
        "```python\r\ndef f(x):\r\n    return x\r\n```\r\n",
        "```python title=\"f.py\"\n\u{feff}def f(x):\n    return x\n```",
        "Sure! Here it is:\n\n```py\ndef f(x):\n    return x\n```\nIt returns x.",
        "~~~\ndef f(x):\n    return x\n~~~",
        "````markdown\ndef f(x):\n    return x\n````",
        "```markdown\n# Answer\n```python\ndef f(x):\n    return x\n```\n```",
        "1. Do it:\n\n   ```python\n   def f(x):\n       return x\n   ```",
        // Fences that are unclosed or malformed.
        "```python\ndef f(x):\n    return x",
        "```python\ndef f(x):\n    return x```",
        "```python\ndef f(x):\n    return x\n\nThat is all.",
        "```python\ndef f(x):\n    return x\n```<|im_end|>",
        "'''python\ndef f(x):\n    return x\n'''",
        // Reasoning.
        "<think>def f(x): return 1, or\n```python\ndef f(x): 2\n```</think>\ndef f(x):\n    return x",
        "<THINK>hm</THINK>```python\ndef f(x):\n    return x\n```",
        "It could be\ndef f(x):\n    return 1\nbut no.\n</think>\n\ndef f(x):\n    return x",
        "<think>a <think>b</think> def f(x): pass</think>\ndef f(x):\n    return x",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>```python\n\
         def f(x):\n    return x\n```",
        "def f(x):\n    return x<|eot_id|>",
        "def f(x):\n    return x</s>\n",
        // Tags.
        "<answer>\ndef f(x):\n    return x\n</answer>",
        "<code>```python\ndef f(x):\n    return x\n```</code>",
        "<code lang=\"python\">\ndef f(x):\n    return x\n</code>",
        // JSON.
        r#"{"code": "def f(x):\n    return x", "explanation": "it returns x"}"#,
        "```json\n{\"solution\": \"def f(x):\\n    return x\"}\n```",
        r#"{"files": [{"path": "f.py", "content": "def f(x):\n    return x\n"}]}"#,
        r#"[{"type": "text", "text": "```python\ndef f(x):\n    return x\n```"}]"#,
        r#""def f(x):\n    return x""#,
        // Tool calls that were written as text.
        "<tool_call>\n{\"name\": \"write\", \"arguments\": {\"code\": \"def f(x):\\n    return x\"}}\n</tool_call>",
        "I call it:\n<tool_call>{\"arguments\": \"{\\\"code\\\": \\\"def f(x):\\\\n    return x\\\"}\"}",
        // Prose.
        "Here is the code.\ndef f(x):\n    return x\n\nIt's as simple as that.",
        "# Solution\n\nIt is in the\nclass of problems that are simple.\n\ndef f(x):\n    return x\n",
        "```text\nno code here\n```\n\ndef f(x):\n    return x\n",
        // A session of an interpreter.
        "```python\n>>> def f(x):\n...     return x\n...\n```",
    ] {
        check(answer, Ok(CODE));
    }
    let tabs = "def f(x):\n\treturn x\n";
    check(&format!("```python\n{tabs}```"), Ok(tabs));
    let one_line = "f = lambda x: x\n";
    check(&format!("```python\n{one_line}```"), Ok(one_line));
}

#[test]
fn joins_the_block_with_the_blocks_that_it_needs() {
    for (answer, expected) in [
        (
            "```python\nimport re\n```\nThen:\n```python\ndef f(x):\n    return re.escape(x)\n```",
            "import re\n\n\ndef f(x):\n    return re.escape(x)\n",
        ),
        (
            "```python\ndef f(x):\n    return g(x)\n```\nThe helper:\n```python\ndef g(x):\n    return x\n```",
            "def g(x):\n    return x\n\n\ndef f(x):\n    return g(x)\n",
        ),
        (
            "```python\nfrom os import (\n    path as p,\n)\n```\n```python\ndef g(x):\n    return p.join(x)\n```\n\
             ```python\ndef f(x):\n    return g(x)\n```\n```python\nprint(f(1))\n```",
            "from os import (\n    path as p,\n)\n\n\ndef g(x):\n    return p.join(x)\n\n\n\
             def f(x):\n    return g(x)\n",
        ),
        // The function continues in the next block.
        (
            "```python\ndef f(x):\n    if (x and\n```\nand\n```python\n        x > 1):\n        return x\n```",
            "def f(x):\n    if (x and\n        x > 1):\n        return x\n",
        ),
    ] {
        check(answer, Ok(expected));
    }
    for unrelated in ["x = 1", "import re", "def g(x):\n    return x", "g = 1\nprint(g)"] {
        check(&format!("```python\n{unrelated}\n```\n```python\n{CODE}```"), Ok(CODE));
    }
}

#[test]
fn takes_the_last_block_that_defines_the_name() {
    for answer in [
        "```\ndef f(x):\n    return 1\n```\nNo:\n```\ndef f(x):\n    return x\n```",
        "```python\ndef f(x):\n    return x\n```\nUse:\n```python\nprint(f(1))\n```",
        "```sh\npip install it\n```\n```python\ndef f(x):\n    return x\n```",
        "```python\ndef ff(x):\n    return 1\n```\n```\ndef f(x):\n    return x\n```",
        "```python\ndef f(x):\n    return x\n```\nIn Java:\n```java\nint f(int x) { return x; }\n```",
        // A snippet with an ellipsis is not a program.
        "```python\ndef f(x):\n    return x\n```\nIn short:\n```python\ndef f(x):\n    …\n```",
        "```python\nclass S:\n    def f(self, x):\n        return 1\n```\n```\ndef f(x):\n    return x\n```",
        "```diff\n-def f(x): return 1\n+def f(x): return x\n```\n```python\ndef f(x):\n    return x\n```",
    ] {
        check(answer, Ok(CODE));
    }
}

#[test]
fn returns_broken_code_for_the_feedback() {
    for answer in [
        "def g(x):\n    return x\n",
        "class f:\n    pass\n",
        "class Solution:\n    def f(self, x):\n        return x\n",
        "def f(x:\n    return x\n",
        "def f(x):\nreturn x\n",
        "print \"hello\"\ndef f(x): pass\n",
    ] {
        check(&format!("```python\n{answer}```"), Ok(answer));
    }
    check("def f(x:\n    return x", Ok("def f(x:\n    return x\n"));
}

#[test]
fn never_returns_prose() {
    for empty in ["", " \n\t\u{feff}", "<think>I must not", "<think>hm</think>\n"] {
        check(empty, Err(NoCode::Empty));
    }
    for prose in [
        "I cannot help with that.",
        "I'm sorry, but as a language model I won't.",
        "```\n```",
        "```\n>>>\n```",
        "```text\nI can't, sorry.\n```",
        "```javascript\nfunction f(x) { return x; }\n```",
        "```rust\nfn f(x: i32) -> i32 { x }\n```",
        "```diff\n-    return 1\n+    return x\n```",
        r#"{"error": "I can't do that"}"#,
        "| x | f(x) |\n| --- | --- |\n| 1 | 1 |",
    ] {
        check(prose, Err(NoCode::OnlyProse));
    }
}

#[test]
fn keeps_string_literals_unchanged() {
    let fence = "def f(x):\n    return '''\n```\n'''\n";
    for code in [
        fence,
        "def f(x):\n    \"\"\"\n    ```\n    f(1)\n    ```\n    \"\"\"\n    return x\n",
        "\"\"\"\n```python\nf(1)\n```\n\"\"\"\ndef f(x):\n    return x\n",
        "def f(x):\n    return '''\n   \n'''\n",
        "def f(x):\n    return x.split(\"</think>\")[-1]\n",
        "def f(x):\n    return '<think>' + x + f'</think>'\n",
        "def f(x):\n    return x + \"<|endoftext|>\"\n",
        "TAGS = '''\n<think>\n</think>\n<|endoftext|>\n'''\ndef f(x):\n    return TAGS\n",
        "# Don't change it.\ndef f(x):\n    return \"<|im_end|>\" # it's \\\"\n",
    ] {
        check(&format!("```python\n{code}```"), Ok(code));
        check(
            &format!("<think>I'd use ''' here.</think>\n```python\n{code}```<|im_end|>"),
            Ok(code),
        );
    }
    check(&format!("````python\n{fence}````"), Ok(fence));
}

#[test]
fn finds_definitions_at_the_top_level_only() {
    for (text, expected) in [
        ("def f(): pass", true),
        ("async def f(): pass", true),
        ("class f: pass", true),
        ("f = lambda: 1", true),
        ("f: object = len", true),
        ("    def f(): pass", true),
        ("try:\n    import x\nexcept ImportError:\n    def f(): pass", true),
        ("class A:\n    x = 1\n\nif True:\n    def f(): pass", true),
        ("def ff(): pass", false),
        ("f == 1", false),
        ("g = f", false),
        ("class A:\n    def f(self): pass", false),
        ("def g():\n    x = 1\n\n    def f(): pass\n    return f", false),
        ("class A:\n    if True:\n        def f(self): pass", false),
    ] {
        assert_eq!(defines(text, "f"), expected, "{text}");
    }
}

#[test]
fn accepts_the_longest_replies() {
    for piece in [
        "x",
        "```\n",
        "```\nx = 1\n```\n",
        "def g(x): pass\n",
        "<answer>",
        "[",
        "# \n",
        "    def f(x):\n",
        "class A:\n    def f(x):\n",
    ] {
        let answer = piece.repeat(MAX_REPLY_BYTES / piece.len());
        let _ = code(&answer, "f");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_reply_gives_code_or_an_error(pieces in proptest::collection::vec(
        proptest::sample::select(vec![
            "```", "````", "~~~", "python", "diff", "\n", "\r\n", "    ", "\t", " ", "\u{a0}", "\u{feff}", "é",
            "def f(x):", "return x", "class A:", ">>> ", "... ", "<think>", "</think>", "<answer>", "</answer>",
            "<|channel|>final<|message|>", "<|end|>", "{", "}", "[", "]", "\"code\": ", "'''", "# ", "Sure!", "f = ",
        ]),
        0..40,
    )) {
        let answer = pieces.concat();
        if let Ok(code) = code(&answer, "f") {
            prop_assert!(code.ends_with('\n') && code.trim() != "", "{:?} of {:?}", code, answer);
        }
    }
}
