//! A dashboard as a table of panels, and its JSON.
//!
//! **Owns** what Grafana's JSON looks like. **May touch** nothing. **Order** the tables of the other files are rendered by it.
//! In expressions `@` stands for the choice of probes that the dashboard's reader made.

use serde_json::{Value, json};

/// How a panel shows its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A heading; what follows belongs to it.
    Row,
    /// One large number each.
    Stat,
    /// Lines over time.
    Lines,
    /// Areas on top of each other.
    Stack,
    /// A bar each, now.
    Bars,
    /// A table, now.
    Table,
    /// A histogram over time.
    Heat,
}

/// One panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    /// How it looks.
    pub(crate) look: Look,
    /// What it is called.
    pub(crate) title: &'static str,
    /// Width in twelfths of the page.
    pub(crate) width: u32,
    /// Grafana's name of the unit.
    pub(crate) unit: &'static str,
    /// What to read out of it.
    pub(crate) help: &'static str,
    /// Expression and legend of each series.
    pub(crate) series: &'static [(&'static str, &'static str)],
}

/// A heading.
pub(crate) const fn row(title: &'static str) -> Panel {
    Panel { look: Look::Row, title, width: 12, unit: "", help: "", series: &[] }
}

/// A panel.
pub(crate) const fn panel(
    look: Look,
    title: &'static str,
    size: (u32, &'static str),
    help: &'static str,
    series: &'static [(&'static str, &'static str)],
) -> Panel {
    Panel { look, title, width: size.0, unit: size.1, help, series }
}

/// One dashboard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    /// Its file, without the ending, and its uid.
    pub(crate) name: &'static str,
    /// What it is called.
    pub(crate) title: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// A metric that every probe it can show has, for the choice of probes.
    pub(crate) found_by: &'static str,
    /// Its panels, in reading order.
    pub(crate) panels: &'static [Panel],
}

const PROBES: &str = r#"instance=~"$instance""#;

/// An expression as Grafana gets it.
pub(crate) fn expanded(expression: &str) -> String {
    expression.replace('@', PROBES)
}

/// An expression as Prometheus would get it.
pub(crate) fn plain(expression: &str) -> String {
    expanded(expression).replace("$__rate_interval", "5m").replace("$__range", "1h").replace("$instance", ".+")
}

const SOURCE: fn() -> Value = || json!({ "type": "prometheus", "uid": "${datasource}" });

impl Board {
    /// The dashboard's file.
    pub(crate) fn json(&self) -> String {
        let (mut x, mut y, mut tall) = (0, 0, 0);
        let mut panels = Vec::new();
        for (id, panel) in self.panels.iter().enumerate() {
            let (width, height) = (panel.width * 2, panel.height());
            if x + width > 24 || panel.look == Look::Row {
                (x, y, tall) = (0, y + tall, 0);
            }
            panels.push(panel.json(id + 1, &json!({ "x": x, "y": y, "w": width, "h": height })));
            x += width;
            tall = tall.max(height);
        }
        let board = json!({
            "uid": format!("parshall-{}", self.name),
            "title": self.title,
            "description": self.about,
            "tags": ["parshall"],
            "editable": true,
            "schemaVersion": 39,
            "refresh": "10s",
            "time": { "from": "now-1h", "to": "now" },
            "timezone": "browser",
            "graphTooltip": 1,
            "links": [{ "type": "dashboards", "title": "parshall", "tags": ["parshall"], "asDropdown": true, "keepTime": true, "includeVars": true }],
            "templating": { "list": [
                { "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0 },
                {
                    "name": "instance", "label": "Probe", "type": "query", "datasource": SOURCE(), "refresh": 2, "sort": 1,
                    "query": { "query": format!("label_values({}, instance)", self.found_by), "refId": "probes" },
                    "definition": format!("label_values({}, instance)", self.found_by),
                    "includeAll": true, "multi": true, "allValue": ".+", "current": { "text": "All", "value": "$__all" },
                },
            ] },
            "annotations": { "list": [] },
            "panels": panels,
        });
        let mut text = serde_json::to_string_pretty(&board).expect("JSON");
        text.push('\n');
        text
    }
}

impl Panel {
    fn height(&self) -> u32 {
        match self.look {
            Look::Row => 1,
            Look::Stat => 4,
            _ => 8,
        }
    }

    fn json(&self, id: usize, place: &Value) -> Value {
        if self.look == Look::Row {
            return json!({ "id": id, "type": "row", "title": self.title, "collapsed": false, "gridPos": place, "panels": [] });
        }
        let instant = matches!(self.look, Look::Bars | Look::Table);
        let format = match self.look {
            Look::Heat => "heatmap",
            Look::Table => "table",
            _ => "time_series",
        };
        let targets: Vec<Value> = self
            .series
            .iter()
            .zip('A'..)
            .map(|((expression, legend), letter)| {
                json!({
                    "refId": letter.to_string(), "datasource": SOURCE(), "expr": expanded(expression), "legendFormat": legend,
                    "range": !instant, "instant": instant, "format": format,
                })
            })
            .collect();
        json!({
            "id": id, "type": self.kind(), "title": self.title, "description": self.help, "gridPos": place,
            "datasource": SOURCE(), "targets": targets, "options": self.options(),
            "fieldConfig": { "defaults": self.defaults(), "overrides": [] },
        })
    }

    fn kind(&self) -> &'static str {
        match self.look {
            Look::Row => "row",
            Look::Stat => "stat",
            Look::Lines | Look::Stack => "timeseries",
            Look::Bars => "bargauge",
            Look::Table => "table",
            Look::Heat => "heatmap",
        }
    }

    fn options(&self) -> Value {
        let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
        match self.look {
            Look::Stat => {
                json!({ "reduceOptions": last, "colorMode": "value", "graphMode": "area", "textMode": "auto" })
            }
            Look::Bars => json!({ "reduceOptions": last, "orientation": "horizontal", "displayMode": "basic" }),
            Look::Lines | Look::Stack => json!({
                "legend": { "displayMode": "list", "placement": "bottom", "calcs": [] },
                "tooltip": { "mode": "multi", "sort": "desc" },
            }),
            Look::Heat => json!({ "calculate": false, "yAxis": { "unit": self.unit }, "color": { "scheme": "Blues" } }),
            Look::Row | Look::Table => json!({}),
        }
    }

    fn defaults(&self) -> Value {
        let stacked = if self.look == Look::Stack { "normal" } else { "none" };
        let fill = if self.look == Look::Stack { 40 } else { 8 };
        json!({
            "unit": self.unit, "min": 0,
            "custom": match self.look {
                Look::Lines | Look::Stack => json!({
                    "lineWidth": 1, "fillOpacity": fill, "showPoints": "never", "spanNulls": false, "stacking": { "mode": stacked },
                }),
                _ => json!({}),
            },
        })
    }
}
