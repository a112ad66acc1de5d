//! Whether a statement can have any effect. A program without one, such as the name of a file or a document that
//! happens to parse, is not an agent.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, Stmt};

/// Returns whether a statement defines nothing and does nothing: it is `pass`, or an expression that calls nothing
/// and assigns nothing.
pub(super) fn is_idle(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Pass(_) => true,
        Stmt::Expr(stmt) => {
            let mut effects = EffectVisitor { found: false };
            effects.visit_expr(&stmt.value);
            !effects.found
        }
        _ => false,
    }
}

struct EffectVisitor {
    found: bool,
}

impl<'a> Visitor<'a> for EffectVisitor {
    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Call(_) | Expr::Named(_) | Expr::Await(_) => self.found = true,
            _ if !self.found => walk_expr(self, expr),
            _ => {}
        }
    }
}
