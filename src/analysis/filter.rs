//! The `--where` language, which is also the screen's filter.
//!
//! ```text
//! expression = term { "or" term }      term = factor { "and" factor }
//! factor     = "not" factor | "(" expression ")" | comparison
//! comparison = column ("=" | "!=" | "<" | "<=" | ">" | ">=") value
//!            | column "in" "(" value { "," value } ")"
//!            | text-column "~" value
//! value      = number | word | "quoted text" | 'quoted text'
//! ```
//! `~` is a case-insensitive part-of-text match. Inside quotes the quote itself is written twice: `"a ""word"""`. Clusters
//! may be written as numbers or as letters, A for 0 to Z for 25. A feature whose value is not known (no label, or it
//! never fires) matches no comparison, and so matches its `not`.

use super::columns::{COLUMNS, Column, ColumnKind, FeatureTable, Value};
use crate::text::{around, printable};
use std::fmt;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    text: String,
    expression: Expression,
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Column, Operator, Vec<Literal>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Matches,
    In,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Number(f64),
    Text(String),
}

/// What the grammar has room for at the end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// The name of a column.
    Column,
    /// An operator after this column.
    Operator(Column),
    /// A value to compare this column with.
    Value(Column, Operator),
    /// `not`.
    Not,
    /// `and`.
    And,
    /// `or`.
    Or,
    /// An opening bracket, of a list after `in` if so.
    Open(bool),
    /// A closing one.
    Close,
    /// A comma in a list.
    Comma,
}

/// Why a filter could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Characters of the text before it.
    pub at: usize,
    /// What was expected there.
    pub message: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.message, self.at + 1)
    }
}

impl FilterError {
    /// The text with a caret under the place and the message beside it, each a line of at most `columns` (where the
    /// message is not longer itself); of a long text the part around the place.
    ///
    /// ```
    /// # use saescope::analysis::Filter;
    /// let error = Filter::parse("density <").unwrap_err();
    /// assert_eq!(error.pointed("density <", 40), ["density <", "         ^ expected a value"]);
    /// ```
    pub fn pointed(&self, text: &str, columns: usize) -> [String; 2] {
        let (part, column) = around(text, self.at, columns);
        let message = printable(&self.message);
        // At the right edge the message stands before the caret, so that it begins in sight.
        let before = column.checked_sub(message.chars().count() + 1).filter(|_| column > columns / 2);
        let line = match before {
            Some(blank) => format!("{}{message} ^", " ".repeat(blank)),
            None => format!("{}^ {message}", " ".repeat(column)),
        };
        [part, line]
    }
}

impl Filter {
    /// Reads `text`.
    ///
    /// # Errors
    /// With the place and what was expected there.
    ///
    /// ```
    /// use saescope::analysis::Filter;
    /// assert!(Filter::parse("cluster in (3, C) and density < 0.01 and label ~ \"monday\"").is_ok());
    /// assert_eq!(Filter::parse("density <").unwrap_err().at, 9);
    /// ```
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expression = scan(text).and_then(|tokens| {
            let mut parser = Parser::new(tokens, text.len());
            let expression = parser.expression()?;
            match parser.tokens.get(parser.next) {
                Some(token) => Err(FilterError { at: token.at, message: "expected and, or, or the end".into() }),
                None => Ok(expression),
            }
        });
        match expression {
            Ok(expression) => Ok(Self { text: text.trim().to_string(), expression }),
            // Found as a number of bytes, told as a number of characters.
            Err(error) => Err(FilterError { at: text[..error.at].chars().count(), ..error }),
        }
    }
    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Columns it looks at, in table order.
    pub fn columns(&self) -> Vec<Column> {
        let mut used = Vec::new();
        self.expression.visit(&mut |column| used.push(column));
        COLUMNS.iter().map(|row| row.column).filter(|column| used.contains(column)).collect()
    }
    /// The first column it needs that `table` cannot tell.
    pub fn missing(&self, table: &FeatureTable<'_>) -> Option<Column> {
        self.columns().into_iter().find(|&column| !table.has(column))
    }
    /// Whether `feature` passes.
    pub fn passes(&self, table: &FeatureTable<'_>, feature: usize) -> bool {
        self.expression.holds(table, feature)
    }
}

impl Expression {
    fn visit(&self, see: &mut impl FnMut(Column)) {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().for_each(|part| part.visit(see)),
            Self::Not(part) => part.visit(see),
            Self::Compare(column, ..) => see(*column),
        }
    }
    fn holds(&self, table: &FeatureTable<'_>, feature: usize) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.holds(table, feature)),
            Self::And(parts) => parts.iter().all(|part| part.holds(table, feature)),
            Self::Not(part) => !part.holds(table, feature),
            Self::Compare(column, operator, literals) => {
                let value = table.value(*column, feature);
                match (column.row().kind, value) {
                    (ColumnKind::Names, value) => {
                        literals.iter().any(|literal| operator.holds_of_names(&value, literal))
                    }
                    (_, value) => literals.iter().any(|literal| operator.holds(&value, literal)),
                }
            }
        }
    }
}

impl Operator {
    fn holds(self, value: &Value<'_>, literal: &Literal) -> bool {
        match (value, literal) {
            (Value::None, _) => false,
            (Value::Text(text), Literal::Text(wanted)) => match self {
                Self::Matches => text.to_lowercase().contains(&wanted.to_lowercase()),
                _ => self.ordered(text.as_ref().cmp(wanted.as_str())),
            },
            (value, Literal::Number(wanted)) => {
                let value = value.number().unwrap_or(f64::NAN);
                value.partial_cmp(wanted).is_some_and(|order| self.ordered(order))
            }
            (_, Literal::Text(_)) => false,
        }
    }
    /// Whether it holds of any of several names; that none is equal, for `!=`.
    fn holds_of_names(self, value: &Value<'_>, literal: &Literal) -> bool {
        let Value::Text(names) = value else { return self == Self::NotEqual };
        let mut each = names.split(';').map(|name| Value::Text(name.into()));
        match self {
            Self::NotEqual => each.all(|name| self.holds(&name, literal)),
            _ => each.any(|name| self.holds(&name, literal)),
        }
    }
    fn ordered(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Matches => false,
            Self::Equal | Self::In => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterEqual => order.is_ge(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(String),
    Quoted(String),
    Operator(Operator),
    Open,
    Close,
    Comma,
}

/// A token and the bytes of the text that it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
    pub(super) end: usize,
}

/// Whether a character may stand in a word without quotes.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "_-+.@".contains(c)
}

/// The tokens of a text; an error tells how far they could be read.
pub(super) fn scan(text: &str) -> Result<Vec<Placed>, FilterError> {
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let mut followed_by = |next: char| chars.next_if(|&(_, c)| c == next).is_some();
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' => {
                followed_by('=');
                Token::Operator(Operator::Equal)
            }
            '~' => Token::Operator(Operator::Matches),
            '!' if followed_by('=') => Token::Operator(Operator::NotEqual),
            '<' => Token::Operator(if followed_by('=') { Operator::LessEqual } else { Operator::Less }),
            '>' => Token::Operator(if followed_by('=') { Operator::GreaterEqual } else { Operator::Greater }),
            '"' | '\'' => {
                let mut quoted = String::new();
                loop {
                    match chars.next() {
                        Some((_, end)) if end == c && chars.next_if(|&(_, next)| next == c).is_none() => break,
                        Some((_, inner)) => quoted.push(inner),
                        None => return Err(FilterError { at, message: format!("this {c} is never closed") }),
                    }
                }
                Token::Quoted(quoted)
            }
            c if is_word(c) => {
                let mut word = String::from(c);
                while let Some((_, c)) = chars.next_if(|&(_, c)| is_word(c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            c => return Err(FilterError { at, message: format!("unexpected {c:?}; quote text with \"…\"") }),
        };
        let end = chars.peek().map_or(text.len(), |(end, _)| *end);
        tokens.push(Placed { token, at, end });
    }
    Ok(tokens)
}

/// Nesting beyond this is refused, so that no input can exhaust the stack.
const MAX_DEPTH: usize = 64;

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    end: usize,
    depth: usize,
    /// What was looked for where the text ends.
    expected: Vec<Expected>,
}

/// What may follow the whole tokens of a text; nothing if they make no sense.
pub(super) fn expected_after(tokens: Vec<Placed>) -> Vec<Expected> {
    let mut parser = Parser::new(tokens, 0);
    match parser.expression() {
        // Something else was found than what was looked for.
        _ if parser.next < parser.tokens.len() => Vec::new(),
        _ => parser.expected,
    }
}

impl Parser {
    fn new(tokens: Vec<Placed>, end: usize) -> Self {
        Self { tokens, next: 0, end, depth: 0, expected: Vec::new() }
    }
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |token| token.at)
    }
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, FilterError> {
        Err(FilterError { at: self.at(), message: message.into() })
    }
    /// The next token; none at the end of the text, where `wanted` could stand.
    fn peek(&mut self, wanted: Expected) -> Option<&Token> {
        if self.next == self.tokens.len() {
            self.expected.push(wanted);
        }
        self.tokens.get(self.next).map(|token| &token.token)
    }
    fn take(&mut self, token: &Token, wanted: Expected) -> bool {
        let found = self.peek(wanted) == Some(token);
        self.next += usize::from(found);
        found
    }
    fn take_word(&mut self, word: &str, wanted: Expected) -> bool {
        let found = matches!(self.peek(wanted), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.next += usize::from(found);
        found
    }
    fn expression(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail(format!("more than {MAX_DEPTH} levels of nesting"));
        }
        let mut parts = vec![self.term()?];
        while self.take_word("or", Expected::Or) {
            parts.push(self.term()?);
        }
        self.depth -= 1;
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }
    fn term(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.factor()?];
        while self.take_word("and", Expected::And) {
            parts.push(self.factor()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }
    fn factor(&mut self) -> Result<Expression, FilterError> {
        let mut negated = false;
        while self.take_word("not", Expected::Not) {
            negated = !negated;
        }
        let inner = if self.take(&Token::Open, Expected::Open(false)) {
            let inner = self.expression()?;
            if !self.take(&Token::Close, Expected::Close) {
                return self.fail("expected )");
            }
            inner
        } else {
            self.comparison()?
        };
        Ok(if negated { Expression::Not(Box::new(inner)) } else { inner })
    }
    fn comparison(&mut self) -> Result<Expression, FilterError> {
        let names = || COLUMNS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        let column = match self.peek(Expected::Column) {
            Some(Token::Word(word)) => match Column::parse(&word.to_lowercase()) {
                Some(column) => column,
                None => {
                    let word = word.clone();
                    return match nearest_column(&word) {
                        Some(near) => self.fail(format!("no column {word:?}; is it {near}?")),
                        None => self.fail(format!("no column {word:?}; there are {}", names())),
                    };
                }
            },
            _ => return self.fail(format!("expected a column: {}", names())),
        };
        self.next += 1;
        if self.take_word("in", Expected::Operator(column)) {
            if !self.take(&Token::Open, Expected::Open(true)) {
                return self.fail("expected ( after in");
            }
            let mut literals = vec![self.literal(column, Operator::In)?];
            while self.take(&Token::Comma, Expected::Comma) {
                literals.push(self.literal(column, Operator::In)?);
            }
            if !self.take(&Token::Close, Expected::Close) {
                return self.fail("expected , or )");
            }
            return Ok(Expression::Compare(column, Operator::In, literals));
        }
        let Some(&Token::Operator(operator)) = self.tokens.get(self.next).map(|token| &token.token) else {
            return self.fail("expected = != < <= > >= ~ or in");
        };
        let is_text = matches!(column.row().kind, ColumnKind::Text | ColumnKind::Names);
        if operator == Operator::Matches && !is_text {
            return self.fail(format!("~ looks for a part of a text, and {} is a number: = or in", column.name()));
        }
        self.next += 1;
        let literal = self.literal(column, operator)?;
        Ok(Expression::Compare(column, operator, vec![literal]))
    }
    fn literal(&mut self, column: Column, operator: Operator) -> Result<Literal, FilterError> {
        let text = match self.peek(Expected::Value(column, operator)) {
            Some(Token::Word(text) | Token::Quoted(text)) => text.clone(),
            _ => return self.fail("expected a value"),
        };
        let kind = column.row().kind;
        let number = text.parse::<f64>().ok().filter(|x| x.is_finite());
        let literal = match kind {
            ColumnKind::Text | ColumnKind::Names => Literal::Text(text),
            ColumnKind::Cluster => match (number, cluster_of(&text)) {
                (Some(x), _) => Literal::Number(x),
                (None, Some(cluster)) => Literal::Number(cluster.into()),
                (None, None) if text.eq_ignore_ascii_case("none") || text.eq_ignore_ascii_case("noise") => {
                    Literal::Number(-1.0)
                }
                _ => return self.fail("expected a cluster: a number, a letter A to Z, or none"),
            },
            ColumnKind::Number => match number {
                Some(x) => Literal::Number(x),
                None => return self.fail(format!("{} is a number, {text:?} is not", column.name())),
            },
        };
        self.next += 1;
        Ok(literal)
    }
}

/// The column that a word was meant to be, if it looks like one.
fn nearest_column(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let far = if word.len() < 5 { 1 } else { 2 };
    let near = COLUMNS.iter().map(|row| (strsim::damerau_levenshtein(row.name, &word), row.name));
    let nearest = near.filter(|(distance, _)| *distance <= far).min_by_key(|(distance, _)| *distance);
    // A name of several words may be called by one of them.
    let part = || COLUMNS.iter().find(|row| word.len() > 2 && row.name.split('_').any(|part| part == word));
    nearest.map(|(_, name)| name).or_else(|| part().map(|row| row.name))
}

/// The cluster that a letter stands for: A is 0, Z is 25.
pub fn cluster_of(letter: &str) -> Option<u8> {
    match letter.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(byte.to_ascii_uppercase() - b'A'),
        _ => None,
    }
}

/// The letter of a cluster, for the first 26.
pub fn letter_of(cluster: i32) -> Option<char> {
    u8::try_from(cluster).ok().filter(|&c| c < 26).map(|c| (b'A' + c) as char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (usize, String) {
        let error = Filter::parse(text).unwrap_err();
        (error.at, error.message)
    }

    #[test]
    fn precedence_is_not_then_and_then_or() {
        let filter = Filter::parse("norm > 1 or not norm < 2 and feature = 3").unwrap();
        let Expression::Or(parts) = &filter.expression else { panic!("or binds last") };
        assert!(matches!(&parts[1], Expression::And(inner) if matches!(inner[0], Expression::Not(_))));
    }

    #[test]
    fn clusters_take_letters_numbers_and_none() {
        let letters = Filter::parse("cluster in (A, z, none, 7)").unwrap();
        let numbers = Filter::parse("cluster in (0, 25, -1, 7)").unwrap();
        assert_eq!(letters.expression, numbers.expression);
        assert_eq!((letter_of(0), letter_of(25), letter_of(26), letter_of(-1)), (Some('A'), Some('Z'), None, None));
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(error("density < "), (10, "expected a value".into()));
        assert_eq!(error("density 3").0, 8);
        assert_eq!(error("norm > 0 and dencity < 3"), (13, "no column \"dencity\"; is it density?".into()));
        assert_eq!(error("tokens ~ a").1, "no column \"tokens\"; is it top_tokens?");
        assert!(error("entropy < 3").1.contains("no column \"entropy\"; there are feature, x, y"));
        assert_eq!(error("label ~ \"mon"), (8, "this \" is never closed".into()));
        assert!(error("density < many").1.contains("density is a number"));
        assert_eq!(error("(norm < 1").1, "expected )");
        assert_eq!(error("norm < 1 norm").0, 9);
        for text in ["density ~ 0.00", "cluster ~ A", "feature ~ 1"] {
            let (at, message) = error(text);
            assert!(at == 8 && message.contains("~ looks for a part of a text"), "{message}");
        }
        assert!(error(&"(".repeat(100_000)).1.contains("nesting"));
        assert!(error("").1.starts_with("expected a column"));
    }

    #[test]
    fn places_are_counted_in_characters() {
        let error = Filter::parse("label ~ \"größer\" und norm > 1").unwrap_err();
        assert_eq!(error.at, 17);
        assert!(error.to_string().ends_with("(at character 18)"), "{error}");
        assert_eq!(Filter::parse("label = 'née").unwrap_err().at, 8);
        assert_eq!(Filter::parse("label = née and").unwrap_err().at, 15);
    }

    #[test]
    fn an_error_points_at_its_place() {
        let pointed = |text: &str, columns: usize| Filter::parse(text).unwrap_err().pointed(text, columns);
        assert_eq!(pointed("norm > 1 und x", 40), ["norm > 1 und x", "         ^ expected and, or, or the end"]);
        // Wide characters take two columns each, marks none.
        assert_eq!(pointed("label = \"東京e\u{301}\" x", 40)[1], "                ^ expected and, or, or the end");
        // Of a long text the part around the place; what moves the cursor does not pass.
        let long =
            format!("label in (\"{}\", \"\u{1b}[2J\") nor norm > 1{}", "a".repeat(300), " and norm > 2".repeat(40));
        let [text, line] = pointed(&long, 60);
        assert!(text.starts_with('…') && text.ends_with('…') && text.chars().count() <= 60, "{text}");
        assert!(text.contains("\u{fffd}[2J") && !text.contains('\u{1b}'));
        let at = line.chars().position(|c| c == '^').unwrap();
        assert_eq!(text.chars().skip(at).take(3).collect::<String>(), "nor");
        assert_eq!(pointed("", 10)[0], "");
        for columns in 0..20 {
            pointed(&long, columns);
        }
    }

    #[test]
    fn a_quote_inside_quotes_is_written_twice() {
        let wanted = |text: &str| match Filter::parse(text).unwrap().expression {
            Expression::Compare(_, _, literals) => literals,
            other => panic!("{other:?}"),
        };
        let text = |text: &str| vec![Literal::Text(text.into())];
        assert_eq!(wanted(r#"label ~ "say ""hi"" twice""#), text(r#"say "hi" twice"#));
        assert_eq!(wanted("label = 'it''s'"), text("it's"));
        assert_eq!(wanted(r#"label = "it's \ ""#), text(r"it's \ "));
        assert_eq!(wanted(r#"label = """#), text(""));
        assert_eq!(wanted(r#"label = """""#), text("\""));
        assert!(error(r#"label = "open"""#).1.contains("never closed"));
    }

    #[test]
    fn comparisons_follow_the_order_of_numbers_and_text() {
        let number = Value::Number(2.0);
        let text = Value::Text("Monday".into());
        let two = Literal::Number(2.0);
        for (operator, holds) in [
            (Operator::Equal, true),
            (Operator::NotEqual, false),
            (Operator::Less, false),
            (Operator::LessEqual, true),
            (Operator::Greater, false),
            (Operator::GreaterEqual, true),
        ] {
            assert_eq!(operator.holds(&number, &two), holds, "{operator:?}");
        }
        assert!(Operator::Matches.holds(&text, &Literal::Text("MOND".into())));
        assert!(!Operator::Equal.holds(&Value::None, &two) && !Operator::NotEqual.holds(&Value::None, &two));
        assert!(!Operator::Less.holds(&Value::Number(f64::NAN), &two));
    }
}
