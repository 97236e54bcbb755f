//! The web page: its files, carried inside the program.
//!
//! **Owns** the files of `exporter/assets` and the policy that browsers hold them to. **May touch** nothing.
//! **Order** asked by the HTTP routes. The page fetches nothing from anywhere but the probe and has no build step: what is in the
//! folder is what browsers get. Its scripts are modules; its chart library is vendored with licence and checksums.

/// One file of the page.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Where it is served.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// Its bytes.
    pub body: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! asset {
    ($path:literal, $kind:expr, $file:literal) => {
        Asset { path: $path, kind: $kind, body: include_bytes!(concat!("../assets/", $file)) }
    };
}

/// Every file of the page.
#[rustfmt::skip]
pub const ASSETS: &[Asset] = &[
    asset!("/",                                  HTML,   "index.html"),
    asset!("/assets/style.css",                  CSS,    "style.css"),
    asset!("/assets/mark.svg",                   SVG,    "mark.svg"),
    asset!("/favicon.ico",                       SVG,    "mark.svg"),
    asset!("/assets/main.js",                    SCRIPT, "main.js"),
    asset!("/assets/probe.js",                   SCRIPT, "probe.js"),
    asset!("/assets/model.js",                   SCRIPT, "model.js"),
    asset!("/assets/panels.js",                  SCRIPT, "panels.js"),
    asset!("/assets/charts.js",                  SCRIPT, "charts.js"),
    asset!("/assets/talkers.js",                 SCRIPT, "talkers.js"),
    asset!("/assets/flows.js",                   SCRIPT, "flows.js"),
    asset!("/assets/detail.js",                  SCRIPT, "detail.js"),
    asset!("/assets/dom.js",                     SCRIPT, "dom.js"),
    asset!("/assets/units.js",                   SCRIPT, "units.js"),
    asset!("/assets/theme.js",                   SCRIPT, "theme.js"),
    asset!("/assets/vendor/uPlot.iife.min.js",   SCRIPT, "vendor/uplot/uPlot.iife.min.js"),
    asset!("/assets/vendor/uPlot.min.css",       CSS,    "vendor/uplot/uPlot.min.css"),
    asset!("/assets/vendor/uPlot.LICENSE",       TEXT,   "vendor/uplot/LICENSE"),
];

/// What browsers are told with each file: nothing from elsewhere, no inline script, no frame around it.
pub const HEADERS: &[(&str, &str)] = &[
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// The file that is served at a path.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
    }

    fn text(asset: &Asset) -> &'static str {
        std::str::from_utf8(asset.body).unwrap_or_default()
    }

    #[test]
    fn the_vendored_files_are_those_that_their_checksums_name() {
        let mut check = Command::new("sha256sum");
        check.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(folder().join("vendor/uplot"));
        let output = check.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let sums = std::fs::read_to_string(folder().join("vendor/uplot/SHA256SUMS")).unwrap();
        for asset in ASSETS.iter().filter(|asset| asset.path.contains("/vendor/")) {
            let name = asset.path.rsplit('/').next().unwrap().trim_start_matches("uPlot.LICENSE");
            assert!(sums.contains(name), "{}", asset.path);
        }
    }

    #[test]
    fn every_file_that_the_page_names_is_served_and_every_script_is_named() {
        let all: String = ASSETS.iter().filter(|asset| [HTML, SCRIPT].contains(&asset.kind)).map(text).collect();
        for asset in ASSETS.iter().filter(|asset| asset.path.starts_with("/assets/") && asset.kind != TEXT) {
            let relative = asset.path.replace("/assets/", "./");
            assert!(
                all.contains(asset.path) || all.contains(&format!("\"{relative}\"")),
                "{} is used nowhere",
                asset.path
            );
        }
        for script in ASSETS.iter().filter(|asset| asset.kind == SCRIPT && !asset.path.contains("/vendor/")) {
            for line in text(script).lines().filter(|line| line.starts_with("import ")) {
                let from = line.split('"').nth(1).unwrap_or_default();
                assert!(find(&from.replace("./", "/assets/")).is_some(), "{}: {line}", script.path);
            }
        }
    }

    #[test]
    fn the_page_needs_no_inline_script_or_style_and_names_no_other_host() {
        for asset in ASSETS.iter().filter(|asset| !asset.path.contains("/vendor/")) {
            let text = text(asset);
            for word in ["<script>", "<style", " style=", " onclick=", "javascript:", "innerHTML", "eval("] {
                assert!(!text.contains(word), "{} has {word}", asset.path);
            }
            for (at, _) in text.match_indices("://") {
                let around = &text[at.saturating_sub(6)..(at + 24).min(text.len())];
                assert!(around.contains("www.w3.org"), "{} names {around}", asset.path);
            }
        }
    }

    #[test]
    fn scripts_are_what_a_reader_can_read() {
        for script in ASSETS.iter().filter(|asset| asset.kind == SCRIPT && !asset.path.contains("/vendor/")) {
            let text = text(script);
            assert!(text.starts_with("// "), "{} opens with what it is", script.path);
            assert!(text.lines().count() <= 500, "{} is too long", script.path);
        }
    }

    /// Relative luminance of `#rrggbb`, WCAG 2.2.
    fn luminance(colour: &str) -> f64 {
        let channel = |n: usize| {
            let value = f64::from(u8::from_str_radix(&colour[n..n + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn every_ink_can_be_read_on_every_paper_in_light_and_in_dark() {
        let css = text(find("/assets/style.css").unwrap());
        for theme in [":root {", ":root[data-theme=\"dark\"] {"] {
            let block = css.split(theme).nth(1).unwrap().split('}').next().unwrap();
            let colour = |name: &str| {
                let value =
                    block.split(&format!("--{name}: ")).nth(1).unwrap_or_else(|| panic!("{theme} has no {name}"));
                luminance(&value[..7])
            };
            let inks = ["ink", "soft", "faint", "water", "bad"];
            let plain = inks.iter().flat_map(|ink| ["paper", "card", "sunk"].map(|paper| (*ink, paper)));
            for (ink, paper) in plain.chain([("good", "good-soft"), ("warn", "warn-soft"), ("bad", "bad-soft")]) {
                let (a, b) = (colour(ink), colour(paper));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{theme} {ink} on {paper}: {contrast:.2}");
            }
        }
    }
}
