//! Headless Chromium, driven over WebDriver.
//!
//! **Owns** a chromedriver with a browser and a profile of its own, gone when dropped. **May touch** those children and a temporary
//! folder. **Order** a test opens pages, asks scripts, and waits until one says true.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No wait is longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// What keeps a browser quiet, and out of the network.
const SWITCHES: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];

/// A browser.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one; `None`, with a message, where there is none.
    pub(crate) fn start() -> Option<Browser> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut driver) = command.spawn() else {
            eprintln!("skipped: no chromedriver (apt-get install chromium chromium-driver)");
            return None;
        };
        let said = BufReader::new(driver.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let port =
            said.filter_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let port: Option<u16> = { port }.next();
        let config =
            ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).proxy(None);
        let profile = tempfile::tempdir().expect("a folder");
        let base = format!("http://127.0.0.1:{}", port.expect("chromedriver says its port"));
        let mut browser = Browser { driver, agent: config.build().into(), session: base, _profile: profile };
        let mut switches: Vec<String> = SWITCHES.iter().map(|&switch| switch.to_owned()).collect();
        switches.push(format!("--user-data-dir={}", browser._profile.path().display()));
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": { "args": switches }, "goog:loggingPrefs": { "browser": "ALL" } });
        let session = browser.call("/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        let id = session["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("{}/session/{id}", browser.session);
        Some(browser)
    }

    fn call(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.session)).header("Content-Type", "application/json");
        let mut answer = request.send(body.to_string()).expect("chromedriver answers");
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().expect("an answer");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{path}: {}", answer["value"]);
        answer["value"].clone()
    }

    fn tools(&self, command: &str, parameters: &Value) -> Value {
        self.call("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Opens a page.
    pub(crate) fn open(&self, url: &str) {
        self.call("/url", &json!({ "url": url }));
    }

    /// Makes the window so large; below 500 it is a phone.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let parameters = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.tools("Emulation.setDeviceMetricsOverride", &parameters);
    }

    /// Prefers dark or light.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.tools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// What a script returns.
    pub(crate) fn ask(&self, script: &str) -> Value {
        self.call("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait(&self, expression: &str) {
        let since = Instant::now();
        while self.ask(&format!("return Boolean({expression})")) != json!(true) {
            if since.elapsed() > PATIENCE {
                let page = self.ask("return document.body.innerText.slice(0, 3000)");
                panic!("never true: {expression}\n{}\n{:?}", page.as_str().unwrap_or_default(), self.complaints());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the console says is wrong, other than answers that did not come.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.call("/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().cloned().unwrap_or_default();
        let text = |entry: &Value| format!("{}: {}", entry["level"].as_str().unwrap_or_default(), entry["message"]);
        let silence = |text: &String| {
            text.contains("ERR_CONNECTION") || text.contains("status of 4") || text.contains("ERR_EMPTY")
        };
        entries.iter().map(text).filter(|text| !silence(text)).collect()
    }

    /// Writes what is seen into `folder`, if there is one.
    pub(crate) fn picture(&self, folder: Option<&Path>, name: &str) {
        let Some(folder) = folder else { return };
        let shot = self.tools("Page.captureScreenshot", &json!({ "format": "png" }));
        let decode = Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut decode = decode.expect("base64");
        let data = shot["data"].as_str().expect("a picture").to_owned();
        let mut input = decode.stdin.take().expect("a pipe");
        let feed = std::thread::spawn(move || std::io::Write::write_all(&mut input, data.as_bytes()));
        let bytes = decode.wait_with_output().expect("base64").stdout;
        feed.join().expect("a thread").expect("written");
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(folder.join(name), bytes).expect("a picture");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The session's end closes the browser; the driver alone would leave it behind.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
