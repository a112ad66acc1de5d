//! What parses and yet is no program: `return` outside a function, `await` outside an async one, two
//! parameters of one name. Python's compiler refuses these after its parser has taken them.
//!
//! The rules are the parser library's; this walk tells them where in the program they are.

use std::cell::RefCell;
use std::collections::HashSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Comprehension, Expr, PythonVersion, Stmt};
use ruff_python_parser::semantic_errors::{
    LazyImportContext, SemanticSyntaxChecker, SemanticSyntaxContext, SemanticSyntaxError,
};
use ruff_text_size::TextRange;

/// What is wrong, in the order of the file.
pub(super) fn check(text: &str, body: &[Stmt]) -> Vec<SemanticSyntaxError> {
    let place =
        Place { text, scopes: vec![Scope::Module { loops: 0 }], errors: RefCell::default() };
    let mut walk = Walk { checker: SemanticSyntaxChecker::new(), place };
    walk.visit_body(body);
    walk.place.errors.into_inner()
}

/// What names and statements belong to.
enum Scope {
    Module { loops: u32 },
    Class { loops: u32 },
    Function { is_async: bool, loops: u32, parameters: HashSet<String> },
    Comprehension { is_generator: bool },
}

/// Where in the program the walk is.
struct Place<'a> {
    text: &'a str,
    scopes: Vec<Scope>,
    errors: RefCell<Vec<SemanticSyntaxError>>,
}

impl Place<'_> {
    fn innermost(&self) -> &Scope {
        self.scopes.last().expect("the module's own scope is never left")
    }

    fn loops(&mut self) -> Option<&mut u32> {
        match self.scopes.last_mut()? {
            Scope::Module { loops } | Scope::Class { loops } | Scope::Function { loops, .. } => {
                Some(loops)
            }
            Scope::Comprehension { .. } => None,
        }
    }

    /// The innermost scope that is no comprehension.
    fn around_comprehensions(&self) -> &Scope {
        let is_other = |scope: &&Scope| !matches!(scope, Scope::Comprehension { .. });
        self.scopes.iter().rev().find(is_other).expect("the module's own scope is never left")
    }
}

impl SemanticSyntaxContext for Place<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        false
    }

    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        None
    }

    fn python_version(&self) -> PythonVersion {
        PythonVersion::PY311
    }

    fn source(&self) -> &str {
        self.text
    }

    /// Whether a name was used before it was declared global is left to Python.
    fn global(&self, _: &str) -> Option<TextRange> {
        None
    }

    /// Whether a nonlocal name exists is left to Python.
    fn has_nonlocal_binding(&self, _: &str) -> bool {
        true
    }

    fn in_async_context(&self) -> bool {
        matches!(self.around_comprehensions(), Scope::Function { is_async: true, .. })
    }

    fn in_await_allowed_context(&self) -> bool {
        matches!(self.around_comprehensions(), Scope::Function { .. })
    }

    fn in_yield_allowed_context(&self) -> bool {
        self.in_function_scope()
    }

    /// Python 3.11 lets an asynchronous comprehension stand in any other.
    fn in_sync_comprehension(&self) -> bool {
        false
    }

    fn in_class_body_comprehension(&self) -> bool {
        matches!(self.innermost(), Scope::Comprehension { .. })
            && matches!(self.around_comprehensions(), Scope::Class { .. })
    }

    fn in_module_scope(&self) -> bool {
        self.scopes.len() == 1
    }

    fn in_function_scope(&self) -> bool {
        matches!(self.innermost(), Scope::Function { .. })
    }

    fn in_generator_context(&self) -> bool {
        matches!(self.innermost(), Scope::Comprehension { is_generator: true })
    }

    fn in_notebook(&self) -> bool {
        false
    }

    fn report_semantic_error(&self, error: SemanticSyntaxError) {
        self.errors.borrow_mut().push(error);
    }

    fn in_loop_context(&self) -> bool {
        match self.innermost() {
            Scope::Module { loops } | Scope::Class { loops } | Scope::Function { loops, .. } => {
                *loops > 0
            }
            Scope::Comprehension { .. } => false,
        }
    }

    fn is_bound_parameter(&self, name: &str) -> bool {
        match self.innermost() {
            Scope::Function { parameters, .. } => parameters.contains(name),
            _ => false,
        }
    }
}

struct Walk<'a> {
    checker: SemanticSyntaxChecker,
    place: Place<'a>,
}

impl Walk<'_> {
    fn within(&mut self, scope: Scope, walk: impl FnOnce(&mut Self)) {
        self.place.scopes.push(scope);
        walk(self);
        self.place.scopes.pop();
    }

    fn in_loop(&mut self, body: &[Stmt]) {
        if let Some(loops) = self.place.loops() {
            *loops += 1;
        }
        self.visit_body(body);
        if let Some(loops) = self.place.loops() {
            *loops -= 1;
        }
    }

    /// The first iterable belongs to what is around; the rest is the comprehension's own.
    fn comprehension(
        &mut self,
        is_generator: bool,
        generators: &[Comprehension],
        elements: &[&Expr],
    ) {
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        self.within(Scope::Comprehension { is_generator }, |walk| {
            for (number, generator) in generators.iter().enumerate() {
                walk.visit_expr(&generator.target);
                if number > 0 {
                    walk.visit_expr(&generator.iter);
                }
                for condition in &generator.ifs {
                    walk.visit_expr(condition);
                }
            }
            for element in elements {
                walk.visit_expr(element);
            }
        });
    }
}

impl Visitor<'_> for Walk<'_> {
    fn visit_stmt(&mut self, stmt: &Stmt) {
        self.checker.visit_stmt(stmt, &self.place);
        match stmt {
            Stmt::ClassDef(class) => {
                for decorator in &class.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
                self.within(Scope::Class { loops: 0 }, |walk| walk.visit_body(&class.body));
            }
            Stmt::FunctionDef(function) => {
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.visit_parameters(&function.parameters);
                if let Some(returns) = &function.returns {
                    self.visit_annotation(returns);
                }
                let parameters = function.parameters.iter();
                let scope = Scope::Function {
                    is_async: function.is_async,
                    loops: 0,
                    parameters: parameters.map(|parameter| parameter.name().to_string()).collect(),
                };
                self.within(scope, |walk| walk.visit_body(&function.body));
            }
            Stmt::For(each) => {
                self.visit_expr(&each.target);
                self.visit_expr(&each.iter);
                self.in_loop(&each.body);
                self.visit_body(&each.orelse);
            }
            Stmt::While(each) => {
                self.visit_expr(&each.test);
                self.in_loop(&each.body);
                self.visit_body(&each.orelse);
            }
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &Expr) {
        self.checker.visit_expr(expr, &self.place);
        match expr {
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.visit_parameters(parameters);
                }
                let scope =
                    Scope::Function { is_async: false, loops: 0, parameters: HashSet::new() };
                self.within(scope, |walk| walk.visit_expr(&lambda.body));
            }
            Expr::ListComp(comp) => self.comprehension(false, &comp.generators, &[&comp.elt]),
            Expr::SetComp(comp) => self.comprehension(false, &comp.generators, &[&comp.elt]),
            Expr::Generator(comp) => self.comprehension(true, &comp.generators, &[&comp.elt]),
            Expr::DictComp(comp) => {
                let key = comp.key.as_deref();
                let elements: Vec<_> = key.into_iter().chain([&*comp.value]).collect();
                self.comprehension(false, &comp.generators, &elements);
            }
            _ => walk_expr(self, expr),
        }
    }
}
