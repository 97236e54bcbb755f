//! Which metrics and labels a PromQL expression names.
//!
//! **Owns** a reader of as much PromQL as that takes. **May touch** nothing. **Order** fed with every expression of the dashboards
//! and rules; that an expression is PromQL at all is promtool's to say.

/// A metric of an expression, and the labels it is chosen by, with the values they are held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The metric.
    pub(crate) metric: String,
    /// Label, operator, value.
    pub(crate) matchers: Vec<(String, String, String)>,
}

/// What an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Metrics.
    pub(crate) metrics: Vec<Named>,
    /// Labels that results are grouped or joined by.
    pub(crate) grouped: Vec<String>,
}

/// Words of the language that are not followed by a parenthesis of their own arguments.
const WORDS: &[&str] =
    &["and", "or", "unless", "bool", "offset", "inf", "nan", "atan2", "group_left", "group_right", "ignoring"];
const GROUPERS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Reads an expression.
pub(crate) fn names(expression: &str) -> Names {
    let mut names = Names::default();
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || "_\"[".contains(c)) {
        // A digit before a letter is a number with a unit or an exponent.
        let number = rest[..start].ends_with(|c: char| c.is_ascii_digit());
        rest = &rest[start..];
        if let Some(close) = rest.strip_prefix('"').and_then(|quoted| quoted.find('"')) {
            rest = &rest[close + 2..];
            continue;
        }
        if rest.starts_with('[') {
            rest = &rest[rest.find(']').map_or(rest.len(), |close| close + 1)..];
            continue;
        }
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))).unwrap_or(rest.len());
        let word = &rest[..end.max(1)];
        rest = &rest[end.max(1)..];
        let next = rest.trim_start();
        if GROUPERS.contains(&word) && next.starts_with('(') {
            let close = next.find(')').unwrap_or(next.len());
            names
                .grouped
                .extend(next[1..close].split(',').map(|label| label.trim().to_owned()).filter(|l| !l.is_empty()));
            rest = &next[close..];
        } else if next.starts_with('{') {
            let close = next.find('}').unwrap_or(next.len());
            names.metrics.push(Named { metric: word.to_owned(), matchers: matchers(&next[1..close]) });
            rest = &next[close..];
        } else if !number && !next.starts_with('(') && !WORDS.contains(&word) && !follows_as_grouper(word, next) {
            names.metrics.push(Named { metric: word.to_owned(), matchers: Vec::new() });
        }
    }
    names
}

/// `sum by (le) (...)`: the aggregation stands before its grouping.
fn follows_as_grouper(word: &str, next: &str) -> bool {
    let groups = GROUPERS
        .iter()
        .any(|grouper| next.strip_prefix(grouper).is_some_and(|rest| rest.trim_start().starts_with('(')));
    groups && !word.contains('_')
}

fn matchers(text: &str) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for one in text.split(',').filter(|one| !one.trim().is_empty()) {
        let at = one.find(['=', '!']).unwrap_or(one.len());
        let (label, rest) = one.split_at(at);
        let operator: String = rest.chars().take_while(|c| "=!~".contains(*c)).collect();
        let value = rest[operator.len()..].trim().trim_matches('"').to_owned();
        all.push((label.trim().to_owned(), operator, value));
    }
    all
}

#[cfg(test)]
#[test]
fn metrics_matchers_and_groupings_of_an_expression_are_found() {
    let found = names(
        r#"1e3 * sum by (port, queue) (rate(a_total{port="0",x!~"u|v"}[5m])) / on (port) group_left (name) b > bool 0.5 and absent(up) == 1"#,
    );
    let metrics: Vec<&str> = found.metrics.iter().map(|named| named.metric.as_str()).collect();
    assert_eq!(metrics, ["a_total", "b", "up"]);
    assert_eq!(found.grouped, ["port", "queue", "port", "name"]);
    let want = [("port", "=", "0"), ("x", "!~", "u|v")].map(|(l, o, v)| (l.to_owned(), o.to_owned(), v.to_owned()));
    assert_eq!(found.metrics[0].matchers, want);
    let found = names("histogram_quantile(0.5, sum(rate(h_bucket[1m])) by (le)) or vector(0)");
    assert_eq!(
        (found.metrics.len(), found.metrics[0].metric.as_str(), found.grouped),
        (1, "h_bucket", vec!["le".to_owned()])
    );
}
