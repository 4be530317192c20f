//! An expression as a condition: columns from the enumeration, values as parameters.

use super::{Expr, Pattern, Predicate, Test};
use crate::queries::{Parameter, asn_numbers};
use crate::{Dimension, Error};

/// A condition and what its parameters are bound to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Condition {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<(String, Parameter)>,
}

impl Expr {
    /// The condition; [`Error::BadQuery`] for a network that is not a number.
    pub(crate) fn condition(&self) -> Result<Condition, Error> {
        let mut condition = Condition::default();
        self.write(&mut condition)?;
        Ok(condition)
    }

    fn write(&self, into: &mut Condition) -> Result<(), Error> {
        let (parts, between) = match self {
            Self::Is(predicate) => return predicate.write(into),
            Self::Not(inner) => {
                into.sql.push_str("NOT (");
                inner.write(into)?;
                into.sql.push(')');
                return Ok(());
            }
            Self::And(parts) => (parts, " AND "),
            Self::Or(parts) => (parts, " OR "),
        };
        into.sql.push('(');
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                into.sql.push_str(between);
            }
            part.write(into)?;
        }
        into.sql.push(')');
        Ok(())
    }
}

impl Predicate {
    fn write(&self, into: &mut Condition) -> Result<(), Error> {
        let column = self.field.name();
        let name = format!("filter_{}", into.parameters.len());
        let (values, negated) = match &self.test {
            Test::Equal(value) => (std::slice::from_ref(value), false),
            Test::Unequal(value) => (std::slice::from_ref(value), true),
            Test::In(values) => (values.as_slice(), false),
            Test::NotIn(values) => (values.as_slice(), true),
            Test::Like(pattern) => return self.like(pattern, false, &name, into),
            Test::Unlike(pattern) => return self.like(pattern, true, &name, into),
        };
        if values.is_empty() {
            into.sql.push_str(if negated { "true" } else { "false" });
            return Ok(());
        }
        let (kind, parameter) = match self.field {
            Dimension::Asn => ("UInt32", Parameter::Numbers(asn_numbers(values)?)),
            _ => ("String", Parameter::Texts(values.to_vec())),
        };
        let not = if negated { "NOT " } else { "" };
        into.sql.push_str(&format!("{column} {not}IN {{{name}:Array({kind})}}"));
        into.parameters.push((name, parameter));
        Ok(())
    }

    fn like(
        &self,
        text: &str,
        negated: bool,
        name: &str,
        into: &mut Condition,
    ) -> Result<(), Error> {
        let bad = |what: &str| Error::BadQuery(format!("{text:?} {what}"));
        if self.field == Dimension::Asn {
            return Err(bad("must be made numbers of networks first"));
        }
        let pattern = Pattern::new(text).ok_or_else(|| bad("is not a pattern"))?;
        let column = format!("lowerUTF8({})", self.field.name());
        let (sql, text) = match pattern {
            Pattern::Contains(text) => (format!("position({column}, {{{name}:String}}) > 0"), text),
            Pattern::Begins(text) => (format!("startsWith({column}, {{{name}:String}})"), text),
            Pattern::Ends(text) => (format!("endsWith({column}, {{{name}:String}})"), text),
        };
        into.sql.push_str(&if negated { format!("NOT ({sql})") } else { sql });
        into.parameters.push((name.to_owned(), Parameter::Text(text)));
        Ok(())
    }
}
