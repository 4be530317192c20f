//! Words into an expression, by recursive descent; errors say exactly where.

use super::lexer::{Kind, Token, lex};
use super::problem::Problem;
use super::slot::Slot;
use super::{Expr, MAX_DEPTH, MAX_PREDICATES, MAX_VALUE, Pattern, Predicate, Test, field, word};
use crate::Dimension;

/// Most problems that are told of one filter.
const MAX_PROBLEMS: usize = 20;

/// Reads a filter. Each value is shown to `check`, which says what is wrong with it.
///
/// # Errors
/// Everything that is wrong, up to the first word that makes no sense where it stands.
pub fn parse(
    text: &str,
    check: impl Fn(Dimension, &str) -> Result<(), String>,
) -> Result<Expr, Vec<Problem>> {
    let tokens = lex(text).map_err(|problem| vec![problem])?;
    let mut parser = Parser::new(tokens, &check);
    match parser.whole() {
        Ok(expr) if parser.problems.is_empty() => Ok(expr),
        Ok(_) => Err(parser.problems),
        Err(problem) => {
            parser.problems.push(problem);
            Err(parser.problems)
        }
    }
}

/// What could stand at the end of a text that makes sense so far.
pub(super) fn slot_after(text: &str) -> Option<Slot> {
    let tokens = lex(text).ok()?;
    let mut parser = Parser::new(tokens, &|_, _| Ok(()));
    let _ = parser.whole(); // Where it ends is asked, not what it says.
    parser.slot
}

struct Parser<'a> {
    tokens: std::vec::IntoIter<Token>,
    next: Token,
    check: &'a dyn Fn(Dimension, &str) -> Result<(), String>,
    problems: Vec<Problem>,
    /// Parentheses and `not` around what is read.
    depth: usize,
    /// Parentheses that are open.
    open: usize,
    predicates: usize,
    /// What was looked for when the text ended.
    slot: Option<Slot>,
}

impl<'a> Parser<'a> {
    fn new(tokens: Vec<Token>, check: &'a dyn Fn(Dimension, &str) -> Result<(), String>) -> Self {
        let mut tokens = tokens.into_iter();
        let end = Token { kind: Kind::End, start: 0, length: 0 };
        let next = tokens.next().unwrap_or(end);
        Self {
            tokens,
            next,
            check,
            problems: Vec::new(),
            depth: 0,
            open: 0,
            predicates: 0,
            slot: None,
        }
    }

    fn whole(&mut self) -> Result<Expr, Problem> {
        let expr = self.any()?;
        match self.next.kind {
            Kind::End => Ok(expr),
            _ => Err(self.wrong(Slot::Next { open: self.open })),
        }
    }

    fn any(&mut self) -> Result<Expr, Problem> {
        let first = self.all()?;
        self.chain(first, "or", Self::all, Expr::Or)
    }

    fn all(&mut self) -> Result<Expr, Problem> {
        let first = self.one()?;
        self.chain(first, "and", Self::one, Expr::And)
    }

    /// `first`, or several of its kind between which the keyword stands.
    fn chain(
        &mut self,
        first: Expr,
        keyword: &str,
        part: fn(&mut Self) -> Result<Expr, Problem>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Expr, Problem> {
        let mut parts = vec![first];
        while self.keyword(keyword, Slot::Next { open: self.open }) {
            parts.push(part(self)?);
        }
        match parts.len() {
            1 => Ok(parts.swap_remove(0)),
            _ => Ok(join(parts)),
        }
    }

    fn one(&mut self) -> Result<Expr, Problem> {
        let at = self.next.clone();
        if self.keyword("not", Slot::Start) {
            self.deeper(&at)?;
            let inner = self.one()?;
            self.depth -= 1;
            return Ok(Expr::Not(Box::new(inner)));
        }
        if self.next.kind == Kind::Open {
            self.deeper(&at)?;
            self.open += 1;
            self.step();
            let inner = self.any()?;
            self.expect(&Kind::Close, Slot::Next { open: self.open })?;
            self.depth -= 1;
            self.open -= 1;
            return Ok(inner);
        }
        self.predicate().map(Expr::Is)
    }

    fn deeper(&mut self, at: &Token) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return Ok(());
        }
        let message = format!("`not` and parentheses are nested more than {MAX_DEPTH} deep");
        Err(Problem::new(at.start, at.length, message))
    }

    fn predicate(&mut self) -> Result<Predicate, Problem> {
        let found = match &self.next.kind {
            Kind::Word(text) => field(&text.to_ascii_lowercase()),
            _ => None,
        };
        let Some(field) = found else { return Err(self.wrong(Slot::Start)) };
        self.predicates += 1;
        if self.predicates > MAX_PREDICATES {
            let message = format!("the filter has more than {MAX_PREDICATES} comparisons");
            return Err(Problem::new(self.next.start, self.next.length, message));
        }
        self.step();
        let test = match self.next.kind {
            Kind::Equal => Test::Equal(self.single(field)?),
            Kind::Unequal => Test::Unequal(self.single(field)?),
            Kind::Like => Test::Like(self.pattern(field)?),
            Kind::Unlike => Test::Unlike(self.pattern(field)?),
            _ => return self.listed(field).map(|test| Predicate { field, test }),
        };
        Ok(Predicate { field, test })
    }

    /// `in (…)` or `not in (…)`.
    fn listed(&mut self, field: Dimension) -> Result<Test, Problem> {
        if self.keyword("in", Slot::Operator(field)) {
            return self.list(field).map(Test::In);
        }
        if !self.keyword("not", Slot::Operator(field)) {
            return Err(self.wrong(Slot::Operator(field)));
        }
        match self.keyword("in", Slot::In) {
            true => self.list(field).map(Test::NotIn),
            false => Err(self.wrong(Slot::In)),
        }
    }

    fn single(&mut self, field: Dimension) -> Result<String, Problem> {
        self.step();
        self.value(field, true)
    }

    fn pattern(&mut self, field: Dimension) -> Result<String, Problem> {
        self.step();
        let at = self.next.clone();
        let value = self.value(field, false)?;
        if Pattern::new(&value).is_none() {
            let message = format!(
                "`{value}` is not a pattern: a star stands only first or last, and something beside it"
            );
            self.note(Problem::new(at.start, at.length, message));
        }
        Ok(value)
    }

    fn list(&mut self, field: Dimension) -> Result<Vec<String>, Problem> {
        self.expect(&Kind::Open, Slot::ListOpen)?;
        let mut values = vec![self.value(field, true)?];
        while self.next.kind == Kind::Comma {
            self.step();
            values.push(self.value(field, true)?);
        }
        self.expect(&Kind::Close, Slot::ListNext)?;
        Ok(values)
    }

    fn value(&mut self, field: Dimension, checked: bool) -> Result<String, Problem> {
        let Token { kind, start, length } = self.next.clone();
        let value = match kind {
            Kind::Word(word) if !super::lexer::is_reserved(&word) => word,
            Kind::Word(word) => {
                let message = format!("`{word}` as a value stands in \"…\"");
                let mut problem = Problem::new(start, length, message);
                problem.expected = Slot::Value(field).words();
                return Err(problem);
            }
            Kind::Quoted(value, true) => value,
            Kind::Quoted(_, false) => {
                let message = "the value's second `\"` is missing".to_owned();
                let mut problem = Problem::new(start, length, message);
                problem.expected = vec!["\"".to_owned()];
                return Err(problem);
            }
            _ => return Err(self.wrong(Slot::Value(field))),
        };
        self.step();
        if value.is_empty() || value.len() > MAX_VALUE {
            let message = format!("a value has 1 to {MAX_VALUE} octets, not {}", value.len());
            self.note(Problem::new(start, length, message));
        } else if checked && let Err(message) = (self.check)(field, &value) {
            self.note(Problem::new(start, length, message));
        }
        Ok(value)
    }

    fn note(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Takes a keyword, if it is next.
    fn keyword(&mut self, keyword: &str, slot: Slot) -> bool {
        match &self.next.kind {
            Kind::Word(word) if word.eq_ignore_ascii_case(keyword) => {
                self.step();
                true
            }
            Kind::End => {
                self.slot = Some(slot);
                false
            }
            _ => false,
        }
    }

    fn expect(&mut self, kind: &Kind, slot: Slot) -> Result<(), Problem> {
        if self.next.kind != *kind {
            return Err(self.wrong(slot));
        }
        self.step();
        Ok(())
    }

    fn step(&mut self) {
        // After the end there is only the end.
        if let Some(next) = self.tokens.next() {
            self.next = next;
        }
    }

    /// The next word is not what can stand here.
    fn wrong(&mut self, slot: Slot) -> Problem {
        let Token { kind, start, length } = self.next.clone();
        let expected = slot.words();
        let message = match (&kind, slot) {
            (Kind::End, Slot::Start) if start == 0 => "the filter is empty".to_owned(),
            (Kind::End, _) => format!("the filter ends where {} is missing", slot.description()),
            (Kind::Word(text), Slot::Start) => format!("`{text}` is not a field"),
            (Kind::Close, Slot::Next { open: 0 }) => "this `)` closes nothing".to_owned(),
            (Kind::Word(text), _) => {
                format!("`{text}` stands where {} belongs", slot.description())
            }
            (Kind::Quoted(text, _), _) => {
                format!("\"{text}\" stands where {} belongs", slot.description())
            }
            (kind, _) => format!("`{}` stands where {} belongs", sign(kind), slot.description()),
        };
        if kind == Kind::End {
            self.slot = Some(slot);
        }
        Problem { offset: start, length, message, expected }
    }
}

const fn sign(kind: &Kind) -> &'static str {
    match kind {
        Kind::Equal => "=",
        Kind::Unequal => "!=",
        Kind::Like => "~",
        Kind::Unlike => "!~",
        Kind::Open => "(",
        Kind::Close => ")",
        Kind::Comma => ",",
        Kind::Word(_) | Kind::Quoted(..) | Kind::End => "",
    }
}

impl Slot {
    /// What it is, in words.
    fn description(self) -> String {
        match self {
            Self::Start => "a field, `not` or `(`".to_owned(),
            Self::Operator(field) => format!("a comparison of {}", word(field)),
            Self::In => "`in`".to_owned(),
            Self::ListOpen => "`(` and values".to_owned(),
            Self::Value(field) => format!("a value of {}", word(field)),
            Self::ListNext => "`,` or `)`".to_owned(),
            Self::Next { open: 0 } => "`and` or `or`".to_owned(),
            Self::Next { .. } => "`and`, `or` or `)`".to_owned(),
        }
    }
}
